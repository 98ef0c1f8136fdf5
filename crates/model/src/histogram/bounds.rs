use std::cmp::Ordering;

/// Returns the bounds that are in both, which rise.
pub(super) fn shared_bounds(left: &[f64], right: &[f64]) -> impl Iterator<Item = f64> {
    let mut rest = right;
    left.iter().copied().filter(move |bound| {
        while let Some((next, behind)) = rest.split_first() {
            match next.partial_cmp(bound) {
                Some(Ordering::Less) => rest = behind,
                Some(Ordering::Equal) => {
                    rest = behind;
                    return true;
                }
                _ => return false,
            }
        }
        false
    })
}
