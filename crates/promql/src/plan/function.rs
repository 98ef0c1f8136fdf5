use narthex_model::Labels;

use crate::gomath;
use crate::instant_fn::{Summary, degrees, radians, sign};
use crate::range_fn::RangeFn;

/// A function of PromQL, as far as this evaluator has it.
#[derive(Clone, Debug)]
pub(crate) enum Function {
    /// One number of each window.
    OverRange(RangeFn),
    /// One where no window holds a sample, with these labels.
    AbsentOverTime(Labels),
    /// One number of each value.
    Math(fn(f64) -> f64),
    Round,
    Clamp,
    ClampMin,
    ClampMax,
    Date(DatePart),
    Time,
    Pi,
    MinOf,
    MaxOf,
    Vector,
    Scalar,
    /// The time of the step.
    Timestamp,
    /// The time of the sample, which the selector has put in place of the value.
    TimestampOfSample,
    /// Nothing: only a selector knows when its samples start, and then it says so itself.
    StartTimestamp,
    Absent(Labels),
    Sort {
        descending: bool,
    },
    SortByLabel {
        descending: bool,
    },
    HistogramQuantile,
    HistogramFraction,
    LabelReplace,
    LabelJoin,
    HistogramQuantiles,
    /// A number of each native histogram.
    Summary(Summary),
}

/// What part of a date a function shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatePart {
    Minute,
    Hour,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    DaysInMonth,
    Month,
    Year,
}

impl Function {
    /// Returns the function called `name`, or `None` where it is not implemented.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        let math = Self::Math;
        Some(match name {
            "abs" => math(f64::abs),
            "absent" => Self::Absent(Labels::empty()),
            "absent_over_time" => Self::AbsentOverTime(Labels::empty()),
            "acos" => math(gomath::acos),
            "acosh" => math(gomath::acosh),
            "asin" => math(gomath::asin),
            "asinh" => math(gomath::asinh),
            "atan" => math(gomath::atan),
            "atanh" => math(gomath::atanh),
            "ceil" => math(f64::ceil),
            "clamp" => Self::Clamp,
            "clamp_max" => Self::ClampMax,
            "clamp_min" => Self::ClampMin,
            "cos" => math(gomath::cos),
            "cosh" => math(gomath::cosh),
            "day_of_month" => Self::Date(DatePart::DayOfMonth),
            "day_of_week" => Self::Date(DatePart::DayOfWeek),
            "day_of_year" => Self::Date(DatePart::DayOfYear),
            "days_in_month" => Self::Date(DatePart::DaysInMonth),
            "deg" => math(degrees),
            "exp" => math(gomath::exp),
            "floor" => math(f64::floor),
            "histogram_avg" => Self::Summary(Summary::Avg),
            "histogram_count" => Self::Summary(Summary::Count),
            "histogram_fraction" => Self::HistogramFraction,
            "histogram_quantile" => Self::HistogramQuantile,
            "histogram_quantiles" => Self::HistogramQuantiles,
            "histogram_stddev" => Self::Summary(Summary::Stddev),
            "histogram_stdvar" => Self::Summary(Summary::Stdvar),
            "histogram_sum" => Self::Summary(Summary::Sum),
            "hour" => Self::Date(DatePart::Hour),
            "label_join" => Self::LabelJoin,
            "label_replace" => Self::LabelReplace,
            "ln" => math(gomath::ln),
            "log10" => math(gomath::log10),
            "log2" => math(gomath::log2),
            "max_of" => Self::MaxOf,
            "min_of" => Self::MinOf,
            "minute" => Self::Date(DatePart::Minute),
            "month" => Self::Date(DatePart::Month),
            "pi" => Self::Pi,
            "rad" => math(radians),
            "round" => Self::Round,
            "scalar" => Self::Scalar,
            "sgn" => math(sign),
            "sin" => math(gomath::sin),
            "sinh" => math(gomath::sinh),
            "sort" => Self::Sort { descending: false },
            "sort_desc" => Self::Sort { descending: true },
            "sort_by_label" => Self::SortByLabel { descending: false },
            "sort_by_label_desc" => Self::SortByLabel { descending: true },
            "sqrt" => math(f64::sqrt),
            "start_timestamp" => Self::StartTimestamp,
            "tan" => math(gomath::tan),
            "tanh" => math(gomath::tanh),
            "time" => Self::Time,
            "timestamp" => Self::Timestamp,
            "vector" => Self::Vector,
            "year" => Self::Date(DatePart::Year),
            name => Self::OverRange(RangeFn::by_name(name)?),
        })
    }
}
