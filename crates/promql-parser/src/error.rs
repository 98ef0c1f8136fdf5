use std::fmt;

use narthex_model::MatcherError;
use narthex_model::duration::DurationError;
use narthex_model::histogram::HistogramError;
use narthex_model::quote::Quoted;
use narthex_promql_lexer::{KeywordClass, LexProblem, Span, Token, TokenKind};

use crate::ops::{AggregateOp, BinaryOp};
use crate::value_type::ValueType;

/// Why a query is no expression: the first thing that is wrong with it.
///
/// Prints as `line:column: parse error: message` in the reference's words.
#[derive(Clone, Debug, PartialEq)]
pub struct ParseError {
    /// Where the query is wrong.
    pub span: Span,
    /// Line and column of the span's start, from 1; `None` where the query is empty.
    pub line_column: Option<(usize, usize)>,
    /// What is wrong. Boxed, since errors are rare and results many.
    pub problem: Box<ParseProblem>,
}

impl ParseError {
    pub(crate) fn new(query: &str, span: Span, problem: ParseProblem) -> Self {
        Self { span, line_column: span.line_column(query), problem: Box::new(problem) }
    }

    /// Returns the line of `query` that is wrong, and below it carets under the wrong part.
    ///
    /// # Examples
    ///
    /// ```
    /// let query = "sum(up)\n  by bus";
    /// let error = narthex_promql_parser::parse(query).unwrap_err();
    /// assert_eq!(error.excerpt(query), "  by bus\n     ^^^");
    /// ```
    #[must_use]
    pub fn excerpt(&self, query: &str) -> String {
        let (before, after) = query.split_at_checked(self.span.start as usize).unwrap_or_default();
        let before = before.rsplit('\n').next().unwrap_or_default();
        let after = after.split('\n').next().unwrap_or_default();
        let wrong = self.span.text(query).split('\n').next().unwrap_or_default();
        // Tabs stay, so that the carets stand where they belong however wide a tab is.
        let indent: String = before.chars().map(|c| if c == '\t' { c } else { ' ' }).collect();
        let carets = "^".repeat(wrong.chars().count().max(1));
        format!("{before}{after}\n{indent}{carets}")
    }
}

