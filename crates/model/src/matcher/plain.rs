//! Patterns that are seen to compile without compiling them.
//!
//! Compiling takes microseconds, parsing a whole query a fraction of one; and many a matcher is
//! never run, since an index answers for it. So a pattern of the common kinds is compiled when it
//! is first used. A property test holds what is said here against the compiler.

/// Returns whether `pattern` matches the empty text, or `None` where it is not plain: only then may
/// it fail to compile.
///
/// Plain are literals, escaped punctuation, `.`, `\d` and its like, simple sets, the operators `*`,
/// `+`, `?` and `|`, and groups, which may ignore case.
pub(super) fn matches_empty(pattern: &str) -> Option<bool> {
    if pattern.len() > SIZE_MAX {
        return None;
    }
    let mut reader = Reader::default();
    let mut rest = pattern.as_bytes();
    while let [first, after @ ..] = rest {
        rest = reader.read(*first, after)?;
    }
    (reader.depth == 0).then(|| reader.group().matches_empty())
}

/// How long a plain pattern may be, in bytes: so it cannot be too large when it is compiled.
const SIZE_MAX: usize = 1024;

/// How deep the groups of a plain pattern may nest.
const DEPTH_MAX: usize = 16;

#[derive(Default)]
struct Reader {
    groups: [Group; DEPTH_MAX + 1],
    depth: usize,
}

/// What is known of a group, as far as it is read.
#[derive(Clone, Copy)]
struct Group {
    /// Whether a branch before the current one matches the empty text.
    other_branch: bool,
    /// Whether the current branch does, up to the last term.
    branch: bool,
    last: Last,
}

/// What an operator would apply to.
#[derive(Clone, Copy)]
enum Last {
    Nothing,
    Term { matches_empty: bool },
    Repetition { matches_empty: bool },
}

impl Default for Group {
    fn default() -> Self {
        Self { other_branch: false, branch: true, last: Last::Nothing }
    }
}

impl Group {
    fn branch_matches_empty(self) -> bool {
        let last = match self.last {
            Last::Nothing => true,
            Last::Term { matches_empty } | Last::Repetition { matches_empty } => matches_empty,
        };
        self.branch && last
    }

    fn matches_empty(self) -> bool {
        self.other_branch || self.branch_matches_empty()
    }

    fn put(&mut self, last: Last) {
        self.branch = self.branch_matches_empty();
        self.last = last;
    }

    fn end_branch(&mut self) {
        *self = Self { other_branch: self.matches_empty(), ..Self::default() };
    }

    /// Repeats the last term.
    fn repeat(&mut self, or_none: bool) -> Option<()> {
        let Last::Term { matches_empty } = self.last else { return None };
        self.last = Last::Repetition { matches_empty: matches_empty || or_none };
        Some(())
    }
}

impl Reader {
    fn group(&mut self) -> &mut Group {
        &mut self.groups[self.depth]
    }

    /// Reads what starts with `first`, and returns what follows.
    fn read<'p>(&mut self, first: u8, after: &'p [u8]) -> Option<&'p [u8]> {
        match first {
            b'(' => return self.open(after),
            b')' => self.close()?,
            b'|' => self.group().end_branch(),
            b'*' | b'+' | b'?' => {
                self.group().repeat(first != b'+')?;
                return Some(after.strip_prefix(b"?").unwrap_or(after));
            }
            b'[' => return self.term(skip_set(after)?),
            b'\\' => return self.term(skip_escape(after)?),
            // The rest of a character of several bytes.
            0x80..0xC0 => {}
            b'^' | b'$' | b'{' | b'}' | b']' => return None,
            _ => return self.term(after),
        }
        Some(after)
    }

    /// Notes a term that matches one character.
    fn term<'p>(&mut self, after: &'p [u8]) -> Option<&'p [u8]> {
        self.group().put(Last::Term { matches_empty: false });
        Some(after)
    }

    fn open<'p>(&mut self, after: &'p [u8]) -> Option<&'p [u8]> {
        if let Some(after) = after.strip_prefix(b"?i)") {
            self.group().put(Last::Nothing);
            return Some(after);
        }
        let flags = [b"?:".as_slice(), b"?i:"];
        let within = flags.iter().find_map(|flags| after.strip_prefix(*flags)).unwrap_or(after);
        if within.starts_with(b"?") || self.depth == DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        *self.group() = Group::default();
        Some(within)
    }

    fn close(&mut self) -> Option<()> {
        let matches_empty = self.group().matches_empty();
        self.depth = self.depth.checked_sub(1)?;
        self.group().put(Last::Term { matches_empty });
        Some(())
    }
}

/// Returns what follows the set whose bracket was read: letters, digits, underscores and ranges of
/// them.
fn skip_set(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"^").unwrap_or(text);
    let end = text.iter().position(|&byte| byte == b']').filter(|&end| end > 0)?;
    let (mut items, after) = (&text[..end], &text[end + 1..]);
    while !items.is_empty() {
        items = match items {
            [first, b'-', last, rest @ ..]
                if is_word(*first) && is_word(*last) && first <= last =>
            {
                rest
            }
            [only, rest @ ..] if is_word(*only) && !rest.starts_with(b"-") => rest,
            _ => return None,
        };
    }
    Some(after)
}

/// Returns what follows the escape whose backslash was read.
fn skip_escape(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'd' | b'D' | b'w' | b'W' | b's' | b'S', after @ ..] => Some(after),
        [sign, after @ ..] if sign.is_ascii_punctuation() => Some(after),
        _ => None,
    }
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}
