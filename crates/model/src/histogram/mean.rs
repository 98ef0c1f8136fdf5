use super::{Added, FloatHistogram, HistogramError, HistogramSum};

/// A running mean of histograms that survives the overflow of their sum.
///
/// # Source
///
/// `avg` in Prometheus `promql/engine.go` and `avg_over_time` in `promql/functions.go`: the mean of a
/// compensated sum, until a number in the sum becomes infinite; from there on an incremental mean.
#[derive(Clone, Debug)]
pub struct HistogramMean {
    /// The sum, or the mean once the sum has overflowed.
    sum: HistogramSum,
    count: f64,
    is_incremental: bool,
    /// Above every number that the sum can hold, NaN aside.
    magnitude: f64,
}

impl HistogramMean {
    /// Begins with a histogram.
    #[must_use]
    pub fn new(first: FloatHistogram) -> Self {
        let magnitude = magnitude(&first);
        Self { sum: HistogramSum::new(first), count: 1.0, is_incremental: false, magnitude }
    }

    /// Takes a histogram into the mean.
    ///
    /// # Errors
    ///
    /// As [`FloatHistogram::add`]. The mean is of no use then.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Added, HistogramError> {
        self.count += 1.0;
        let mut settled = Added::default();
        if !self.is_incremental {
            self.magnitude += magnitude(other);
            if self.magnitude < MAGNITUDE_SAFE {
                return self.sum.add(other);
            }
            let mut sum = self.sum.clone();
            settled = sum.add(other)?;
            if !sum.rounded().has_overflow() {
                self.sum = sum;
                return Ok(settled);
            }
            self.is_incremental = true;
            self.sum.div(self.count - 1.0);
        }
        self.sum.mul((self.count - 1.0) / self.count);
        let mut share = other.clone();
        share.div(self.count);
        let added = self.sum.add(&share)?;
        Ok(Added {
            resets_collided: settled.resets_collided || added.resets_collided,
            bounds_differed: settled.bounds_differed || added.bounds_differed,
        })
    }

    /// Returns the mean.
    #[must_use]
    pub fn mean(mut self) -> FloatHistogram {
        if !self.is_incremental {
            self.sum.div(self.count);
        }
        self.sum.total()
    }
}

/// Returns the sum of the magnitudes of all numbers that [`FloatHistogram::has_overflow`] looks at.
fn magnitude(histogram: &FloatHistogram) -> f64 {
    let totals = [histogram.zero_count, histogram.count, histogram.sum];
    let counts = histogram.positive.counts.iter().chain(&histogram.negative.counts);
    let numbers = totals.iter().chain(counts).chain(&*histogram.custom_bounds);
    numbers.map(|number| number.abs()).sum()
}

/// Sums of numbers whose magnitudes do not add up to this are finite, however they are rounded. While
/// that is so, no copy of the sum is needed to go back to.
const MAGNITUDE_SAFE: f64 = f64::MAX / 16.0;
