use crate::Labels;

/// One event that a sample counted, with what to find it by: mostly the id of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// What to find the event by.
    pub labels: Labels,
    /// The value that was observed.
    pub value: f64,
    /// When it happened, in milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// Whether the time is the target's own, and not that of the scrape.
    pub has_own_timestamp: bool,
}

impl Exemplar {
    /// Returns whether both tell of one event: a target that gives no times exposes the same
    /// exemplar scrape after scrape.
    ///
    /// ```
    /// use narthex_model::{Exemplar, Labels};
    ///
    /// let labels = Labels::from_pairs([("trace_id", "7f")]);
    /// let first = Exemplar { labels, value: 0.25, timestamp_ms: 1_000, has_own_timestamp: false };
    /// let scraped_again = Exemplar { timestamp_ms: 2_000, ..first.clone() };
    /// assert!(first.is_same_event(&scraped_again));
    /// ```
    ///
    /// # Source
    ///
    /// `Exemplar.Equals` in Prometheus `model/exemplar/exemplar.go`.
    #[must_use]
    pub fn is_same_event(&self, other: &Self) -> bool {
        let heeds_time = self.has_own_timestamp || other.has_own_timestamp;
        self.labels == other.labels
            && (!heeds_time || self.timestamp_ms == other.timestamp_ms)
            && self.value == other.value
    }

    /// Returns how many characters the names and values of the labels have.
    #[must_use]
    pub fn label_chars(&self) -> usize {
        let chars = |text: &str| text.chars().count();
        self.labels.iter().map(|(name, value)| chars(name) + chars(value)).sum()
    }
}

/// The most characters that the names and values of an exemplar's labels may have together.
///
/// # Source
///
/// The OpenMetrics specification 1.0, "Exemplars".
pub const EXEMPLAR_LABEL_CHARS_MAX: usize = 128;
