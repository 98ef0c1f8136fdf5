use hashbrown::HashMap;
use narthex_model::float::write_fixed;
use narthex_model::{Labels, LabelsBuilder};
use narthex_promql_parser::StringLiteral;

use crate::QueryError;
use crate::exec::{Held, Run, Series};
use crate::plan::Grouping;

/// Returns how many series of each group have each value, which stands in the label `label`.
///
/// # Errors
///
/// Where the label has no name, the store fails, or a limit is reached.
pub(crate) fn count_values<'a>(
    run: &'a Run<'a>,
    label: &StringLiteral,
    grouping: &Grouping<'_>,
    vector: &Series<'a>,
) -> Result<Held<'a>, QueryError> {
    if label.is_empty() || !label.is_utf8() {
        return Err(QueryError::CountValuesLabel { quoted: label.quoted().into() });
    }
    let mut counts = Counts { result: Held::new(run, vector.grid.steps()), rows: HashMap::new() };
    let mut builder = LabelsBuilder::default();
    let mut text = String::new();
    vector.for_each(run, |series, column| {
        // The rows of this series, by the bits of the value.
        let mut known: HashMap<u64, usize> = HashMap::new();
        for (step, histogram) in column.row().histograms() {
            vector.labels_into(series, &mut builder);
            builder.set(label, &histogram.to_string());
            let row = counts.row(reduced(grouping, label, &mut builder))?;
            counts.add(row, step);
        }
        for (step, value) in column.row().floats() {
            let row = match known.get(&value.to_bits()) {
                Some(row) => *row,
                None => {
                    text.clear();
                    // Writing into a string does not fail.
                    let _ = write_fixed(&mut text, value);
                    vector.labels_into(series, &mut builder);
                    builder.set(label, &text);
                    let row = counts.row(reduced(grouping, label, &mut builder))?;
                    known.insert(value.to_bits(), row);
                    row
                }
            };
            counts.add(row, step);
        }
        Ok(())
    })?;
    counts.result.settle()
}

/// Returns the labels of the group: `by` keeps the label of the value as well.
fn reduced(grouping: &Grouping<'_>, label: &str, builder: &mut LabelsBuilder) -> Labels {
    if grouping.without {
        grouping.reduce(builder);
    } else {
        builder.retain(|name, _| name == label || grouping.names.binary_search(&name).is_ok());
    }
    builder.build()
}

struct Counts<'a> {
    result: Held<'a>,
    rows: HashMap<Labels, usize>,
}

impl Counts<'_> {
    fn add(&mut self, row: usize, step: usize) {
        let result = self.result.block_mut();
        let before = result.row(row).get(step).unwrap_or(0.0);
        result.set(row, step, before + 1.0);
    }

    fn row(&mut self, labels: Labels) -> Result<usize, QueryError> {
        if let Some(row) = self.rows.get(&labels) {
            return Ok(*row);
        }
        let row = self.result.push_empty(labels.clone())?;
        self.rows.insert(labels, row);
        Ok(row)
    }
}
