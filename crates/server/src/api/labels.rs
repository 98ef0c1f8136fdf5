//! What is stored: names and values of labels, and series.

use std::collections::BTreeSet;
use std::sync::Arc;

use narthex_model::{Labels, Matcher};
use narthex_storage::{Querier, QueryContext, SelectHints, StorageError, TimeRange};

use super::Call;
use crate::answer::{Answer, ApiError, label_sets, texts};
use crate::blocking::run_query;
use crate::params::{Params, quoted};
use crate::state::ServerState;
use crate::time::{MAX_TIME_MS, MIN_TIME_MS};

/// `GET,POST /api/v1/labels`.
pub(super) async fn names(call: Call) -> Result<Answer, ApiError> {
    label_texts(call, |querier, ctx, matchers, limit| querier.label_names(ctx, matchers, limit))
        .await
}

/// `GET /api/v1/label/<name>/values`.
pub(super) async fn values(call: Call, name: String) -> Result<Answer, ApiError> {
    let name = unescape_name(&name).unwrap_or(name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format!("invalid label name: {}", quoted(&name))));
    }
    label_texts(call, move |querier, ctx, matchers, limit| {
        querier.label_values(ctx, &name, matchers, limit)
    })
    .await
}

/// Answers with the texts that `list` finds for each selector, sorted and each once.
async fn label_texts<F>(call: Call, list: F) -> Result<Answer, ApiError>
where
    F: Fn(
            &dyn Querier,
            &QueryContext,
            &[Matcher],
            Option<usize>,
        ) -> Result<Vec<Box<str>>, StorageError>
        + Send
        + 'static,
{
    let Call { state, params } = call;
    let limit = params.limit()?;
    let range = time_range(&params)?;
    let selectors = params.selectors().map_err(ApiError::bad_data)?;
    run_query(&state, None, move |state, ctx| {
        let querier = state.store.querier(range)?;
        // One more than wanted tells whether something is left out.
        let hint = limit.map(|limit| limit.saturating_add(1));
        let mut found = match selectors.as_slice() {
            [] => list(&*querier, ctx, &[], hint)?,
            [matchers] => list(&*querier, ctx, matchers, hint)?,
            several => {
                let mut union = BTreeSet::new();
                for matchers in several {
                    union.extend(list(&*querier, ctx, matchers, hint)?);
                }
                union.into_iter().collect()
            }
        };
        let truncated = limit.is_some_and(|limit| found.len() > limit);
        found.truncate(limit.unwrap_or(usize::MAX));
        Ok(texts(found).with_warnings(ctx.take_warnings()).with_truncation(truncated))
    })
    .await
}

/// `GET,POST /api/v1/series`.
pub(super) async fn series(call: Call) -> Result<Answer, ApiError> {
    let Call { state, params } = call;
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let limit = params.limit()?;
    let range = time_range(&params)?;
    let selectors =
        params.selectors().map_err(|error| ApiError::invalid_parameter("match[]", error))?;
    run_query(&state, None, move |state, ctx| {
        let mut found = find_series(state, ctx, &selectors, range, limit)?;
        if selectors.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        let truncated = limit.is_some_and(|limit| found.len() > limit);
        found.truncate(limit.unwrap_or(usize::MAX));
        Ok(label_sets(found).with_warnings(ctx.take_warnings()).with_truncation(truncated))
    })
    .await
}

/// Returns the series that the store finds in `range`, in its order for each selector: those with a
/// chunk there, where it has chunks.
fn find_series(
    state: &ServerState,
    ctx: &Arc<QueryContext>,
    selectors: &[Vec<Matcher>],
    range: TimeRange,
    limit: Option<usize>,
) -> Result<Vec<Labels>, StorageError> {
    let querier = state.store.querier(range)?;
    let mut hints = SelectHints::default();
    hints.function = Some("series");
    // One more than wanted tells whether something is left out.
    hints.limit = limit.map(|limit| limit.saturating_add(1));
    let mut found = Vec::new();
    for matchers in selectors {
        let selection = querier.select(ctx, matchers, &hints)?;
        for series in 0..selection.len() {
            ctx.check()?;
            found.push(selection.series_labels(series));
        }
    }
    Ok(found)
}

fn time_range(params: &Params) -> Result<TimeRange, ApiError> {
    let min_ms = params.time_or("start", MIN_TIME_MS)?;
    let max_ms = params.time_or("end", MAX_TIME_MS)?;
    Ok(TimeRange { min_ms, max_ms })
}

/// Returns the name that `U__a_2e_b` stands for, which is `a.b`; `None` where `name` is not
/// escaped, or broken.
///
/// # Source
///
/// `UnescapeName` with `ValueEncodingEscaping` in prometheus/common `model/metric.go`.
fn unescape_name(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("U__")?;
    let mut out = String::new();
    while let Some(underscore) = rest.find('_') {
        out.push_str(&rest[..underscore]);
        rest = &rest[underscore + 1..];
        if let Some(after) = rest.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let (digits, after) = rest.split_once('_')?;
        if digits.len() > HEX_DIGITS_MAX {
            return None;
        }
        out.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// No character has a larger number.
const HEX_DIGITS_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unescaped() {
        for (name, expected) in [
            ("job", None),
            ("U__a_2e_b", Some("a.b")),
            ("U__a__b", Some("a_b")),
            ("U___65e5_", Some("\u{65e5}")),
            ("U__a_2e", None),
            ("U__a_zz_", None),
            ("U__a_d800_", None),
            ("U__", Some("")),
        ] {
            assert_eq!(unescape_name(name).as_deref(), expected, "{name}");
        }
    }
}
