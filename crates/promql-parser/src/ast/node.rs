use std::fmt;
use std::ops::Deref;

use narthex_model::{METRIC_NAME_LABEL, Matcher};
use smallvec::SmallVec;

use super::{DurationValue, LabelNames, Matchers, NodeId};
use crate::functions::Function;
use crate::ops::{AggregateOp, BinaryOp, UnaryOp};
use crate::print::write_string;

/// One node of an expression, for matching. Children are named by their [`NodeId`].
///
/// It borrows from its expression, which keeps the parts elsewhere, and is cheap to make and to copy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node<'a> {
    /// `1.5`, `0x1f`, `5m`
    NumberLiteral(NumberLiteral),
    /// `"text"`
    StringLiteral(StringLiteral<'a>),
    /// `up{job="node"} offset 5m`
    VectorSelector(VectorSelector<'a>),
    /// `up[5m]`
    MatrixSelector(MatrixSelector<'a>),
    /// `rate(up[5m])[1h:1m]`
    Subquery(Subquery<'a>),
    /// `rate(up[5m])`
    Call(Call<'a>),
    /// `sum by (job) (up)`
    Aggregate(Aggregate<'a>),
    /// `a + b`
    Binary(Binary<'a>),
    /// `-a`
    Unary(Unary),
    /// `(a)`
    Paren(NodeId),
}

impl<'a> Node<'a> {
    /// Returns the children in the order of the text.
    #[must_use]
    pub fn children(&self) -> SmallVec<[NodeId; 4]> {
        let mut children = SmallVec::new();
        match self {
            Self::NumberLiteral(_) | Self::StringLiteral(_) | Self::VectorSelector(_) => {}
            Self::MatrixSelector(matrix) => children.push(matrix.selector),
            Self::Subquery(subquery) => children.push(subquery.expr),
            Self::Call(call) => children.extend_from_slice(call.args),
            Self::Aggregate(aggregate) => {
                children.extend(aggregate.param);
                children.push(aggregate.expr);
            }
            Self::Binary(binary) => children.extend([binary.lhs, binary.rhs]),
            Self::Unary(unary) => children.push(unary.expr),
            Self::Paren(expr) => children.push(*expr),
        }
        children
    }

    /// Returns the node with what `map` makes of every child. `args` keeps those of a call.
    pub(crate) fn with_children<'b>(
        mut self,
        args: &'b mut SmallVec<[NodeId; 4]>,
        map: impl Fn(NodeId) -> NodeId,
    ) -> Node<'b>
    where
        'a: 'b,
    {
        let set = |child: &mut NodeId| *child = map(*child);
        match &mut self {
            Self::NumberLiteral(_) | Self::StringLiteral(_) | Self::VectorSelector(_) => {}
            Self::MatrixSelector(matrix) => set(&mut matrix.selector),
            Self::Subquery(subquery) => set(&mut subquery.expr),
            Self::Call(call) => {
                *args = call.args.iter().map(|&arg| map(arg)).collect();
                return Node::Call(Call { function: call.function, args });
            }
            Self::Aggregate(aggregate) => {
                aggregate.param.iter_mut().for_each(set);
                set(&mut aggregate.expr);
            }
            Self::Binary(binary) => {
                set(&mut binary.lhs);
                set(&mut binary.rhs);
            }
            Self::Unary(unary) => set(&mut unary.expr),
            Self::Paren(expr) => set(expr),
        }
        self
    }
}

/// A number, or a duration that stands for its seconds.
#[derive(Clone, Copy, Debug)]
pub struct NumberLiteral {
    /// The number; a sign before the literal is part of it.
    pub value: f64,
    /// Whether it was written, and is printed, as a duration.
    pub is_duration: bool,
}

/// Numbers are equal where they print alike: `NaN` equals `-NaN`, `0` is not `-0`. Durations print
/// without the sign of a zero.
impl PartialEq for NumberLiteral {
    fn eq(&self, other: &Self) -> bool {
        let same_zero = self.is_duration && self.value == 0.0 && other.value == 0.0;
        self.is_duration == other.is_duration && (same_number(self.value, other.value) || same_zero)
    }
}

/// Returns whether two numbers have the same bits, or are no numbers: of `NaN` no sign is printed.
fn same_number(left: f64, right: f64) -> bool {
    left.to_bits() == right.to_bits() || (left.is_nan() && right.is_nan())
}

/// A text, as a rule in UTF-8; escapes may name other bytes.
///
/// It derefs to the text, in which U+FFFD stands for what is not UTF-8.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StringLiteral<'a> {
    pub(super) text: &'a str,
    /// Those of the text where they are UTF-8.
    pub(super) bytes: &'a [u8],
}

impl<'a> StringLiteral<'a> {
    /// Returns the text.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns whether the bytes are UTF-8, so that they are the text.
    #[must_use]
    pub fn is_utf8(self) -> bool {
        self.bytes == self.text.as_bytes()
    }

    /// Returns the text as it stands in printed queries: quoted, with escapes.
    #[must_use]
    pub fn quoted(self) -> String {
        let mut quoted = String::new();
        // Writing into a string does not fail.
        let _ = write_string(&mut quoted, self.bytes);
        quoted
    }
}

impl Deref for StringLiteral<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.text
    }
}

impl<'a> From<&'a str> for StringLiteral<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes() }
    }
}

