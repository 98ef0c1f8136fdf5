//! Sums and differences of histograms.

use super::bounds::shared_bounds;
use super::merge::{into_shared_bounds, merge, sums_only};
use super::resolution::coarser;
use super::schema::exponential_bound;
use super::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, HistogramError, ResetHint};

/// What two histograms did not agree on when they were added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// One was known to follow a reset, the other not to.
    pub resets_collided: bool,
    /// They had different custom bounds, of which those that they shared are left.
    pub bounds_differed: bool,
}

impl FloatHistogram {
    /// Adds `other`, bucket by bucket, in the coarser of the two resolutions and with a zero bucket
    /// as wide as both need. Of custom bounds those remain that both have.
    ///
    /// The reset hint becomes that of a gauge if either is one, and unknown if they differ otherwise.
    ///
    /// # Errors
    ///
    /// [`HistogramError::IncompatibleSchemas`] for custom and exponential buckets; nothing changes.
    pub fn add(&mut self, other: &Self) -> Result<Added, HistogramError> {
        self.combine(other, |sum, number| *sum += number, |number| number)
    }

    /// Subtracts `other`, in everything else as [`FloatHistogram::add`]. Counts can become negative.
    ///
    /// # Errors
    ///
    /// As [`FloatHistogram::add`].
    pub fn sub(&mut self, other: &Self) -> Result<Added, HistogramError> {
        self.combine(other, |sum, number| *sum -= number, |number| -number)
    }

    fn combine(
        &mut self,
        other: &Self,
        add: impl Fn(&mut f64, f64) + Copy,
        signed: impl Fn(f64) -> f64 + Copy,
    ) -> Result<Added, HistogramError> {
        let resets_collided = self.agree_on_kind(other)?;
        let bounds_differed =
            self.has_custom_buckets() && self.custom_bounds != other.custom_bounds;
        if !self.has_custom_buckets() {
            let zero = self.reconcile_zero(other, None);
            add(&mut self.zero_count, zero.count);
        }
        add(&mut self.count, other.count);
        add(&mut self.sum, other.sum);
        if bounds_differed {
            let shared: Vec<f64> =
                shared_bounds(&self.custom_bounds, &other.custom_bounds).collect();
            self.positive = sums_only(into_shared_bounds(
                (&self.positive, &self.custom_bounds, &[]),
                (&other.positive, &other.custom_bounds, signed),
                &shared,
            ));
            self.custom_bounds = shared.into();
            return Ok(Added { resets_collided, bounds_differed });
        }
        self.reduce_resolution(other.schema);
        let in_zero = self.in_zero();
        let sides = [(&mut self.positive, &other.positive), (&mut self.negative, &other.negative)];
        for (own, others) in sides {
            let reaches_zero = others.iter().next().is_some_and(|(index, _)| in_zero(index));
            if self.schema == other.schema && !reaches_zero && own.same_layout(others) {
                // Neighbours of one series mostly have the same buckets.
                own.counts.iter_mut().zip(&others.counts).for_each(|(own, count)| add(own, *count));
                continue;
            }
            let entries =
                coarser(others, other.schema, self.schema).skip_while(|(index, _)| in_zero(*index));
            *own = merge(own.iter(), entries, add, signed).collect();
        }
        Ok(Added { resets_collided, bounds_differed })
    }

    /// Finds out whether two histograms can be added, and what the hint of their sum is. Returns
    /// whether the hints collide.
    pub(super) fn agree_on_kind(&mut self, other: &Self) -> Result<bool, HistogramError> {
        if self.has_custom_buckets() != other.has_custom_buckets() {
            return Err(HistogramError::IncompatibleSchemas);
        }
        let hints = (self.reset_hint, other.reset_hint);
        self.reset_hint = match hints {
            (own, others) if own == others => own,
            (ResetHint::Gauge, _) | (_, ResetHint::Gauge) => ResetHint::Gauge,
            _ => ResetHint::Unknown,
        };
        Ok(matches!(
            hints,
            (ResetHint::Reset, ResetHint::NotReset) | (ResetHint::NotReset, ResetHint::Reset)
        ))
    }

    /// Returns what tells whether a bucket lies in the zero bucket.
    pub(super) fn in_zero(&self) -> impl Fn(i32) -> bool + use<> {
        let (schema, threshold) = (self.schema, self.zero_threshold);
        move |index| {
            schema != CUSTOM_BUCKETS_SCHEMA && exponential_bound(index, schema) <= threshold
        }
    }
}
