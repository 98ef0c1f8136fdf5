use std::mem;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::{Annotation, Severity};

/// The annotations of one answer, each text once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    list: Vec<Annotation>,
    /// The operation that each of the list is from.
    operations: Vec<usize>,
    /// Where each text lies in the list.
    by_text: HashMap<String, usize>,
}

impl Annotations {
    /// Returns the annotations.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Annotation> {
        self.list.iter()
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the texts of one severity, each with its place in `query`. At most `texts_max` come
    /// out, where it is not 0; then a text says how many are left out.
    #[must_use]
    pub fn texts(&self, severity: Severity, query: &str, texts_max: usize) -> Vec<String> {
        let all = || self.iter().filter(|annotation| annotation.severity() == severity);
        let shown = if texts_max == 0 { usize::MAX } else { texts_max };
        let mut texts: Vec<String> =
            all().take(shown).map(|annotation| annotation.text(query)).collect();
        let omitted = all().count() - texts.len();
        if omitted > 0 {
            let name = match severity {
                Severity::Warning => "warning",
                Severity::Info => "info",
            };
            texts.push(format!("{omitted} more {name} annotations omitted"));
        }
        texts
    }

    /// Adds an annotation of operation `operation` of the plan. Of equal texts that of the last
    /// operation stays, and of one operation the last: the reference finishes an operation before it
    /// starts the next, whereas here columns are made when a later operation reads them.
    pub(crate) fn add(&mut self, mut annotation: Annotation, operation: usize) {
        match self.by_text.entry(annotation.to_string()) {
            Entry::Occupied(entry) => {
                let index = *entry.get();
                let (known, known_operation) = (&mut self.list[index], &mut self.operations[index]);
                if operation >= *known_operation {
                    mem::swap(known, &mut annotation);
                    *known_operation = operation;
                }
                known.absorb(&annotation);
            }
            Entry::Vacant(entry) => {
                entry.insert(self.list.len());
                self.list.push(annotation);
                self.operations.push(operation);
            }
        }
    }
}
