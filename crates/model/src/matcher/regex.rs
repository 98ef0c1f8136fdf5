use std::fmt;
use std::sync::{Arc, OnceLock};

use regex_automata::PatternID;
use regex_automata::meta;
use regex_automata::util::captures::Captures as Found;
use regex_syntax::hir::{Hir, HirKind, Look};

use super::expand;
use super::go_pattern::{self, GoPattern, RegexError, RegexProblem};
use super::plain;
use super::shortcut::{self, Shortcut};

/// A regular expression in Go's syntax, anchored at both ends, whose dot matches a newline.
///
/// Patterns that are lists of literals, or literals between `.*` and `.+`, are matched without an
/// automaton. Clones share what was compiled; what is sure to compile is compiled when it is first
/// used.
///
/// ```
/// use narthex_model::Regex;
///
/// let regex = Regex::new("node-(.+)")?;
/// assert!(regex.is_match("node-7") && !regex.is_match("a node-7"));
/// let mut text = String::new();
/// assert!(regex.expand("node-7", "host-$1", &mut text));
/// assert_eq!(text, "host-7");
/// # Ok::<(), narthex_model::RegexError>(())
/// ```
#[derive(Clone)]
pub struct Regex {
    inner: Arc<Inner>,
}

struct Inner {
    pattern: Box<str>,
    matches_empty: bool,
    /// Missing until a pattern that is sure to compile is used.
    compiled: OnceLock<Compiled>,
}

struct Compiled {
    prefix: Box<str>,
    shortcut: Option<Shortcut>,
    /// Missing where the shortcut and `groups` say all that it could.
    automaton: Option<meta::Regex>,
    groups: Groups,
}

/// The capture groups of a pattern.
pub(super) struct Groups {
    /// In order of their numbers; the first is the whole match.
    pub(super) names: Box<[Option<Box<str>>]>,
    /// Whether every group, if there are any, takes part in every match and holds all of it, as the
    /// one of `(.*)` does.
    pub(super) hold_all: bool,
}

/// How much memory a compiled pattern may take, in bytes.
const COMPILED_SIZE_MAX: usize = 16 << 20;

impl Regex {
    /// Returns the compiled `pattern`.
    ///
    /// # Errors
    ///
    /// Where Go's `regexp` refuses the pattern, and where it nests more than 250 deep or takes more
    /// than 16 MiB compiled.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        match plain::matches_empty(pattern) {
            Some(matches_empty) => Ok(Self::from_parts(pattern, matches_empty, OnceLock::new())),
            None => Self::build(pattern, go_pattern::parse(pattern, true)?),
        }
    }

    /// Returns the compiled `pattern`, read with the anchors around it: `^(?s:pattern)$`.
    ///
    /// So the reference reads the patterns of relabelling rules and of `label_replace`. It matters
    /// to what goes beyond the pattern's end: the text of errors, an open `\Q`, and `a|b)(c|d`, which
    /// is a pattern in there and none alone.
    ///
    /// # Errors
    ///
    /// As [`Regex::new`].
    pub fn new_wrapped(pattern: &str) -> Result<Self, RegexError> {
        Self::build(pattern, go_pattern::parse(&format!("^(?s:{pattern})$"), false)?)
    }

    pub(super) fn build(pattern: &str, parsed: GoPattern) -> Result<Self, RegexError> {
        let compiled = Compiled::new(pattern, parsed)?;
        let matches_empty = compiled.is_match("");
        Ok(Self::from_parts(pattern, matches_empty, compiled.into()))
    }

    fn from_parts(pattern: &str, matches_empty: bool, compiled: OnceLock<Compiled>) -> Self {
        Self { inner: Arc::new(Inner { pattern: pattern.into(), matches_empty, compiled }) }
    }

    fn compiled(&self) -> &Compiled {
        let Inner { pattern, compiled, .. } = &*self.inner;
        compiled.get_or_init(|| {
            shortcut::read(pattern).map(Compiled::of_shortcut).unwrap_or_else(|| {
                go_pattern::parse(pattern, true)
                    .and_then(|parsed| Compiled::new(pattern, parsed))
                    .expect("plain patterns compile")
            })
        })
    }

    /// Returns the pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.inner.pattern
    }

    /// Returns whether the pattern matches the whole `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled().is_match(text)
    }

    /// Returns whether the pattern matches the empty text, without compiling it for that.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        self.inner.matches_empty
    }

    /// Returns the texts that the pattern matches, sorted and without duplicates, where it is no
    /// more than a list of literals.
    #[must_use]
    pub fn literals(&self) -> Option<&[Box<str>]> {
        match &self.compiled().shortcut {
            Some(Shortcut::Literals(literals)) => Some(literals),
            _ => None,
        }
    }

    /// Returns a literal that every match starts with; often empty.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.compiled().prefix
    }

    /// Matches the whole `text` and returns its groups, or `None` where the pattern does not match.
    #[must_use]
    pub fn captures<'a>(&'a self, text: &'a str) -> Option<Captures<'a>> {
        let Compiled { shortcut, automaton, groups, .. } = self.compiled();
        if shortcut.as_ref().is_some_and(|shortcut| !shortcut.is_match(text)) {
            return None;
        }
        let found = match automaton {
            Some(automaton) => {
                let mut found = automaton.create_captures();
                automaton.captures(text, &mut found);
                if !found.is_match() {
                    return None;
                }
                Some(found)
            }
            None => None,
        };
        Some(Captures { text, found, groups })
    }

    /// Matches the whole `text` and appends `template` to `out` with its references filled in, as
    /// Go's `Regexp.Expand` does. Returns whether the pattern matched.
    ///
    /// `$1`, `${1}`, `$name` and `${name}` stand for groups, `$0` for the whole text and `$$` for a
    /// dollar sign. A name is as long as it can be: `$1x` is the group named `1x`. Groups that do not
    /// exist or did not take part are empty.
    pub fn expand(&self, text: &str, template: &str, out: &mut String) -> bool {
        match self.captures(text) {
            Some(captures) => {
                captures.expand(template, out);
                true
            }
            None => false,
        }
    }
}

