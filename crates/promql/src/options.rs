/// What the owner of an engine decides once for all its queries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineOptions {
    /// How long a sample stands for its series where no newer one is found, in milliseconds.
    pub lookback_delta_ms: i64,
    /// The most samples that a query may hold at a time.
    pub max_samples: usize,
    /// The distance of the steps of a subquery that names none, in milliseconds.
    pub default_subquery_step_ms: i64,
    /// Whether `rate`, `irate`, `increase` and `resets` heed the start timestamps of samples, and
    /// `start_timestamp` returns them: `use-start-timestamps`.
    pub use_start_timestamps: bool,
}

/// The reference's defaults.
impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_delta_ms: 5 * 60 * 1000,
            max_samples: 50_000_000,
            default_subquery_step_ms: 60 * 1000,
            use_start_timestamps: false,
        }
    }
}
