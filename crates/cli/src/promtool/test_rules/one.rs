//! One test of a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use narthex_model::quote::Quoted;
use narthex_model::{Labels, duration, float};
use narthex_promql_parser::{SequenceValue, parse_series_description, parse_with};
use narthex_rules::{
    ReadOptions, RuleError, RuleFile, RuleProblem, RuleTest, RuleTestError, TestOptions,
};

use super::diff::diff;
use super::file::{AlertTest, DurationText, ExprTest, Test};

/// What all tests of a file share.
pub(super) struct Context<'a> {
    pub(super) rule_files: &'a [PathBuf],
    pub(super) read: &'a ReadOptions,
    pub(super) interval: Duration,
    pub(super) group_order: &'a [Box<str>],
    pub(super) fuzzy: bool,
    pub(super) delayed_name_removal: bool,
    pub(super) diff: bool,
}

/// Runs a test. Returns what failed.
pub(super) fn run_test(context: &Context<'_>, test: &Test) -> Vec<String> {
    let mut rules = match context.load(test) {
        Ok(rules) => rules,
        Err(failures) => return failures,
    };
    let mut failures = Vec::new();
    let mut by_time: BTreeMap<DurationText, Vec<&AlertTest>> = BTreeMap::new();
    for alert in &test.alert_rule_test {
        if alert.alertname.is_empty() {
            return vec![alertname_missing(test, alert)];
        }
        by_time.entry(alert.eval_time).or_default().push(alert);
    }
    let times = test.alert_rule_test.iter().map(|alert| alert.eval_time);
    let times = times.chain(test.promql_expr_test.iter().map(|expr| expr.eval_time));
    let end = times.max().unwrap_or_default().0;
    let mut time = Duration::ZERO;
    while time <= end {
        match rules.step() {
            Ok(_) => {}
            Err(RuleTestError::Rules(failed)) => {
                failures.extend(failed.iter().map(|failed| {
                    let (rule, error) = (&failed.rule, &failed.error);
                    let time = go_duration(failed.time_ms);
                    format!("    rule: {rule}, time: {time}, err: {error}")
                }));
                return failures;
            }
            Err(error) => {
                failures.push(error.to_string());
                return failures;
            }
        }
        let next = time.saturating_add(context.interval);
        for alert in by_time.range(DurationText(time)..DurationText(next)).flat_map(|(_, all)| all)
        {
            failures.extend(context.check_alert(test, alert, &rules));
        }
        time = next;
    }
    failures.extend(
        test.promql_expr_test.iter().filter_map(|expr| context.check_expr(expr, &rules).err()),
    );
    failures
}

fn alertname_missing(test: &Test, alert: &AlertTest) -> String {
    let group = match test.name.as_str() {
        "" => String::new(),
        name => format!(" (in TestGroup {name})"),
    };
    let time = duration::display(alert.eval_time.0);
    format!(
        "an item under alert_rule_test misses required attribute alertname at eval_time {time}{group}"
    )
}

impl Context<'_> {
    /// Reads the rules and the series of a test.
    fn load(&self, test: &Test) -> Result<RuleTest, Vec<String>> {
        let step = test.interval.or(self.interval);
        let mut series = Vec::with_capacity(test.input_series.len());
        for (index, input) in test.input_series.iter().enumerate() {
            let text = format!("{} {}", input.series, input.values);
            series.push(parse_series_description(&text).map_err(|error| {
                // The first line is that of the step.
                let column = error.line_column.map_or(1, |(_, column)| column);
                vec![format!("{}:{column}: parse error: {}", index + 2, error.problem)]
            })?);
        }
        let mut files = Vec::with_capacity(self.rule_files.len());
        for path in self.rule_files {
            let file = path.display().to_string();
            let text =
                fs::read_to_string(path).map_err(|error| vec![format!("{file}: {error}")])?;
            let rules = RuleFile::read(&text, self.read)
                .map_err(|error| file_failures(&file, &error.errors))?;
            files.push((file, rules));
        }
        let mut options = TestOptions::default();
        options.interval = self.interval;
        options.start_ms = test.start_timestamp.0;
        options.external_labels = Labels::from_pairs(&test.external_labels);
        options.external_url = test.external_url.clone();
        options.group_order = self.group_order.to_vec();
        options.parse = self.read.parse;
        options.engine.delayed_name_removal = self.delayed_name_removal;
        let files: Vec<_> =
            files.iter().map(|(file, rules)| (file.as_str(), rules.clone())).collect();
        let mut rules = RuleTest::new(&files, options);
        for series in series {
            rules.load(series, step);
        }
        Ok(rules)
    }

    fn check_alert(&self, test: &Test, alert: &AlertTest, rules: &RuleTest) -> Option<String> {
        let got = rules.firing(&alert.alertname).into_iter();
        let mut got: Vec<_> = got.map(|alert| (alert.labels, alert.annotations)).collect();
        let mut expected: Vec<_> = alert
            .exp_alerts
            .iter()
            .map(|expected| {
                let mut labels = expected.exp_labels.clone();
                labels.insert("alertname".to_owned(), alert.alertname.clone());
                (Labels::from_pairs(&labels), Labels::from_pairs(&expected.exp_annotations))
            })
            .collect();
        got.sort();
        expected.sort();
        if got == expected {
            return None;
        }
        let name = match test.name.as_str() {
            "" => String::new(),
            name => format!("    name: {name},\n"),
        };
        let head = format!(
            "{name}    alertname: {}, time: {}, ",
            alert.alertname,
            duration::display(alert.eval_time.0)
        );
        const INDENT: &str = "            ";
        if self.diff {
            let shown = diff(&expected, &got);
            return Some(format!("{head}\n        diff: {}", indent(&shown, INDENT)));
        }
        let (expected, got) = (alerts_text(&expected), alerts_text(&got));
        let (expected, got) = (indent(&expected, INDENT), indent(&got, INDENT));
        Some(format!("{head}\n        exp:{expected}, \n        got:{got}"))
    }

    fn check_expr(&self, test: &ExprTest, rules: &RuleTest) -> Result<(), String> {
        let head = || {
            let time = duration::display(test.eval_time.0);
            format!("    expr: {}, time: {time},", Quoted(&test.expr))
        };
        let failed = |error: String| format!("{} err: {error}", head());
        let expr =
            parse_with(&test.expr, &self.read.parse).map_err(|error| failed(error.to_string()))?;
        let got =
            rules.query(&expr, test.eval_time.0).map_err(|error| failed(error.to_string()))?;
        let got = got.into_iter().map(|sample| Shown {
            labels: sample.labels,
            value: sample.value,
            histogram: sample.histogram.map(|histogram| histogram.test_expression().to_string()),
        });
        let mut got: Vec<_> = got.collect();
        let mut expected = Vec::with_capacity(test.exp_samples.len());
        for sample in &test.exp_samples {
            let shown = expected_sample(&sample.labels, sample.value, &sample.histogram);
            expected.push(
                shown.map_err(|error| {
                    failed(format!("labels {}: {error}", Quoted(&sample.labels)))
                })?,
            );
        }
        got.sort_by(|left, right| left.labels.cmp(&right.labels));
        expected.sort_by(|left, right| left.labels.cmp(&right.labels));
        let is_same = got.len() == expected.len()
            && got.iter().zip(&expected).all(|(got, expected)| got.equals(expected, self.fuzzy));
        if is_same {
            return Ok(());
        }
        let (expected, got) = (samples_text(&expected), samples_text(&got));
        Err(format!("{}\n        exp: {expected}\n        got: {got}", head()))
    }
}

