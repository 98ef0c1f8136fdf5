//! Exemplars of the series that a query selects.

use narthex_model::{Exemplar, Matcher};
use narthex_promql_parser::{Expr, Node, parse_with};
use narthex_storage::{SeriesExemplars, TimeRange};

use super::Call;
use crate::answer::json::{write_labels, write_timestamp, write_value};
use crate::answer::{Answer, ApiError, Array};
use crate::blocking::run_query;
use crate::time::{MAX_TIME_MS, MIN_TIME_MS};

/// `GET,POST /api/v1/query_exemplars`.
pub(super) async fn query(call: Call) -> Result<Answer, ApiError> {
    let Call { state, params } = call;
    let min_ms = params.time_or("start", MIN_TIME_MS)?;
    let max_ms = params.time_or("end", MAX_TIME_MS)?;
    if max_ms < min_ms {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let expr = parse_with(params.get("query"), &state.options.parse)
        .map_err(|error| ApiError::bad_data(error.to_string()))?;
    let selectors = selectors(&expr);
    if selectors.is_empty() {
        return Ok(Answer::without_data());
    }
    run_query(&state, None, move |state, ctx| {
        let range = TimeRange { min_ms, max_ms };
        let found = state.exemplars.exemplars(ctx, range, &selectors)?;
        Ok(Answer::new(Array::new(found.into_iter(), write_series)))
    })
    .await
}

/// Returns the matchers of each selector in a query.
fn selectors(expr: &Expr) -> Vec<Vec<Matcher>> {
    let nodes = expr.nodes().map(|node| node.node());
    let selectors = nodes.filter_map(|node| match node {
        Node::VectorSelector(selector) => Some(selector.to_matchers()),
        _ => None,
    });
    selectors.collect()
}

/// Appends `{"seriesLabels":{…},"exemplars":[{"labels":{…},"value":"0.5","timestamp":1.5}]}`.
fn write_series(out: &mut String, series: SeriesExemplars) {
    out.push_str("{\"seriesLabels\":");
    write_labels(out, &series.labels);
    out.push_str(",\"exemplars\":");
    let mut separator = '[';
    for Exemplar { labels, value, timestamp_ms, .. } in &series.exemplars {
        out.push(separator);
        separator = ',';
        out.push_str("{\"labels\":");
        write_labels(out, labels);
        out.push_str(",\"value\":");
        write_value(out, *value);
        out.push_str(",\"timestamp\":");
        write_timestamp(out, *timestamp_ms);
        out.push('}');
    }
    out.push_str("]}");
}