impl std::error::Error for ParseError {}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line_column {
            Some((line, column)) => write!(f, "{line}:{column}")?,
            None => f.write_str("unknown position")?,
        }
        write!(f, ": parse error: {}", self.problem)
    }
}

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseProblem {
    /// It is longer than [`ParseOptions::query_size_max`](crate::ParseOptions::query_size_max).
    #[error("query exceeds {size_max} bytes")]
    TooLong {
        /// The bound.
        size_max: u32,
    },
    /// It nests deeper than [`ParseOptions::nesting_max`](crate::ParseOptions::nesting_max).
    #[error("nesting exceeds {nesting_max}")]
    TooDeep {
        /// The bound.
        nesting_max: usize,
    },
    /// It cannot be cut into tokens.
    #[error(transparent)]
    Lex(#[from] LexProblem),
    /// It has blanks and comments at most.
    #[error("no expression found in input")]
    NoExpression,
    /// A token stands where the grammar has none like it.
    #[error("unexpected {found}{}{}", InContext(.expected.context), Expecting(.expected.what))]
    Unexpected {
        /// The token in words.
        found: Box<str>,
        /// What would have been right.
        expected: Expected,
    },
    /// A number that is none.
    #[error("error parsing number: strconv.ParseFloat: parsing {}: {reason}", Quoted(.text))]
    Number {
        /// The number as written.
        text: Box<str>,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A duration that is none.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// A duration that does not fit 64 bits of nanoseconds.
    #[error("duration out of range")]
    DurationOutOfRange,
    /// A range or step of no length.
    #[error("duration must be greater than 0")]
    DurationNotPositive,
    /// A division by a literal zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A remainder of a division by a literal zero.
    #[error("modulo by zero")]
    ModuloByZero,
    /// A matcher whose pattern is no regular expression.
    #[error(transparent)]
    Matcher(#[from] MatcherError),
    /// A label name that can be none.
    #[error("invalid label name for grouping: {}", Quoted(.name))]
    GroupingLabel {
        /// The name.
        name: Box<str>,
    },
    /// What a series has for values is none.
    #[error(transparent)]
    Series(#[from] SeriesProblem),
    /// A call of a function that does not exist.
    #[error("unknown function with name {}", Quoted(.name))]
    UnknownFunction {
        /// The name.
        name: Box<str>,
    },
    /// A comma before the closing parenthesis of a call.
    #[error("trailing commas not allowed in function call args")]
    TrailingComma,
    /// An aggregation of nothing.
    #[error("no arguments for aggregate expression provided")]
    NoAggregateArguments,
    /// An aggregation of too many or too few arguments.
    #[error(
        "wrong number of arguments for aggregate expression provided, expected {expected}, got {got}"
    )]
    AggregateArguments {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// A modifier behind something that cannot take it, or a second time.
    #[error(transparent)]
    Modifier(#[from] ModifierProblem),
    /// A part of the language that [`ParseOptions`](crate::ParseOptions) must enable.
    #[error(transparent)]
    NotEnabled(#[from] NotEnabled),
    /// The parts of the expression do not go together.
    #[error(transparent)]
    Type(#[from] TypeProblem),
}

/// What is wrong with the values of a series.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SeriesProblem {
    /// There are more than [`SeriesDescription::VALUES_MAX`](crate::SeriesDescription::VALUES_MAX).
    #[error("series exceeds {values_max} values")]
    TooManyValues {
        /// The bound.
        values_max: usize,
    },
    /// A number of repetitions that is none.
    #[error(
        "invalid repetition in series values: strconv.ParseUint: parsing {}: {reason}", Quoted(.text)
    )]
    Repetition {
        /// The number as written.
        text: Box<str>,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A word in a histogram that is no key, or no counter reset hint.
    #[error("bad histogram descriptor found: {}", Quoted(.key))]
    UnknownKey {
        /// The word.
        key: Box<str>,
    },
    /// A key of a histogram without its value.
    #[error("missing `:` for histogram descriptor")]
    MissingColon,
    /// A key of a histogram for the second time.
    #[error("duplicate key \"{key}\" in histogram")]
    DuplicateKey {
        /// The key.
        key: Box<str>,
    },
    /// A character that has no place in a histogram.
    #[error("histogram description incomplete unexpected: '{found}'")]
    UnexpectedInHistogram {
        /// The character.
        found: char,
    },
    /// A schema or an offset that does not fit 32 bits.
    #[error("integer out of range")]
    IntegerOutOfRange,
    /// Histograms that get finer from step to step.
    #[error("error combining histograms: cannot merge from schema {from} to {to}")]
    SchemaMismatch {
        /// The schema of the step.
        from: i32,
        /// The schema of the first histogram.
        to: i32,
    },
    /// Histograms that cannot be added.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
}

/// What the grammar has in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The construct around the place; may be empty.
    pub context: &'static str,
    /// What may stand there; may be empty.
    pub what: &'static str,
}

/// A modifier in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModifierProblem {
    /// A range behind something that is no selector.
    #[error("ranges only allowed for vector selectors")]
    RangeTarget,
    /// `offset` before a range.
    #[error("no offset modifiers allowed before range")]
    OffsetBeforeRange,
    /// `@` before a range.
    #[error("no @ modifiers allowed before range")]
    AtBeforeRange,
    /// `offset` behind something that selects no series.
    #[error(
        "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery"
    )]
    OffsetTarget,
    /// A second `offset`.
    #[error("offset may not be set multiple times")]
    OffsetTwice,
    /// `@` behind something that selects no series.
    #[error(
        "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery"
    )]
    AtTarget,
    /// A second `@`.
    #[error("@ <timestamp> may not be set multiple times")]
    AtTwice,
    /// A timestamp that does not fit 64 bits.
    #[error("timestamp out of bounds for @ modifier: {}", Fixed(*.seconds))]
    AtOutOfBounds {
        /// The timestamp.
        seconds: f64,
    },
    /// `anchored` or `smoothed` behind a subquery.
    #[error("{modifier} modifier is not supported for subqueries")]
    ExtendedSubquery {
        /// The modifier.
        modifier: &'static str,
    },
    /// `anchored` or `smoothed` behind something that selects no series.
    #[error("{modifier} modifier not implemented")]
    ExtendedTarget {
        /// The modifier.
        modifier: &'static str,
    },
    /// Both `anchored` and `smoothed`.
    #[error("anchored and smoothed modifiers cannot be used together")]
    ExtendedTwice,
}

/// A part of the language that is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotEnabled {
    /// An experimental function.
    #[error("function {} is not enabled", Quoted(.name))]
    Function {
        /// Its name.
        name: &'static str,
    },
    /// An experimental aggregation.
    #[error(
        "{op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
    )]
    Aggregation {
        /// Its operator.
        op: AggregateOp,
    },
    /// A duration that is no literal.
    #[error("experimental duration expression is not enabled")]
    DurationExpression,
    /// `anchored` or `smoothed`.
    #[error("{modifier} modifier is experimental and not enabled")]
    ExtendedRange {
        /// The modifier.
        modifier: &'static str,
    },
    /// `fill` and its kin.
    #[error("binop fill modifiers are experimental and not enabled")]
    Fill,
}