/// Returns what is wrong with a rule file. Keys that nobody knows count as one thing, as in the reference.
fn file_failures(file: &str, errors: &[RuleError]) -> Vec<String> {
    let lines: Vec<_> = errors.iter().map(|error| format!("{file}: {error}")).collect();
    match errors {
        [RuleError { problem: RuleProblem::UnknownField { .. }, .. }, ..] => vec![lines.join("\n")],
        _ => lines,
    }
}

/// A sample as it is compared and shown.
struct Shown {
    labels: Labels,
    value: f64,
    histogram: Option<String>,
}

impl Shown {
    fn equals(&self, other: &Self, fuzzy: bool) -> bool {
        let (left, right) = (self.value, other.value);
        let is_near = fuzzy && (left.next_up() == right || left.next_down() == right);
        self.labels == other.labels
            && self.histogram == other.histogram
            && (left == right || is_near)
    }
}

fn expected_sample(labels: &str, value: f64, histogram: &str) -> Result<Shown, String> {
    let labels = match labels.trim() {
        "" => Labels::empty(),
        labels => {
            parse_series_description(&format!("{labels} _")).map_err(|e| e.to_string())?.labels
        }
    };
    if histogram.is_empty() {
        return Ok(Shown { labels, value, histogram: None });
    }
    let series = parse_series_description(&format!("{{}} {histogram}"));
    let series = series.map_err(|error| error.to_string())?;
    match &series.values[..] {
        [SequenceValue::Histogram { histogram, .. }] => {
            let histogram = Some(histogram.test_expression().to_string());
            Ok(Shown { labels, value, histogram })
        }
        [other] => Err(format!("expected histogram, got {other}")),
        values => Err(format!("expected 1 value, got {}", values.len())),
    }
}

fn samples_text(samples: &[Shown]) -> String {
    if samples.is_empty() {
        return "nil".to_owned();
    }
    let texts = samples.iter().map(|sample| match &sample.histogram {
        Some(histogram) => format!("{} {histogram}", sample.labels),
        None => format!("{} {}", sample.labels, exponential(sample.value)),
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// Writes a number as Go's format `%E` does, with as many digits as it takes.
fn exponential(value: f64) -> String {
    let text = format!("{value:E}");
    let Some((digits, exponent)) = text.split_once('E') else {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = float::write_general(&mut out, value);
        return out;
    };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}E{sign}{exponent:0>2}")
}

fn alerts_text(alerts: &[(Labels, Labels)]) -> String {
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let texts = alerts.iter().enumerate().map(|(index, (labels, annotations))| {
        format!("\n{index}:\n  Labels:{labels}\n  Annotations:{annotations}")
    });
    format!("[{}\n]", texts.collect::<Vec<_>>().join(","))
}

/// Indents all lines but the first.
fn indent(text: &str, indent: &str) -> String {
    text.replace('\n', &format!("\n{indent}"))
}

/// Prints a duration as Go does: `1h0m5s`.
fn go_duration(ms: i64) -> String {
    let (sign, ms) = if ms < 0 { ("-", ms.unsigned_abs()) } else { ("", ms.unsigned_abs()) };
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let mut out = sign.to_owned();
    if hours > 0 {
        out += &format!("{hours}h");
    }
    if ms >= 60_000 {
        out += &format!("{minutes}m");
    }
    if ms > 0 && ms < 1_000 {
        return format!("{out}{ms}ms");
    }
    format!("{out}{}s", (ms % 60_000) as f64 / 1_000.0)
}
