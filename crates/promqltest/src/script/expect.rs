//! `expect fail`, `expect warn msg: …` and their like.

use std::fmt;

use narthex_model::Regex;
use narthex_model::quote::Quoted;

use super::{ScriptProblem, take_word};

/// What a script expects of an evaluation beside its result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expectations {
    /// Whether the query fails.
    pub(crate) fails: bool,
    /// What the text of the error is; all hold.
    pub(crate) failure: Vec<TextMatch>,
    pub(crate) warnings: ExpectedTexts,
    pub(crate) infos: ExpectedTexts,
    /// Whether the result has the order of the lines.
    pub(crate) ordered: bool,
    /// How many lines `expect fail` there are.
    fail_lines: usize,
}

/// Which annotations of one severity a script expects.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExpectedTexts {
    /// Where there is any, each matches an annotation, and each annotation matches one.
    pub(crate) some: Vec<TextMatch>,
    /// Whether there is no annotation.
    pub(crate) none: bool,
}

/// What a text is like.
#[derive(Clone, Debug)]
pub(crate) enum TextMatch {
    Any,
    Exactly(Box<str>),
    Pattern {
        written: Box<str>,
        /// Matches the whole of the texts that `written` matches a part of.
        whole: Regex,
    },
}

impl Expectations {
    /// Adds what the form `eval_…` of the command expects. Returns whether there is such a form.
    pub(super) fn add_legacy(&mut self, form: &str) -> bool {
        match form {
            "_fail" => self.fails = true,
            "_warn" => self.warnings.some.push(TextMatch::Any),
            "_info" => self.infos.some.push(TextMatch::Any),
            "_ordered" => self.ordered = true,
            _ => return false,
        }
        true
    }

    /// Adds what a line `expect …` expects.
    pub(super) fn add(&mut self, line: &str) -> Result<(), ScriptProblem> {
        let mut rest = line;
        take_word(&mut rest);
        let kind = take_word(&mut rest);
        let text = TextMatch::read(rest)?;
        match kind {
            "fail" => {
                self.fails = true;
                self.fail_lines += 1;
                self.failure.push(text);
            }
            "warn" => self.warnings.some.push(text),
            "info" => self.infos.some.push(text),
            "no_warn" => self.warnings.none = true,
            "no_info" => self.infos.none = true,
            "ordered" => self.ordered = true,
            _ => return Err(ScriptProblem::Expect),
        }
        self.check()
    }

    fn check(&self) -> Result<(), ScriptProblem> {
        let contradictory = |texts: &ExpectedTexts| texts.none && !texts.some.is_empty();
        if contradictory(&self.infos) {
            return Err(ScriptProblem::Contradiction("info and no_info"));
        }
        if contradictory(&self.warnings) {
            return Err(ScriptProblem::Contradiction("warn and no_warn"));
        }
        if self.fail_lines > 1 { Err(ScriptProblem::FailTwice) } else { Ok(()) }
    }
}

impl TextMatch {
    /// Reads nothing, `msg: text` or `regex: pattern`.
    fn read(text: &str) -> Result<Self, ScriptProblem> {
        if text.is_empty() {
            return Ok(Self::Any);
        }
        let (kind, value) = text.split_once(':').ok_or(ScriptProblem::Expect)?;
        if value.is_empty() {
            return Err(ScriptProblem::Expect);
        }
        match kind {
            "msg" => Ok(Self::Exactly(value.trim().into())),
            "regex" => Self::pattern(value.trim()),
            _ => Err(ScriptProblem::Expect),
        }
    }

    /// Returns what matches texts in which `pattern` matches somewhere.
    pub(super) fn pattern(pattern: &str) -> Result<Self, ScriptProblem> {
        let invalid = |source| ScriptProblem::Pattern { pattern: pattern.into(), source };
        // Alone first: `a)(b` is no pattern, and its error should not show what stands around it.
        Regex::new(pattern).map_err(invalid)?;
        let whole = Regex::new(&format!("(?s:.*)(?-s:{pattern})(?s:.*)")).map_err(invalid)?;
        Ok(Self::Pattern { written: pattern.into(), whole })
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(expected) => **expected == *text,
            Self::Pattern { whole, .. } => whole.is_match(text),
        }
    }
}

/// Prints what is expected behind the name of it: ` that reads "…"`.
impl fmt::Display for TextMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::Exactly(text) => write!(f, " that reads {}", Quoted(text)),
            Self::Pattern { written, .. } => write!(f, " that matches {}", Quoted(written)),
        }
    }
}
