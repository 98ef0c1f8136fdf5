use std::sync::Arc;

use super::bounds::shared_bounds;
use super::compact::unzip;
use super::merge::{into_shared_bounds, merge};
use super::resolution::join;
use super::schema::coarser_index;
use super::{Added, Buckets, FloatHistogram, HistogramError, kahan};

/// A running sum of histograms that carries along, for each bucket, what rounding has lost.
///
/// ```
/// use narthex_model::histogram::{FloatHistogram, HistogramSum};
///
/// let histogram = |count| FloatHistogram { count, ..FloatHistogram::default() };
/// let mut sum = HistogramSum::new(histogram(1e17));
/// for _ in 0..10 {
///     sum.add(&histogram(1.0))?;
/// }
/// assert_eq!(sum.total().count, 1e17 + 10.0 + 6.0);
/// # Ok::<(), narthex_model::histogram::HistogramError>(())
/// ```
///
/// # Source
///
/// `FloatHistogram.KahanAdd` in Prometheus `model/histogram/float_histogram.go`.
#[derive(Clone, Debug)]
pub struct HistogramSum {
    sum: FloatHistogram,
    /// In the layout of the sum, and there after the first addition.
    lost: Option<FloatHistogram>,
}

impl HistogramSum {
    /// Begins with a histogram.
    #[must_use]
    pub fn new(first: FloatHistogram) -> Self {
        Self { sum: first, lost: None }
    }

    /// Returns the sum as it is without what was lost.
    #[must_use]
    pub fn rounded(&self) -> &FloatHistogram {
        &self.sum
    }

    /// Adds a histogram as [`FloatHistogram::add`] does.
    ///
    /// # Errors
    ///
    /// As [`FloatHistogram::add`].
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Added, HistogramError> {
        let resets_collided = self.sum.agree_on_kind(other)?;
        let lost = self.lost.get_or_insert_with(|| without_counts(&self.sum));
        let sum = &mut self.sum;
        let bounds_differed = sum.has_custom_buckets() && sum.custom_bounds != other.custom_bounds;
        if !sum.has_custom_buckets() {
            let zero = sum.reconcile_zero(other, Some(lost));
            kahan::add(&mut sum.zero_count, &mut lost.zero_count, zero.count);
            kahan::add(&mut sum.zero_count, &mut lost.zero_count, zero.compensation);
        }
        kahan::add(&mut sum.count, &mut lost.count, other.count);
        kahan::add(&mut sum.sum, &mut lost.sum, other.sum);
        if bounds_differed {
            add_in_shared_bounds(sum, lost, other);
        } else {
            add_buckets(sum, lost, other);
        }
        lost.schema = sum.schema;
        lost.zero_threshold = sum.zero_threshold;
        Ok(Added { resets_collided, bounds_differed })
    }

    /// Multiplies all counts and the sum, as [`FloatHistogram::mul`] does.
    pub fn mul(&mut self, factor: f64) {
        self.sum.mul(factor);
        if let Some(lost) = &mut self.lost {
            lost.mul(factor);
        }
    }

    /// Divides all counts and the sum, as [`FloatHistogram::div`] does.
    pub fn div(&mut self, divisor: f64) {
        self.sum.div(divisor);
        if let Some(lost) = &mut self.lost {
            lost.div(divisor);
        }
    }

    /// Returns the sum with what was lost.
    #[must_use]
    pub fn total(self) -> FloatHistogram {
        let Self { mut sum, lost } = self;
        if let Some(lost) = lost {
            sum.add(&lost).expect("both have the same kind of buckets");
        }
        sum
    }
}

/// Returns a histogram with the buckets of `sum`, all of them empty.
fn without_counts(sum: &FloatHistogram) -> FloatHistogram {
    let empty = |buckets: &Buckets<f64>| Buckets {
        spans: buckets.spans.clone(),
        counts: vec![0.0; buckets.counts.len()],
    };
    FloatHistogram {
        reset_hint: sum.reset_hint,
        schema: sum.schema,
        zero_threshold: sum.zero_threshold,
        positive: empty(&sum.positive),
        negative: empty(&sum.negative),
        custom_bounds: Arc::clone(&sum.custom_bounds),
        ..FloatHistogram::default()
    }
}

fn add_in_shared_bounds(
    sum: &mut FloatHistogram,
    lost: &mut FloatHistogram,
    other: &FloatHistogram,
) {
    let shared: Vec<f64> = shared_bounds(&sum.custom_bounds, &other.custom_bounds).collect();
    let both = into_shared_bounds(
        (&sum.positive, &sum.custom_bounds, &lost.positive.counts),
        (&other.positive, &other.custom_bounds, |count| count),
        &shared,
    );
    (sum.positive, lost.positive) = unzip(both);
    sum.custom_bounds = shared.into();
    lost.custom_bounds = Arc::clone(&sum.custom_bounds);
}

fn add_buckets(sum: &mut FloatHistogram, lost: &mut FloatHistogram, other: &FloatHistogram) {
    let (from, to) = (sum.schema, sum.schema.min(other.schema));
    sum.schema = to;
    let in_zero = sum.in_zero();
    let sides = [
        (&mut sum.positive, &mut lost.positive, &other.positive),
        (&mut sum.negative, &mut lost.negative, &other.negative),
    ];
    for (sums, losses, others) in sides {
        let reaches_zero = others.iter().next().is_some_and(|(index, _)| in_zero(index));
        if from == other.schema && !reaches_zero && sums.same_layout(others) {
            let own = sums.counts.iter_mut().zip(&mut losses.counts);
            for ((sum, lost), count) in own.zip(&others.counts) {
                kahan::add(sum, lost, *count);
            }
            continue;
        }
        let own = sums.iter().zip(&losses.counts).map(|((index, sum), lost)| (index, (sum, *lost)));
        let own = coarser_pairs(own, from, to);
        let others = others.iter().map(|(index, count)| (index, (count, 0.0)));
        let others =
            coarser_pairs(others, other.schema, to).skip_while(|(index, _)| in_zero(*index));
        (*sums, *losses) = unzip(merge(own, others, add_pair, |pair| pair).collect());
    }
}

/// Returns sums, with what was lost in them, as they are in the coarser schema `to`.
fn coarser_pairs(
    entries: impl Iterator<Item = (i32, (f64, f64))>,
    from: i32,
    to: i32,
) -> impl Iterator<Item = (i32, (f64, f64))> {
    let moved = entries.map(move |(index, pair)| (coarser_index(index, from, to), pair));
    join(moved.peekable(), |mut left, (sum, lost)| {
        kahan::add(&mut left.0, &mut left.1, sum);
        kahan::add(&mut left.0, &mut left.1, lost);
        left
    })
}

fn add_pair((sum, compensation): &mut (f64, f64), (number, lost): (f64, f64)) {
    kahan::add(sum, compensation, number);
    if lost != 0.0 {
        kahan::add(sum, compensation, lost);
    }
}
