use hashbrown::HashMap;
use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL};

use crate::QueryError;
use crate::exec::{Held, Series};
use crate::plan::Grouping;

/// The groups that series fall into, numbered by their first series.
#[derive(Debug, Default)]
pub(super) struct Groups {
    labels: Vec<Labels>,
    known: HashMap<Labels, usize>,
    builder: LabelsBuilder,
    /// Of each group whether the names of its labels are to go at the end of the query, as they are
    /// if those of any series are.
    nameless: Vec<bool>,
}

impl Groups {
    /// Returns the number of the group of a series of `vector`.
    pub(super) fn of(
        &mut self,
        grouping: &Grouping<'_>,
        vector: &Series<'_>,
        series: usize,
    ) -> usize {
        let group = self.number_of(grouping, vector, series);
        self.nameless.resize(self.labels.len(), false);
        self.nameless[group] |= vector.is_nameless(series);
        group
    }

    fn number_of(&mut self, grouping: &Grouping<'_>, vector: &Series<'_>, series: usize) -> usize {
        if grouping.is_everything() {
            if self.labels.is_empty() {
                self.labels.push(Labels::empty());
            }
            return 0;
        }
        vector.labels_into(series, &mut self.builder);
        self.number(grouping)
    }

    /// Returns the number of the group of a series with these labels.
    pub(super) fn of_labels(&mut self, grouping: &Grouping<'_>, series: &Labels) -> usize {
        self.builder.reset(series);
        self.number(grouping)
    }

    fn number(&mut self, grouping: &Grouping<'_>) -> usize {
        grouping.reduce(&mut self.builder);
        let labels = &mut self.labels;
        *self.known.entry(self.builder.build()).or_insert_with_key(|key| {
            labels.push(key.clone());
            labels.len() - 1
        })
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Adds a row without values for each group to `result`, which is empty.
    ///
    /// # Errors
    ///
    /// Where a limit is reached.
    pub(super) fn push_into(self, result: &mut Held<'_>) -> Result<(), QueryError> {
        for (labels, nameless) in self.labels.into_iter().zip(self.nameless) {
            let row = result.push_empty(labels)?;
            result.block_mut().set_nameless(row, nameless);
        }
        Ok(())
    }
}

impl Grouping<'_> {
    /// Returns whether all series form one group.
    fn is_everything(&self) -> bool {
        !self.without && self.names.is_empty()
    }

    /// Leaves of the labels those that the group has.
    pub(super) fn reduce(&self, labels: &mut LabelsBuilder) {
        let listed = |name: &str| self.names.binary_search(&name).is_ok();
        if self.without {
            labels.retain(|name, _| !listed(name) && name != METRIC_NAME_LABEL);
        } else {
            labels.retain(|name, _| listed(name));
        }
    }
}
