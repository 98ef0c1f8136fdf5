use std::ops::Deref;

use narthex_model::{MatchOp, Matcher};
use smallvec::SmallVec;

use super::{DurationValue, NodeId};
use crate::functions::Function;
use crate::ops::{AggregateOp, BinaryOp, UnaryOp};
use crate::print::write_string;

/// One node of an expression. Children are named by their [`NodeId`].
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `1.5`, `0x1f`, `5m`
    NumberLiteral(NumberLiteral),
    /// `"text"`
    StringLiteral(StringLiteral),
    /// `up{job="node"} offset 5m`
    VectorSelector(Box<VectorSelector>),
    /// `up[5m]`
    MatrixSelector(MatrixSelector),
    /// `rate(up[5m])[1h:1m]`
    Subquery(Box<Subquery>),
    /// `rate(up[5m])`
    Call(Call),
    /// `sum by (job) (up)`
    Aggregate(Box<Aggregate>),
    /// `a + b`
    Binary(Binary),
    /// `-a`
    Unary(Unary),
    /// `(a)`
    Paren(NodeId),
}

impl Node {
    /// Returns the children in the order of the text.
    #[must_use]
    pub fn children(&self) -> SmallVec<[NodeId; 4]> {
        let mut children = SmallVec::new();
        match self {
            Self::NumberLiteral(_) | Self::StringLiteral(_) | Self::VectorSelector(_) => {}
            Self::MatrixSelector(matrix) => children.push(matrix.selector),
            Self::Subquery(subquery) => children.push(subquery.expr),
            Self::Call(call) => children.extend_from_slice(&call.args),
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

    /// Replaces every child by what `map` makes of it.
    pub fn map_children(&mut self, mut map: impl FnMut(NodeId) -> NodeId) {
        let mut set = |child: &mut NodeId| *child = map(*child);
        match self {
            Self::NumberLiteral(_) | Self::StringLiteral(_) | Self::VectorSelector(_) => {}
            Self::MatrixSelector(matrix) => set(&mut matrix.selector),
            Self::Subquery(subquery) => set(&mut subquery.expr),
            Self::Call(call) => call.args.iter_mut().for_each(set),
            Self::Aggregate(aggregate) => {
                if let Some(param) = &mut aggregate.param {
                    set(param);
                }
                set(&mut aggregate.expr);
            }
            Self::Binary(binary) => {
                set(&mut binary.lhs);
                set(&mut binary.rhs);
            }
            Self::Unary(unary) => set(&mut unary.expr),
            Self::Paren(expr) => set(expr),
        }
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringLiteral {
    text: Box<str>,
    /// The bytes where they are not UTF-8.
    bytes: Option<Box<[u8]>>,
}

impl StringLiteral {
    /// Returns the literal of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(error) => {
                let bytes = error.into_bytes();
                let text = String::from_utf8_lossy(&bytes).into();
                Self { text, bytes: Some(bytes.into()) }
            }
        }
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// Returns whether the bytes are UTF-8, so that they are the text.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        self.bytes.is_none()
    }

    /// Returns the text as it stands in printed queries: quoted, with escapes.
    #[must_use]
    pub fn quoted(&self) -> String {
        let mut quoted = String::new();
        // Writing into a string does not fail.
        let _ = write_string(&mut quoted, self.as_bytes());
        quoted
    }
}

impl Deref for StringLiteral {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<String> for StringLiteral {
    fn from(text: String) -> Self {
        Self { text: text.into(), bytes: None }
    }
}

impl From<&str> for StringLiteral {
    fn from(text: &str) -> Self {
        Self { text: text.into(), bytes: None }
    }
}

/// A selection of series.
#[derive(Clone, Debug)]
pub struct VectorSelector {
    /// The metric's name where it stands before the braces.
    pub name: Option<Box<str>>,
    /// Every condition, in the order of the text; that of `name` comes last.
    pub matchers: Vec<Matcher>,
    /// How far back to look; zero without `offset`.
    pub offset: DurationValue,
    /// The time that `@` pins the selection to.
    pub at: Option<At>,
    /// Whether and how samples around the window count.
    pub extended: Option<ExtendedRange>,
}

/// The order of the matchers means nothing.
impl PartialEq for VectorSelector {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.offset == other.offset
            && self.at == other.at
            && self.extended == other.extended
            && sorted(&self.matchers) == sorted(&other.matchers)
    }
}

fn sorted(matchers: &[Matcher]) -> SmallVec<[(&str, MatchOp, &str); 4]> {
    let mut keys: SmallVec<_> =
        matchers.iter().map(|matcher| (matcher.name(), matcher.op(), matcher.value())).collect();
    keys.sort_unstable();
    keys
}

/// A selection of series with a window of samples each.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixSelector {
    /// The [`Node::VectorSelector`], which also holds `offset` and `@`.
    pub selector: NodeId,
    /// The length of the window.
    pub range: DurationValue,
}

/// An expression evaluated at many instants.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// What is evaluated.
    pub expr: NodeId,
    /// The length of the window.
    pub range: DurationValue,
    /// The time between instants; `None` stands for the engine's default.
    pub step: Option<DurationValue>,
    /// How far back the window ends; zero without `offset`.
    pub offset: DurationValue,
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
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub function: &'static Function,
    /// The arguments, as many as the function allows.
    pub args: SmallVec<[NodeId; 4]>,
}

/// An aggregation.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The operator.
    pub op: AggregateOp,
    /// The parameter of `topk` and the like.
    pub param: Option<NodeId>,
    /// The vector that is aggregated.
    pub expr: NodeId,
    /// The labels of `by` or `without`, in the order of the text.
    pub grouping: Vec<Box<str>>,
    /// Whether `grouping` names the labels to drop.
    pub without: bool,
}

/// A binary operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// The left operand.
    pub lhs: NodeId,
    /// The right operand.
    pub rhs: NodeId,
    /// Whether a comparison yields 0 and 1 instead of filtering.
    pub return_bool: bool,
    /// How series find each other: present where both operands are instant vectors.
    pub matching: Option<Box<VectorMatching>>,
}

/// How the series of two vectors find each other.
#[derive(Clone, Debug, Default)]
pub struct VectorMatching {
    /// How many series of each side may share a match group.
    pub cardinality: Cardinality,
    /// The labels of `on` or `ignoring`, in the order of the text.
    pub labels: Vec<Box<str>>,
    /// Whether `labels` names what must be equal, and not what is ignored.
    pub on: bool,
    /// The labels of `group_left` or `group_right`, taken from the "one" side.
    pub include: Vec<Box<str>>,
    /// The value that stands in for a missing sample of the left side. Experimental.
    pub fill_left: Option<f64>,
    /// The value that stands in for a missing sample of the right side. Experimental.
    pub fill_right: Option<f64>,
}

/// Fill values are equal where they print alike, as number literals are.
impl PartialEq for VectorMatching {
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unary {
    /// The sign.
    pub op: UnaryOp,
    /// What it is put before.
    pub expr: NodeId,
}
