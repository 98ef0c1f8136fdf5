/// Adds `number` to a sum whose lost digits are carried along in `compensation`.
///
/// # Source
///
/// Neumaier's variant of Kahan's summation, with the rule of `util/kahansum` in Prometheus: the
/// compensation becomes zero when the sum overflows. The order of the operations decides the last
/// bits.
#[inline]
pub(super) fn add(sum: &mut f64, compensation: &mut f64, number: f64) {
    let total = *sum + number;
    if total.is_infinite() {
        *compensation = 0.0;
    } else if sum.abs() >= number.abs() {
        *compensation += (*sum - total) + number;
    } else {
        *compensation += (number - total) + *sum;
    }
    *sum = total;
}
