/// What is known about a counter reset between a histogram and the one before it in its series.
///
/// It is known where a program or a chunk says so; finding out costs a look at every bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ResetHint {
    /// Nothing.
    #[default]
    Unknown,
    /// There was a reset.
    Reset,
    /// There was none.
    NotReset,
    /// The histogram is a gauge, which rises and falls without resets.
    Gauge,
}
