//! How an expression is kept: small nodes in one vector, and what does not fit them beside it.

mod copy;
mod view;

use narthex_model::{MatchOp, Regex};
use narthex_promql_lexer::Span;
use smallvec::{Array, SmallVec};

use super::{At, Cardinality, DurationExpr, ExtendedRange, NodeId, NumberLiteral, Unary};
use crate::functions::Function;
use crate::ops::{AggregateOp, BinaryOp};
use crate::value_type::ValueType;

/// The nodes of an expression and all that belongs to them.
///
/// PERF: few vectors make parsing cheap. `up` costs two allocations, the text and the nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// The query, and behind it what its escapes stand for. Names and values are parts of it.
    text: String,
    slots: Vec<Slot>,
    /// PERF: a few need no room of their own, and most expressions have no more.
    args: SmallVec<[NodeId; 4]>,
    labels: SmallVec<[Span; 2]>,
    matchers: Vec<MatcherSlot>,
    /// PERF: boxed, for a tree is moved and dropped faster the smaller it is.
    rare: Option<Box<Rare>>,
}

/// The parts that most expressions have none of.
#[derive(Clone, Debug, Default)]
struct Rare {
    modifiers: Vec<Modifiers>,
    subqueries: Vec<SubquerySlot>,
    matchings: Vec<MatchingSlot>,
    durations: Vec<DurationExpr>,
    regexes: Vec<Regex>,
    /// The bytes of literals that are not UTF-8.
    bytes: Vec<Box<[u8]>>,
}

/// A node with its place and type.
#[derive(Clone, Debug)]
struct Slot {
    kind: Kind,
    span: Span,
    value_type: ValueType,
}

/// A stretch of one of the vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    start: u32,
    end: u32,
}

/// A node: see [`Node`](super::Node). What it names by numbers and runs lies in the vectors of the
/// tree.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Number(NumberLiteral),
    String { text: Span, bytes: Option<u32> },
    VectorSelector { name: Option<Span>, matchers: Run, modifiers: Option<u32> },
    MatrixSelector { selector: NodeId, range: Length },
    Subquery(u32),
    Call { function: &'static Function, args: Run },
    Aggregate { op: AggregateOp, without: bool, param: Option<NodeId>, expr: NodeId, labels: Run },
    Binary { op: BinaryOp, return_bool: bool, lhs: NodeId, rhs: NodeId, matching: Matching },
    Unary(Unary),
    Paren(NodeId),
}

/// A fixed length of time, in milliseconds, or the number of an expression.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    Millis(i64),
    Expr(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct MatcherSlot {
    op: MatchOp,
    name: Span,
    value: Span,
    regex: Option<u32>,
}

/// What may stand behind a selector or subquery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Modifiers {
    pub(crate) offset: Length,
    pub(crate) at: Option<At>,
    pub(crate) extended: Option<ExtendedRange>,
}

impl Modifiers {
    const NONE: Self = Self { offset: Length::Millis(0), at: None, extended: None };
}

#[derive(Clone, Copy, Debug)]
struct SubquerySlot {
    expr: NodeId,
    range: Length,
    step: Option<Length>,
    modifiers: Modifiers,
}

/// How the series of two operands find each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Matching {
    None,
    /// By all labels.
    Plain,
    /// As the matching of that number says.
    Listed(u32),
}

/// See [`VectorMatching`](super::VectorMatching).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MatchingSlot {
    pub(crate) cardinality: Cardinality,
    pub(crate) on: bool,
    pub(crate) labels: Run,
    pub(crate) include: Run,
    pub(crate) fill_left: Option<f64>,
    pub(crate) fill_right: Option<f64>,
}

impl Tree {
    /// Returns a tree without nodes for a query, with room for a usual number of them.
    pub(crate) fn of_query(query: &str) -> Self {
        let slots = Vec::with_capacity(query.len() / BYTES_PER_NODE + 1);
        Self { text: query.to_owned(), slots, ..Self::default() }
    }

    fn rare(&self) -> &Rare {
        self.rare.as_ref().expect("what has a number was put there")
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn kind(&self, id: NodeId) -> Kind {
        self.slots[id.index()].kind
    }

    pub(crate) fn kind_mut(&mut self, id: NodeId) -> &mut Kind {
        &mut self.slots[id.index()].kind
    }

    pub(crate) fn span(&self, id: NodeId) -> Span {
        self.slots[id.index()].span
    }

    pub(crate) fn set_span(&mut self, id: NodeId, span: Span) {
        self.slots[id.index()].span = span;
    }

    pub(crate) fn value_type(&self, id: NodeId) -> ValueType {
        self.slots[id.index()].value_type
    }

    /// Returns the kinds of all nodes, in post-order.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.slots.iter().map(|slot| slot.kind)
    }

    /// Returns what the whole evaluates to that the node of this kind would be.
    fn type_of(&self, kind: &Kind) -> ValueType {
        match *kind {
            Kind::Number(_) => ValueType::Scalar,
            Kind::String { .. } => ValueType::String,
            Kind::VectorSelector { .. } | Kind::Aggregate { .. } => ValueType::Vector,
            Kind::MatrixSelector { .. } | Kind::Subquery(_) => ValueType::Matrix,
            Kind::Call { function, .. } => function.return_type,
            Kind::Unary(Unary { expr, .. }) | Kind::Paren(expr) => self.value_type(expr),
            Kind::Binary { lhs, rhs, .. } => match [lhs, rhs].map(|id| self.value_type(id)) {
                [ValueType::Scalar, ValueType::Scalar] => ValueType::Scalar,
                _ => ValueType::Vector,
            },
        }
    }

