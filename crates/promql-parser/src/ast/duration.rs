use narthex_promql_lexer::Span;

use super::NumberLiteral;
use crate::ops::UnaryOp;

/// A length of time in a query: the range of a window, a step, an offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DurationValue<'a> {
    /// Milliseconds. Only offsets are ever negative.
    Millis(i64),
    /// An expression over literals and the times of the query.
    Expr(&'a DurationExpr),
}

impl DurationValue<'_> {
    /// No time at all: the offset of a selector without one.
    pub const ZERO: Self = Self::Millis(0);

    /// Returns whether this is the fixed length zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// Returns the length of a window or a step, in milliseconds.
    ///
    /// # Errors
    ///
    /// Where an expression has no value that is a positive duration.
    pub fn resolve_positive(&self, times: QueryTimes) -> Result<i64, DurationExprError> {
        match self {
            Self::Millis(millis) => Ok(*millis),
            Self::Expr(expr) => expr.resolve(times, Sign::Positive),
        }
    }

    /// Returns an offset, in milliseconds.
    ///
    /// # Errors
    ///
    /// Where an expression has no value that is a duration.
    pub fn resolve_offset(&self, times: QueryTimes) -> Result<i64, DurationExprError> {
        match self {
            Self::Millis(millis) => Ok(*millis),
            Self::Expr(expr) => expr.resolve(times, Sign::Any),
        }
    }
}

impl Default for DurationValue<'_> {
    fn default() -> Self {
        Self::ZERO
    }
}

/// The times of a query that duration expressions may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryTimes {
    /// `step()` in milliseconds; zero for an instant query.
    pub step_ms: i64,
    /// `range()`: from the first step to the last, in milliseconds.
    pub range_ms: i64,
}

/// An arithmetic expression that yields seconds: `1h - step() * 2`.
///
/// The nodes lie in post-order, the last is the root.
#[derive(Clone, Debug, Default)]
pub struct DurationExpr {
    nodes: Vec<DurationNode>,
    spans: Vec<Span>,
}

/// Equality ignores spans, and a plus before the whole, which is not printed.
impl PartialEq for DurationExpr {
    fn eq(&self, other: &Self) -> bool {
        self.without_plus() == other.without_plus()
    }
}

/// One node of a [`DurationExpr`].
#[derive(Clone, Debug, PartialEq)]
pub struct DurationNode {
    /// What it computes.
    pub kind: DurationKind,
    /// Whether it stands in parentheses; those of a literal are not kept.
    pub wrapped: bool,
}

/// What a [`DurationNode`] computes. Operands are indices of earlier nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DurationKind {
    /// A number of seconds.
    Literal(NumberLiteral),
    /// `step()`
    Step,
    /// `range()`
    Range,
    /// A sign. A plus stands only before the whole expression, and is not printed.
    Unary {
        /// The sign.
        op: UnaryOp,
        /// What it is put before.
        operand: u32,
    },
    /// An operation on two operands.
    Binary {
        /// The operator.
        op: DurationOp,
        /// The left operand.
        lhs: u32,
        /// The right operand.
        rhs: u32,
    },
}

/// An operator between two durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DurationOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `min_of(a, b)`
    MinOf,
    /// `max_of(a, b)`
    MaxOf,
}

impl DurationOp {
    /// Returns the operator as written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::MinOf => "min_of",
            Self::MaxOf => "max_of",
        }
    }

    /// Returns how tightly an infix operator binds; more is tighter.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Self::Add | Self::Sub => 4,
            Self::Pow => 6,
            _ => crate::ops::UNARY_PRECEDENCE,
        }
    }
}

/// Why a duration expression yields no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {problem}", span.start, span.end)]
pub struct DurationExprError {
    /// Where the expression stands.
    pub span: Span,
    /// What is wrong.
    pub problem: DurationProblem,
}

/// What is wrong with a duration that an expression yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationProblem {
    /// The value is not finite.
    #[error("duration is NaN or infinite")]
    NotFinite,
    /// A window or a step is zero or negative.
    #[error("duration must be greater than 0")]
    NotPositive,
    /// The value does not fit 64 bits of nanoseconds.
    #[error("duration is out of range")]
    OutOfRange,
    /// The right side of `/` is zero.
    #[error("division by zero")]
    DivisionByZero,
    /// The right side of `%` is zero.
    #[error("modulo by zero")]
    ModuloByZero,
}

/// Which durations are allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Any,
    Positive,
}

impl DurationExpr {
    /// Returns the nodes in post-order; the last is the root.
    #[must_use]
    pub fn nodes(&self) -> &[DurationNode] {
        &self.nodes
    }

