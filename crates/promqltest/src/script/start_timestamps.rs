//! `series@st -1m 0s+10sx3`: start timestamps, relative to the samples of the series below.

use narthex_model::{Labels, duration};
use narthex_promql_parser::{SeriesDescription, parse_series_description};

use super::{ScriptProblem, milliseconds};

/// Returns the series and the sequence, where the line has start timestamps.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let (series, sequence) = text.split_once([' ', '\t'])?;
    Some((series.strip_suffix("@st")?, sequence))
}

/// Returns the labels, and for each sample its start relative to its time in milliseconds.
pub(super) fn read(
    series: &str,
    sequence: &str,
) -> Result<(Labels, Vec<Option<i64>>), ScriptProblem> {
    let labels = parse_series_description(series).map_err(ScriptProblem::Series)?.labels;
    let mut offsets_ms = Vec::new();
    for item in sequence.split_whitespace() {
        read_item(item, &mut offsets_ms)
            .map_err(|reason| ScriptProblem::StartTimestamp { item: item.into(), reason })?;
    }
    Ok((labels, offsets_ms))
}

/// Reads `_`, `_x2`, `-1m`, `-1mx2` or `-1m+10sx2`.
fn read_item(item: &str, offsets_ms: &mut Vec<Option<i64>>) -> Result<(), Box<str>> {
    if let Some(rest) = item.strip_prefix('_') {
        let count = if rest.is_empty() { 1 } else { repetitions(rest)? };
        if count == 0 {
            return Err("invalid repeat count".into());
        }
        return push(offsets_ms, count, |_| None);
    }
    let (first_ms, rest) = offset(item)?;
    if rest.is_empty() || rest.starts_with('x') {
        let count = if rest.is_empty() { 0 } else { repetitions(rest)? };
        return push(offsets_ms, count.saturating_add(1), |_| Some(first_ms));
    }
    let (sign, rest) = match rest.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, rest.strip_prefix('-').ok_or("unexpected character after duration")?),
    };
    let (step_ms, rest) = offset(rest)?;
    let count = repetitions(rest)?.saturating_add(1);
    push(offsets_ms, count, |index| {
        let rise_ms = step_ms.saturating_mul(sign).saturating_mul(index);
        Some(first_ms.saturating_add(rise_ms))
    })
}

fn push(
    offsets_ms: &mut Vec<Option<i64>>,
    count: u64,
    offset: impl Fn(i64) -> Option<i64>,
) -> Result<(), Box<str>> {
    let values_max = SeriesDescription::VALUES_MAX;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let length = usize::try_from(count).unwrap_or(usize::MAX).saturating_add(offsets_ms.len());
    if length > values_max {
        return Err(format!("sequence exceeds {values_max} values").into());
    }
    offsets_ms.extend((0..count).map(offset));
    Ok(())
}

/// Reads `x2`.
fn repetitions(text: &str) -> Result<u64, Box<str>> {
    let count = text.strip_prefix('x').ok_or("expected 'x<count>' after step duration")?;
    count.parse().map_err(|_| "invalid repeat count".into())
}

/// Reads a signed duration of one unit, and returns what stands behind it.
fn offset(text: &str) -> Result<(i64, &str), Box<str>> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (-1, unsigned),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let unit = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
    if unit.len() == unsigned.len() {
        return Err(format!("expected digits in duration {text:?}").into());
    }
    let rest = unit.trim_start_matches(|c: char| c.is_ascii_alphabetic() && c != 'x');
    let written = &unsigned[..unsigned.len() - rest.len()];
    let length = duration::parse(written)
        .map_err(|error| format!("invalid duration {written:?}: {error}"))?;
    Ok((milliseconds(length) * sign, rest))
}

#[cfg(test)]
mod tests {
    use super::{read, split};

    #[test]
    fn offsets_and_what_is_none() {
        let cases = [
            ("_", "_"),
            ("_x3 0", "_ _ _ 0"),
            ("-1m 30s +5ms", "-60000 30000 5"),
            ("-1mx2", "-60000 -60000 -60000"),
            ("-1m+10sx2", "-60000 -50000 -40000"),
            ("0s-1sx1", "0 -1000"),
            ("_x0", "invalid ST item \"_x0\": invalid repeat count"),
            ("1m+1s", "invalid ST item \"1m+1s\": expected 'x<count>' after step duration"),
            ("1m?", "invalid ST item \"1m?\": unexpected character after duration"),
            ("m", "invalid ST item \"m\": expected digits in duration \"m\""),
            (
                "1q",
                "invalid ST item \"1q\": invalid duration \"1q\": unknown unit \"q\" in duration \"1q\"",
            ),
            ("0sx1048576", "invalid ST item \"0sx1048576\": sequence exceeds 1048576 values"),
        ];
        for (sequence, expected) in cases {
            let text = match read("up", sequence) {
                Ok((labels, offsets)) => {
                    assert_eq!(labels.metric_name(), "up");
                    let text = offsets.iter().map(|offset| match offset {
                        Some(offset) => offset.to_string(),
                        None => "_".to_owned(),
                    });
                    text.collect::<Vec<_>>().join(" ")
                }
                Err(error) => error.to_string().replace("invalid @st sequence: ", ""),
            };
            assert_eq!(text, expected, "{sequence}");
        }
    }

    #[test]
    fn only_the_first_word_counts() {
        assert_eq!(split("up{a=\"b\"}@st 0s"), Some(("up{a=\"b\"}", "0s")));
        assert_eq!(split("up 1 2@st 3"), None);
        assert_eq!(split("up@st"), None);
    }
}
