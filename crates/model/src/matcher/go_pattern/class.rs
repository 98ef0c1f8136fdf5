use std::sync::OnceLock;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind};

use super::{CLASS_RANGES_MAX, Parser, RegexError, RegexProblem};

/// Ranges of characters, both ends inclusive.
type AsciiRanges = &'static [(char, char)];

/// The classes `\d`, `\s` and `\w`; their capitals negate them.
pub(super) const PERL_CLASSES: [(char, AsciiRanges); 3] = [
    ('d', &[('0', '9')]),
    ('s', &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')]),
    ('w', &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
];

/// The classes `[:alnum:]` and so on, which stand in brackets; `[:^alnum:]` negates.
const POSIX_CLASSES: [(&str, AsciiRanges); 14] = [
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", &[('A', 'Z'), ('a', 'z')]),
    ("ascii", &[('\0', '\x7f')]),
    ("blank", &[('\t', '\t'), (' ', ' ')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    ("digit", &[('0', '9')]),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", &[('\t', '\r'), (' ', ' ')]),
    ("upper", &[('A', 'Z')]),
    ("word", &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

/// The general categories of Unicode that Go names, and those that make them up where Rust's
/// category of the same name is wider: Go's `C` leaves out what is not assigned.
const CATEGORIES: &str = "Cc Cf Co L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps \
                          S Sc Sk Sm So Z Zl Zp Zs";
const CONTROL_CATEGORIES: [&str; 3] = ["Cc", "Cf", "Co"];

/// A set of characters. Surrogates, which Go's patterns may name, are never in it.
#[derive(Debug)]
pub(super) struct CharSet {
    class: ClassUnicode,
}

impl Default for CharSet {
    fn default() -> Self {
        Self { class: ClassUnicode::empty() }
    }
}

impl CharSet {
    pub(super) fn from_ascii(ranges: &[(char, char)]) -> Self {
        let ranges = ranges.iter().map(|&(first, last)| ClassUnicodeRange::new(first, last));
        Self { class: ClassUnicode::new(ranges) }
    }

    /// Returns the set that `\p{name}` names: a general category, a script, or `Any`.
    pub(super) fn from_unicode_name(name: &str) -> Option<Self> {
        let mut set = Self::default();
        match name {
            "Any" => set.add_range(0, u32::from(char::MAX)),
            "Cs" => {}
            "C" => {
                for category in CONTROL_CATEGORIES {
                    set.union(&Self::from_property(&format!("gc={category}"))?);
                }
            }
            _ if CATEGORIES.split(' ').any(|category| category == name) => {
                return Self::from_property(&format!("gc={name}"));
            }
            // Rust also knows scripts by their short names and in any case; those that look like a
            // script's full name are one or none.
            _ if name.len() > 1
                && name.starts_with(|first: char| first.is_ascii_uppercase())
                && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') =>
            {
                return Self::from_property(&format!("sc={name}"));
            }
            _ => return None,
        }
        Some(set)
    }

    /// Returns the set of a property in the syntax of the `regex` crate, such as `gc=Lu`.
    fn from_property(property: &str) -> Option<Self> {
        let hir = regex_syntax::parse(&format!(r"\p{{{property}}}")).ok()?;
        match hir.into_kind() {
            HirKind::Class(Class::Unicode(class)) => Some(Self { class }),
            _ => None,
        }
    }

    /// Adds the characters from number `first` to number `last`.
    pub(super) fn add_range(&mut self, first: u32, last: u32) {
        let first = char::from_u32(first).unwrap_or('\u{e000}');
        let last = char::from_u32(last).unwrap_or('\u{d7ff}');
        if first <= last {
            self.class.push(ClassUnicodeRange::new(first, last));
        }
    }

    pub(super) fn union(&mut self, other: &Self) {
        self.class.union(&other.class);
    }

    /// Adds every character that differs from one of the set in case only. Returns how many ranges
    /// of cased characters it looked at, on which its cost depends.
    pub(super) fn fold_case(&mut self) -> usize {
        // Folding looks at each character of a range, which takes 10 ms for all of Unicode: so it
        // is spared those that have no case.
        let mut cased = self.class.clone();
        cased.intersect(cased_characters());
        cased.try_case_fold_simple().expect("the tables of Unicode are compiled in");
        self.class.union(&cased);
        cased.ranges().len()
    }

    pub(super) fn negate(&mut self) {
        self.class.negate();
    }

    pub(super) fn range_count(&self) -> usize {
        self.class.ranges().len()
    }

    pub(super) fn into_hir(self) -> Hir {
        Hir::class(Class::Unicode(self.class))
    }
}

/// Returns the characters that have another case.
fn cased_characters() -> &'static ClassUnicode {
    static CASED: OnceLock<ClassUnicode> = OnceLock::new();
    CASED.get_or_init(|| {
        let set = CharSet::from_property("Changes_When_Casemapped");
        set.expect("the tables of Unicode are compiled in").class
    })
}

impl<'p> Parser<'p> {
    /// Adds to `set`, where the flags ask for it, what differs in case only.
    pub(super) fn fold(&mut self, set: &mut CharSet) -> Result<(), RegexError> {
        if self.flags.fold_case {
            let range_count = set.fold_case();
            self.count_ranges(range_count)?;
        }
        Ok(())
    }

    /// Counts ranges of classes, and fails once there are too many.
    pub(super) fn count_ranges(&mut self, count: usize) -> Result<(), RegexError> {
        self.class_range_count += count;
        if self.class_range_count > CLASS_RANGES_MAX {
            return Err(self.error(RegexProblem::TooLarge, self.pattern));
        }
        Ok(())
    }

    /// Reads a class in brackets.
    pub(super) fn take_bracketed(&mut self) -> Result<CharSet, RegexError> {
        let whole = self.rest;
        self.skip(1);
        let negated = self.rest.starts_with('^');
        if negated {
            self.skip(1);
        }
        // Collected in one go: a set sorts its ranges each time that one is added.
        let mut ranges = Vec::new();
        // A bracket that comes first is a member.
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            let set = match self.take_member_set()? {
                Some(set) => set,
                None => {
                    let (first, last) = self.take_member_range(whole)?;
                    let mut set = CharSet::default();
                    set.add_range(first, last);
                    self.fold(&mut set)?;
                    set
                }
            };
            self.count_ranges(set.range_count())?;
            ranges.extend_from_slice(set.class.ranges());
        }
        self.skip(1);
        let mut set = CharSet { class: ClassUnicode::new(ranges) };
        if negated {
            set.negate();
        }
        Ok(set)
    }

    /// Reads `[:alpha:]`, `\d` or `\pL` where one stands here.
    fn take_member_set(&mut self) -> Result<Option<CharSet>, RegexError> {
        let start = self.rest;
        let Some((name, rest)) = start.strip_prefix("[:").and_then(|after| after.split_once(":]"))
        else {
            return self.take_escaped_set();
        };
        self.rest = rest;
        let (name, negated) = match name.strip_prefix('^') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let Some((_, ranges)) = POSIX_CLASSES.iter().find(|(known, _)| *known == name) else {
            return Err(self.error_since(RegexProblem::ClassRange, start));
        };
        let mut set = CharSet::from_ascii(ranges);
        self.fold(&mut set)?;
        if negated {
            set.negate();
        }
        Ok(Some(set))
    }

    /// Reads `a` or `a-z` as the numbers of the first and the last character.
    fn take_member_range(&mut self, whole: &'p str) -> Result<(u32, u32), RegexError> {
        let start = self.rest;
        let first = self.take_member(whole)?;
        // A hyphen before the closing bracket is a member.
        if !self.rest.starts_with('-') || self.rest.len() < 2 || self.rest.starts_with("-]") {
            return Ok((first, first));
        }
        self.skip(1);
        let last = self.take_member(whole)?;
        if last < first {
            return Err(self.error_since(RegexProblem::ClassRange, start));
        }
        Ok((first, last))
    }

    fn take_member(&mut self, whole: &'p str) -> Result<u32, RegexError> {
        if self.rest.starts_with('\\') {
            return self.take_escaped_char();
        }
        let character = self.take_char();
        character.map(u32::from).ok_or_else(|| self.error(RegexProblem::MissingBracket, whole))
    }
}

#[cfg(test)]
mod tests {
    use super::{CharSet, cased_characters};

    #[test]
    fn folding_leaves_out_no_character_with_case() {
        let mut uncased = cased_characters().clone();
        uncased.negate();
        let before = uncased.clone();
        uncased.try_case_fold_simple().unwrap();
        assert_eq!(uncased, before);
        assert!(CharSet { class: before }.fold_case() == 0);
    }
}