    /// Returns where the whole expression stands.
    #[must_use]
    pub fn span(&self) -> Span {
        self.spans.last().copied().unwrap_or_default()
    }

    /// Returns the number of an expression that is a literal.
    pub(crate) fn literal(&self) -> Option<NumberLiteral> {
        match self.nodes.as_slice() {
            [DurationNode { kind: DurationKind::Literal(number), .. }] => Some(*number),
            _ => None,
        }
    }

    fn without_plus(&self) -> &[DurationNode] {
        match self.nodes.as_slice() {
            [
                nodes @ ..,
                DurationNode {
                    kind: DurationKind::Unary { op: UnaryOp::Plus, .. },
                    wrapped: false,
                },
            ] => nodes,
            nodes => nodes,
        }
    }

    /// Adds a node whose operands were added before, and returns its index.
    pub(crate) fn push(&mut self, kind: DurationKind, span: Span) -> u32 {
        let index = u32::try_from(self.nodes.len()).expect("the text limit bounds the nodes");
        self.nodes.push(DurationNode { kind, wrapped: false });
        self.spans.push(span);
        index
    }

    /// Returns a node for changes.
    pub(crate) fn node_mut(&mut self, index: u32) -> &mut DurationNode {
        &mut self.nodes[index as usize]
    }

    /// Returns where a node stands.
    pub(crate) fn span_of(&self, index: u32) -> Span {
        self.spans[index as usize]
    }

    /// Changes where a node stands.
    pub(crate) fn set_span(&mut self, index: u32, span: Span) {
        self.spans[index as usize] = span;
    }

    fn resolve(&self, times: QueryTimes, sign: Sign) -> Result<i64, DurationExprError> {
        let fail = |problem| Err(DurationExprError { span: self.span(), problem });
        let seconds = self.eval(times)?;
        if !seconds.is_finite() {
            return fail(DurationProblem::NotFinite);
        }
        if seconds <= 0.0 && sign == Sign::Positive {
            return fail(DurationProblem::NotPositive);
        }
        if seconds.abs() > SECONDS_MAX {
            return fail(DurationProblem::OutOfRange);
        }
        #[expect(clippy::cast_possible_truncation, reason = "cut to whole milliseconds")]
        Ok((seconds * 1000.0) as i64)
    }

    /// Returns the seconds that the expression yields.
    fn eval(&self, times: QueryTimes) -> Result<f64, DurationExprError> {
        let mut values: Vec<f64> = Vec::with_capacity(self.nodes.len());
        for (node, &span) in self.nodes.iter().zip(&self.spans) {
            let value = match node.kind {
                DurationKind::Literal(number) => number.value,
                DurationKind::Step => times.step_ms as f64 / 1000.0,
                DurationKind::Range => times.range_ms as f64 / 1000.0,
                DurationKind::Unary { op: UnaryOp::Plus, operand } => values[operand as usize],
                DurationKind::Unary { op: UnaryOp::Minus, operand } => -values[operand as usize],
                DurationKind::Binary { op, lhs, rhs } => {
                    binary(op, values[lhs as usize], values[rhs as usize])
                        .map_err(|problem| DurationExprError { span, problem })?
                }
            };
            values.push(value);
        }
        Ok(values.last().copied().unwrap_or_default())
    }
}

fn binary(op: DurationOp, lhs: f64, rhs: f64) -> Result<f64, DurationProblem> {
    match op {
        DurationOp::Div if rhs == 0.0 => Err(DurationProblem::DivisionByZero),
        DurationOp::Mod if rhs == 0.0 => Err(DurationProblem::ModuloByZero),
        DurationOp::Add => Ok(lhs + rhs),
        DurationOp::Sub => Ok(lhs - rhs),
        DurationOp::Mul => Ok(lhs * rhs),
        DurationOp::Div => Ok(lhs / rhs),
        DurationOp::Mod => Ok(lhs % rhs),
        DurationOp::Pow => Ok(lhs.powf(rhs)),
        // NaN wins, unless the other side is the infinity that nothing can pass.
        DurationOp::MinOf if rhs < lhs || rhs.is_nan() && lhs != f64::NEG_INFINITY => Ok(rhs),
        DurationOp::MaxOf if rhs > lhs || rhs.is_nan() && lhs != f64::INFINITY => Ok(rhs),
        DurationOp::MinOf if lhs.is_nan() && rhs == f64::NEG_INFINITY => Ok(rhs),
        DurationOp::MaxOf if lhs.is_nan() && rhs == f64::INFINITY => Ok(rhs),
        DurationOp::MinOf | DurationOp::MaxOf => Ok(lhs),
    }
}

/// The longest duration, in seconds: 64 bits of nanoseconds.
pub(crate) const SECONDS_MAX: f64 = 9_223_372_036.854_776;
