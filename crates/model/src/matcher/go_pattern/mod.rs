//! Go's regular expressions, read into the syntax tree of the `regex` crate.
//!
//! The two languages look alike and differ in dozens of corners: `\d`, `\w`, `\s` and `\b` know
//! ASCII alone in Go, `[a&&b]` is three characters and not an intersection, `\Qa.b\E` and `\012`
//! mean something, `a**` and `a{1001}` are errors, `{` may be a literal. So patterns are read here
//! and only the tree is shared; each corner is a line of the tables in this module's tests.

mod class;
mod error;
mod escape;
mod group;

use regex_syntax::hir::{self, Hir, Look};

pub use error::{RegexError, RegexProblem};

use class::CharSet;
use group::{Group, GroupKind, Term};

/// A pattern as a tree.
#[derive(Debug)]
pub(super) struct GoPattern {
    /// What the pattern matches. Its capture groups are numbered from 1 and have no names.
    pub(super) hir: Hir,
    /// The names of the capture groups in order of their numbers; the first is group 0, the whole
    /// match.
    pub(super) capture_names: Vec<Option<Box<str>>>,
}

/// How deep groups and repetitions may nest. The compiler behind descends as deep on the stack.
const DEPTH_MAX: usize = 250;

/// How often one part of a pattern may be copied by counted repetitions, nested ones multiplied.
const COPIES_MAX: u32 = 1000;

/// How many ranges of characters the classes of a pattern may have in all, and those that are
/// looked at for their case: 8 MiB of them.
const CLASS_RANGES_MAX: usize = 1 << 20;

/// Reads `pattern` as `regexp/syntax.Parse` does with the flags `Perl` and, for `dot_newline`,
/// `DotNL`: Go's full syntax, where a dot may also match a newline.
pub(super) fn parse(pattern: &str, dot_newline: bool) -> Result<GoPattern, RegexError> {
    Parser::new(pattern, dot_newline).parse()
}

/// What `(?ims-U)` switches.
#[derive(Clone, Copy, Debug)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_newline: bool,
    swap_greed: bool,
}

#[derive(Debug)]
struct Parser<'p> {
    pattern: &'p str,
    /// What is still to be read.
    rest: &'p str,
    flags: Flags,
    /// The groups around the current one, outermost first.
    outer: Vec<Group>,
    group: Group,
    capture_names: Vec<Option<Box<str>>>,
    class_range_count: usize,
}

impl<'p> Parser<'p> {
    fn new(pattern: &'p str, dot_newline: bool) -> Self {
        let flags = Flags { fold_case: false, multi_line: false, dot_newline, swap_greed: false };
        Self {
            pattern,
            rest: pattern,
            flags,
            outer: Vec::new(),
            group: Group::new(GroupKind::Plain, flags),
            capture_names: vec![None],
            class_range_count: 0,
        }
    }

    fn parse(mut self) -> Result<GoPattern, RegexError> {
        // Where the repetition operator begins that was read last, if it was read just now.
        let mut last_repeat = None;
        while let Some(first) = self.rest.chars().next() {
            let start = self.rest;
            let mut repeat = None;
            match first {
                '(' => self.open_group()?,
                ')' => self.close_group()?,
                '|' => {
                    self.skip(1);
                    self.group.end_branch();
                }
                '*' | '+' | '?' => {
                    self.skip(1);
                    let (min, max) = match first {
                        '*' => (0, None),
                        '+' => (1, None),
                        _ => (0, Some(1)),
                    };
                    self.repeat(start, last_repeat, min, max, false)?;
                    repeat = Some(start);
                }
                '{' => match self.take_counts() {
                    Some((min, max)) => {
                        let (min, max) = self.check_counts(start, min, max)?;
                        self.repeat(start, last_repeat, min, max, true)?;
                        repeat = Some(start);
                    }
                    None => self.take_literal(first),
                },
                '^' => {
                    self.skip(1);
                    self.push_look(if self.flags.multi_line { Look::StartLF } else { Look::Start });
                }
                '$' => {
                    self.skip(1);
                    self.push_look(if self.flags.multi_line { Look::EndLF } else { Look::End });
                }
                '.' => {
                    self.skip(1);
                    let dot = match self.flags.dot_newline {
                        true => hir::Dot::AnyChar,
                        false => hir::Dot::AnyCharExceptLF,
                    };
                    self.group.push(Term::leaf(Hir::dot(dot)));
                }
                '[' => {
                    let set = self.take_bracketed()?;
                    self.push_set(set)?;
                }
                '\\' => self.take_escape()?,
                _ => self.take_literal(first),
            }
            last_repeat = repeat;
        }
        if !self.outer.is_empty() {
            return Err(self.error(RegexProblem::MissingParen, self.pattern));
        }
        Ok(GoPattern { hir: self.group.finish().hir, capture_names: self.capture_names })
    }

