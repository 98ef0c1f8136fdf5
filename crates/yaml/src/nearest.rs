//! The key that was probably meant.

/// Returns the candidate that is the fewest edits from `word`, if that is at most a third of the
/// word's length: beyond, a guess confuses more than it helps.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if word.len() > WORD_SIZE_MAX {
        return None;
    }
    let edits_max = word.len() / 3;
    let near = candidates.iter().map(|&candidate| (edits(word, candidate), candidate));
    near.filter(|&(edits, _)| edits <= edits_max).min().map(|(_, candidate)| candidate)
}

/// The longest word that is compared, in bytes, since the time to compare grows with it.
const WORD_SIZE_MAX: usize = 64;

/// The Levenshtein distance, by bytes, with one row of its table kept.
fn edits(from: &str, to: &str) -> usize {
    let to = to.as_bytes();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, byte) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 0..to.len() {
            let replaced = diagonal + usize::from(byte != to[column]);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_key() {
        let keys = ["scrape_interval", "scrape_timeout", "job_name", "scheme"];
        let cases = [
            ("scrape_intervall", Some("scrape_interval")),
            ("scrapeinterval", Some("scrape_interval")),
            ("scrape_timout", Some("scrape_timeout")),
            ("jobname", Some("job_name")),
            ("schema", Some("scheme")),
            ("bogus", None),
            ("x", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, &keys), expected, "{word}");
        }
        assert_eq!(nearest(&"scheme".repeat(20), &keys), None);
    }

    #[test]
    fn edits_are_counted() {
        let cases = [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3)];
        for (from, to, expected) in cases {
            assert_eq!(edits(from, to), expected, "{from} {to}");
        }
    }
}
