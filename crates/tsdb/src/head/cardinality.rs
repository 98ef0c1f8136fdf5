use std::cmp::Reverse;

use narthex_model::METRIC_NAME_LABEL;

use super::{Head, State};
use crate::Cardinality;

impl Head {
    /// Returns what takes the most series, at most `limit` entries of each kind.
    pub(crate) fn cardinality(&self, limit: usize) -> Cardinality {
        let state = self.state.read();
        let State { index, table, .. } = &*state;
        let mut found = Cardinality { series: table.len() as u64, ..Cardinality::default() };
        for name_id in index.names() {
            let name = table.labels().name(name_id);
            let labels = index.labels(name_id);
            let mut value_bytes = 0;
            for &label in labels {
                let (_, value) = table.labels().get(label).split();
                let series = index.series_count(label) as u64;
                value_bytes += value.len() as u64 * series;
                found.series_by_label.push((format!("{name}={value}").into(), series));
                if name == METRIC_NAME_LABEL {
                    found.series_by_metric.push((value.into(), series));
                }
            }
            found.label_pairs += labels.len() as u64;
            found.values_by_name.push((name.into(), labels.len() as u64));
            found.value_bytes_by_name.push((name.into(), value_bytes));
            // Bounded as it grows: there may be millions of labels.
            keep_largest(&mut found.series_by_label, limit);
        }
        keep_largest(&mut found.series_by_metric, limit);
        keep_largest(&mut found.values_by_name, limit);
        keep_largest(&mut found.value_bytes_by_name, limit);
        found
    }
}

/// Sorts by count, the largest first, and then by name.
fn keep_largest(counts: &mut Vec<(Box<str>, u64)>, limit: usize) {
    counts.sort_unstable_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
    counts.truncate(limit);
}
