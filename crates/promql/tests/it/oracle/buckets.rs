//! Quantiles and fractions of classic histograms.

/// Upper bounds and cumulative counts.
pub(super) type Buckets = Vec<(f64, f64)>;

/// Returns the quantile, and whether counts that fall had to be lifted.
pub(super) fn quantile(q: f64, buckets: Buckets) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    let Some(buckets) = ordered(buckets) else { return (f64::NAN, false) };
    let (buckets, lifted) = monotonic(buckets);
    (quantile_of_rising(q, &buckets), lifted)
}

fn quantile_of_rising(q: f64, buckets: &Buckets) -> f64 {
    let last = buckets.len() - 1;
    let observations = buckets[last].1;
    if buckets.len() < 2 || observations == 0.0 {
        return f64::NAN;
    }
    let rank = q * observations;
    let index = buckets[..last].iter().position(|(_, count)| *count >= rank).unwrap_or(last);
    if index == last {
        return buckets[last - 1].0;
    }
    if index == 0 && buckets[0].0 <= 0.0 {
        return buckets[0].0;
    }
    let (start, below) = if index > 0 { buckets[index - 1] } else { (0.0, 0.0) };
    let (end, count) = buckets[index];
    start + (end - start) * ((rank - below) / (count - below))
}

pub(super) fn fraction(lower: f64, upper: f64, buckets: Buckets) -> f64 {
    let Some(buckets) = ordered(buckets) else { return f64::NAN };
    let observations = buckets[buckets.len() - 1].1;
    if observations == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank_of = |value: f64| {
        let mut start = if buckets[0].0 <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
        let mut below = 0.0;
        for &(end, count) in &buckets {
            if start >= value {
                return below;
            }
            if start < value && end > value {
                if start == f64::NEG_INFINITY {
                    return count;
                }
                return below + (count - below) * (value - start) / (end - start);
            }
            (start, below) = (end, count);
        }
        observations
    };
    let capped = |rank: f64| if rank > observations { observations } else { rank };
    (capped(rank_of(upper)) - capped(rank_of(lower))) / observations
}

/// Sorts buckets and adds those of one bound. There must be one for all observations.
fn ordered(mut buckets: Buckets) -> Option<Buckets> {
    buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
    let mut ordered = Buckets::new();
    for (bound, count) in buckets {
        match ordered.last_mut() {
            Some(last) if last.0 == bound => last.1 += count,
            _ => ordered.push((bound, count)),
        }
    }
    (ordered.last()?.0 == f64::INFINITY).then_some(ordered)
}

/// Lifts counts that fall, and levels those that rise by rounding alone. Returns whether any had to
/// be lifted for more than rounding.
fn monotonic(mut buckets: Buckets) -> (Buckets, bool) {
    let mut highest = buckets[0].1;
    let mut lifted = false;
    for (_, count) in &mut buckets[1..] {
        if *count == highest {
            continue;
        }
        if almost_equal(highest, *count) {
            *count = highest;
        } else if *count < highest {
            *count = highest;
            lifted = true;
        } else {
            highest = *count;
        }
    }
    (buckets, lifted)
}

fn almost_equal(left: f64, right: f64) -> bool {
    const TOLERANCE: f64 = 1e-12;
    if left.is_nan() && right.is_nan() {
        return true;
    }
    let (sum, difference) = (left.abs() + right.abs(), (left - right).abs());
    if left == 0.0 || right == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}
