use narthex_model::{METRIC_NAME_LABEL, Regex};
use narthex_promql_parser::StringLiteral;

use crate::QueryError;
use crate::exec::{Run, Series};

/// Returns `vector` with the label `target` set to `replacement` wherever `pattern` matches the
/// value of `source`.
///
/// # Errors
///
/// Where the pattern or the label name is invalid, or series become equal.
pub(crate) fn label_replace<'a>(
    run: &'a Run<'a>,
    vector: Series<'a>,
    [target, replacement, source, pattern]: [StringLiteral<'_>; 4],
) -> Result<Series<'a>, QueryError> {
    let regex = Regex::new(&pattern)
        .map_err(|_| QueryError::LabelReplacePattern { pattern: pattern.as_str().into() })?;
    check_name("destination", "label_replace", target)?;
    let mut value = String::new();
    vector.relabel(run, |labels| {
        let from = labels.get(&source).unwrap_or_default();
        value.clear();
        let replaced = regex.expand(from, &replacement, &mut value);
        if replaced {
            labels.set(&target, &value);
        }
        replaced && *target == *METRIC_NAME_LABEL
    })
}

/// Returns `vector` with the label `target` set to the values of `sources`, joined by `separator`.
///
/// # Errors
///
/// Where a label name is invalid, or series become equal.
pub(crate) fn label_join<'a>(
    run: &'a Run<'a>,
    vector: Series<'a>,
    target: StringLiteral<'_>,
    separator: &str,
    sources: &[StringLiteral<'_>],
) -> Result<Series<'a>, QueryError> {
    for &source in sources {
        check_name("source", "label_join", source)?;
    }
    check_name("destination", "label_join", target)?;
    let mut value = String::new();
    vector.relabel(run, |labels| {
        value.clear();
        for (index, source) in sources.iter().enumerate() {
            if index > 0 {
                value.push_str(separator);
            }
            value.push_str(labels.get(source).unwrap_or_default());
        }
        labels.set(&target, &value);
        *target == *METRIC_NAME_LABEL
    })
}

/// Every text but the empty one is a label name.
fn check_name(
    role: &'static str,
    function: &'static str,
    name: StringLiteral<'_>,
) -> Result<(), QueryError> {
    if name.is_empty() || !name.is_utf8() {
        return Err(QueryError::LabelName { role, function, name: name.as_str().into() });
    }
    Ok(())
}
