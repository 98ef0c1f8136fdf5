//! Classic histograms, whose buckets are series of their own, as native ones with custom buckets.

use super::{Buckets, CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram};
use crate::float::write_general;

/// Collects the samples of one classic histogram at one time: `_bucket`, `_sum` and `_count`.
///
/// # Examples
///
/// ```
/// use narthex_model::histogram::ClassicHistogram;
///
/// let mut classic = ClassicHistogram::default();
/// classic.set_bucket(0.5, 3.0)?;
/// classic.set_bucket(f64::INFINITY, 4.0)?;
/// classic.set_sum(2.0);
/// let native = classic.to_float()?;
/// assert_eq!((&*native.custom_bounds, &*native.positive.counts), (&[0.5][..], &[3.0, 1.0][..]));
/// # Ok::<(), narthex_model::histogram::ClassicError>(())
/// ```
///
/// # Source
///
/// Prometheus `util/convertnhcb`.
#[derive(Clone, Debug, Default)]
pub struct ClassicHistogram {
    /// Upper bounds and the observations up to them, in order of the bounds.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// Why samples are no classic histogram. The messages are the reference's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClassicError {
    /// A bound is NaN.
    #[error("bucket boundary must not be NaN")]
    BoundNan,
    /// A bucket holds fewer observations than none.
    #[error("bucket count must be non-negative: le={}, count={}", General(*.bound), General(*.count))]
    NegativeBucket {
        /// The upper bound.
        bound: f64,
        /// The count.
        count: f64,
    },
    /// There are fewer observations than none.
    #[error("count must be non-negative: count={}", General(*.0))]
    NegativeCount(f64),
    /// A bucket holds more observations than the next, which includes it.
    #[error("count is not cumulative: {} < {}", General(*.upper), General(*.lower))]
    NotCumulative {
        /// The count of the bucket with the greater bound.
        upper: f64,
        /// The count of the bucket with the smaller bound.
        lower: f64,
    },
    /// The last bucket does not hold all observations.
    #[error("count mismatch: count={} != le=+Inf count={}", General(*.count), General(*.last))]
    CountMismatch {
        /// The number of observations.
        count: f64,
        /// The count of the last bucket.
        last: f64,
    },
}

impl ClassicHistogram {
    /// Adds a bucket: its upper bound, and the number of observations up to there. Of two with one
    /// bound the first counts.
    ///
    /// # Errors
    ///
    /// Where the bucket does not go together with the others; it is left out.
    pub fn set_bucket(&mut self, bound: f64, count: f64) -> Result<(), ClassicError> {
        if bound.is_nan() {
            return Err(ClassicError::BoundNan);
        }
        if count < 0.0 {
            return Err(ClassicError::NegativeBucket { bound, count });
        }
        let index = self.buckets.partition_point(|(other, _)| *other < bound);
        if self.buckets.get(index).is_some_and(|(other, _)| *other == bound) {
            return Ok(());
        }
        let lower = index.checked_sub(1).map_or(0.0, |before| self.buckets[before].1);
        let upper = self.buckets.get(index).map_or(f64::INFINITY, |(_, count)| *count);
        if count < lower {
            return Err(ClassicError::NotCumulative { upper: count, lower });
        }
        if count > upper {
            return Err(ClassicError::NotCumulative { upper, lower: count });
        }
        self.buckets.insert(index, (bound, count));
        Ok(())
    }

    /// Sets the number of observations. Without it, the last bucket holds all.
    ///
    /// # Errors
    ///
    /// [`ClassicError::NegativeCount`].
    pub fn set_count(&mut self, count: f64) -> Result<(), ClassicError> {
        if count < 0.0 {
            return Err(ClassicError::NegativeCount(count));
        }
        self.count = Some(count);
        Ok(())
    }

    /// Sets the sum of the observations.
    pub fn set_sum(&mut self, sum: f64) {
        self.sum = sum;
    }

    /// Forgets all samples and keeps the memory.
    pub fn clear(&mut self) {
        self.buckets.clear();
        self.count = None;
        self.sum = 0.0;
    }

    /// Returns the histogram with custom buckets. A bucket without an upper bound is added where
    /// there is none.
    ///
    /// # Errors
    ///
    /// [`ClassicError::CountMismatch`].
    pub fn to_float(&self) -> Result<FloatHistogram, ClassicError> {
        let Cumulative { bounded, total } = self.cumulative()?;
        let counts = bounded.iter().map(|(_, count)| *count).chain([total]);
        let mut before = 0.0;
        let differences = counts.map(|count| count - std::mem::replace(&mut before, count));
        let mut histogram = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: total,
            sum: self.sum,
            positive: (0..).zip(differences).collect::<Buckets<f64>>(),
            custom_bounds: bounded.iter().map(|(bound, _)| *bound).collect(),
            ..FloatHistogram::default()
        };
        histogram.compact();
        Ok(histogram)
    }

    /// Returns the same with integers for counts, or `None` where one is no integer. One or two
    /// empty buckets between others are kept, since a span would take no less memory.
    ///
    /// # Errors
    ///
    /// [`ClassicError::CountMismatch`].
    pub fn to_integer(&self) -> Result<Option<Histogram>, ClassicError> {
        let Cumulative { bounded, total } = self.cumulative()?;
        let counts = bounded.iter().map(|(_, count)| *count).chain([total]);
        let Some(counts) = counts.map(to_integer).collect::<Option<Vec<i64>>>() else {
            return Ok(None);
        };
        let count = counts.last().map_or(0, |count| count.unsigned_abs());
        let mut before = 0;
        let in_buckets = counts.iter().map(|count| count - std::mem::replace(&mut before, *count));
        Ok(Some(Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            positive: compact(in_buckets),
            custom_bounds: bounded.iter().map(|(bound, _)| *bound).collect(),
            ..Histogram::default()
        }))
    }

    fn cumulative(&self) -> Result<Cumulative<'_>, ClassicError> {
        let last = self.buckets.last().copied();
        let count = self.count.or(last.map(|(_, count)| count)).unwrap_or(0.0);
        let infinite = last.filter(|(bound, _)| *bound == f64::INFINITY);
        let bounded = &self.buckets[..self.buckets.len() - usize::from(infinite.is_some())];
        let in_buckets = infinite.map_or(count, |(_, count)| count);
        // NaN is no count either.
        if count != in_buckets || count.is_nan() {
            return Err(ClassicError::CountMismatch { count, last: in_buckets });
        }
        Ok(Cumulative { bounded, total: count })
    }
}