    fn error(&self, problem: RegexProblem, fragment: &str) -> RegexError {
        RegexError { problem, fragment: fragment.into() }
    }

    /// Returns an error about the text from `start` to where reading stands.
    fn error_since(&self, problem: RegexProblem, start: &'p str) -> RegexError {
        self.error(problem, &start[..start.len() - self.rest.len()])
    }

    fn skip(&mut self, size: usize) {
        self.rest = &self.rest[size..];
    }

    fn take_char(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.skip(character.len_utf8());
        Some(character)
    }

    fn take_literal(&mut self, character: char) {
        self.skip(character.len_utf8());
        self.push_literal(u32::from(character));
    }

    /// Adds the character with number `code`, in every case where the flags ask for it.
    fn push_literal(&mut self, code: u32) {
        let Some(character) = char::from_u32(code) else {
            // Go's patterns can name a surrogate, which no text contains.
            self.group.push(Term::leaf(Hir::fail()));
            return;
        };
        if self.flags.fold_case && (character.is_alphabetic() || !character.is_ascii()) {
            let mut set = CharSet::default();
            set.add_range(code, code);
            set.fold_case();
            if set.range_count() > 1 {
                self.group.push(Term::leaf(set.into_hir()));
                return;
            }
        }
        self.group.push_char(character);
    }

    fn push_set(&mut self, set: CharSet) -> Result<(), RegexError> {
        self.count_ranges(set.range_count())?;
        self.group.push(Term::leaf(set.into_hir()));
        Ok(())
    }

    fn push_look(&mut self, look: Look) {
        self.group.push(Term::leaf(Hir::look(look)));
    }

    /// Repeats the last term. `start` is where the operator begins; `last_repeat` where one begins
    /// that ends there, for Go has no operators upon operators.
    fn repeat(
        &mut self,
        start: &'p str,
        last_repeat: Option<&'p str>,
        min: u32,
        max: Option<u32>,
        counted: bool,
    ) -> Result<(), RegexError> {
        let mut greedy = !self.flags.swap_greed;
        if self.rest.starts_with('?') {
            self.skip(1);
            greedy = !greedy;
        }
        if let Some(last_start) = last_repeat {
            return Err(self.error_since(RegexProblem::NestedRepetition, last_start));
        }
        let Some(term) = self.group.pop() else {
            return Err(self.error_since(RegexProblem::MissingRepetitionArgument, start));
        };
        let mut copies = term.copies;
        if counted {
            copies = copies.saturating_mul(max.unwrap_or(min)).max(1);
            if copies > COPIES_MAX {
                return Err(self.error_since(RegexProblem::RepeatCount, start));
            }
        }
        let hir = if max == Some(0) && term.hir.properties().explicit_captures_len() > 0 {
            // The tree drops what is repeated no times, and the groups within it would no longer
            // count: so they stay, on a branch that cannot match.
            Hir::alternation(vec![Hir::empty(), Hir::concat(vec![Hir::fail(), term.hir])])
        } else {
            Hir::repetition(hir::Repetition { min, max, greedy, sub: Box::new(term.hir) })
        };
        self.push_nested(Term { hir, copies, depth: term.depth + 1 })
    }

    /// Adds a term that has terms within.
    fn push_nested(&mut self, term: Term) -> Result<(), RegexError> {
        if term.depth > DEPTH_MAX {
            return Err(self.error(RegexProblem::NestingDepth, self.pattern));
        }
        self.group.push(term);
        Ok(())
    }

    /// Reads `{2}`, `{2,}` or `{2,5}` as least and greatest count. Any other brace is a literal.
    fn take_counts(&mut self) -> Option<(u32, Option<u32>)> {
        let rest = self.rest.strip_prefix('{')?;
        let (min, rest) = split_count(rest)?;
        let (max, rest) = match rest.strip_prefix(',') {
            None => (Some(min), rest),
            Some(rest) if rest.starts_with('}') => (None, rest),
            Some(rest) => {
                let (max, rest) = split_count(rest)?;
                (Some(max), rest)
            }
        };
        self.rest = rest.strip_prefix('}')?;
        Some((min, max))
    }

    fn check_counts(
        &self,
        start: &'p str,
        min: u32,
        max: Option<u32>,
    ) -> Result<(u32, Option<u32>), RegexError> {
        if min > COPIES_MAX || max.is_some_and(|max| max > COPIES_MAX || max < min) {
            return Err(self.error_since(RegexProblem::RepeatCount, start));
        }
        Ok((min, max))
    }
}

/// Splits a decimal number without leading zeros off `text`.
fn split_count(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    // A number too long to read is a count too high.
    Some((digits.parse().unwrap_or(u32::MAX), rest))
}
