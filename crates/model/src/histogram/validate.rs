use super::error::{BucketsProblem, Side};
use super::{
    Buckets, CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, HistogramError, Span,
    is_exponential_schema,
};
use crate::float::write_general;

impl Histogram {
    /// Checks that spans and counts fit together, that no count is negative, that nothing is there
    /// which the schema does not use, and that the buckets hold all observations. Observations of NaN
    /// are in no bucket, and make the sum a NaN.
    ///
    /// # Errors
    ///
    /// The first of these that does not hold.
    pub fn validate(&self) -> Result<(), HistogramError> {
        let layout = Shape {
            schema: self.schema,
            bounds: &self.custom_bounds,
            positive: &self.positive,
            negative: &self.negative,
        };
        layout.check(self.zero_count != 0, self.zero_threshold)?;
        // The counts of custom histograms are all positive.
        let negative = check_differences(&self.negative, Side::Negative)?;
        layout.check_bounds_unused()?;
        let positive = check_differences(&self.positive, Side::Positive)?;
        let in_buckets = negative.wrapping_add(positive).wrapping_add(self.zero_count);
        let count = self.count;
        if !self.sum.is_nan() && in_buckets != count {
            return Err(HistogramError::CountMismatch { in_buckets, count });
        }
        if in_buckets > count {
            return Err(HistogramError::CountTooSmall { in_buckets, count });
        }
        Ok(())
    }
}

impl FloatHistogram {
    /// Checks that spans and counts fit together, that no count is negative and that nothing is there
    /// which the schema does not use. The buckets need not hold all observations: sums of floats are
    /// not exact.
    ///
    /// # Errors
    ///
    /// The first of these that does not hold.
    pub fn validate(&self) -> Result<(), HistogramError> {
        let layout = Shape {
            schema: self.schema,
            bounds: &self.custom_bounds,
            positive: &self.positive,
            negative: &self.negative,
        };
        layout.check(self.zero_count != 0.0, self.zero_threshold)?;
        check_counts(&self.negative, Side::Negative)?;
        if self.zero_count < 0.0 {
            return Err(HistogramError::NegativeZeroCount(self.zero_count));
        }
        layout.check_bounds_unused()?;
        if self.count < 0.0 {
            return Err(HistogramError::NegativeCount(self.count));
        }
        check_counts(&self.positive, Side::Positive)
    }
}

/// What integer and float histograms have in common.
struct Shape<'a, N> {
    schema: i32,
    bounds: &'a [f64],
    positive: &'a Buckets<N>,
    negative: &'a Buckets<N>,
}

impl<N> Shape<'_, N> {
    fn check(&self, has_zero_count: bool, zero_threshold: f64) -> Result<(), HistogramError> {
        let wrong = |side| move |problem| HistogramError::Buckets { side, problem };
        if self.schema == CUSTOM_BUCKETS_SCHEMA {
            check_bounds(self.bounds)
                .and_then(|()| check_custom_spans(self.positive, self.bounds.len()))
                .map_err(wrong(Side::Custom))?;
            let refusals = [
                (has_zero_count, HistogramError::CustomZeroCount),
                (zero_threshold != 0.0, HistogramError::CustomZeroThreshold),
                (!self.negative.spans.is_empty(), HistogramError::CustomNegativeSpans),
                (!self.negative.counts.is_empty(), HistogramError::CustomNegativeBuckets),
            ];
            return refusals
                .into_iter()
                .find(|(is, _)| *is)
                .map_or(Ok(()), |(_, error)| Err(error));
        }
        if !is_exponential_schema(self.schema) {
            return Err(HistogramError::InvalidSchema(self.schema));
        }
        check_spans(self.positive).map_err(wrong(Side::Positive))?;
        check_spans(self.negative).map_err(wrong(Side::Negative))
    }

    fn check_bounds_unused(&self) -> Result<(), HistogramError> {
        if self.schema != CUSTOM_BUCKETS_SCHEMA && !self.bounds.is_empty() {
            return Err(HistogramError::BoundsWithoutCustomBuckets);
        }
        Ok(())
    }
}

fn check_spans<N>(buckets: &Buckets<N>) -> Result<(), BucketsProblem> {
    check_offsets(buckets.spans.get(1..).unwrap_or_default(), 2)?;
    check_lengths(buckets)
}

fn check_custom_spans<N>(buckets: &Buckets<N>, bounds: usize) -> Result<(), BucketsProblem> {
    check_offsets(&buckets.spans, 1)?;
    check_lengths(buckets)?;
    let reach = |span: &Span| u64::from(span.length) + u64::from(span.offset.unsigned_abs());
    let length = buckets.spans.iter().map(reach).sum();
    if (bounds as u64) + 1 < length {
        return Err(BucketsProblem::TooFewBounds { bounds, length });
    }
    Ok(())
}

/// Checks spans that are numbered from `first`.
fn check_offsets(spans: &[Span], first: usize) -> Result<(), BucketsProblem> {
    match spans.iter().zip(first..).find(|(span, _)| span.offset < 0) {
        Some((&Span { offset, .. }, number)) => {
            Err(BucketsProblem::NegativeOffset { number, offset })
        }
        None => Ok(()),
    }
}

fn check_lengths<N>(buckets: &Buckets<N>) -> Result<(), BucketsProblem> {
    let needed = buckets.spans.iter().map(|span| u64::from(span.length)).sum();
    let found = buckets.counts.len();
    if needed != found as u64 {
        return Err(BucketsProblem::BucketsMismatch { needed, found });
    }
    Ok(())
}

fn check_bounds(bounds: &[f64]) -> Result<(), BucketsProblem> {
    let mut previous = f64::NEG_INFINITY;
    for (index, &current) in bounds.iter().enumerate() {
        if current.is_nan() {
            return Err(BucketsProblem::BoundNan);
        }
        // The first bound may be minus infinity.
        if index > 0 && current <= previous {
            return Err(BucketsProblem::BoundsNotRising { previous, current });
        }
        previous = current;
    }
    if previous == f64::INFINITY {
        return Err(BucketsProblem::BoundInfinite);
    }
    Ok(())
}

fn check_counts(buckets: &Buckets<f64>, side: Side) -> Result<(), HistogramError> {
    match buckets.counts.iter().zip(1..).find(|(count, _)| **count < 0.0) {
        Some((&count, number)) => {
            let mut text = String::new();
            write_general(&mut text, count).expect("a string takes all");
            Err(negative_count(side, number, text))
        }
        None => Ok(()),
    }
}

/// Returns the sum of the counts.
#[expect(clippy::cast_sign_loss, reason = "no count below zero passes")]
fn check_differences(buckets: &Buckets<i64>, side: Side) -> Result<u64, HistogramError> {
    let (mut count, mut sum) = (0_i64, 0_u64);
    for (&difference, number) in buckets.counts.iter().zip(1..) {
        count = count.wrapping_add(difference);
        if count < 0 {
            return Err(negative_count(side, number, count.to_string()));
        }
        sum = sum.wrapping_add(count as u64);
    }
    Ok(sum)
}

fn negative_count(side: Side, number: usize, count: String) -> HistogramError {
    let problem = BucketsProblem::NegativeCount { number, count: count.into() };
    HistogramError::Buckets { side, problem }
}
