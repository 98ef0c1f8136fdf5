//! Sums over windows by the difference of two running sums, where that gives the same bits.

/// The sums of the first samples of a series: of none, of one, of two, …
///
/// They exist only where no addition rounds, in whatever order: each value is a multiple of one
/// power of two, and their sizes add up to less than 2^53 times that power. So it is for counters and
/// gauges of whole things. The reference's compensation is zero throughout then, and its sum the
/// true one, as is the difference of two of these.
#[derive(Debug)]
pub(super) struct RunningSums(Vec<f64>);

impl RunningSums {
    /// Returns the sums of `values`, or `None` where one of them would be rounded.
    pub(super) fn new(values: &[f64]) -> Option<Self> {
        if !are_whole(values) && !are_multiples(values) {
            return None;
        }
        let mut sums = Vec::with_capacity(values.len() + 1);
        let mut sum = 0.0;
        sums.push(sum);
        // PERF: where nothing is rounded, any order will do, and in this one most additions need not
        // wait for the one before.
        let (groups, rest) = values.as_chunks::<4>();
        for [a, b, c, d] in groups {
            let (ab, cd) = (a + b, c + d);
            sums.extend([sum + a, sum + ab, sum + (ab + c), sum + (ab + cd)]);
            sum += ab + cd;
        }
        for value in rest {
            sum += value;
            sums.push(sum);
        }
        Some(Self(sums))
    }

    /// Returns the sum of the values from sample `first` to before sample `end`.
    #[inline]
    pub(super) fn between(&self, first: usize, end: usize) -> f64 {
        self.0[end] - self.0[first]
    }
}

/// Returns whether the values are whole, and their sizes add up to less than 2^53.
fn are_whole(values: &[f64]) -> bool {
    // PERF: each lane adds up a share, which the order of the additions allows as long as nothing is
    // rounded. If something is, it is because a sum has reached the bound.
    // `cargo bench --bench promql_eval kernel/counters/sum_over_time`
    let mut sizes = [0.0; LANES];
    for values in values.chunks(CHUNK_LEN) {
        let mut whole = true;
        let (groups, rest) = values.as_chunks::<LANES>();
        for group in groups {
            for lane in 0..LANES {
                let size = group[lane].abs();
                // Where the last bit is worth one, nothing less is left over.
                whole &= (size + WHOLE_ONLY) - WHOLE_ONLY == size;
                sizes[lane] += size;
            }
        }
        for value in rest {
            let size = value.abs();
            whole &= (size + WHOLE_ONLY) - WHOLE_ONLY == size;
            sizes[0] += size;
        }
        if !whole {
            return false;
        }
    }
    sizes.iter().sum::<f64>() < UNITS_END
}

/// Returns whether the values are multiples of one power of two, and their sizes add up to less than
/// 2^53 times that.
fn are_multiples(values: &[f64]) -> bool {
    let (mut unit_exponent, mut size) = (i32::MAX, 0.0);
    for values in values.chunks(CHUNK_LEN) {
        for value in values {
            unit_exponent = unit_exponent.min(lowest_exponent(*value));
            size += value.abs();
        }
        let Some(units) = power_of_two(-unit_exponent) else { return false };
        // As long as it stays below the bound, this sum is not rounded either. An infinity or a NaN
        // is beyond it.
        let in_units = size * units;
        if in_units.is_nan() || in_units >= UNITS_END {
            return false;
        }
    }
    true
}

/// Returns the exponent of the greatest power of two that divides a value.
fn lowest_exponent(value: f64) -> i32 {
    let bits = value.to_bits();
    let mantissa = bits & ((1 << 52) - 1);
    let biased = i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default();
    match (biased, mantissa) {
        // Zero is a multiple of everything.
        (0, 0) => i32::MAX,
        (0, _) => -1074,
        (_, 0) => biased - 1023,
        _ => biased - 1075 + mantissa.trailing_zeros().cast_signed(),
    }
}

/// Returns two to a power that is a normal float; for zeros alone, any power will do.
fn power_of_two(exponent: i32) -> Option<f64> {
    match exponent {
        ..-2000 => Some(1.0),
        -1022..=1023 => {
            let biased = u64::try_from(exponent + 1023).ok()?;
            Some(f64::from_bits(biased << 52))
        }
        _ => None,
    }
}

/// Below, every whole number is a float.
const UNITS_END: f64 = (1_u64 << 53) as f64;
/// From here on, up to its double, the last bit of a float is worth one.
const WHOLE_ONLY: f64 = (1_u64 << 52) as f64;
/// How many values are looked at before it is seen whether there is any use in more.
const CHUNK_LEN: usize = 64;
const LANES: usize = 8;
