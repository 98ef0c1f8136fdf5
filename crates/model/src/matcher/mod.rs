//! Conditions on labels, and the regular expressions in some of them.

mod expand;
mod go_pattern;
mod plain;
mod regex;
mod search;
mod shortcut;

use std::fmt;
use std::hash::{Hash, Hasher};

pub use self::regex::{Captures, Regex};
pub use go_pattern::{RegexError, RegexProblem};
pub use search::SearchRegex;

use crate::labels::is_legacy_label_name;
use crate::quote::Quoted;

/// How a matcher compares a label's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl MatchOp {
    /// Returns the operator as PromQL writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }

    /// Returns whether the operator is met by what is not like its value.
    #[must_use]
    pub fn is_negated(self) -> bool {
        matches!(self, Self::NotEqual | Self::NotRegex)
    }
}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One condition on one label. A label that a series lacks has the empty value.
///
/// Two matchers are equal where operator, name and value are. One prints as PromQL writes it, its
/// name in quotes where it is not of the legacy charset.
///
/// ```
/// use narthex_model::{MatchOp, Matcher};
///
/// let job = Matcher::new(MatchOp::Regex, "job", "node|api")?;
/// assert!(job.matches("api") && !job.matches("api2"));
/// assert_eq!(job.to_string(), r#"job=~"node|api""#);
/// # Ok::<(), narthex_model::MatcherError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Matcher {
    op: MatchOp,
    name: Box<str>,
    value: Box<str>,
    regex: Option<Regex>,
}

/// Why a matcher could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct MatcherError(#[from] pub RegexError);

impl Matcher {
    /// Returns the condition `name op value`.
    ///
    /// # Errors
    ///
    /// Where `op` takes a regular expression and `value` is none.
    pub fn new(op: MatchOp, name: &str, value: &str) -> Result<Self, MatcherError> {
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(Regex::new(value)?),
        };
        Ok(Self { op, name: name.into(), value: value.into(), regex })
    }

    /// Returns the condition `name="value"`, which cannot fail to be made.
    #[must_use]
    pub fn equal(name: &str, value: &str) -> Self {
        Self { op: MatchOp::Equal, name: name.into(), value: value.into(), regex: None }
    }

    /// Returns the condition `name!="value"`, which cannot fail to be made.
    #[must_use]
    pub fn not_equal(name: &str, value: &str) -> Self {
        Self { op: MatchOp::NotEqual, ..Self::equal(name, value) }
    }

    /// Returns the condition `name=~"pattern"`, or `name!~"pattern"` where it is negated.
    #[must_use]
    pub fn of_regex(name: &str, regex: Regex, is_negated: bool) -> Self {
        let op = if is_negated { MatchOp::NotRegex } else { MatchOp::Regex };
        Self { op, name: name.into(), value: regex.as_str().into(), regex: Some(regex) }
    }

    /// Returns the operator.
    #[must_use]
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// Returns the label's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what the label's value is compared with: text, or a pattern.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the pattern of `=~` and `!~`.
    #[must_use]
    pub fn regex(&self) -> Option<&Regex> {
        self.regex.as_ref()
    }

    /// Returns whether a label with this value meets the condition.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let like_value = match &self.regex {
            Some(regex) => regex.is_match(value),
            None => *self.value == *value,
        };
        like_value != self.op.is_negated()
    }

    /// Returns whether series without the label meet the condition.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        let like_value = match &self.regex {
            Some(regex) => regex.matches_empty(),
            None => self.value.is_empty(),
        };
        like_value != self.op.is_negated()
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && self.name == other.name && self.value == other.value
    }
}

impl Eq for Matcher {}

impl Hash for Matcher {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.op, &self.name, &self.value).hash(state);
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_legacy_label_name(&self.name) {
            f.write_str(&self.name)?;
        } else {
            write!(f, "{}", Quoted(&self.name))?;
        }
        write!(f, "{}{}", self.op, Quoted(&self.value))
    }
}

#[cfg(test)]
mod tests;