    /// Adds a node whose children were added before.
    pub(crate) fn push(&mut self, kind: Kind, span: Span) -> NodeId {
        let value_type = self.type_of(&kind);
        let id = NodeId(number_of(&self.slots));
        self.slots.push(Slot { kind, span, value_type });
        id
    }

    /// Adds label names, each a part of the text.
    pub(crate) fn push_labels(&mut self, names: &[Span]) -> Run {
        extend(&mut self.labels, names)
    }

    pub(crate) fn push_args(&mut self, args: &[NodeId]) -> Run {
        extend(&mut self.args, args)
    }

    pub(crate) fn args(&self, run: Run) -> &[NodeId] {
        run_of(&self.args, run)
    }

    /// Returns the run of the matchers pushed since there were so many.
    pub(crate) fn matchers_since(&self, start: u32) -> Run {
        Run { start, end: number_of(&self.matchers) }
    }

    pub(crate) fn matcher_count(&self) -> u32 {
        number_of(&self.matchers)
    }

    /// Adds a condition whose name and value are parts of the text.
    pub(crate) fn push_matcher(
        &mut self,
        op: MatchOp,
        [name, value]: [Span; 2],
        regex: Option<Regex>,
    ) {
        let regex = regex.map(|regex| push_numbered(&mut self.rare_mut().regexes, regex));
        self.matchers.push(MatcherSlot { op, name, value, regex });
    }

    pub(crate) fn push_matching(&mut self, matching: MatchingSlot) -> Matching {
        Matching::Listed(push_numbered(&mut self.rare_mut().matchings, matching))
    }

    /// Returns whether the matching has values for missing samples.
    pub(crate) fn fills(&self, matching: Matching) -> bool {
        let Matching::Listed(number) = matching else { return false };
        let slot = &self.rare().matchings[number as usize];
        slot.fill_left.is_some() || slot.fill_right.is_some()
    }

    pub(crate) fn push_duration(&mut self, expr: DurationExpr) -> Length {
        Length::Expr(push_numbered(&mut self.rare_mut().durations, expr))
    }

    pub(crate) fn push_subquery(
        &mut self,
        expr: NodeId,
        range: Length,
        step: Option<Length>,
        span: Span,
    ) -> NodeId {
        let subquery = SubquerySlot { expr, range, step, modifiers: Modifiers::NONE };
        let number = push_numbered(&mut self.rare_mut().subqueries, subquery);
        self.push(Kind::Subquery(number), span)
    }

    /// Returns what a subquery evaluates.
    pub(crate) fn subquery_expr(&self, number: u32) -> NodeId {
        self.rare().subqueries[number as usize].expr
    }

    /// Returns the modifiers of a selector or subquery for changes, if the node is one.
    pub(crate) fn modifiers_mut(&mut self, id: NodeId) -> Option<&mut Modifiers> {
        match &mut self.slots[id.index()].kind {
            Kind::VectorSelector { modifiers, .. } => {
                let all = &mut self.rare.get_or_insert_default().modifiers;
                let number = *modifiers.get_or_insert_with(|| push_numbered(all, Modifiers::NONE));
                Some(&mut all[number as usize])
            }
            Kind::Subquery(number) => {
                let number = *number as usize;
                Some(&mut self.rare_mut().subqueries[number].modifiers)
            }
            _ => None,
        }
    }

    /// Returns the modifiers of a selector.
    pub(crate) fn modifiers(&self, number: Option<u32>) -> Modifiers {
        number.map_or(Modifiers::NONE, |number| self.rare().modifiers[number as usize])
    }

    /// Adds to the text, and returns the part that this is.
    pub(crate) fn push_text(&mut self, text: &str) -> Span {
        let end_of = |text: &str| u32::try_from(text.len()).expect("less than 4 GiB of text");
        let start = end_of(&self.text);
        self.text.push_str(text);
        Span::new(start, end_of(&self.text))
    }

    /// Adds the text that these bytes are. What is not UTF-8 is kept beside it.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) -> Kind {
        let text = self.push_text(&String::from_utf8_lossy(bytes));
        let is_utf8 = std::str::from_utf8(bytes).is_ok();
        let bytes = (!is_utf8).then(|| push_numbered(&mut self.rare_mut().bytes, bytes.into()));
        Kind::String { text, bytes }
    }

    /// Returns a part of the text.
    pub(crate) fn text(&self, part: Span) -> &str {
        part.text(&self.text)
    }
}

impl Length {
    pub(crate) fn is_zero(self) -> bool {
        matches!(self, Self::Millis(0))
    }
}

fn run_of<T>(all: &[T], run: Run) -> &[T] {
    &all[run.start as usize..run.end as usize]
}

fn extend<A: Array<Item: Copy>>(all: &mut SmallVec<A>, more: &[A::Item]) -> Run {
    let start = number_of(all);
    all.extend_from_slice(more);
    Run { start, end: number_of(all) }
}

fn push_numbered<T>(all: &mut Vec<T>, one: T) -> u32 {
    let number = number_of(all);
    all.push(one);
    number
}

/// Returns the number of what is pushed next.
fn number_of<T>(all: &[T]) -> u32 {
    u32::try_from(all.len()).expect("fewer than 2^32 parts of a kind")
}

/// How long the text of a node is as a rule; `1+1` is denser and costs a second allocation.
const BYTES_PER_NODE: usize = 8;
