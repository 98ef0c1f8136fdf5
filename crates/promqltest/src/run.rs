use narthex_model::Labels;
use narthex_promql::Grid;

use crate::compare::{Mismatch, check_order, compare, describe};
use crate::pin::pin;
use crate::script::{Command, Eval, ExpectedTexts, Script, TextMatch};
use crate::{Failure, Outcome, Point, Report, ResultSeries, Subject, SubjectError, Value, When};

/// Runs a script, which finds the subject without series.
pub fn run(script: &Script, subject: &mut dyn Subject) -> Report {
    let mut report = Report::default();
    if let Err(error) = subject.clear() {
        report.failures.push(broken(1, "clear", &error));
        return report;
    }
    for command in &script.commands {
        let (line, name, done) = match command {
            Command::Clear { line } => (*line, "clear", subject.clear()),
            Command::Load { line, series } => (*line, "load", subject.load(series)),
            Command::Eval(eval) => {
                match run_eval(eval, subject) {
                    Ok(()) => report.passed += 1,
                    Err(failure) => report.failures.push(failure),
                }
                continue;
            }
        };
        if let Err(error) = done {
            report.failures.push(broken(line, name, &error));
            break;
        }
    }
    report
}

fn broken(line: usize, command: &str, error: &SubjectError) -> Failure {
    let (expected, got) = ("success".into(), format!("error {error}").into());
    Failure { line, command: command.into(), when: None, expected, got }
}

fn run_eval(eval: &Eval, subject: &mut dyn Subject) -> Result<(), Failure> {
    let at = |query: &str, when: When| {
        let (line, command) = (eval.line, query.into());
        move |Mismatch { expected, got }| Failure { line, command, when: Some(when), expected, got }
    };
    let time_ms = match eval.when {
        When::Instant { time_ms } => time_ms,
        When::Range(steps) => {
            let result = subject.range(&eval.query, steps);
            return check(eval, result).map(drop).map_err(at(&eval.query, eval.when));
        }
    };
    for (query, time_ms) in instant_queries(eval, time_ms) {
        let result = subject.instant(&query, time_ms);
        let value = check(eval, result).map_err(at(&query, When::Instant { time_ms }))?;
        // Some functions tell of the steps of the query itself.
        let tells_of_steps = QUERY_FUNCTIONS.iter().any(|call| query.contains(call));
        if let Some(value) = value.filter(|_| !eval.instant_only && !tells_of_steps) {
            let steps = steps_around(time_ms);
            check_middle_step(eval, &value, time_ms, subject.range(&query, steps))
                .map_err(at(&query, When::Range(steps)))?;
        }
    }
    Ok(())
}

/// Returns the query as it is, and where possible pinned to its time and run at others.
fn instant_queries(eval: &Eval, time_ms: i64) -> Vec<(Box<str>, i64)> {
    let mut queries = vec![(eval.query.clone(), time_ms)];
    if let Some(pinned) = pin(&eval.expr, time_ms) {
        let pinned: Box<str> = pinned.to_string().into();
        let other_times = if time_ms == 0 {
            vec![-1_000, 0, 1_000]
        } else {
            vec![-10 * time_ms, 0, time_ms / 5, time_ms, 10 * time_ms]
        };
        queries.extend(other_times.into_iter().map(|time_ms| (pinned.clone(), time_ms)));
    }
    queries
}

/// Calls in whose presence a range query may differ from the instant queries at its steps.
const QUERY_FUNCTIONS: [&str; 4] = ["start()", "end()", "range()", "step()"];

fn steps_around(time_ms: i64) -> Grid {
    const MINUTE_MS: i64 = 60_000;
    let (start_ms, end_ms) = (time_ms.saturating_sub(MINUTE_MS), time_ms.saturating_add(MINUTE_MS));
    Grid::range(start_ms, end_ms, MINUTE_MS).expect("a minute is positive")
}

/// Holds the answer to a query against all that the script expects. Returns the value, or `None`
/// where the query failed as expected.
fn check(eval: &Eval, result: Result<Outcome, SubjectError>) -> Result<Option<Value>, Mismatch> {
    let expectations = &eval.expectations;
    let outcome = match result {
        Err(error) => {
            check_failure(eval, &error.to_string())?;
            return Ok(None);
        }
        Ok(_) if expectations.fails => {
            let text = expectations.failure.first().unwrap_or(&TextMatch::Any);
            return Err(Mismatch::new(format!("an error{text}"), "none"));
        }
        Ok(outcome) => outcome,
    };
    check_texts("warning", &expectations.warnings, &outcome.warnings)?;
    check_texts("info", &expectations.infos, &outcome.infos)?;
    compare(eval, &outcome.value)?;
    Ok(Some(outcome.value))
}

fn check_failure(eval: &Eval, error: &str) -> Result<(), Mismatch> {
    let expectations = &eval.expectations;
    if !expectations.fails {
        return Err(Mismatch::new("a result", format!("error {error}")));
    }
    match expectations.failure.iter().find(|text| !text.matches(error)) {
        Some(text) => Err(Mismatch::new(format!("an error{text}"), error)),
        None => Ok(()),
    }
}

/// Holds the annotations of one severity against those that the script expects.
fn check_texts(name: &str, expected: &ExpectedTexts, got: &[String]) -> Result<(), Mismatch> {
    if expected.none && !got.is_empty() {
        return Err(Mismatch::new(format!("no {name}"), got.join("; ")));
    }
    let missing = expected.some.iter().find(|text| !got.iter().any(|got| text.matches(got)));
    if let Some(text) = missing {
        let got = if got.is_empty() { "none".to_owned() } else { got.join("; ") };
        return Err(Mismatch::new(format!("{} {name}{text}", article(name)), got));
    }
    let unexpected = got.iter().find(|got| !expected.some.iter().any(|text| text.matches(got)));
    match unexpected.filter(|_| !expected.some.is_empty()) {
        Some(text) => Err(Mismatch::new(format!("no other {name}"), text.as_str())),
        None => Ok(()),
    }
}

fn article(name: &str) -> &'static str {
    if name.starts_with('i') { "an" } else { "a" }
}

/// Holds the middle step of a range query against the result of the instant query there.
fn check_middle_step(
    eval: &Eval,
    instant: &Value,
    time_ms: i64,
    result: Result<Outcome, SubjectError>,
) -> Result<(), Mismatch> {
    let outcome = result.map_err(|error| Mismatch::new("a result", format!("error {error}")))?;
    if eval.expectations.ordered {
        // A range query has an order of its own.
        return Ok(());
    }
    let Value::Matrix(matrix) = outcome.value else {
        return Err(Mismatch::new("a range vector", describe(&outcome.value)));
    };
    check_order(&matrix)?;
    let middle: Vec<(Labels, Point)> =
        matrix.into_iter().filter_map(|series| point_at(series, time_ms)).collect();
    let value = match (instant, middle.first()) {
        (Value::Scalar(_), Some((_, Point::Float(value)))) => Value::Scalar(*value),
        _ => Value::Vector(middle),
    };
    compare(eval, &value)
}

fn point_at(series: ResultSeries, time_ms: i64) -> Option<(Labels, Point)> {
    let (_, point) = series.points.into_iter().find(|(point_ms, _)| *point_ms == time_ms)?;
    Some((series.labels, point))
}
