//! Selectors of which nobody needs the buckets: those read counts and sums of histograms alone.

use std::rc::Rc;

use narthex_model::histogram::{FloatHistogram, ResetHint};
use narthex_promql_parser::{BinaryOp, ExprRef, Node, NodeId};

use super::{Series, Value};

/// Returns the selectors below a function that wants totals, without anything that wants buckets
/// above them.
pub(super) fn selectors(expr: ExprRef<'_>) -> Vec<NodeId> {
    let mut found = Vec::new();
    search(expr, false, &mut found);
    found
}

fn search(expr: ExprRef<'_>, mut wants_totals: bool, found: &mut Vec<NodeId>) {
    match expr.node() {
        Node::VectorSelector(_) if wants_totals => found.push(expr.id()),
        Node::Subquery(_) => return,
        Node::Binary(binary) if matches!(binary.op, BinaryOp::TrimLower | BinaryOp::TrimUpper) => {
            return;
        }
        Node::Call(call) => match call.function.name {
            "histogram_count" | "histogram_sum" | "histogram_avg" => wants_totals = true,
            "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => return,
            _ => {}
        },
        _ => {}
    }
    for child in expr.node().children() {
        search(expr.get(child), wants_totals, found);
    }
}

/// Takes the buckets away, and finds out about resets before that. Samples up to `before_ms` are not
/// read.
pub(super) fn without_buckets(mut series: Series, before_ms: i64) -> Series {
    series.points.retain(|point| point.timestamp_ms > before_ms);
    let mut before: Option<Rc<FloatHistogram>> = None;
    for point in &mut series.points {
        let Value::Histogram(histogram) = &point.value else { continue };
        let mut total = FloatHistogram {
            reset_hint: histogram.reset_hint,
            schema: histogram.schema,
            count: histogram.count,
            sum: histogram.sum,
            ..FloatHistogram::default()
        };
        if !histogram.is_stale() {
            if let Some(before) = &before
                && total.reset_hint == ResetHint::Unknown
            {
                let is_reset = histogram.detect_reset(before);
                total.reset_hint = if is_reset { ResetHint::Reset } else { ResetHint::NotReset };
            }
            before = Some(Rc::clone(histogram));
        }
        point.value = Value::of(total);
    }
    series
}
