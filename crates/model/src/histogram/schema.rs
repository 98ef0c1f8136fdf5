use super::fractions::FRACTIONS;

/// The finest exponential schema: 256 buckets for each power of two.
pub const EXPONENTIAL_SCHEMA_MAX: i32 = 8;
/// The coarsest exponential schema: a bucket for each sixteenth power of two.
pub const EXPONENTIAL_SCHEMA_MIN: i32 = -4;
/// The schema of histograms that name the bounds of their buckets.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// The finest schema that others may send; it is reduced to [`EXPONENTIAL_SCHEMA_MAX`].
pub(super) const EXPONENTIAL_SCHEMA_MAX_RESERVED: i32 = 52;
/// The coarsest schema that is reserved.
pub(super) const EXPONENTIAL_SCHEMA_MIN_RESERVED: i32 = -9;

/// Returns whether `schema` is one of the exponential schemas, -4 to 8.
#[must_use]
pub fn is_exponential_schema(schema: i32) -> bool {
    (EXPONENTIAL_SCHEMA_MIN..=EXPONENTIAL_SCHEMA_MAX).contains(&schema)
}

/// Returns whether `schema` is known, if only after its resolution is reduced: -9 to 52, or the one
/// of custom buckets.
#[must_use]
pub fn is_known_schema(schema: i32) -> bool {
    schema == CUSTOM_BUCKETS_SCHEMA
        || (EXPONENTIAL_SCHEMA_MIN_RESERVED..=EXPONENTIAL_SCHEMA_MAX_RESERVED).contains(&schema)
}

/// Returns the upper bound of the positive bucket `index`, which is the lower bound of the next.
///
/// With custom buckets, the bucket behind the last bound reaches to infinity and the first begins at
/// minus infinity.
pub(super) fn bound(index: i32, schema: i32, custom_bounds: &[f64]) -> f64 {
    if schema != CUSTOM_BUCKETS_SCHEMA {
        return exponential_bound(index, schema);
    }
    match usize::try_from(index) {
        Err(_) => f64::NEG_INFINITY,
        Ok(index) => custom_bounds.get(index).copied().unwrap_or(f64::INFINITY),
    }
}

/// Returns two to the power of `index` times 2^-`schema`.
///
/// The bound that would be 2^1024 is the greatest finite number: what is beyond it is infinite, and
/// has a bucket of its own. Schemas out of range count as the nearest in range.
///
/// # Source
///
/// `getBoundExponential` in Prometheus `model/histogram/generic.go`.
pub(super) fn exponential_bound(index: i32, schema: i32) -> f64 {
    let schema = schema.clamp(EXPONENTIAL_SCHEMA_MIN, EXPONENTIAL_SCHEMA_MAX);
    let index = i64::from(index);
    let (fraction, exponent) = if schema < 0 {
        (0.5, (index << -schema) + 1)
    } else {
        let part = (index & ((1 << schema) - 1)) << (EXPONENTIAL_SCHEMA_MAX - schema);
        let part = usize::try_from(part).expect("a remainder of a power of two");
        (FRACTIONS[part], (index >> schema) + 1)
    };
    if fraction == 0.5 && exponent == 1025 {
        return f64::MAX;
    }
    scale(fraction, exponent)
}

/// Returns the index in `to` of the bucket that holds the bucket `index` of the schema `from`, which
/// is no coarser.
pub(super) fn coarser_index(index: i32, from: i32, to: i32) -> i32 {
    let shift = from.saturating_sub(to).clamp(0, 31);
    (index.saturating_sub(1) >> shift).wrapping_add(1)
}

/// Returns `fraction`, from a half to one, times two to the power of `exponent`, rounded once.
fn scale(fraction: f64, exponent: i64) -> f64 {
    const MIN_NORMAL: i64 = -1021;
    // Below and above these, nothing but zero and infinity is left.
    let exponent = exponent.clamp(-1100, 1025);
    if exponent < MIN_NORMAL {
        // The first product is exact, so that only the second one rounds.
        return fraction * power_of_two(MIN_NORMAL) * power_of_two(exponent - MIN_NORMAL);
    }
    // Doubled, because 2^1024 alone is out of range.
    fraction * 2.0 * power_of_two(exponent - 1)
}

/// Returns two to the power of `exponent`, or infinity where that is more than 1023.
fn power_of_two(exponent: i64) -> f64 {
    match u64::try_from(exponent + 1023) {
        Ok(biased @ 1..=2046) => f64::from_bits(biased << 52),
        _ if exponent > 0 => f64::INFINITY,
        _ => 0.0,
    }
}
