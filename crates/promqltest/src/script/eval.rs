//! `eval`: a query and what must come out.

use narthex_model::{Labels, float};
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
    /// Series, in the order of the lines. Where there are times, the values stand at those.
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
    let (mut eval, form) = read_command(line, text).map_err(|problem| problem.at(line))?;
    while let Some((line, text)) = lines.next_of_command() {
        let is_last = if form == Form::Fails
            && read_legacy_failure(&mut eval, text).map_err(|problem| problem.at(line))?
        {
            true
        } else {
            read_line(&mut eval, text, lines).map_err(|problem| problem.at(line))?
        };
        if is_last {
            break;
        }
    }
    Ok(eval)
}

/// Whether lines in the older style may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Fails,
    Other,
}

fn read_command(line: usize, text: &str) -> Result<(Eval, Form), ScriptProblem> {
    let mut rest = text;
    let command = take_word(&mut rest);
    let is_instant = take_if(&mut rest, "instant");
    if !is_instant && !take_if(&mut rest, "range") {
        return Err(ScriptProblem::Eval);
    }
    let mut expectations = Expectations::default();
    let known = match command.strip_prefix("eval").map(|form| form.strip_prefix('_').ok_or(form)) {
        Some(Ok("ordered")) if !is_instant => false,
        Some(Ok(form)) => expectations.add_legacy(form),
        Some(Err(form)) => form.is_empty(),
        None => false,
    };
    if !known {
        return Err(ScriptProblem::Eval);
    }
    let when = if is_instant { read_time(&mut rest)? } else { When::Range(read_steps(&mut rest)?) };
    if rest.is_empty() {
        return Err(ScriptProblem::Eval);
    }
    let expr = parse_with(rest, &ParseOptions::experimental()).map_err(ScriptProblem::Query)?;
    let form = if expectations.fails { Form::Fails } else { Form::Other };
    let times = match when {
        When::Instant { .. } => None,
        When::Range(steps) => Some(steps),
    };
    let result = ExpectedResult::Series { series: Vec::new(), times };
    let eval =
        Eval { line, query: rest.into(), expr, when, expectations, result, instant_only: false };
    Ok((eval, form))
}

/// Reads `at 50m`.
fn read_time(rest: &mut &str) -> Result<When, ScriptProblem> {
    if !take_if(rest, "at") {
        return Err(ScriptProblem::Eval);
    }
    Ok(When::Instant { time_ms: time_ms("timestamp", take_word(rest))? })
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

/// Reads a line below `eval_fail` in the older style, if it is one.
fn read_legacy_failure(eval: &mut Eval, text: &str) -> Result<bool, ScriptProblem> {
    let failure = if let Some(message) = text.strip_prefix("expected_fail_message") {
        match message.trim() {
            "" => TextMatch::Any,
            message => TextMatch::Exactly(message.into()),
        }
    } else if let Some(pattern) = text.strip_prefix("expected_fail_regexp") {
        TextMatch::pattern(pattern.trim())?
    } else {
        return Ok(false);
    };
    eval.expectations.failure.push(failure);
    Ok(true)
}

/// Reads a line below the command. Returns whether it ends the command.
fn read_line(eval: &mut Eval, text: &str, lines: &mut Lines<'_>) -> Result<bool, ScriptProblem> {
    if let Some(times) = text.strip_prefix("expect range vector") {
        let mut rest = times.trim_start();
        let times = match read_steps(&mut rest) {
            Ok(times) if rest.is_empty() => times,
            Ok(_) | Err(ScriptProblem::Eval) => {
                return Err(ScriptProblem::ExpectedTimes { text: text.into() });
            }
            Err(problem) => return Err(problem),
        };
        eval.when = When::Instant { time_ms: times.end_ms() };
        if let ExpectedResult::Series { times: expected, .. } = &mut eval.result {
            *expected = Some(times);
        }
        eval.instant_only = true;
    } else if let Some(quoted) = text.strip_prefix("expect string") {
        eval.result = ExpectedResult::String(unquote(quoted.trim_start())?);
        eval.instant_only = true;
    } else if text.split(' ').next() == Some("expect") {
        eval.expectations.add(text)?;
    } else if let Some(number) = scalar(text) {
        eval.result = ExpectedResult::Scalar(number);
        return Ok(true);
    } else {
        read_series(eval, text, lines)?;
    }
    Ok(false)
}

fn read_series(eval: &mut Eval, text: &str, lines: &mut Lines<'_>) -> Result<(), ScriptProblem> {
    let described = parse_series_description(text).map_err(ScriptProblem::Series)?;
    lines.count_values(described.values.len())?;
    if !matches!(eval.result, ExpectedResult::Series { .. }) {
        eval.result = ExpectedResult::Series { series: Vec::new(), times: None };
    }
    let ExpectedResult::Series { series, times } = &mut eval.result else {
        unreachable!("it was just set")
    };
    match (described.values.len(), times) {
        (1, _) | (_, Some(_)) => {}
        (0, None) => return Err(ScriptProblem::NoValue),
        (_, None) => return Err(ScriptProblem::SeveralValues),
    }
    // The last description of a series counts.
    series.retain(|before| before.labels != described.labels);
    series.push(ExpectedSeries { labels: described.labels, values: described.values });
    Ok(())
}

/// Returns the number that a line is; hexadecimal ones are read as well.
fn scalar(text: &str) -> Option<f64> {
    let options = ParseOptions::default();
    let expr = parse_with(text, &options).ok()?;
    match expr.root().node() {
        Node::NumberLiteral(number) if !number.is_duration => Some(number.value),
        _ => float::parse(text),
    }
}

/// Returns the text between quotes or backticks.
fn unquote(text: &str) -> Result<Box<str>, ScriptProblem> {
    let is_quoted = text.len() >= 2 && text.starts_with(['"', '`']);
    let expr = parse_with(text, &ParseOptions::default()).ok().filter(|_| is_quoted);
    match expr.as_ref().map(|expr| expr.root().node()) {
        Some(Node::StringLiteral(literal)) => Ok((**literal).into()),
        _ => Err(ScriptProblem::ExpectedString),
    }
}
