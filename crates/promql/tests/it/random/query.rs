//! Random queries that are well typed.

use super::data::{LENGTH_MS, START_MS};
use super::splitmix::Random;

/// Writes one query.
pub(super) struct Generator<'a> {
    random: &'a mut Random,
    is_instant: bool,
}

const METRICS: [&str; 10] = [
    "requests_total",
    "temperature",
    "level",
    "busy_seconds_total",
    "latency_bucket",
    "build_info",
    "request_seconds",
    "body_bytes",
    "error_celsius",
    "mixed",
];
const HISTOGRAMS: [&str; 4] = ["request_seconds", "body_bytes", "error_celsius", "mixed"];
const MATCHERS: [&str; 10] = [
    r#"job="api""#,
    r#"job!="api""#,
    r#"job=~"a.*|db""#,
    r#"instance=~"[ab]:1""#,
    r#"instance!~"b.+""#,
    r#"code="200""#,
    r#"code!="""#,
    r#"le="+Inf""#,
    r#"version=~"1.*""#,
    r#"instance="nowhere""#,
];
const GROUPINGS: [&str; 9] = [
    "",
    "by (job) ",
    "by (instance) ",
    "by (job, instance) ",
    "by () ",
    "by (__name__, code) ",
    "without (instance) ",
    "without (code, le) ",
    "without () ",
];
const MATCHINGS: [&str; 12] = [
    "",
    "",
    "",
    "on (job, instance) ",
    "on (instance) ",
    "on (job, instance) group_left () ",
    "on (instance) group_left (version) ",
    "on (instance) group_right (version) ",
    "ignoring (code) ",
    "ignoring (code) group_left () ",
    "ignoring (code, version) group_right () ",
    "on () ",
];
const SET_MATCHINGS: [&str; 5] =
    ["", "on (job, instance) ", "on (instance) ", "ignoring (code, le) ", "on () "];
/// Functions of a range vector, and the scalars around it.
const OVER_TIME: [(&str, &str, &str); 27] = [
    ("rate", "", ""),
    ("rate", "", ""),
    ("increase", "", ""),
    ("increase", "", ""),
    ("irate", "", ""),
    ("delta", "", ""),
    ("idelta", "", ""),
    ("deriv", "", ""),
    ("predict_linear", "", ", S"),
    ("changes", "", ""),
    ("resets", "", ""),
    ("avg_over_time", "", ""),
    ("sum_over_time", "", ""),
    ("count_over_time", "", ""),
    ("min_over_time", "", ""),
    ("max_over_time", "", ""),
    ("first_over_time", "", ""),
    ("last_over_time", "", ""),
    ("present_over_time", "", ""),
    ("absent_over_time", "", ""),
    ("stddev_over_time", "", ""),
    ("stdvar_over_time", "", ""),
    ("quantile_over_time", "Q, ", ""),
    ("mad_over_time", "", ""),
    ("double_exponential_smoothing", "", ", 0.3, 0.7"),
    ("ts_of_max_over_time", "", ""),
    ("ts_of_min_over_time", "", ""),
];
/// Functions of one float whose digits are not the oracle's affair.
const TRANSCENDENTAL: [&str; 15] = [
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "log10", "sin",
    "sinh", "sqrt", "tan", "tanh",
];
const OF_HISTOGRAM: [&str; 5] =
    ["histogram_count", "histogram_sum", "histogram_avg", "histogram_stddev", "histogram_stdvar"];
const OF_VECTOR: [(&str, &str); 12] = [
    ("abs", ""),
    ("ceil", ""),
    ("floor", ""),
    ("ln", ""),
    ("log2", ""),
    ("sgn", ""),
    ("deg", ""),
    ("rad", ""),
    ("round", ""),
    ("round", ", 0.25"),
    ("clamp_min", ", S"),
    ("clamp_max", ", S"),
];
const DATES: [&str; 8] = [
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
];
const NUMBERS: [&str; 10] = ["0", "1", "2", "-1", "0.5", "3.25", "100", "1e300", "Inf", "NaN"];
const QUANTILES: [&str; 7] = ["0.5", "0.9", "0", "1", "0.333", "-1", "NaN"];
const RANGES: [&str; 11] = [
    "10s",
    "30s",
    "1m",
    "90s",
    "5m",
    "7m",
    "20m",
    "61s",
    "1m+step()",
    "3m-30s",
    "max_of(2m, range()/4)",
];

impl<'a> Generator<'a> {
    pub(super) fn new(random: &'a mut Random, is_instant: bool) -> Self {
        Self { random, is_instant }
    }

