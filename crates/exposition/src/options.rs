/// What a reader makes of a page. By default it takes what the page says as it is said, without
/// native histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Whether native histograms are read. Otherwise their classic buckets are, and a histogram
    /// without any is read as a classic one with the infinite bucket alone.
    pub native_histograms: bool,
    /// Whether classic histograms become native ones with custom buckets.
    pub convert_classic_histograms: bool,
    /// Whether a classic histogram is read, too, where it is also there as a native one, or becomes
    /// one.
    pub keep_classic_histograms: bool,
    /// Whether start timestamps are looked for in OpenMetrics, where they are series with the suffix
    /// `_created`. Those series of counters, histograms and summaries are then no entries.
    pub start_timestamps: bool,
}
