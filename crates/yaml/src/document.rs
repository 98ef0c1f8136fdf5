/// Returns the first document of `text`, and whether more follows.
///
/// [`from_str`](crate::from_str) refuses a text of several documents; this is for who reads the first
/// of them. Positions in it are those in `text`, of which it is the beginning.
///
/// ```
/// let (first, has_more) = narthex_yaml::first_document("a: 1\n---\nb: 2\n");
/// assert_eq!((first, has_more), ("a: 1\n", true));
/// ```
#[must_use]
pub fn first_document(text: &str) -> (&str, bool) {
    let mut state = State::Before;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let marker = Marker::of(line);
        let has_content = !is_blank(line);
        state = match (state, marker) {
            (State::Before, Some(Marker::Start)) => State::Inside,
            (State::Before, None) if has_content && !line.starts_with('%') => State::Inside,
            (State::Before, _) => State::Before,
            (State::Inside, Some(Marker::Start)) => return (&text[..at], true),
            (State::Inside, Some(Marker::End)) => State::Ended(at),
            (State::Inside, None) => State::Inside,
            (State::Ended(end), None) if !has_content => State::Ended(end),
            (State::Ended(end), Some(Marker::End)) => State::Ended(end),
            (State::Ended(end), _) => return (&text[..end], true),
        };
        at += line.len();
    }
    (text, false)
}

#[derive(Clone, Copy)]
enum State {
    /// Nothing of the document was seen yet.
    Before,
    Inside,
    /// The document ended at this byte.
    Ended(usize),
}

#[derive(Clone, Copy)]
enum Marker {
    /// `---`
    Start,
    /// `...`
    End,
}

impl Marker {
    /// Returns the marker that a line begins with. Nothing else may stand so at its beginning, not even in
    /// a quoted text.
    fn of(line: &str) -> Option<Self> {
        let (marker, rest) = line.split_at_checked(3)?;
        let marker = match marker {
            "---" => Self::Start,
            "..." => Self::End,
            _ => return None,
        };
        (rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])).then_some(marker)
    }
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_matches([' ', '\t', '\r', '\n', '\u{feff}']);
    line.is_empty() || line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::first_document;

    #[test]
    fn documents_are_told_apart() {
        let cases = [
            ("", "", false),
            ("a: 1", "a: 1", false),
            ("---\na: 1\n", "---\na: 1\n", false),
            ("# x\n%YAML 1.2\n--- a\n--- b\n", "# x\n%YAML 1.2\n--- a\n", true),
            ("a\n...\n# end\n", "a\n...\n# end\n", false),
            ("a\n...\nb\n", "a\n", true),
            ("a\n...\n---\nb\n", "a\n", true),
            ("a: |\n  ---\nb: ---x\n", "a: |\n  ---\nb: ---x\n", false),
            ("---\n---\n", "---\n", true),
            ("\u{feff}# x\n---\na\n", "\u{feff}# x\n---\na\n", false),
            ("a\r\n---\r\nb", "a\r\n", true),
        ];
        for (text, first, has_more) in cases {
            assert_eq!(first_document(text), (first, has_more), "{text:?}");
        }
    }
}
