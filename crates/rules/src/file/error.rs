use std::fmt;

use narthex_model::quote::Quoted;
use narthex_promql_parser::ParseError;
use narthex_yaml::{Position, YamlError};

/// All that is wrong with a rule file, one thing a line.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFileError {
    /// What is wrong, in the order of the file, group by group; at least one thing.
    pub errors: Vec<RuleError>,
}

impl std::error::Error for RuleFileError {}

impl fmt::Display for RuleFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl From<YamlError> for RuleFileError {
    fn from(error: YamlError) -> Self {
        let position = error.position();
        Self { errors: vec![RuleError { position, rule: None, problem: RuleProblem::Yaml(error) }] }
    }
}

/// One thing that is wrong with a rule file, and where.
///
/// It reads `5:11: group "node", rule 1, "job:up:sum": …`, with line and column first.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub struct RuleError {
    /// Where it stands.
    pub position: Position,
    /// The rule that it is about, unless it is about a group, or the file.
    pub rule: Option<RulePlace>,
    /// What it is.
    #[source]
    pub problem: RuleProblem,
}

/// Which rule of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePlace {
    /// The name of its group.
    pub group: Box<str>,
    /// Its number in the group, from 1.
    pub number: usize,
    /// Its own name, which may be missing.
    pub name: Box<str>,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.position.line, self.position.column)?;
        if let RuleProblem::RecordAndAlert { alert } = &self.problem {
            write!(f, "{}:{}: ", alert.line, alert.column)?;
        }
        if let Some(RulePlace { group, number, name }) = &self.rule {
            write!(f, "group {}, rule {number}, {}: ", Quoted(group), Quoted(name))?;
        }
        self.problem.fmt(f)
    }
}

/// What is wrong with a rule file. The words are the reference's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleProblem {
    /// The file is no YAML, or none of this shape.
    #[error("{}", .0.message())]
    Yaml(YamlError),
    /// A key that nobody knows.
    #[error("unknown field {}", Quoted(field))]
    UnknownField {
        /// The key.
        field: Box<str>,
    },
    /// A group without a name.
    #[error("Groupname must not be empty")]
    GroupName,
    /// A group with the name of one before.
    #[error("groupname: \"{name}\" is repeated in the same file")]
    GroupRepeated {
        /// The name.
        name: Box<str>,
    },
    /// A rule that is both.
    #[error("only one of 'record' and 'alert' must be set")]
    RecordAndAlert {
        /// Where the name of the alert stands; the place of the error is that of the other.
        alert: Position,
    },
    /// A rule that is neither.
    #[error("one of 'record' or 'alert' must be set")]
    NoName,
    /// A rule without an expression.
    #[error("field 'expr' must be set in rule")]
    NoExpr,
    /// An expression that is none.
    #[error("could not parse expression: {0}")]
    Expr(ParseError),
    /// A key that only alerting rules have.
    #[error("invalid field '{0}' in recording rule")]
    InRecording(ForbiddenField),
    /// The name of a metric that is none.
    #[error("invalid recording rule name: {name}")]
    RecordName {
        /// The name.
        name: Box<str>,
    },
    /// What looks like a selector in place of a name.
    #[error("braces present in the recording rule name; should it be in expr?: {name}")]
    RecordBraces {
        /// The name.
        name: Box<str>,
    },
    /// The name of a label that is none, or that of the metric's name.
    #[error("invalid label name: {name}")]
    LabelName {
        /// The name.
        name: Box<str>,
    },
    /// The name of an annotation that is none.
    #[error("invalid annotation name: {name}")]
    AnnotationName {
        /// The name.
        name: Box<str>,
    },
    /// A template that is none.
    #[error("{owner} {}: {reason}", Quoted(name))]
    Template {
        /// What it is the value of.
        owner: TemplateOwner,
        /// The name of that.
        name: Box<str>,
        /// What is wrong with it.
        reason: Box<str>,
    },
}

/// A key that only alerting rules have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForbiddenField {
    /// `annotations`
    Annotations,
    /// `for`
    For,
    /// `keep_firing_for`
    KeepFiringFor,
}

impl fmt::Display for ForbiddenField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Annotations => "annotations",
            Self::For => "for",
            Self::KeepFiringFor => "keep_firing_for",
        })
    }
}

/// What holds a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateOwner {
    /// A label.
    Label,
    /// An annotation.
    Annotation,
}

impl fmt::Display for TemplateOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Label => "label",
            Self::Annotation => "annotation",
        })
    }
}
