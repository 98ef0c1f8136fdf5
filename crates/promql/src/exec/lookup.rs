use std::sync::Arc;

use narthex_model::histogram::FloatHistogram;
use narthex_model::is_stale_nan;
use narthex_storage::Columns;

use super::run::Run;
use crate::QueryError;
use crate::block::Column;
use crate::plan::{InstantPlan, Take};
use crate::window::{Edge, SAMPLES_UNCHECKED_MAX};

/// Fills in, for each step, the latest sample that is not older than the lookback delta and no
/// staleness marker.
pub(super) fn fill_instant(
    run: &Run<'_>,
    plan: &InstantPlan,
    columns: &Columns,
    out: &mut Column,
) -> Result<(), QueryError> {
    let lookups = &plan.lookups;
    let (timestamps_ms, values) = (columns.timestamps_ms(), columns.values());
    let steps = lookups.grid.steps();
    out.reset(steps);
    let mut end = Edge::default();
    for step in 0..steps {
        if step % SAMPLES_UNCHECKED_MAX == 0 {
            run.ctx.check()?;
        }
        let end_ms = lookups.end_ms(step);
        end.move_to(timestamps_ms, end_ms);
        let Some(last) = end.index.checked_sub(1) else { continue };
        let value = values[last];
        let fresh = timestamps_ms[last] > end_ms.saturating_sub(lookups.range_ms);
        if fresh && !is_stale_nan(value) {
            let taken = match plan.take {
                Take::Value | Take::Smoothed => {
                    if let Some(histogram) = histogram_at(columns, last) {
                        out.set_histogram(step, Arc::clone(histogram));
                        continue;
                    }
                    value
                }
                Take::Time => timestamps_ms[last] as f64 / 1000.0,
                Take::TimeMs => timestamps_ms[last] as f64,
                Take::StartTime => {
                    columns.start_timestamps_ms().map_or(0, |starts| starts[last]) as f64 / 1000.0
                }
            };
            out.set(step, taken);
        }
    }
    Ok(())
}

/// Returns the histogram of a sample, at next to no cost where there are none.
#[inline]
fn histogram_at(columns: &Columns, index: usize) -> Option<&Arc<FloatHistogram>> {
    if columns.has_histograms() { columns.histogram(index) } else { None }
}
