use std::time::Duration;

/// What the owner of an engine decides once for all its queries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineOptions {
    /// How long a sample stands for its series where no newer one is found, in milliseconds.
    pub lookback_delta_ms: i64,
    /// The most samples that a query may hold at a time, counted as
    /// [`SampleStats::peak`](crate::SampleStats) is.
    pub max_samples: usize,
    /// The distance of the steps of a subquery that names none, in milliseconds.
    pub default_subquery_step_ms: i64,
    /// Whether the name, type and unit of a metric stay until the end of the query where its values
    /// have become something else, for `by (__name__)` and `label_replace` to see:
    /// `promql-delayed-name-removal`.
    pub delayed_name_removal: bool,
    /// Whether the label `__type__` tells counters, and not the end of the metric's name:
    /// `type-and-unit-labels`.
    pub type_and_unit_labels: bool,
    /// Whether `rate`, `irate`, `increase` and `resets` heed the start timestamps of samples, and
    /// `start_timestamp` returns them: `use-start-timestamps`.
    pub use_start_timestamps: bool,
    /// Whether queries are answered as by the version of the reference that follows 3.14, which is
    /// what its test scripts expect, where the release answers otherwise: `info` looks info series
    /// up at the time that `@` pins its argument to, instead of taking only those of that time and
    /// looking them up at each step; and remarks on observations of NaN stand at the histograms,
    /// instead of at the first argument.
    pub unreleased_changes: bool,
    /// What is counted of the samples that a query looks at.
    pub counting: Counting,
    /// Returns the time since some moment in the past. Without it no query is timed; see
    /// [`Answer::timings`](crate::Answer).
    pub clock: Option<fn() -> Duration>,
}

/// The reference's defaults.
impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_delta_ms: 5 * 60 * 1000,
            max_samples: 50_000_000,
            default_subquery_step_ms: 60 * 1000,
            delayed_name_removal: false,
            type_and_unit_labels: false,
            use_start_timestamps: false,
            unreleased_changes: false,
            counting: Counting::Totals,
            clock: None,
        }
    }
}

/// What is counted of the samples that a query looks at; see [`SampleStats`](crate::SampleStats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counting {
    /// Their totals, which costs next to nothing.
    #[default]
    Totals,
    /// How many are held at a time, too.
    Peak,
    /// All of it for each step, too: `promql-per-step-stats`.
    Steps,
}