    pub(super) fn query(&mut self) -> String {
        let depth = 1 + self.random.below(4);
        match self.random.below(12) {
            0 if self.is_instant || self.random.one_in(10) => {
                let vector = self.vector(depth);
                let labels = self.pick(&["", r#""instance""#, r#""code", "job""#, r#""le""#]);
                match self.pick(&["sort", "sort_desc", "sort_by_label", "sort_by_label_desc"]) {
                    by_label if by_label.contains("label") && !labels.is_empty() => {
                        format!("{by_label}({vector}, {labels})")
                    }
                    by_value => format!("{}({vector})", by_value.replace("_by_label", "")),
                }
            }
            1 => self.scalar(depth),
            _ => self.vector(depth),
        }
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        *self.random.pick(of)
    }

    fn vector(&mut self, depth: u64) -> String {
        if depth == 0 {
            return self.selector();
        }
        let less = depth - 1;
        match self.random.below(24) {
            0 => self.selector(),
            20 => format!("{}({})", self.pick(&TRANSCENDENTAL), self.vector(less)),
            21..=23 => self.native_histogram(less),
            1..=6 => self.over_time(less),
            7..=10 => self.aggregation(less),
            11 | 12 => self.vectors(less),
            13 => self.sets(less),
            14 => {
                let (vector, scalar) = (self.vector(less), self.scalar(less));
                let op = self.operator();
                let (left, right) =
                    if self.random.one_in(2) { (vector, scalar) } else { (scalar, vector) };
                format!("({left} {op}{right})")
            }
            15 => {
                let (function, rest) = self.pick(&OF_VECTOR);
                let vector = self.vector(less);
                let rest = self.filled(rest, less);
                format!("{function}({vector}{rest})")
            }
            16 => self.relabelled(less),
            17 => self.histogram(less),
            18 => self.dated(less),
            _ => match self.random.below(6) {
                0 => format!("vector({})", self.scalar(less)),
                1 => format!("absent({})", self.vector(less)),
                2 => format!("timestamp({})", self.vector(less)),
                3 => format!("-{}", self.vector(0)),
                4 => format!("-({})", self.vector(less)),
                _ => {
                    let (vector, low, high) = (self.vector(less), self.scalar(0), self.scalar(0));
                    format!("clamp({vector}, {low}, {high})")
                }
            },
        }
    }

    fn scalar(&mut self, depth: u64) -> String {
        match self.random.below(if depth == 0 { 5 } else { 8 }) {
            0 => "time()".into(),
            1..=4 => self.pick(&NUMBERS).into(),
            5 => "pi()".into(),
            6 => format!("scalar({})", self.vector(depth - 1)),
            _ => {
                let (left, right) = (self.scalar(depth - 1), self.scalar(depth - 1));
                let op = self.pick(&["+", "-", "*", "/", "%", "== bool", "< bool"]);
                format!("({left} {op} {right})")
            }
        }
    }

    /// Puts scalars in place of the letters of a list of arguments.
    fn filled(&mut self, args: &str, depth: u64) -> String {
        let quantile = self.pick(&QUANTILES);
        let scalar = self.scalar(depth.min(1));
        args.replace('S', &scalar).replace('Q', quantile)
    }

    fn selector(&mut self) -> String {
        let selector = self.bare_selector();
        let selector = self.with_modifiers(selector);
        // A duration would go on with the operator behind it.
        if selector.ends_with(')') { format!("({selector})") } else { selector }
    }

    fn bare_selector(&mut self) -> String {
        let matchers: Vec<&str> = (0..self.random.below(3)).map(|_| self.pick(&MATCHERS)).collect();
        if self.random.one_in(12) {
            let names = self.pick(&["level|build_info", "requests_total|busy_.*", "level|nothing"]);
            let matchers: String = matchers.iter().map(|matcher| format!(", {matcher}")).collect();
            return format!(r#"{{__name__=~"{names}"{matchers}}}"#);
        }
        let metric = self.pick(&METRICS);
        if matchers.is_empty() {
            metric.into()
        } else {
            format!("{metric}{{{}}}", matchers.join(", "))
        }
    }

    /// Appends an offset or a time, or neither.
    fn with_modifiers(&mut self, mut text: String) -> String {
        if self.random.one_in(6) {
            text += self.pick(&[
                " offset 1m",
                " offset 7m13s",
                " offset -2m",
                " offset 4m",
                " offset (1m*2)",
                " offset -(step()+10s)",
            ]);
        }
        if self.random.one_in(20) {
            text += self.pick(&[" @ start()", " @ end()"]);
        } else if self.random.one_in(10) {
            let time_ms = START_MS + self.random.below(LENGTH_MS as u64) as i64;
            text += &format!(" @ {}.{:03}", time_ms / 1000, time_ms % 1000);
        }
        text
    }

    fn range(&mut self, depth: u64) -> String {
        let range = self.pick(&RANGES);
        if depth == 0 || !self.random.one_in(4) {
            let selector = self.bare_selector();
            return self.with_modifiers(format!("{selector}[{range}]"));
        }
        let step = self.pick(&["", "15s", "30s", "1m", "17s"]);
        let inner = self.vector(depth - 1);
        self.with_modifiers(format!("({inner})[{range}:{step}]"))
    }

    fn over_time(&mut self, depth: u64) -> String {
        let (function, before, after) = self.pick(&OVER_TIME);
        let range = self.range(depth);
        let (before, after) = (self.filled(before, depth), self.filled(after, depth));
        format!("{function}({before}{range}{after})")
    }

    fn aggregation(&mut self, depth: u64) -> String {
        let grouping = self.pick(&GROUPINGS);
        let vector = self.vector(depth);
        let simple = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
        match self.random.below(12) {
            0 => format!("quantile {grouping}({}, {vector})", self.pick(&QUANTILES)),
            1 => {
                let count = self.pick(&["1", "2", "3", "20", "0", "-1", "scalar(level)", "time()"]);
                format!(
                    "{} {grouping}({count}, {vector})",
                    self.pick(&["topk", "bottomk", "limitk"])
                )
            }
            3 => {
                let ratio = self.pick(&["0.5", "-0.5", "0", "0.9", "1", "-1", "1.5", "-7", "NaN"]);
                format!("limit_ratio {grouping}({ratio}, {vector})")
            }
            2 => {
                format!(r#"count_values {grouping}("{}", {vector})"#, self.pick(&["value", "job"]))
            }
            _ => format!("{} {grouping}({vector})", self.pick(&simple)),
        }
    }

    fn operator(&mut self) -> &'static str {
        self.pick(&[
            "+ ", "- ", "* ", "/ ", "% ", "== ", "!= ", "> ", "< ", ">= ", "<= ", "== bool ",
            "> bool ", "<= bool ", "^ ", "atan2 ", "</ ", ">/ ",
        ])
    }

    /// Two vectors under one operator. Most pairs of random vectors match nowhere, so that half of
    /// the pairs are of one kind.
    fn vectors(&mut self, depth: u64) -> String {
        let (op, matching) = (self.operator(), self.pick(&MATCHINGS));
        let fill = match self.random.below(8) {
            0 => "fill (0) ",
            1 => "fill_left (-1) ",
            2 => "fill_right (2.5) ",
            _ => "",
        };
        let left = self.vector(depth);
        let right = if self.random.one_in(2) { left.clone() } else { self.vector(depth) };
        format!("({left} {op}{matching}{fill}{right})")
    }

    fn sets(&mut self, depth: u64) -> String {
        let (left, right) = (self.vector(depth), self.vector(depth));
        let op = self.pick(&["and", "or", "unless"]);
        format!("({left} {op} {}{right})", self.pick(&SET_MATCHINGS))
    }

    fn relabelled(&mut self, depth: u64) -> String {
        let vector = self.vector(depth);
        let rest = self.pick(&[
            r#""code", "x$1", "instance", "(.).*""#,
            r#""job", "", "job", "api""#,
            r#""instance", "$2-$1", "instance", "(.):(.)""#,
            r#""__name__", "renamed", "job", "d.""#,
        ]);
        let joined = self.pick(&[
            r#""joined", "/", "job", "instance""#,
            r#""job", "", "code", "le""#,
            r#""instance", "-""#,
        ]);
        match self.random.one_in(2) {
            true => format!("label_replace({vector}, {rest})"),
            false => format!("label_join({vector}, {joined})"),
        }
    }

    fn histogram(&mut self, depth: u64) -> String {
        let range = self.pick(&RANGES);
        let buckets = match self.random.below(4) {
            0 => "latency_bucket".into(),
            1 => format!("rate(latency_bucket[{range}])"),
            2 => format!("sum by (le) (increase(latency_bucket[{range}]))"),
            _ => self.vector(depth),
        };
        match self.random.one_in(2) {
            true => format!("histogram_quantile({}, {buckets})", self.pick(&QUANTILES)),
            false => {
                let bounds = self.pick(&["0, 1", "0.05, 3", "-1, 0.1", "2, 1", "0.5, Inf"]);
                format!("histogram_fraction({bounds}, {buckets})")
            }
        }
    }

    /// What only native histograms have.
    fn native_histogram(&mut self, depth: u64) -> String {
        let range = self.pick(&RANGES);
        let metric = self.pick(&HISTOGRAMS);
        let histograms = match self.random.below(6) {
            0 => metric.into(),
            1 => format!("rate({metric}[{range}])"),
            2 => format!("sum by (job) (increase({metric}[{range}]))"),
            3 => format!("avg without (instance) ({metric})"),
            4 => {
                let value = self.pick(&["0", "0.5", "1", "3", "-0.7", "Inf"]);
                format!("({metric} {} {value})", self.pick(&["</", ">/"]))
            }
            _ => self.vector(depth),
        };
        let q = self.pick(&QUANTILES);
        match self.random.below(4) {
            0 => format!("{}({histograms})", self.pick(&OF_HISTOGRAM)),
            1 => format!("histogram_quantile({q}, {histograms})"),
            2 => {
                let bounds = self.pick(&["0, 1", "0.05, 3", "-1, 0.1", "2, 1", "0.5, Inf"]);
                format!("histogram_fraction({bounds}, {histograms})")
            }
            _ => format!(r#"histogram_quantiles({histograms}, "q", {q}, 0.5)"#),
        }
    }

    fn dated(&mut self, depth: u64) -> String {
        let part = self.pick(&DATES);
        match self.random.below(3) {
            0 => format!("{part}()"),
            1 => format!("{part}(vector(time() + {}))", self.random.below(100_000_000)),
            _ => format!("{part}(timestamp({}))", self.vector(depth)),
        }
    }
}
