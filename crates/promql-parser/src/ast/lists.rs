//! Lists within nodes.

use std::fmt;

use narthex_model::{MatchOp, Matcher, Regex};
use narthex_promql_lexer::Span;
use smallvec::SmallVec;

use super::tree::{MatcherSlot, Tree};

/// The conditions in the braces of a selector.
#[derive(Clone, Copy)]
pub struct Matchers<'a>(MatcherSource<'a>);

#[derive(Clone, Copy)]
enum MatcherSource<'a> {
    Tree(&'a Tree, &'a [MatcherSlot]),
    Slice(&'a [Matcher]),
}

/// One condition of a selector: a [`Matcher`] that borrows.
#[derive(Clone, Copy, Debug)]
pub struct MatcherRef<'a> {
    /// The operator.
    pub op: MatchOp,
    /// The label's name.
    pub name: &'a str,
    /// What the label's value is compared with: text, or a pattern.
    pub value: &'a str,
    /// The pattern of `=~` and `!~`.
    pub(super) regex: Option<&'a Regex>,
}

impl<'a> Matchers<'a> {
    pub(super) fn of_tree(tree: &'a Tree, slots: &'a [MatcherSlot]) -> Self {
        Self(MatcherSource::Tree(tree, slots))
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(self) -> usize {
        match self.0 {
            MatcherSource::Tree(_, slots) => slots.len(),
            MatcherSource::Slice(matchers) => matchers.len(),
        }
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns each, in the order of the text.
    pub fn iter(self) -> impl ExactSizeIterator<Item = MatcherRef<'a>> {
        (0..self.len()).map(move |index| match self.0 {
            MatcherSource::Tree(tree, slots) => tree.matcher(slots[index]),
            MatcherSource::Slice(matchers) => (&matchers[index]).into(),
        })
    }
}

impl<'a> From<&'a [Matcher]> for Matchers<'a> {
    fn from(matchers: &'a [Matcher]) -> Self {
        Self(MatcherSource::Slice(matchers))
    }
}

/// The order means nothing.
impl PartialEq for Matchers<'_> {
    fn eq(&self, other: &Self) -> bool {
        let sorted = |matchers: &Self| {
            let mut keys: SmallVec<[_; 4]> =
                matchers.iter().map(|matcher| (matcher.name, matcher.op, matcher.value)).collect();
            keys.sort_unstable();
            keys
        };
        self.len() == other.len() && sorted(self) == sorted(other)
    }
}

impl fmt::Debug for Matchers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl MatcherRef<'_> {
    /// Returns a matcher of its own.
    #[must_use]
    pub fn to_matcher(self) -> Matcher {
        match (self.regex, self.op) {
            (Some(regex), op) => Matcher::of_regex(self.name, regex.clone(), op.is_negated()),
            (None, MatchOp::NotEqual) => Matcher::not_equal(self.name, self.value),
            (None, _) => Matcher::equal(self.name, self.value),
        }
    }

    /// Returns whether series without the label meet the condition.
    #[must_use]
    pub fn matches_empty(self) -> bool {
        self.regex.map_or(self.value.is_empty(), Regex::matches_empty) != self.op.is_negated()
    }
}

impl<'a> From<&'a Matcher> for MatcherRef<'a> {
    fn from(matcher: &'a Matcher) -> Self {
        let (op, name, value) = (matcher.op(), matcher.name(), matcher.value());
        Self { op, name, value, regex: matcher.regex() }
    }
}

/// Names of labels, in the order of the text.
#[derive(Clone, Copy)]
pub struct LabelNames<'a>(NameSource<'a>);

#[derive(Clone, Copy)]
enum NameSource<'a> {
    /// Parts of a text.
    Spans(&'a str, &'a [Span]),
    Slice(&'a [&'a str]),
}

impl<'a> LabelNames<'a> {
    pub(super) fn of_text(text: &'a str, spans: &'a [Span]) -> Self {
        Self(NameSource::Spans(text, spans))
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(self) -> usize {
        match self.0 {
            NameSource::Spans(_, spans) => spans.len(),
            NameSource::Slice(names) => names.len(),
        }
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns each, in the order of the text.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a str> {
        (0..self.len()).map(move |index| match self.0 {
            NameSource::Spans(text, spans) => spans[index].text(text),
            NameSource::Slice(names) => names[index],
        })
    }

    /// Returns whether a label is listed.
    #[must_use]
    pub fn contains(self, name: &str) -> bool {
        self.iter().any(|listed| listed == name)
    }
}

impl<'a> From<&'a [&'a str]> for LabelNames<'a> {
    fn from(names: &'a [&'a str]) -> Self {
        Self(NameSource::Slice(names))
    }
}

impl Default for LabelNames<'_> {
    fn default() -> Self {
        Self(NameSource::Slice(&[]))
    }
}

impl PartialEq for LabelNames<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for LabelNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
