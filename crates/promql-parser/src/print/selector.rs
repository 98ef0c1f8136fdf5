use std::fmt::{self, Write};

use narthex_model::{METRIC_NAME_LABEL, MatchOp, is_legacy_label_name};

use super::duration::{write_length, write_value};
use super::write_string;
use crate::ast::{
    At, DurationValue, ExprRef, ExtendedRange, MatcherRef, MatrixSelector, Node, Subquery,
    VectorSelector,
};

/// Writes `up{job="node"} @ 1.000 anchored offset 5m`.
pub(super) fn write_vector(out: &mut impl Write, selector: &VectorSelector<'_>) -> fmt::Result {
    write_series(out, selector)?;
    write_at(out, selector.at)?;
    write_extended(out, selector.extended)?;
    write_offset(out, selector.offset)
}

/// Writes `up{job="node"}[5m] anchored @ 1.000 offset 5m`.
pub(super) fn write_matrix(
    out: &mut impl Write,
    expr: ExprRef<'_>,
    matrix: &MatrixSelector<'_>,
) -> fmt::Result {
    let Node::VectorSelector(selector) = expr.get(matrix.selector).node() else { return Ok(()) };
    write_series(out, &selector)?;
    out.write_char('[')?;
    write_length(out, matrix.range)?;
    out.write_char(']')?;
    write_extended(out, selector.extended)?;
    write_at(out, selector.at)?;
    write_offset(out, selector.offset)
}

/// Writes `[1h:5m] @ 1.000 offset 5m`, what stands behind a subquery's expression.
pub(super) fn write_subquery_window(out: &mut impl Write, subquery: &Subquery<'_>) -> fmt::Result {
    out.write_char('[')?;
    write_length(out, subquery.range)?;
    out.write_char(':')?;
    if let Some(step) = subquery.step {
        write_length(out, step)?;
    }
    out.write_char(']')?;
    write_at(out, subquery.at)?;
    write_offset(out, subquery.offset)
}

fn write_series(out: &mut impl Write, selector: &VectorSelector<'_>) -> fmt::Result {
    let name = selector.name;
    out.write_str(name.unwrap_or_default())?;
    let mut texts = Vec::with_capacity(selector.matchers.len());
    for matcher in selector.matchers.iter().filter(|matcher| !is_the_name(*matcher, name)) {
        let mut text = String::new();
        write_matcher(&mut text, matcher)?;
        texts.push(text);
    }
    if texts.is_empty() {
        return Ok(());
    }
    texts.sort_unstable();
    write!(out, "{{{}}}", texts.join(","))
}

/// Returns whether the matcher only says again what the name before the braces says.
fn is_the_name(matcher: MatcherRef<'_>, name: Option<&str>) -> bool {
    matcher.name == METRIC_NAME_LABEL && matcher.op == MatchOp::Equal && Some(matcher.value) == name
}

fn write_matcher(out: &mut impl Write, matcher: MatcherRef<'_>) -> fmt::Result {
    if is_legacy_label_name(matcher.name) {
        out.write_str(matcher.name)?;
    } else {
        write_string(out, matcher.name.as_bytes())?;
    }
    out.write_str(matcher.op.as_str())?;
    write_string(out, matcher.value.as_bytes())
}

fn write_at(out: &mut impl Write, at: Option<At>) -> fmt::Result {
    match at {
        Some(At::Timestamp(millis)) => write!(out, " @ {:.3}", millis as f64 / 1000.0),
        Some(At::Start) => out.write_str(" @ start()"),
        Some(At::End) => out.write_str(" @ end()"),
        None => Ok(()),
    }
}

fn write_extended(out: &mut impl Write, extended: Option<ExtendedRange>) -> fmt::Result {
    match extended {
        Some(extended) => write!(out, " {}", extended.as_str()),
        None => Ok(()),
    }
}

fn write_offset(out: &mut impl Write, offset: DurationValue<'_>) -> fmt::Result {
    if offset.is_zero() {
        return Ok(());
    }
    out.write_str(" offset ")?;
    write_value(out, offset)
}
