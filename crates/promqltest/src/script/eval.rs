//! `eval`: a query and what must come out.

use narthex_model::Labels;
use narthex_promql::Grid;
use narthex_promql_parser::{
    Expr, Node, ParseOptions, SequenceValue, parse_series_description, parse_with,
};

use super::expect::{Expectations, TextMatch};
use super::{Lines, ScriptError, ScriptProblem, take_if, take_word, time_ms};
use crate::When;

/// An `eval` command.
#[derive(Clone, Debug)]
pub(crate) struct Eval {
    pub(crate) line: usize,
    pub(crate) query: Box<str>,
    pub(crate) expr: Expr,
    pub(crate) when: When,
    pub(crate) expectations: Expectations,
    pub(crate) result: ExpectedResult,
    /// Whether the result can only be that of an instant query.
    pub(crate) instant_only: bool,
}

/// The result that a script expects.
#[derive(Clone, Debug)]
pub(crate) enum ExpectedResult {
    Scalar(f64),
    String(Box<str>),
    /// Series, in the order of the lines: of two with the same labels, the last counts. Where there
    /// are times, the values stand at those.
    Series {
        series: Vec<ExpectedSeries>,
        times: Option<Grid>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct ExpectedSeries {
    pub(crate) labels: Labels,
    pub(crate) values: Vec<SequenceValue>,
}

/// Reads the command, and the lines below it.
pub(super) fn read(line: usize, text: &str, lines: &mut Lines<'_>) -> Result<Eval, ScriptError> {
    let mut eval = read_command(line, text).map_err(|problem| problem.at(line))?;
    // Only below this form are lines in the older style what they seem.
    let is_legacy = text.starts_with("eval_fail");
    while let Some((line, text)) = lines.next_of_command() {
        let at_end = read_line(&mut eval, text, is_legacy, lines);
        if at_end.map_err(|problem| problem.at(line))? {
            break;
        }
    }
    Ok(eval)
}

fn read_command(line: usize, text: &str) -> Result<Eval, ScriptProblem> {
    let mut rest = text;
    let form = take_word(&mut rest).strip_prefix("eval").ok_or(ScriptProblem::Eval)?;
    let is_instant = take_if(&mut rest, "instant");
    if !is_instant && !take_if(&mut rest, "range") {
        return Err(ScriptProblem::Eval);
    }
    let mut expectations = Expectations::default();
    let is_known = match form {
        "" => true,
        "_ordered" => is_instant && expectations.add_legacy(form),
        _ => expectations.add_legacy(form),
    };
    if !is_known {
        return Err(ScriptProblem::Eval);
    }
    let (when, times) = if is_instant {
        (When::Instant { time_ms: read_time(&mut rest)? }, None)
    } else {
        let steps = read_steps(&mut rest)?;
        (When::Range(steps), Some(steps))
    };
    if rest.is_empty() {
        return Err(ScriptProblem::Eval);
    }
    let expr = parse_with(rest, &ParseOptions::experimental()).map_err(ScriptProblem::Query)?;
    let result = ExpectedResult::Series { series: Vec::new(), times };
    Ok(Eval { line, query: rest.into(), expr, when, expectations, result, instant_only: false })
}

/// Reads `at 50m`.
fn read_time(rest: &mut &str) -> Result<i64, ScriptProblem> {
    if !take_if(rest, "at") {
        return Err(ScriptProblem::Eval);
    }
    time_ms("timestamp", take_word(rest))
}

/// Reads `from 0 to 1h step 5m`.
fn read_steps(rest: &mut &str) -> Result<Grid, ScriptProblem> {
    let mut word_behind = |name| {
        if take_if(rest, name) { Ok(take_word(rest)) } else { Err(ScriptProblem::Eval) }
    };
    let (start, end, step) = (word_behind("from")?, word_behind("to")?, word_behind("step")?);
    let start_ms = time_ms("start timestamp", start)?;
    let end_ms = time_ms("end timestamp", end)?;
    if end_ms < start_ms {
        return Err(ScriptProblem::EndBeforeStart { end: end.into(), start: start.into() });
    }
    let step_ms = time_ms("step", step)?;
    Grid::range(start_ms, end_ms, step_ms).ok_or(ScriptProblem::StepNotPositive)
}

/// Reads a line below the command. Returns whether it ends the command.
fn read_line(
    eval: &mut Eval,
    text: &str,
    is_legacy: bool,
    lines: &mut Lines<'_>,
) -> Result<bool, ScriptProblem> {
    if is_legacy && let Some(failure) = read_legacy_failure(text)? {
        eval.expectations.failure.push(failure);
        return Ok(true);
    }
    if let Some(number) = scalar(text) {
        eval.result = ExpectedResult::Scalar(number);
        return Ok(true);
    }
    if let Some(times) = text.strip_prefix("expect range vector") {
        read_expected_times(eval, times.trim_start())?;
    } else if let Some(quoted) = text.strip_prefix("expect string") {
        eval.result = ExpectedResult::String(unquote(quoted.trim_start())?);
        eval.instant_only = true;
    } else if text.split(' ').next() == Some("expect") {
        eval.expectations.add(text)?;
    } else {
        read_series(eval, text, lines)?;
    }
    Ok(false)
}

/// Reads a line in the older style, if it is one.
fn read_legacy_failure(text: &str) -> Result<Option<TextMatch>, ScriptProblem> {
    if let Some(pattern) = text.strip_prefix("expected_fail_regexp") {
        return TextMatch::pattern(pattern.trim()).map(Some);
    }
    Ok(text.strip_prefix("expected_fail_message").map(|message| match message.trim() {
        "" => TextMatch::Any,
        message => TextMatch::Exactly(message.into()),
    }))
}

/// Reads `from 10s to 1m step 10s`: the times of the values to come. The query runs at the last.
fn read_expected_times(eval: &mut Eval, text: &str) -> Result<(), ScriptProblem> {
    let mut rest = text;
    let times = match read_steps(&mut rest) {
        Ok(times) if rest.is_empty() => times,
        Ok(_) | Err(ScriptProblem::Eval) => {
            return Err(ScriptProblem::ExpectedTimes { text: text.into() });
        }
        Err(problem) => return Err(problem),
    };
    let ExpectedResult::Series { times: expected, .. } = &mut eval.result else {
        return Err(ScriptProblem::Contradiction("string and range vector"));
    };
    *expected = Some(times);
    eval.when = When::Instant { time_ms: times.end_ms() };
    eval.instant_only = true;
    Ok(())
}

fn read_series(eval: &mut Eval, text: &str, lines: &mut Lines<'_>) -> Result<(), ScriptProblem> {
    let described = parse_series_description(text).map_err(ScriptProblem::Series)?;
    lines.count_values(described.values.len())?;
    let ExpectedResult::Series { series, times } = &mut eval.result else {
        return Err(ScriptProblem::Contradiction("string and series"));
    };
    match (described.values.len(), times) {
        (1, _) | (_, Some(_)) => {}
        (0, None) => return Err(ScriptProblem::NoValue),
        (_, None) => return Err(ScriptProblem::SeveralValues),
    }
    series.push(ExpectedSeries { labels: described.labels, values: described.values });
    Ok(())
}

/// Returns the number that a line is, in any notation that queries know.
fn scalar(text: &str) -> Option<f64> {
    let expr = parse_with(text, &ParseOptions::default()).ok()?;
    match expr.root().node() {
        Node::NumberLiteral(number) if !number.is_duration => Some(number.value),
        _ => None,
    }
}

/// Returns the text between quotes or backticks.
fn unquote(text: &str) -> Result<Box<str>, ScriptProblem> {
    let is_quoted = text.len() >= 2 && text.starts_with(['"', '`']);
    let expr = parse_with(text, &ParseOptions::default()).ok().filter(|_| is_quoted);
    match expr.as_ref().map(|expr| expr.root().node()) {
        Some(Node::StringLiteral(literal)) => Ok(literal.as_str().into()),
        _ => Err(ScriptProblem::ExpectedString),
    }
}
