//! The series that recorded templates ask for, and the queries that they ask.

use std::time::Duration;

use narthex_model::{Labels, float};
use narthex_template::QuerySample;
use serde_json::Value;

/// A clock that stands still.
pub(crate) fn still() -> Duration {
    Duration::ZERO
}

/// Series that can be asked for.
pub(crate) struct World {
    series: Vec<(Labels, f64)>,
}

impl World {
    pub(crate) fn new(contexts: &Value) -> Self {
        let series = contexts["series"].as_array().unwrap();
        let series =
            series.iter().map(|series| (labels(&series["labels"]), value(&series["value"])));
        Self { series: series.collect() }
    }

    /// Answers the queries of the recorded templates, which are few.
    pub(crate) fn query(&self, query: &str) -> Result<Vec<QuerySample>, String> {
        let scalar = |value: f64| Ok(vec![sample(Labels::empty(), value)]);
        let by =
            |label: &str, text: &str, value| sample(Labels::from_pairs([(label, text)]), value);
        match query {
            "sort_by_label(up, \"instance\")" => {
                Err("1:1: parse error: function \"sort_by_label\" is not enabled".to_owned())
            }
            "up{" => Err("1:4: parse error: unexpected end of input inside braces".to_owned()),
            "sum(up) by" => Err("1:11: parse error: unexpected end of input in grouping opts, \
                                 expected \"(\""
                .to_owned()),
            "rate(up)" => Err("1:6: parse error: expected type range vector in call to function \
                               \"rate\", got instant vector"
                .to_owned()),
            "up[5m]" | "'string'" => Err("rule result is not a vector or scalar".to_owned()),
            "" => Err("unknown position: parse error: no expression found in input".to_owned()),
            "1" => scalar(1.0),
            "1 / 0" => scalar(f64::INFINITY),
            "vector(0) / 0" => scalar(f64::NAN),
            "time() - time()" => scalar(0.0),
            "-vector(0)" => scalar(-0.0),
            "sum(mem)" => scalar(self.select("mem").iter().map(|(_, value)| value).sum()),
            "sum by (job) (up)" => Ok(vec![by("job", "api", 1.0), by("job", "db", 1.0)]),
            "count_values(\"__value__\", sum(up))" => Ok(vec![by("__value__", "2", 1.0)]),
            "sum(up{job=\"api\"})" => scalar(1.0),
            "topk(2, mem)" => Ok(samples(&self.sorted("mem", true)[..2])),
            "up == 0" => {
                let mut down = self.select("up");
                down.retain(|(_, value)| *value == 0.0);
                Ok(samples(&down))
            }
            _ => Ok(samples(&self.sorted_or_plain(query))),
        }
    }

    fn sorted_or_plain(&self, query: &str) -> Vec<(Labels, f64)> {
        let inner = |function: &str| query.strip_prefix(function)?.strip_suffix(')');
        match (inner("sort("), inner("sort_desc(")) {
            (Some(inner), _) => self.sorted(inner, false),
            (_, Some(inner)) => self.sorted(inner, true),
            _ => self.select(query),
        }
    }

    fn sorted(&self, selector: &str, descending: bool) -> Vec<(Labels, f64)> {
        let mut found = self.select(selector);
        found.sort_by(|(_, left), (_, right)| left.total_cmp(right));
        if descending {
            found.reverse();
        }
        found
    }

    /// Returns the series of `name` or of `name{label='value'}`.
    fn select(&self, selector: &str) -> Vec<(Labels, f64)> {
        let (name, condition) = selector.split_once('{').unwrap_or((selector, ""));
        let condition = condition.trim_end_matches('}').split_once('=');
        let mut found = self.series.clone();
        found.retain(|(labels, _)| {
            labels.metric_name() == name
                && condition.is_none_or(|(label, value)| {
                    labels.value(label) == value.trim_matches(['\'', '"'])
                })
        });
        found
    }
}

fn sample(labels: Labels, value: f64) -> QuerySample {
    QuerySample { labels, value: value.into() }
}

fn samples(found: &[(Labels, f64)]) -> Vec<QuerySample> {
    found.iter().map(|(labels, value)| sample(labels.clone(), *value)).collect()
}

/// Returns recorded labels.
pub(crate) fn labels(recorded: &Value) -> Labels {
    let pairs = recorded.as_object().unwrap().iter();
    Labels::from_pairs(pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap())))
}

/// Returns a recorded number.
pub(crate) fn value(recorded: &Value) -> f64 {
    match recorded.as_str().unwrap() {
        "NaN" => f64::NAN,
        text => float::parse(text).unwrap(),
    }
}
