use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::{Annotation, Severity};

/// The annotations of one answer, each text once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    list: Vec<Annotation>,
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

    /// Adds an annotation. Of equal texts the last one stays, as in the reference.
    pub(crate) fn add(&mut self, mut annotation: Annotation) {
        match self.by_text.entry(annotation.to_string()) {
            Entry::Occupied(entry) => {
                let known = &mut self.list[*entry.get()];
                annotation.absorb(known);
                *known = annotation;
            }
            Entry::Vacant(entry) => {
                entry.insert(self.list.len());
                self.list.push(annotation);
            }
        }
    }
}
