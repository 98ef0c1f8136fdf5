//! Scripts that must fail, and what they say.

use std::collections::VecDeque;

use narthex_promql::Grid;
use narthex_promqltest::{
    LoadedSeries, Outcome, Point, ResultSeries, Script, Subject, SubjectError, Value, run,
};

use crate::run_script;

/// The series of all cases.
const LOAD: &str = "
load 1m
  up{job=\"a\"} 1 2 3 4
  up{job=\"b\"} 10 20 stale _
  gauge 5x3
";

/// Returns the failures of a script behind [`LOAD`], their lines counted from its own first line.
fn failures(script: &str) -> Vec<String> {
    let report = run_script(&Script::parse(&format!("{LOAD}\n{script}")).unwrap());
    let before = LOAD.lines().count() + 1;
    let shown = report.failures.into_iter().map(|mut failure| {
        failure.line -= before;
        failure.to_string()
    });
    shown.collect()
}

#[test]
fn wrong_results_are_found() {
    let cases = [
        (
            "eval instant at 3m up\n up{job=\"a\"} 5",
            "1: up at 3m: expected up{job=\"a\"} 5, but got up{job=\"a\"} 4",
        ),
        ("eval instant at 3m up", "1: up at 3m: expected no such series, but got up{job=\"a\"} 4"),
        (
            "eval instant at 3m up\n up{job=\"a\"} 4\n up{job=\"b\"} 20",
            "1: up at 3m: expected up{job=\"b\"} 20, but got no such series",
        ),
        (
            "eval instant at 3m up{job=\"a\"}\n up{job=\"a\"} _",
            "1: up{job=\"a\"} at 3m: expected up{job=\"a\"} _, but got up{job=\"a\"} 4",
        ),
        (
            "eval instant at 3m scalar(gauge)\n 5.1",
            "1: scalar(gauge) at 3m: expected scalar 5.1, but got 5",
        ),
        (
            "eval instant at 3m gauge\n 5",
            "1: gauge at 3m: expected a scalar, but got an instant vector of 1 series",
        ),
        ("eval instant at 3m 5", "1: 5 at 3m: expected an instant vector, but got scalar 5"),
        (
            "eval instant at 3m \"a\"\n expect string \"b\"",
            "1: \"a\" at 3m: expected \"b\", but got \"a\"",
        ),
        (
            "eval instant at 3m \"a\"",
            "1: \"a\" at 3m: expected an instant vector, but got string \"a\"",
        ),
        (
            "eval instant at 3m gauge[2m]\n gauge 5",
            "1: gauge[2m] at 3m: expected an instant vector, but got a range vector of 1 series",
        ),
        (
            "eval instant at 3m gauge[2m]\n expect range vector from 2m to 3m step 1m\n gauge 5 6",
            "1: gauge[2m] at 3m: expected gauge 6 @3m, but got 5 @3m",
        ),
        (
            "eval instant at 3m gauge[2m]\n expect range vector from 1m to 3m step 1m\n gauge 5 5 5",
            "1: gauge[2m] at 3m: expected gauge 5 @1m 5 @2m 5 @3m, but got 5 @2m 5 @3m",
        ),
        (
            "eval range from 0 to 3m step 1m up{job=\"b\"}\n up{job=\"b\"} 10 20 20",
            "1: up{job=\"b\"} from 0s to 3m step 1m: expected up{job=\"b\"} 10 @0s 20 @1m 20 @2m, but got 10 @0s 20 @1m",
        ),
        (
            "eval range from 0 to 1m step 1m up{job=\"b\"}\n up{job=\"b\"} _ 20",
            "1: up{job=\"b\"} from 0s to 1m step 1m: expected up{job=\"b\"} 20 @1m, but got 10 @0s 20 @1m",
        ),
        (
            "eval range from 0 to 1m step 1m gauge\n gauge 5 5\n up 1",
            "1: gauge from 0s to 1m step 1m: expected up 1 @0s, but got no such series",
        ),
        (
            "eval range from 0 to 1m step 1m gauge\n up 1",
            "1: gauge from 0s to 1m step 1m: expected no such series, but got gauge 5 @0s 5 @1m",
        ),
        (
            "eval instant at 1m sort(up)\n expect ordered\n {job=\"b\"} 20\n up{job=\"a\"} 2",
            "1: sort(up) at 1m: expected up{job=\"a\"} at position 2, but got it at position 1",
        ),
        (
            "eval range from 0 to 1m step 1m gauge\n expect ordered\n gauge 5 5",
            "1: gauge from 0s to 1m step 1m: expected an ordered result, but got a range vector",
        ),
    ];
    for (script, expected) in cases {
        assert_eq!(failures(script), [expected], "{script}");
    }
}

#[test]
fn wrong_errors_and_annotations_are_found() {
    let invalid = "label_replace(up, \"x\", \"$1\", \"job\", \"(.*\")";
    let cases = [
        (
            format!("eval instant at 3m {invalid}"),
            format!("1: {invalid} at 3m: expected a result, but got error invalid regular expression in label_replace(): (.*"),
        ),
        (
            "eval instant at 3m gauge\n expect fail".to_owned(),
            "1: gauge at 3m: expected an error, but got none".to_owned(),
        ),
        (
            "eval_fail instant at 3m gauge\n expected_fail_message no".to_owned(),
            "1: gauge at 3m: expected an error that reads \"no\", but got none".to_owned(),
        ),
        (
            format!("eval instant at 3m {invalid}\n expect fail msg: no"),
            format!("1: {invalid} at 3m: expected an error that reads \"no\", but got invalid regular expression in label_replace(): (.*"),
        ),
        (
            format!("eval_fail instant at 3m {invalid}\n expected_fail_regexp ^label"),
            format!("1: {invalid} at 3m: expected an error that matches \"^label\", but got invalid regular expression in label_replace(): (.*"),
        ),
        (
            "eval instant at 3m quantile(2, gauge)\n expect no_warn\n {} Inf".to_owned(),
            "1: quantile(2, gauge) at 3m: expected no warning, but got PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)".to_owned(),
        ),
        (
            "eval instant at 3m quantile(2, gauge)\n expect warn msg: no\n {} Inf".to_owned(),
            "1: quantile(2, gauge) at 3m: expected a warning that reads \"no\", but got PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)".to_owned(),
        ),
        (
            "eval_info instant at 3m gauge\n gauge 5".to_owned(),
            "1: gauge at 3m: expected an info, but got none".to_owned(),
        ),
        (
            "eval instant at 3m rate(gauge[2m]) + quantile(2, gauge) + quantile(3, gauge)\n expect warn regex: got 2\n {} Inf".to_owned(),
            "1: rate(gauge[2m]) + quantile(2, gauge) + quantile(3, gauge) at 3m: expected no other warning, but got PromQL warning: quantile value should be between 0 and 1, got 3 (1:49)".to_owned(),
        ),
    ];
    for (script, expected) in cases {
        assert_eq!(failures(&script), [expected], "{script}");
    }
}

#[test]
fn what_is_right_passes() {
    let scripts = [
        "eval instant at 1m sort(up)\n expect ordered\n up{job=\"a\"} 2\n up{job=\"b\"} 20",
        "eval_ordered instant at 1m sort_desc(up)\n up{job=\"b\"} 20\n up{job=\"a\"} 2",
        "eval instant at 3m up\n up{job=\"a\"} 4.000001",
        "eval instant at 3m up\n up{job=\"a\"} 9\n up{job=\"a\"} 4",
        "eval instant at 3m scalar(gauge)\n 0x5",
        "eval instant at 3m \"a\\\"b\"\n expect string `a\"b`",
        "eval instant at 3m up[2m]\n expect range vector from 2m to 3m step 1m\n up{job=\"a\"} 3 4\n up{job=\"b\"} _ _\n",
        "eval range from 0 to 3m step 90s up\n up{job=\"a\"} 1 2 4\n up{job=\"b\"} 10 20",
        "eval instant at 3m quantile(2, gauge)\n expect warn regex: between 0 and 1, got \\d \\(1:1[0-9]\\)$\n expect no_info\n {} Inf",
        "eval_warn instant at 3m quantile(2, gauge)\n {} Inf",
        "eval instant at 1m up + on() gauge\n expect fail regex: many-to-one\n",
        "eval_fail instant at 1m up + on() gauge\n",
        "clear\n\neval instant at 3m up",
        "load 1m\n  more 1\n\neval instant at 1m {__name__=~\"more|gauge\"}\n more 1\n gauge 5",
    ];
    for script in scripts {
        // Range vectors without samples are no series.
        let script = script.replace("\n up{job=\"b\"} _ _\n", "");
        assert_eq!(failures(&script), [""; 0], "{script}");
    }
}

#[test]
fn a_load_that_fails_ends_the_script() {
    let again = "load 1m\n  gauge 6\n\neval instant at 3m 1\n  2";
    let expected = "1: load: expected success, but got error out of order sample";
    assert_eq!(failures(again), [expected]);
}

/// Gives the same series to every query, but at each only as many points as it is told to.
struct Forgetful {
    /// What the instant queries and the range queries find.
    instant: VecDeque<Option<f64>>,
    range: VecDeque<Option<f64>>,
    log: Vec<String>,
}

impl Subject for Forgetful {
    fn clear(&mut self) -> Result<(), SubjectError> {
        Ok(())
    }

    fn load(&mut self, _: &[LoadedSeries]) -> Result<(), SubjectError> {
        Ok(())
    }

    fn instant(&mut self, query: &str, time_ms: i64) -> Result<Outcome, SubjectError> {
        self.log.push(format!("{query} at {time_ms}"));
        let found = self.instant.pop_front().flatten();
        let series = found.map(|value| (Default::default(), Point::Float(value)));
        Ok(outcome(Value::Vector(series.into_iter().collect())))
    }

    fn range(&mut self, query: &str, steps: Grid) -> Result<Outcome, SubjectError> {
        self.log.push(format!("{query} from {} to {}", steps.start_ms(), steps.end_ms()));
        let found = self.range.pop_front().flatten();
        let series = found.map(|value| ResultSeries {
            labels: Default::default(),
            points: vec![(steps.start_ms() + steps.step_ms(), Point::Float(value))],
        });
        Ok(outcome(Value::Matrix(series.into_iter().collect())))
    }
}

fn outcome(value: Value) -> Outcome {
    Outcome { value, warnings: Vec::new(), infos: Vec::new() }
}

/// Returns what failed, and the queries.
fn run_forgetful(script: &str, instant: usize, range: usize) -> (Vec<String>, Vec<String>) {
    let answers = |count: usize| (0..count).map(|_| Some(7.0)).collect();
    let mut subject =
        Forgetful { instant: answers(instant), range: answers(range), log: Vec::new() };
    let report = run(&Script::parse(script).unwrap(), &mut subject);
    (report.failures.iter().map(ToString::to_string).collect(), subject.log)
}

#[test]
fn an_instant_query_runs_in_many_forms() {
    let (failures, log) = run_forgetful("eval instant at 5m sum(up)\n {} 7", 6, 6);
    assert_eq!(failures, [""; 0]);
    let pinned = [-3_000_000, 0, 60_000, 300_000, 3_000_000].map(|time_ms| {
        let range = (time_ms - 60_000, time_ms + 60_000);
        [
            format!("sum(up @ 300.000) at {time_ms}"),
            format!("sum(up @ 300.000) from {} to {}", range.0, range.1),
        ]
    });
    let plain = ["sum(up) at 300000".to_owned(), "sum(up) from 240000 to 360000".to_owned()];
    assert_eq!(log, [plain].into_iter().chain(pinned).flatten().collect::<Vec<_>>());

    let (_, log) = run_forgetful("eval instant at 5m up * time()\n {} 7", 1, 1);
    assert_eq!(log, ["up * time() at 300000", "up * time() from 240000 to 360000"]);
    let (_, log) = run_forgetful("eval instant at 0 up @ end()\n {} 7", 4, 3);
    let pinned = [-1_000, 0, 1_000].map(|time_ms| {
        let (start, end) = (time_ms - 60_000, time_ms + 60_000);
        [format!("up @ 0.000 at {time_ms}"), format!("up @ 0.000 from {start} to {end}")]
    });
    assert_eq!(log[0], "up @ end() at 0");
    assert_eq!(log[1..], pinned.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn every_form_must_have_the_result() {
    let script = "eval instant at 5m sum(up)\n {} 7";
    let (failures, _) = run_forgetful(script, 6, 0);
    assert_eq!(
        failures,
        ["1: sum(up) from 4m to 6m step 1m: expected {} 7, but got no such series"]
    );
    let (failures, _) = run_forgetful(script, 3, 6);
    assert_eq!(failures, ["1: sum(up @ 300.000) at 1m: expected {} 7, but got no such series"]);
    let (failures, _) = run_forgetful(script, 6, 5);
    assert_eq!(
        failures,
        ["1: sum(up @ 300.000) from 49m to 51m step 1m: expected {} 7, but got no such series"]
    );
}
