use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use narthex_host::SimClock;
use narthex_model::Labels;
use narthex_model::histogram::FloatHistogram;
use narthex_promql::{Engine, EngineOptions};
use narthex_promql_parser::{Expr, ParseOptions, SequenceValue, SeriesDescription};
use narthex_storage::{AppendError, Appendable, MemoryStore, SampleValue, SeriesKey};

use crate::environment::{Environment, EvalError, Options, Parts, Settings, to_ms};
use crate::group::{Group, GroupStatus};
use crate::sample::FoundValue;
use crate::{Alert, Notify, RuleFile};

/// A test of rules, with series and a clock that are made up: an hour of evaluations takes milliseconds.
///
/// ```
/// use std::time::Duration;
///
/// use narthex_promql_parser::parse_series_description;
/// use narthex_rules::{ReadOptions, RuleFile, RuleTest, TestOptions};
///
/// let text = "groups: [{name: g, rules: [{alert: Down, expr: up == 0, for: 2m}]}]";
/// let file = RuleFile::read(text, &ReadOptions::default())?;
/// let mut test = RuleTest::new(&[("rules.yml", file)], TestOptions::default());
/// test.load(parse_series_description(r#"up{job="api"} 1 0 0 0"#)?, Duration::from_mins(1));
///
/// test.run(Duration::from_mins(2))?;
/// assert!(test.firing("Down").is_empty());
/// test.run(Duration::from_mins(3))?;
/// assert_eq!(test.firing("Down")[0].labels.to_string(), r#"{alertname="Down", job="api"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Every rule is evaluated at every step, whatever the interval of its group: as in tests of the
/// reference's `promtool test rules`.
#[derive(Debug)]
pub struct RuleTest {
    environment: Environment,
    store: Arc<MemoryStore>,
    groups: Vec<Group>,
    options: TestOptions,
    /// Samples that are yet to come, of each series.
    coming: Vec<(Labels, VecDeque<(i64, SequenceValue)>)>,
    /// The time of the next evaluation, in milliseconds since the Unix epoch.
    next_ms: i64,
}

/// How rules are tested.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TestOptions {
    /// How far evaluations are apart.
    pub interval: Duration,
    /// The time of the first evaluation, and of the first sample of series, in milliseconds since the
    /// Unix epoch.
    pub start_ms: i64,
    /// The labels of the server, which templates can show.
    pub external_labels: Labels,
    /// The address of the server, which templates can show.
    pub external_url: Box<str>,
    /// Names of groups, in the order in which they are evaluated. Those that are not named count as the
    /// first.
    pub group_order: Vec<Box<str>>,
    /// Which experimental parts of the language queries in templates may use.
    pub parse: ParseOptions,
    /// How expressions are evaluated.
    pub engine: EngineOptions,
}

impl Default for TestOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_mins(1),
            start_ms: 0,
            external_labels: Labels::empty(),
            external_url: Box::default(),
            group_order: Vec::new(),
            parse: ParseOptions::default(),
            engine: EngineOptions::default(),
        }
    }
}

/// Why a test cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleTestError {
    /// A sample of the series that were loaded was not taken: a rule wrote the series, too.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Rules failed.
    #[error("{}", lines(.0))]
    Rules(Vec<RuleFailure>),
}

/// A rule that failed in a test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule: {rule}, time: {time_ms} ms, err: {error}")]
pub struct RuleFailure {
    /// Its name.
    pub rule: Box<str>,
    /// The time of the evaluation, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// What was wrong.
    pub error: Box<str>,
}

/// One series that a query of a test found.
#[derive(Clone, Debug)]
pub struct TestSample {
    /// The labels.
    pub labels: Labels,
    /// The value; 0 where it is a native histogram.
    pub value: f64,
    /// The native histogram, where it is one.
    pub histogram: Option<Arc<FloatHistogram>>,
}

impl RuleTest {
    /// Returns a test of the rules in these files, each with its name.
    #[must_use]
    pub fn new(files: &[(&str, RuleFile)], options: TestOptions) -> Self {
        Self::telling(files, options, Arc::new(()))
    }

