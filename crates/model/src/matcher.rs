use std::fmt;

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
}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One condition on one label. A label that a series lacks has the empty value.
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
pub struct MatcherError(#[from] RegexError);

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

    /// Returns the compiled pattern of `=~` and `!~`.
    #[must_use]
    pub fn regex(&self) -> Option<&Regex> {
        self.regex.as_ref()
    }

    /// Returns whether a label with this value meets the condition.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match (self.op, &self.regex) {
            (MatchOp::Equal, _) => *self.value == *value,
            (MatchOp::NotEqual, _) => *self.value != *value,
            (MatchOp::Regex, regex) => regex.as_ref().is_some_and(|regex| regex.is_match(value)),
            (MatchOp::NotRegex, regex) => {
                !regex.as_ref().is_some_and(|regex| regex.is_match(value))
            }
        }
    }

    /// Returns whether series without the label meet the condition.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }
}

/// A regular expression in Go's syntax, anchored at both ends, whose dot matches a newline.
#[derive(Clone, Debug)]
pub struct Regex {
    automaton: regex::Regex,
}

/// Why a pattern is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RegexError {
    /// What is wrong with it.
    pub message: Box<str>,
}

impl Regex {
    /// Returns the compiled `pattern`.
    ///
    /// # Errors
    ///
    /// Where Go's `regexp` refuses the pattern.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        let automaton = regex::Regex::new(&format!("^(?s:{pattern})$"))
            .map_err(|error| RegexError { message: error.to_string().into() })?;
        Ok(Self { automaton })
    }

    /// Returns whether the pattern matches the whole `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.automaton.is_match(text)
    }

    /// Returns the texts that the pattern matches, where it is no more than a list of literals.
    #[must_use]
    pub fn literals(&self) -> Option<&[Box<str>]> {
        None
    }

    /// Returns the literal that every match starts with; often empty.
    #[must_use]
    pub fn prefix(&self) -> &str {
        ""
    }

    /// Returns the automaton, for captures and replacement.
    #[must_use]
    pub fn automaton(&self) -> &regex::Regex {
        &self.automaton
    }
}
