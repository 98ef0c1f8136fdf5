//! What is to be done for a query: one list of operations, operands before operators.
//!
//! The plan of an expression is made once per query. It fixes all that follows from the text and
//! the times of the query alone: the steps at which each part is evaluated, the windows and lookups
//! of the selectors, what is evaluated once, which selectors share a selection. Running it is a
//! loop over the list with a stack of operands, so neither depth nor length of an expression can
//! overflow the thread's stack.

mod build;
mod function;
mod info;
mod invariance;
mod reads;

use narthex_model::{Labels, Matcher};
use narthex_promql_parser::{AggregateOp, BinaryOp, NodeId, Span, StringLiteral, VectorMatching};
use narthex_storage::{SelectHints, TimeRange};
use smallvec::SmallVec;

use crate::Grid;
use crate::range_fn::RangeFn;
use crate::window::Windows;
pub(crate) use build::{PlanContext, plan};
pub(crate) use function::{DatePart, Function};

/// The operations of a query.
#[derive(Debug)]
pub(crate) struct Plan<'e> {
    pub(crate) selections: Vec<SelectionPlan>,
    pub(crate) operations: Vec<Operation<'e>>,
}

/// A choice of series over a range of time, made of the store before anything is evaluated.
#[derive(Debug)]
pub(crate) struct SelectionPlan {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) range: TimeRange,
    pub(crate) hints: SelectHints,
    /// The first operation that reads it.
    pub(crate) operation: usize,
}

/// One operation and the steps that it is done for.
#[derive(Debug)]
pub(crate) struct Operation<'e> {
    pub(crate) kind: OperationKind<'e>,
    pub(crate) grid: Grid,
    /// The node of the expression that it is done for.
    pub(crate) node: NodeId,
}

/// What an operation does to the stack of operands.
#[derive(Debug)]
pub(crate) enum OperationKind<'e> {
    /// Pushes a scalar.
    Number(f64),
    /// Pushes a text.
    Text(StringLiteral<'e>),
    /// Pushes an instant vector.
    Instant(InstantPlan),
    /// Pushes a range vector.
    Window { selection: usize, windows: Windows, totals_only: bool },
    /// Makes a range vector of an instant vector.
    Subquery(Windows),
    /// Gives the value of the first step to all steps.
    Spread,
    /// Negates a scalar or an instant vector.
    Negate,
    /// Adds the labels of info series to an instant vector.
    Info(Box<InfoPlan>),
    /// Replaces the arguments by the result of a function.
    Call(Box<CallPlan>),
    /// Replaces a vector, and the parameter under it, by its aggregation.
    Aggregate(Box<AggregatePlan<'e>>),
    /// Replaces two operands by what an operator makes of them.
    Binary(BinaryPlan<'e>),
}

/// An instant selector: the latest sample at each step, if it is not too old.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InstantPlan {
    pub(crate) selection: usize,
    /// Where each step looks: at the right end of a window that is as long as the lookback delta.
    pub(crate) lookups: Windows,
    pub(crate) take: Take,
    /// Nobody looks at the buckets of histograms.
    pub(crate) totals_only: bool,
    /// Where the selector stands in the query.
    pub(crate) span: Span,
}

/// What is taken of the sample that an instant selector finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    Value,
    /// Its time in seconds.
    Time,
    /// Its time in milliseconds.
    TimeMs,
    /// Since when it counts, in seconds; 0 where that is not known.
    StartTime,
    /// What a line through the samples around the step has there.
    Smoothed,
}

/// A call of `info`.
#[derive(Debug)]
pub(crate) struct InfoPlan {
    /// Finds the info series and the times of their samples.
    pub(crate) instant: InstantPlan,
    /// The conditions on the names of info series.
    pub(crate) name_matchers: Vec<Matcher>,
    /// The conditions on their other labels, which also say which labels are wanted. Without any,
    /// all of them are.
    pub(crate) data_matchers: Vec<Matcher>,
}

/// A function call.
#[derive(Debug)]
pub(crate) struct CallPlan {
    pub(crate) function: Function,
    pub(crate) arg_count: usize,
    /// Where each argument stands in the query.
    pub(crate) arg_spans: SmallVec<[Span; 4]>,
    pub(crate) span: Span,
}

/// An aggregation.
#[derive(Debug)]
pub(crate) struct AggregatePlan<'e> {
    pub(crate) op: AggregateOp,
    pub(crate) grouping: Grouping<'e>,
    pub(crate) param_span: Option<Span>,
    /// Where the vector stands in the query.
    pub(crate) vector_span: Span,
    pub(crate) span: Span,
}

/// Which labels a group of series shares.
#[derive(Debug)]
pub(crate) struct Grouping<'e> {
    /// Sorted.
    pub(crate) names: Vec<&'e str>,
    pub(crate) without: bool,
}

/// A binary operation.
#[derive(Debug)]
pub(crate) struct BinaryPlan<'e> {
    pub(crate) op: BinaryOp,
    pub(crate) return_bool: bool,
    pub(crate) matching: Option<VectorMatching<'e>>,
    pub(crate) span: Span,
}

impl OperationKind<'_> {
    /// Returns how many operands the operation takes from the stack.
    pub(crate) fn operand_count(&self) -> usize {
        match self {
            Self::Number(_) | Self::Text(_) | Self::Instant(_) | Self::Window { .. } => 0,
            Self::Subquery(_) | Self::Spread | Self::Negate | Self::Info(_) => 1,
            Self::Call(call) => call.arg_count,
            Self::Aggregate(aggregate) => 1 + usize::from(aggregate.param_span.is_some()),
            Self::Binary(_) => 2,
        }
    }

    /// Returns the number of the selection that the operation reads, if it reads one.
    pub(crate) fn selection(&self) -> Option<usize> {
        match self {
            Self::Instant(instant) => Some(instant.selection),
            Self::Window { selection, .. } => Some(*selection),
            Self::Info(info) => Some(info.instant.selection),
            _ => None,
        }
    }
}

impl Function {
    /// Returns the function over a range vector that this is, if it is one.
    pub(crate) fn over_range(&self) -> Option<RangeFn> {
        match self {
            Self::OverRange(function) => Some(*function),
            Self::AbsentOverTime(_) => Some(RangeFn::Present),
            _ => None,
        }
    }
}

/// The labels that `absent` gives to its result: what the selector asks to be equal.
pub(crate) fn labels_for_absent(matchers: &[Matcher]) -> Labels {
    use narthex_model::{LabelsBuilder, METRIC_NAME_LABEL, MatchOp};

    let mut builder = LabelsBuilder::default();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|matcher| matcher.name() != METRIC_NAME_LABEL) {
        if matcher.op() == MatchOp::Equal && !seen.contains(&matcher.name()) {
            builder.set(matcher.name(), matcher.value());
            seen.push(matcher.name());
        } else {
            // A second condition on the same label leaves its value open.
            builder.delete(matcher.name());
        }
    }
    builder.build()
}