/// The buckets of a classic histogram that fits together.
struct Cumulative<'a> {
    /// Those with an upper bound: it, and the observations up to there.
    bounded: &'a [(f64, f64)],
    /// All observations.
    total: f64,
}

/// Returns a count that is an integer of 63 bits.
#[expect(clippy::cast_possible_truncation, reason = "the cast is exact where it comes to it")]
fn to_integer(count: f64) -> Option<i64> {
    let fits = (0.0..9_223_372_036_854_775_808.0).contains(&count) && count.fract() == 0.0;
    fits.then_some(count as i64)
}

/// Returns buckets that hold differences, without runs of more than two empty ones, or such at an
/// end.
///
/// # Source
///
/// `compactBuckets` in Prometheus `model/histogram/generic.go`, with two empty buckets at most.
fn compact(counts: impl Iterator<Item = i64>) -> Buckets<i64> {
    let mut kept: Vec<(i32, i64)> = Vec::new();
    let mut run = Vec::new();
    for (index, count) in (0..).zip(counts) {
        if count == 0 {
            run.push((index, 0));
            continue;
        }
        if run.len() <= 2 && !kept.is_empty() {
            kept.append(&mut run);
        }
        run.clear();
        kept.push((index, count));
    }
    let mut before = 0;
    let difference =
        |(index, count): (i32, i64)| (index, count - std::mem::replace(&mut before, count));
    kept.into_iter().map(difference).collect()
}

/// A number as the reference prints it by default.
struct General(f64);

impl std::fmt::Display for General {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_general(f, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ClassicHistogram;

    /// Bounds and counts.
    type Buckets = &'static [(f64, f64)];

    /// Returns bounds, counts, count and sum, or the error.
    fn convert(buckets: &[(f64, f64)], count: Option<f64>) -> String {
        let mut classic = ClassicHistogram::default();
        let collected = buckets
            .iter()
            .try_for_each(|(bound, count)| classic.set_bucket(*bound, *count))
            .and_then(|()| count.map_or(Ok(()), |count| classic.set_count(count)));
        classic.set_sum(7.0);
        match collected.and_then(|()| classic.to_float()) {
            Ok(native) => {
                assert_eq!(native.validate(), Ok(()));
                let counts: Vec<_> = native.positive.iter().collect();
                format!("{:?} {counts:?} {} {}", native.custom_bounds, native.count, native.sum)
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn buckets_become_custom_ones() {
        const INF: f64 = f64::INFINITY;
        let cases: [(Buckets, Option<f64>, &str); 14] = [
            (
                &[(1.0, 2.0), (5.0, 2.0), (INF, 3.0)],
                Some(3.0),
                "[1.0, 5.0] [(0, 2.0), (2, 1.0)] 3 7",
            ),
            (&[(INF, 3.5), (1.0, 2.0)], None, "[1.0] [(0, 2.0), (1, 1.5)] 3.5 7"),
            (&[(1.0, 2.0)], None, "[1.0] [(0, 2.0)] 2 7"),
            (&[(1.0, 2.0)], Some(5.0), "[1.0] [(0, 2.0), (1, 3.0)] 5 7"),
            (&[(1.0, 2.0), (1.0, 9.0)], None, "[1.0] [(0, 2.0)] 2 7"),
            (&[], Some(4.0), "[] [(0, 4.0)] 4 7"),
            (&[], None, "[] [] 0 7"),
            (&[(f64::NAN, 1.0)], None, "bucket boundary must not be NaN"),
            (&[(1.0, -2.0)], None, "bucket count must be non-negative: le=1, count=-2"),
            (&[(1.0, 3.0), (2.0, 2.0)], None, "count is not cumulative: 2 < 3"),
            (&[(2.0, 2.0), (1.0, 3.0)], None, "count is not cumulative: 2 < 3"),
            (&[], Some(-1.0), "count must be non-negative: count=-1"),
            (&[(INF, 3.0)], Some(4.0), "count mismatch: count=4 != le=+Inf count=3"),
            (&[], Some(f64::NAN), "count mismatch: count=NaN != le=+Inf count=NaN"),
        ];
        for (buckets, count, expected) in cases {
            assert_eq!(convert(buckets, count), expected, "{buckets:?} {count:?}");
        }
    }
}
