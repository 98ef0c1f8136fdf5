use hashbrown::HashMap;
use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL};
use narthex_promql_parser::VectorMatching;
use narthex_storage::{QueryContext, StorageError};

use crate::block::Block;

/// Which series of two vectors match: those in the same group.
#[derive(Debug)]
pub(super) struct Groups {
    /// The group of each series of the left side.
    pub(super) left: Vec<usize>,
    /// The group of each series of the right side.
    pub(super) right: Vec<usize>,
    pub(super) count: usize,
}

impl Groups {
    /// Finds the groups once for all steps.
    ///
    /// # Errors
    ///
    /// Where the query was told to stop.
    pub(super) fn new(
        ctx: &QueryContext,
        left: &Block,
        right: &Block,
        matching: &VectorMatching,
    ) -> Result<Self, StorageError> {
        let mut known = HashMap::new();
        let mut builder = LabelsBuilder::default();
        let mut number = |labels: &Labels| {
            ctx.check()?;
            let key = matching_labels(matching, labels, &mut builder);
            let next = known.len();
            Ok(*known.entry(key).or_insert(next))
        };
        let left = left.labels().iter().map(&mut number).collect::<Result<_, StorageError>>()?;
        let right = right.labels().iter().map(&mut number).collect::<Result<_, StorageError>>()?;
        Ok(Self { left, right, count: known.len() })
    }

    /// Returns the series of each group, given the groups of the series.
    pub(super) fn members(&self, groups: &[usize]) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.count];
        for (series, &group) in groups.iter().enumerate() {
            members[group].push(series);
        }
        members
    }
}

/// Returns the labels that decide what a series matches.
pub(super) fn matching_labels(
    matching: &VectorMatching,
    labels: &Labels,
    builder: &mut LabelsBuilder,
) -> Labels {
    builder.reset(labels);
    let listed = |name: &str| matching.labels.contains(name);
    if matching.on {
        builder.retain(|name, _| listed(name));
    } else {
        builder.retain(|name, _| !listed(name) && name != METRIC_NAME_LABEL);
    }
    builder.build()
}
