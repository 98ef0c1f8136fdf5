//! Upper and lower case as Go's `strings` has them: character by character, each becoming exactly
//! one.

/// Appends `text` in lower case.
pub(crate) fn push_lowercase(out: &mut String, text: &str) {
    out.extend(text.chars().map(|character| {
        let mut lower = character.to_lowercase();
        // The first of two is the letter, the second a dot above it: `İ` alone has two.
        lower.next().unwrap_or(character)
    }));
}

/// Appends `text` in upper case.
pub(crate) fn push_uppercase(out: &mut String, text: &str) {
    out.extend(text.chars().map(|character| {
        let mut upper = character.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(only), None) => only,
            _ => single_uppercase(character),
        }
    }));
}

/// Returns the capital of a letter whose capital in full is several characters. Only Greek vowels
/// with an iota below have one in a single character; `ß` and ligatures stay as they are.
fn single_uppercase(letter: char) -> char {
    match letter {
        '\u{1f80}'..='\u{1faf}' => char::from_u32(u32::from(letter) | 8).unwrap_or(letter),
        'ᾳ' => 'ᾼ',
        'ῃ' => 'ῌ',
        'ῳ' => 'ῼ',
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::{push_lowercase, push_uppercase};

    #[test]
    fn each_character_becomes_one() {
        // Printed by Go's `strings.ToLower` and `strings.ToUpper`.
        let cases = [
            ("", "", ""),
            ("Node-1", "node-1", "NODE-1"),
            ("ÄÖü ß İ", "äöü ß i", "ÄÖÜ ß İ"),
            ("ΣΑΣ ς", "σασ ς", "ΣΑΣ Σ"),
            ("ﬁ ŉ ǰ ΐ և", "ﬁ ŉ ǰ ΐ և", "ﬁ ŉ ǰ ΐ և"),
            ("ᾀᾈᾳᾼῃῳᾤ", "ᾀᾀᾳᾳῃῳᾤ", "ᾈᾈᾼᾼῌῼᾬ"),
            ("ǆǅǄ", "ǆǆǆ", "ǄǄǄ"),
            ("ıſK", "ıſk", "ISK"),
        ];
        for (text, lower, upper) in cases {
            let (mut lowered, mut uppered) = (String::new(), String::new());
            push_lowercase(&mut lowered, text);
            push_uppercase(&mut uppered, text);
            assert_eq!((lowered.as_str(), uppered.as_str()), (lower, upper), "{text}");
        }
    }
}
