//! The files of `promtool test rules`.

use std::collections::BTreeMap;
use std::time::Duration;

use narthex_model::duration;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// One file: rules, and tests of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestFile {
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) rule_files: Vec<String>,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) evaluation_interval: DurationText,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) group_eval_order: Vec<Box<str>>,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) tests: Vec<Test>,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) fuzzy_compare: bool,
}

/// Series, and what rules and expressions must come to over them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) interval: DurationText,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) input_series: Vec<InputSeries>,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) alert_rule_test: Vec<AlertTest>,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) promql_expr_test: Vec<ExprTest>,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) external_labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) external_url: Box<str>,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) start_timestamp: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputSeries {
    pub(super) series: String,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) values: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertTest {
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) eval_time: DurationText,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) alertname: String,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) exp_alerts: Vec<ExpectedAlert>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedAlert {
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) exp_labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) exp_annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExprTest {
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) expr: String,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) eval_time: DurationText,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) exp_samples: Vec<ExpectedSample>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedSample {
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) labels: String,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) value: f64,
    #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
    pub(super) histogram: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DurationText(pub(super) Duration);

impl DurationText {
    /// Returns another duration in the place of zero.
    pub(super) fn or(self, other: Duration) -> Duration {
        if self.0.is_zero() { other } else { self.0 }
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::parse(&text).map(Self).map_err(D::Error::custom)
    }
}

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timestamp(pub(super) i64);

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time_ms = narthex_server::parse_time(&text);
        time_ms.map(Self).ok_or_else(|| D::Error::custom("expected a time"))
    }
}