    /// Returns a test that tells somebody of alerts.
    #[must_use]
    pub fn telling(
        files: &[(&str, RuleFile)],
        mut options: TestOptions,
        notify: Arc<dyn Notify>,
    ) -> Self {
        options.engine.default_subquery_step_ms = to_ms(options.interval);
        let store = Arc::<MemoryStore>::default();
        let parts = Parts {
            engine: Engine::new(options.engine.clone()),
            queryable: store.clone(),
            appendable: store.clone(),
            notify,
            clock: Arc::<SimClock>::default(),
        };
        let evaluation = Options {
            parse: options.parse,
            external_url: options.external_url.clone(),
            ..Options::default()
        };
        let environment = Environment::new(parts, evaluation);
        let settings = Settings {
            interval: options.interval,
            external_labels: options.external_labels.clone(),
            ..Settings::default()
        };
        let groups = files.iter().flat_map(|(file, rules)| {
            rules.groups.iter().map(|group| Group::new(file, group, &settings, true))
        });
        let mut groups: Vec<Group> = groups.collect();
        let place = |name: &str| options.group_order.iter().position(|listed| **listed == *name);
        groups.sort_by_key(|group| place(&group.name).unwrap_or(0));
        environment.set_settings(settings);
        let next_ms = options.start_ms;
        Self { environment, store, groups, options, coming: Vec::new(), next_ms }
    }

    /// Adds a series, with a sample each `step` from the start on. It becomes visible as time goes on; one
    /// that was added before with the same labels is replaced.
    pub fn load(&mut self, series: SeriesDescription, step: Duration) {
        let step_ms = to_ms(step);
        let mut time_ms = self.options.start_ms;
        let samples = series.values.into_iter().map(|value| {
            let sample = (time_ms, value);
            time_ms = time_ms.saturating_add(step_ms);
            sample
        });
        let samples = samples.collect();
        match self.coming.iter_mut().find(|(labels, _)| *labels == series.labels) {
            Some(known) => known.1 = samples,
            None => self.coming.push((series.labels, samples)),
        }
    }

    /// Evaluates all groups up to `time` behind the start, one step after the other.
    ///
    /// # Errors
    ///
    /// Where a rule fails; the time does not go on then.
    pub fn run(&mut self, time: Duration) -> Result<(), RuleTestError> {
        let end_ms = self.options.start_ms.saturating_add(to_ms(time));
        while self.next_ms <= end_ms {
            self.step()?;
        }
        Ok(())
    }

    /// Evaluates all groups once, at the next step. Returns its time in milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// As [`RuleTest::run`].
    pub fn step(&mut self) -> Result<i64, RuleTestError> {
        let time_ms = self.next_ms;
        self.append_until(time_ms)?;
        let mut failures = Vec::new();
        for group in &self.groups {
            group.evaluate(&self.environment, time_ms);
            for rule in group.status().rules {
                let rule_name = rule.rule.name.clone();
                failures.extend(rule.last_error.map(|error| RuleFailure {
                    rule: rule_name,
                    time_ms,
                    error,
                }));
            }
        }
        if !failures.is_empty() {
            return Err(RuleTestError::Rules(failures));
        }
        self.next_ms = time_ms.saturating_add(to_ms(self.options.interval).max(1));
        Ok(time_ms)
    }

    /// Returns the alerts with this name that fire, in the order of groups, rules and labels.
    #[must_use]
    pub fn firing(&self, alert: &str) -> Vec<Alert> {
        let rules = self.groups().into_iter().flat_map(|group| group.rules);
        let named = rules.filter(|rule| rule.rule.is_alerting() && *rule.rule.name == *alert);
        let alerts = named.flat_map(|rule| rule.alerts);
        alerts.filter(|alert| alert.state == crate::AlertState::Firing).collect()
    }

    /// Returns all groups, in the order in which they are evaluated.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupStatus> {
        self.groups.iter().map(Group::status).collect()
    }

    /// Evaluates an expression at a time behind the start, over the series that were loaded and those that
    /// rules wrote.
    ///
    /// # Errors
    ///
    /// Where it has no answer.
    pub fn query(&self, expr: &Expr, time: Duration) -> Result<Vec<TestSample>, EvalError> {
        let time_ms = self.options.start_ms.saturating_add(to_ms(time));
        let found = self.environment.query(expr, time_ms)?;
        let samples = found.into_iter().map(|found| TestSample {
            value: found.value.float(),
            labels: found.labels,
            histogram: match found.value {
                FoundValue::Float(_) => None,
                FoundValue::Histogram(histogram) => Some(histogram),
            },
        });
        Ok(samples.collect())
    }

    /// Returns the store with all series so far.
    #[must_use]
    pub fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn append_until(&mut self, time_ms: i64) -> Result<(), AppendError> {
        let mut appender = self.store.appender();
        for (labels, samples) in &mut self.coming {
            while let Some((sample_ms, value)) = samples.pop_front_if(|(at, _)| *at <= time_ms) {
                let value = match &value {
                    SequenceValue::Float(value) => SampleValue::Float(*value),
                    SequenceValue::Histogram { histogram, .. } => {
                        SampleValue::FloatHistogram(histogram)
                    }
                    _ => continue,
                };
                appender.append(SeriesKey::Labels(labels), sample_ms, value)?;
            }
        }
        appender.commit()?;
        Ok(())
    }
}

fn lines(failures: &[RuleFailure]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
