use std::collections::{BTreeMap, HashSet};

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL};

use crate::environment::EvalError;
use crate::sample::Found;

/// What the results of a recording rule were called when it was last evaluated.
///
/// Mostly they are the same series in the same order: then none of their names is made again, nor
/// compared with the others.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    named: Vec<Named>,
}

#[derive(Debug)]
struct Named {
    found: Labels,
    recorded: Labels,
}

impl Recorded {
    /// Gives results the name of the rule, and its labels.
    pub(super) fn name(
        &mut self,
        mut found: Vec<Found>,
        name: &str,
        labels: &BTreeMap<Box<str>, Box<str>>,
    ) -> Result<Vec<Found>, EvalError> {
        let is_same = self.named.len() == found.len()
            && self.named.iter().zip(&found).all(|(named, found)| named.found == found.labels);
        if !is_same {
            self.named = named(&found, name, labels);
            if !are_distinct(&self.named) {
                self.named.clear();
                return Err(EvalError::DuplicateSeries);
            }
        }
        for (found, named) in found.iter_mut().zip(&self.named) {
            found.labels = named.recorded.clone();
        }
        Ok(found)
    }
}

fn named(found: &[Found], name: &str, labels: &BTreeMap<Box<str>, Box<str>>) -> Vec<Named> {
    let mut builder = LabelsBuilder::default();
    let named = found.iter().map(|found| {
        builder.reset(&found.labels);
        builder.set(METRIC_NAME_LABEL, name);
        for (name, value) in labels {
            builder.set(name, value);
        }
        Named { found: found.labels.clone(), recorded: builder.build() }
    });
    named.collect()
}

fn are_distinct(named: &[Named]) -> bool {
    let mut seen = HashSet::with_capacity(named.len());
    named.iter().all(|named| seen.insert(&named.recorded))
}
