//! What Go's standard library does with floats.

/// `math.Max`
pub(super) fn max(left: f64, right: f64) -> f64 {
    if left == f64::INFINITY || right == f64::INFINITY {
        return f64::INFINITY;
    }
    if left.is_nan() || right.is_nan() {
        return f64::NAN;
    }
    if left == 0.0 && left == right {
        return if left.is_sign_negative() { right } else { left };
    }
    if left > right { left } else { right }
}

/// `math.Min`
pub(super) fn min(left: f64, right: f64) -> f64 {
    -max(-left, -right)
}

/// Returns whether powers of this exponent need no polynomial.
pub(super) fn is_easy_power(exponent: f64) -> bool {
    [0.0, 1.0, 2.0].contains(&exponent)
}

/// `math.Pow`, for exponents whose powers need no polynomial.
pub(super) fn pow(base: f64, exponent: f64) -> f64 {
    match exponent {
        0.0 => 1.0,
        1.0 => base,
        2.0 => base * base,
        _ => unreachable!("the tests raise to no other power"),
    }
}

/// `math.Exp2`
#[expect(clippy::cast_possible_truncation, reason = "larger powers have returned before")]
pub(super) fn exp2(power: f64) -> f64 {
    const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
    const COEFFICIENTS: [f64; 5] = [
        4.138_136_797_057_238_5e-8,
        -1.653_390_220_546_525_2e-6,
        6.613_756_321_437_934e-5,
        -0.002_777_777_777_701_559_3,
        0.166_666_666_666_666_66,
    ];
    match power {
        power if power.is_nan() => return power,
        power if power >= 1024.0 => return f64::INFINITY,
        power if power < -1074.0 => return 0.0,
        _ => {}
    }
    let whole = (power + if power > 0.0 { 0.5 } else { -0.5 }).trunc();
    let rest = power - whole;
    let (high, low) = (rest * LN_2[0], -rest * LN_2[1]);
    let r = high - low;
    let t = r * r;
    let polynomial = COEFFICIENTS[1..].iter().fold(COEFFICIENTS[0], |sum, next| next + t * sum);
    let c = r - t * polynomial;
    let y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    // In two halves, of which none leaves the range of a float: only the second one rounds.
    let half = whole as i32 / 2;
    y * 2.0_f64.powi(half) * 2.0_f64.powi(whole as i32 - half)
}

/// Adds to a sum and its compensation, as Neumaier does.
pub(super) fn kahan_add(addend: f64, (sum, compensation): (f64, f64)) -> (f64, f64) {
    let total = sum + addend;
    if total.is_infinite() {
        (total, 0.0)
    } else if sum.abs() >= addend.abs() {
        (total, compensation + ((sum - total) + addend))
    } else {
        (total, compensation + ((addend - total) + sum))
    }
}

/// Sorts up to twelve items as `sort.Sort` does, also where `less` is no order.
pub(super) fn insertion_sort<T>(items: &mut [T], less: impl Fn(&T, &T) -> bool) {
    for end in 1..items.len() {
        for index in (1..=end).rev() {
            if !less(&items[index], &items[index - 1]) {
                break;
            }
            items.swap(index, index - 1);
        }
    }
}

/// `heap.Push`
pub(super) fn heap_push<T>(heap: &mut Vec<T>, item: T, less: impl Fn(&T, &T) -> bool) {
    heap.push(item);
    let mut child = heap.len() - 1;
    while child > 0 {
        let parent = (child - 1) / 2;
        if !less(&heap[child], &heap[parent]) {
            break;
        }
        heap.swap(parent, child);
        child = parent;
    }
}

/// `heap.Fix` of the first item
pub(super) fn heap_sink<T>(heap: &mut [T], less: impl Fn(&T, &T) -> bool) {
    let mut parent = 0;
    loop {
        let mut child = 2 * parent + 1;
        if child >= heap.len() {
            return;
        }
        if child + 1 < heap.len() && less(&heap[child + 1], &heap[child]) {
            child += 1;
        }
        if !less(&heap[child], &heap[parent]) {
            return;
        }
        heap.swap(parent, child);
        parent = child;
    }
}

/// The `q`-quantile of values that may be in any order.
pub(super) fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    insertion_sort(&mut values, |left, right| left.is_nan() || left < right);
    let rank = q * (values.len() as f64 - 1.0);
    let lower = rank.floor().max(0.0);
    let upper = (lower + 1.0).min(values.len() as f64 - 1.0);
    let weight = rank - rank.floor();
    #[expect(clippy::cast_possible_truncation, reason = "both are whole and less than the length")]
    let (lower, upper) = (lower as usize, upper as usize);
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// The mean of values that are not none: of their sum, or in steps where the sum overflows.
pub(super) fn mean(values: &[f64]) -> f64 {
    let (mut sum, mut stepwise) = ((values[0], 0.0), None);
    let mut count = 1.0;
    for &value in &values[1..] {
        count += 1.0;
        if stepwise.is_none() {
            let next = kahan_add(value, sum);
            if !next.0.is_infinite() {
                sum = next;
                continue;
            }
            stepwise = Some((sum.0 / (count - 1.0), sum.1 / (count - 1.0)));
        }
        let share = (count - 1.0) / count;
        stepwise = stepwise.map(|(mean, compensation)| {
            kahan_add(value / count, (share * mean, share * compensation))
        });
    }
    match stepwise {
        Some((mean, compensation)) => mean + compensation,
        None => sum.0 / count + sum.1 / count,
    }
}
