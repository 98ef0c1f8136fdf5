//! What can be wrong with a template.

/// Why a text is no template. The message is the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {template}:{line}: {problem}")]
#[non_exhaustive]
pub struct ParseError {
    /// The name of the text.
    pub template: Box<str>,
    /// The line at which reading stopped; the first is 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Box<str>,
}

/// Why a template could not be executed. The messages are the reference's where it has any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// Something in the template failed.
    #[error(
        "template: {template}:{line}:{column}: executing {} at <{context}>: {problem}",
        crate::format::Quoted(name)
    )]
    #[non_exhaustive]
    At {
        /// The name of the text.
        template: Box<str>,
        /// The line of what failed; the first is 1.
        line: usize,
        /// Its column in bytes; the first is 0.
        column: usize,
        /// The name of the template in the text.
        name: Box<str>,
        /// What failed, printed.
        context: Box<str>,
        /// Why it failed.
        problem: Box<str>,
    },
    /// A template of that name is not there.
    #[error(
        "template: no template {} associated with template {}",
        crate::format::Quoted(name),
        crate::format::Quoted(root)
    )]
    NoTemplate {
        /// The name that was asked for.
        name: Box<str>,
        /// The name of the set.
        root: Box<str>,
    },
    /// The template has no text but definitions.
    #[error("template: {name}: {} is an incomplete or empty template", crate::format::Quoted(name))]
    Incomplete {
        /// Its name.
        name: Box<str>,
    },
    /// The template could not be made safe to be part of a page.
    #[error("{0}")]
    Escape(EscapeError),
}

/// Why a template could not be made safe to be part of a page. The messages are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("html/template:{place}: {problem}")]
#[non_exhaustive]
pub struct EscapeError {
    /// The template, with line and column where they are known.
    pub place: Box<str>,
    /// What is wrong.
    pub problem: Box<str>,
}
