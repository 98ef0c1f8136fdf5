/// Why a pattern is no regular expression. Prints as Go's error does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {problem}: `{fragment}`")]
pub struct RegexError {
    /// What is wrong.
    pub problem: RegexProblem,
    /// The part of the pattern that is wrong; all of it where no part can be blamed.
    pub fragment: Box<str>,
}

/// What can be wrong with a pattern, in Go's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RegexProblem {
    /// A range of a class ends before it starts, or a named class does not exist.
    #[error("invalid character class range")]
    ClassRange,
    /// A backslash stands before a character that it gives no meaning.
    #[error("invalid escape sequence")]
    Escape,
    /// The name of a capture group is not made of ASCII letters, digits and underscores.
    #[error("invalid named capture")]
    NamedCapture,
    /// `(?` begins nothing known.
    #[error("invalid or unsupported Perl syntax")]
    PerlSyntax,
    /// A repetition operator follows another: `a**`.
    #[error("invalid nested repetition operator")]
    NestedRepetition,
    /// A count is above 1000, alone or multiplied with those around it, or below the one before it.
    #[error("invalid repeat count")]
    RepeatCount,
    /// A class is not closed.
    #[error("missing closing ]")]
    MissingBracket,
    /// A group is not closed.
    #[error("missing closing )")]
    MissingParen,
    /// A repetition operator has nothing before it.
    #[error("missing argument to repetition operator")]
    MissingRepetitionArgument,
    /// The pattern ends with a backslash.
    #[error("trailing backslash at end of expression")]
    TrailingBackslash,
    /// A parenthesis closes no group.
    #[error("unexpected )")]
    UnexpectedParen,
    /// Groups and repetitions nest more than 250 deep. Go allows 1000.
    #[error("expression nests too deeply")]
    NestingDepth,
    /// The compiled pattern would take too much memory.
    #[error("expression too large")]
    TooLarge,
}
