use std::fmt;

use narthex_model::duration::DurationError;
use narthex_model::histogram::ClassicError;
use narthex_model::quote::Quoted;
use narthex_model::{Labels, RegexError};
use narthex_promql_parser::ParseError;

/// Why a text is no script.
///
/// Prints as `5: invalid command …`, so that a file's name fits before it.
#[derive(Debug)]
pub struct ScriptError {
    /// The line that is wrong, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: ScriptProblem,
}

impl std::error::Error for ScriptError {}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.problem)
    }
}

/// What is wrong with a line of a script.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptProblem {
    /// It starts with no command.
    #[error("invalid command {}", Quoted(.text))]
    UnknownCommand {
        /// The line.
        text: Box<str>,
    },
    /// It is no `load`, although it starts like one.
    #[error("invalid load command. (load[_with_nhcb] <step:duration>)")]
    Load,
    /// It is no `eval`, although it starts like one.
    #[error(
        "invalid evaluation command. Must be either \
         'eval[_fail|_warn|_info|_ordered] instant at <offset:duration> <query>' or \
         'eval[_fail|_warn|_info] range from <from> to <to> step <step> <query>'"
    )]
    Eval,
    /// A time or a distance that is no duration.
    #[error("invalid {what} definition {}: {source}", Quoted(.text))]
    Time {
        /// What it is of.
        what: &'static str,
        /// The text in its place.
        text: Box<str>,
        /// Why it is none.
        source: DurationError,
    },
    /// Steps that lead backwards.
    #[error("end timestamp ({end}) is before start timestamp ({start})")]
    EndBeforeStart {
        /// The end as written.
        end: Box<str>,
        /// The start as written.
        start: Box<str>,
    },
    /// Steps without a distance.
    #[error("the step must be greater than 0")]
    StepNotPositive,
    /// It describes no series.
    #[error("{0}")]
    Series(#[source] ParseError),
    /// Its query is none.
    #[error("in the query: {0}")]
    Query(#[source] ParseError),
    /// All series of the script have more values together than
    /// [`Script::VALUES_MAX`](crate::Script::VALUES_MAX).
    #[error("script exceeds {values_max} values")]
    TooManyValues {
        /// The bound.
        values_max: usize,
    },
    /// A bucket of a classic histogram that is to be converted has no bound.
    #[error("expected bucket label in metric {labels}")]
    BucketWithoutBound {
        /// Its labels.
        labels: Labels,
    },
    /// A classic histogram that cannot be converted.
    #[error("convert {labels}: {source}")]
    ClassicHistogram {
        /// The labels of the native histogram.
        labels: Labels,
        /// Why not.
        source: ClassicError,
    },
    /// Start timestamps with nothing below that they could be of.
    #[error("@st line has no following sample line")]
    LoneStartTimestamps,
    /// Start timestamps with another series below.
    #[error("@st metric does not match the following sample line metric")]
    StartTimestampsOfOther,
    /// Not one start timestamp for each sample.
    #[error("@st line has {start_timestamps} values but sample line has {samples}")]
    StartTimestampCount {
        /// How many start timestamps there are.
        start_timestamps: usize,
        /// How many samples there are.
        samples: usize,
    },
    /// Something that is no start timestamp.
    #[error("invalid @st sequence: invalid ST item {}: {reason}", Quoted(.item))]
    StartTimestamp {
        /// The item.
        item: Box<str>,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// It is no expectation, although it starts like one.
    #[error("invalid expect statement, must match `expect <type> <match_type>: <string>` format")]
    Expect,
    /// A pattern that is none.
    #[error("invalid regex {pattern}")]
    Pattern {
        /// The pattern.
        pattern: Box<str>,
        /// What is wrong with it.
        source: RegexError,
    },
    /// Expectations that nothing can meet.
    #[error("invalid expect lines, {0} cannot be used together")]
    Contradiction(&'static str),
    /// A second `expect fail`.
    #[error("invalid expect lines, multiple expect fail lines are not allowed")]
    FailTwice,
    /// The text of `expect string` is not quoted.
    #[error("expected string literal not valid - check that the string is correctly quoted")]
    ExpectedString,
    /// It is no `expect range vector`, although it starts like one.
    #[error("invalid range vector definition {}", Quoted(.text))]
    ExpectedTimes {
        /// What it says of times.
        text: Box<str>,
    },
    /// Several values of a series at one time.
    #[error(
        "expecting multiple values in instant evaluation not allowed. consider using 'expect range \
         vector' directive to enable a range vector result for an instant query"
    )]
    SeveralValues,
    /// No value of a series at the one time.
    #[error("a series of an instant evaluation needs a value")]
    NoValue,
}

impl ScriptProblem {
    pub(super) fn at(self, line: usize) -> ScriptError {
        ScriptError { line, problem: self }
    }
}
