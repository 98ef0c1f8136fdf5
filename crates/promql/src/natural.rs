//! The order of texts with numbers in them: `disk9` before `disk10`.

use std::cmp::Ordering;

/// Compares two texts run by run of digits and of anything else. Runs of digits compare as numbers
/// where both fit 64 bits.
///
/// Any text comes before the empty one, as in the reference, which so has no order between texts
/// where one is empty: `Greater` either way.
///
/// # Source
///
/// `sort_by_label` of Prometheus, by way of the Go package `facette/natsort`.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (mut left, mut right) = (Runs(left), Runs(right));
    loop {
        let Some(of_left) = left.next() else { return Ordering::Greater };
        let Some(of_right) = right.next() else { return Ordering::Greater };
        let order = match (of_left.parse::<i64>(), of_right.parse::<i64>()) {
            (Ok(of_left), Ok(of_right)) => of_left.cmp(&of_right),
            _ => of_left.cmp(of_right),
        };
        if order != Ordering::Equal {
            return order;
        }
        // Equal so far: what ends first comes first, the left one if both do.
        if left.0.is_empty() {
            return Ordering::Less;
        }
        if right.0.is_empty() {
            return Ordering::Greater;
        }
    }
}

/// The runs of a text: digits alone, or anything but digits.
struct Runs<'a>(&'a str);

impl<'a> Iterator for Runs<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first_is_digit = self.0.bytes().next()?.is_ascii_digit();
        let end = self.0.bytes().position(|byte| byte.is_ascii_digit() != first_is_digit);
        let (run, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        Some(run)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::compare;

    #[test]
    fn numbers_count_as_such() {
        for (left, right, expected) in [
            ("disk9", "disk10", Ordering::Less),
            ("disk10", "disk9", Ordering::Greater),
            ("disk", "disk1", Ordering::Less),
            ("a1b2", "a1b10", Ordering::Less),
            ("a01", "a1", Ordering::Less),
            ("a1", "a01", Ordering::Less),
            ("2", "a", Ordering::Less),
            // Neither fits 64 bits, so they compare as texts.
            ("99999999999999999999", "100000000000000000000", Ordering::Greater),
            ("", "a", Ordering::Greater),
            ("a", "", Ordering::Greater),
            ("", "", Ordering::Equal),
        ] {
            assert_eq!(compare(left, right), expected, "{left:?} {right:?}");
        }
    }
}