/// Parts of an expression that do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeProblem {
    /// A part of the wrong type.
    #[error("expected type {} in {place}, got {}", .expected.documented(), .got.documented())]
    Expected {
        /// The type that belongs there.
        expected: ValueType,
        /// Where.
        place: Place,
        /// The type that is there.
        got: ValueType,
    },
    /// A call with another number of arguments than the function has.
    #[error("expected {expected} argument(s) in call to \"{function}\", got {got}")]
    ArgumentCount {
        /// The function's name.
        function: &'static str,
        /// How many it has: with `at least` or `at most` where it varies.
        expected: ArgumentCount,
        /// How many there are.
        got: usize,
    },
    /// The second argument of `info` is a selector with a metric name.
    #[error("expected label selectors only, got vector selector instead")]
    InfoSelectorName,
    /// The second argument of `info` is no selector.
    #[error("expected label selectors only")]
    InfoSelector,
    /// A metric name before the braces and another within.
    #[error("metric name must not be set twice: {} or {}", Quoted(.first), Quoted(.second))]
    NameTwice {
        /// The name before the braces.
        first: Box<str>,
        /// What is matched within.
        second: Box<str>,
    },
    /// A selector that every series matches.
    #[error("vector selector must contain at least one non-empty matcher")]
    SelectsEverything,
    /// A subquery of something that is no instant vector.
    #[error("subquery is only allowed on instant vector, got {got} instead")]
    Subquery {
        /// What it is.
        got: ValueType,
    },
    /// A sign before something that is neither scalar nor instant vector.
    #[error(
        "unary expression only allowed on expressions of type scalar or instant vector, got \"{}\"", .got.documented()
    )]
    Unary {
        /// What it is.
        got: ValueType,
    },
    /// `bool` with an operator that does not compare.
    #[error("bool modifier can only be used on comparison operators")]
    BoolModifier,
    /// A comparison of scalars that would filter.
    #[error("comparisons between scalars must use BOOL modifier")]
    ScalarComparison,
    /// A label both matched and included.
    #[error("label {} must not occur in ON and GROUP clause at once", Quoted(.label))]
    OnAndGroup {
        /// The label.
        label: Box<str>,
    },
    /// An operand that is neither scalar nor instant vector.
    #[error("binary expression must contain only scalar and instant vector types")]
    Operand,
    /// `on` or `ignoring` with a scalar.
    #[error("vector matching only allowed between instant vectors")]
    Matching,
    /// `fill` with a scalar.
    #[error("filling in missing series only allowed between instant vectors")]
    Fill,
    /// `group_left` or `group_right` with a set operator.
    #[error("no grouping allowed for \"{op}\" operation")]
    SetGrouping {
        /// The operator.
        op: BinaryOp,
    },
    /// `fill` with a set operator.
    #[error("filling in missing series not allowed for set operators")]
    SetFill,
    /// A set operator with a scalar.
    #[error("set operator \"{op}\" not allowed in binary scalar expression")]
    SetScalar {
        /// The operator.
        op: BinaryOp,
    },
}

/// A place that wants a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Place {
    /// What is aggregated.
    #[error("aggregation expression")]
    Aggregation,
    /// The parameter of an aggregation.
    #[error("aggregation parameter")]
    AggregationParameter,
    /// An argument of the function of that name.
    #[error("call to function \"{0}\"")]
    Call(&'static str),
}

/// How many arguments a function has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentCount {
    /// That many.
    #[error("{0}")]
    Exactly(usize),
    /// That many or more.
    #[error("at least {0}")]
    AtLeast(usize),
    /// That many or fewer.
    #[error("at most {0}")]
    AtMost(usize),
}

/// Returns a token in the words of the reference.
pub(crate) fn describe(token: Token, query: &str) -> Box<str> {
    let text = token.span.text(query);
    match token.kind {
        TokenKind::Eof => "end of input".into(),
        TokenKind::Comment => format!("comment {}", Short(text)).into(),
        TokenKind::Identifier => format!("identifier {}", Quoted(text)).into(),
        TokenKind::MetricIdentifier => format!("metric identifier {}", Quoted(text)).into(),
        TokenKind::Number => format!("number {}", Short(text)).into(),
        TokenKind::Duration => format!("duration {}", Short(text)).into(),
        TokenKind::String => format!("string {}", Short(text)).into(),
        TokenKind::Keyword(keyword) => match keyword.class() {
            KeywordClass::Operator => format!("<op:{text}>").into(),
            KeywordClass::Aggregator => format!("<aggr:{text}>").into(),
            KeywordClass::Modifier => format!("<{text}>").into(),
            KeywordClass::Preprocessor => Short(text).to_string().into(),
        },
        TokenKind::LeftParen
        | TokenKind::RightParen
        | TokenKind::LeftBrace
        | TokenKind::RightBrace
        | TokenKind::LeftBracket
        | TokenKind::RightBracket
        | TokenKind::Comma
        | TokenKind::Colon
        | TokenKind::Assign => Short(text).to_string().into(),
        _ => format!("<op:{text}>").into(),
    }
}

/// A quoted text of which at most ten characters are shown.
pub(crate) struct Short<'a>(pub(crate) &'a str);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() <= 10 {
            return Quoted(self.0).fmt(f);
        }
        let end = self.0.char_indices().nth(10).map_or(self.0.len(), |(end, _)| end);
        write!(f, "{}...", Quoted(&self.0[..end]))
    }
}

struct InContext<'a>(&'a str);

impl fmt::Display for InContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " in {}", self.0) }
    }
}

struct Expecting<'a>(&'a str);

impl fmt::Display for Expecting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ", expected {}", self.0) }
    }
}

/// A number with six decimals, as Go's `%f` prints it.
struct Fixed(f64);

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_infinite() {
            f.write_str(if self.0 > 0.0 { "+Inf" } else { "-Inf" })
        } else {
            write!(f, "{:.6}", self.0)
        }
    }
}