impl Compiled {
    fn new(pattern: &str, parsed: GoPattern) -> Result<Self, RegexError> {
        let GoPattern { hir, capture_names } = parsed;
        let groups =
            Groups { hold_all: groups_hold_all(&hir), names: capture_names.into_boxed_slice() };
        let shortcut = shortcut::find(&hir);
        let prefix = shortcut::leading_literal(&hir).into();
        let automaton = match shortcut {
            Some(_) if groups.hold_all => None,
            _ => {
                let anchored = vec![Hir::look(Look::Start), hir, Hir::look(Look::End)];
                Some(compile(pattern, &Hir::concat(anchored))?)
            }
        };
        debug_assert!(
            automaton
                .iter()
                .all(|automaton| automaton.group_info().group_len(PatternID::ZERO)
                    == groups.names.len()),
            "the groups of {pattern:?} keep their numbers"
        );
        Ok(Self { prefix, shortcut, automaton, groups })
    }

    /// Returns what is compiled of a pattern without groups.
    fn of_shortcut(shortcut: Shortcut) -> Self {
        let groups = Groups { names: [None].into(), hold_all: true };
        Self { prefix: shortcut.prefix().into(), shortcut: Some(shortcut), automaton: None, groups }
    }

    fn is_match(&self, text: &str) -> bool {
        match &self.shortcut {
            Some(shortcut) => shortcut.is_match(text),
            None => self.automaton.as_ref().is_some_and(|automaton| automaton.is_match(text)),
        }
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Regex").field(&self.as_str()).finish()
    }
}

/// The groups of one match: see [`Regex::captures`].
pub struct Captures<'a> {
    text: &'a str,
    /// Missing where every group holds the whole text.
    found: Option<Found>,
    groups: &'a Groups,
}

impl<'a> Captures<'a> {
    /// Returns the groups of a match anywhere in `text`.
    pub(super) fn of_match(text: &'a str, found: Found, groups: &'a Groups) -> Self {
        Self { text, found: Some(found), groups }
    }

    /// Returns the text of the group with this number, of which 0 is the whole match, or `None`
    /// where it does not exist or did not take part.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a str> {
        match &self.found {
            Some(found) => Some(&self.text[found.get_group(index)?.range()]),
            None => (index < self.groups.names.len()).then_some(self.text),
        }
    }

    /// Returns the text of the first group of this name that took part.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<&'a str> {
        let names = self.groups.names.iter().enumerate();
        let mut named = names.filter(|(_, candidate)| candidate.as_deref() == Some(name));
        named.find_map(|(index, _)| self.get(index))
    }

    /// Appends `template` to `out` with its references filled in: see [`Regex::expand`].
    pub fn expand(&self, template: &str, out: &mut String) {
        expand::expand(self, template, out);
    }
}

impl fmt::Debug for Captures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.groups.names.len()).map(|index| self.get(index))).finish()
    }
}

/// Compiles the tree as it is. (The `regex` crate would take it as text only, and a tree does not
/// always print as itself: `(?:a+)?` becomes `a+?`.)
pub(super) fn compile(pattern: &str, hir: &Hir) -> Result<meta::Regex, RegexError> {
    meta::Regex::builder()
        .configure(meta::Config::new().nfa_size_limit(Some(COMPILED_SIZE_MAX)))
        .build_from_hir(hir)
        .map_err(|_| RegexError { problem: RegexProblem::TooLarge, fragment: pattern.into() })
}

fn groups_hold_all(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Capture(capture) => groups_hold_all(&capture.sub),
        HirKind::Concat(parts) => {
            // Anchors take no room, so what stands between them holds all.
            let mut others = parts.iter().filter(|part| !matches!(part.kind(), HirKind::Look(_)));
            match (others.next(), others.next()) {
                (Some(only), None) => groups_hold_all(only),
                _ => hir.properties().explicit_captures_len() == 0,
            }
        }
        _ => hir.properties().explicit_captures_len() == 0,
    }
}