impl fmt::Debug for StringLiteral<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.quoted())
    }
}

/// A selection of series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VectorSelector<'a> {
    /// The metric's name where it stands before the braces.
    pub name: Option<&'a str>,
    /// The conditions in the braces, in the order of the text, which means nothing to equality.
    pub matchers: Matchers<'a>,
    /// How far back to look; zero without `offset`.
    pub offset: DurationValue<'a>,
    /// The time that `@` pins the selection to.
    pub at: Option<At>,
    /// Whether and how samples around the window count.
    pub extended: Option<ExtendedRange>,
}

impl VectorSelector<'_> {
    /// Returns every condition; that on `name` comes last.
    #[must_use]
    pub fn to_matchers(&self) -> Vec<Matcher> {
        let name = self.name.map(|name| Matcher::equal(METRIC_NAME_LABEL, name));
        self.matchers.iter().map(|matcher| matcher.to_matcher()).chain(name).collect()
    }
}

/// A selection of series with a window of samples each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatrixSelector<'a> {
    /// The [`Node::VectorSelector`], which also holds `offset` and `@`.
    pub selector: NodeId,
    /// The length of the window.
    pub range: DurationValue<'a>,
}

/// An expression evaluated at many instants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subquery<'a> {
    /// What is evaluated.
    pub expr: NodeId,
    /// The length of the window.
    pub range: DurationValue<'a>,
    /// The time between instants; `None` stands for the engine's default.
    pub step: Option<DurationValue<'a>>,
    /// How far back the window ends; zero without `offset`.
    pub offset: DurationValue<'a>,
    /// The time that `@` pins the end of the window to.
    pub at: Option<At>,
}

/// A time that `@` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// Milliseconds since the Unix epoch.
    Timestamp(i64),
    /// `start()`: the first step of the query.
    Start,
    /// `end()`: the last step of the query.
    End,
}

/// How samples around a window count. Experimental.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExtendedRange {
    /// `anchored`: the last sample before the window counts at its start.
    Anchored,
    /// `smoothed`: values at the window's ends are interpolated.
    Smoothed,
}

impl ExtendedRange {
    /// Returns the modifier as written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anchored => "anchored",
            Self::Smoothed => "smoothed",
        }
    }
}

/// A function call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call<'a> {
    /// The function.
    pub function: &'static Function,
    /// The arguments, as many as the function allows.
    pub args: &'a [NodeId],
}

/// An aggregation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aggregate<'a> {
    /// The operator.
    pub op: AggregateOp,
    /// The parameter of `topk` and the like.
    pub param: Option<NodeId>,
    /// The vector that is aggregated.
    pub expr: NodeId,
    /// The labels of `by` or `without`, in the order of the text.
    pub grouping: LabelNames<'a>,
    /// Whether `grouping` names the labels to drop.
    pub without: bool,
}

/// A binary operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binary<'a> {
    /// The operator.
    pub op: BinaryOp,
    /// The left operand.
    pub lhs: NodeId,
    /// The right operand.
    pub rhs: NodeId,
    /// Whether a comparison yields 0 and 1 instead of filtering.
    pub return_bool: bool,
    /// How series find each other: present where both operands are instant vectors.
    pub matching: Option<VectorMatching<'a>>,
}

/// How the series of two vectors find each other.
#[derive(Clone, Copy, Debug, Default)]
pub struct VectorMatching<'a> {
    /// How many series of each side may share a match group.
    pub cardinality: Cardinality,
    /// The labels of `on` or `ignoring`, in the order of the text.
    pub labels: LabelNames<'a>,
    /// Whether `labels` names what must be equal, and not what is ignored.
    pub on: bool,
    /// The labels of `group_left` or `group_right`, taken from the "one" side.
    pub include: LabelNames<'a>,
    /// The value that stands in for a missing sample of the left side. Experimental.
    pub fill_left: Option<f64>,
    /// The value that stands in for a missing sample of the right side. Experimental.
    pub fill_right: Option<f64>,
}

/// Fill values are equal where they print alike, as number literals are.
impl PartialEq for VectorMatching<'_> {
    fn eq(&self, other: &Self) -> bool {
        let same_fill = |left: Option<f64>, right: Option<f64>| match (left, right) {
            (Some(left), Some(right)) => same_number(left, right),
            (None, None) => true,
            _ => false,
        };
        self.cardinality == other.cardinality
            && self.labels == other.labels
            && self.on == other.on
            && self.include == other.include
            && same_fill(self.fill_left, other.fill_left)
            && same_fill(self.fill_right, other.fill_right)
    }
}

/// How many series of each side may share a match group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cardinality {
    /// One on each side.
    #[default]
    OneToOne,
    /// Many on the left: `group_left`.
    ManyToOne,
    /// Many on the right: `group_right`.
    OneToMany,
    /// Any number on both: the set operators.
    ManyToMany,
}

impl Cardinality {
    /// Returns the name that the HTTP API uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OneToOne => "one-to-one",
            Self::ManyToOne => "many-to-one",
            Self::OneToMany => "one-to-many",
            Self::ManyToMany => "many-to-many",
        }
    }
}

/// A signed expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unary {
    /// The sign.
    pub op: UnaryOp,
    /// What it is put before.
    pub expr: NodeId,
}
