use std::time::Duration;

use crate::Grid;

/// How many samples a query looked at, in the reference's reckoning.
///
/// It is what the reference would say, which evaluates step by step and holds the result of every
/// part in full; this evaluator holds less. A native histogram counts as one sample for every 16
/// bytes of its size.
///
/// # Source
///
/// `QuerySamples` in Prometheus `util/stats/query_stats.go`, and where `promql/engine.go` counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SampleStats {
    /// The samples that the steps looked at, those of the store and of subqueries: one that lies in
    /// the windows of several steps counts for each of them.
    pub total: u64,
    /// The samples that had to be read for that: one that lies in the windows of several steps
    /// counts once.
    pub read: u64,
    /// The most samples held at a time, where [`Counting`](crate::Counting) asks for it. It depends a
    /// little on the order in which the store returns series.
    /// [`EngineOptions::max_samples`](crate::EngineOptions) limits it whether it is asked for or not.
    pub peak: Option<u64>,
    /// The samples of each step, where [`Counting::Steps`](crate::Counting) asks for them.
    pub steps: Option<StepStats>,
}

/// How many samples each step of a query looked at; see [`SampleStats`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepStats {
    /// The steps.
    pub grid: Grid,
    /// [`SampleStats::total`] by step.
    pub total: Vec<u64>,
    /// [`SampleStats::read`] by step.
    pub read: Vec<u64>,
}

/// How long the parts of an evaluation took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// Planning, and selecting the series.
    pub prepare: Duration,
    /// Evaluating.
    pub evaluate: Duration,
    /// Sorting the series of the result.
    pub sort: Duration,
}
