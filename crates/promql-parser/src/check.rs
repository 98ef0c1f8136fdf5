//! Type checking, in the order in which the reference finds what is wrong.

use narthex_model::METRIC_NAME_LABEL;
use narthex_promql_lexer::Span;

use crate::ast::{Cardinality, Kind, MatcherRef, Matchers, NodeId, Run, Tree, VectorMatching};
use crate::error::{ArgumentCount, ParseError, Place, TypeProblem};
use crate::functions::Function;
use crate::ops::{AggregateOp, BinaryOp};
use crate::parse::Parsed;
use crate::value_type::ValueType;

/// What is still to be done.
enum Task {
    /// Check a node and what is below it.
    Enter(NodeId),
    /// Check a node whose children are fine.
    Leave(NodeId),
    /// Check that a node which is fine in itself suits its place.
    Expect { child: NodeId, expected: ValueType, place: Place },
}

/// Checks the types of an expression.
///
/// # Errors
///
/// The first thing that is wrong, walking from the root down and from left to right; but what is
/// aggregated comes before the aggregation's parameter.
pub(crate) fn check(tree: &Tree, root: NodeId, query: &str) -> Parsed<()> {
    // PERF: one look at each node shows that nearly every expression is right. Only where it does
    // not, the order matters in which the reference looks.
    if tree.kinds().all(|kind| is_plainly_right(tree, kind)) {
        return Ok(());
    }
    let mut checker = Checker { tree, query, tasks: vec![Task::Enter(root)] };
    while let Some(task) = checker.tasks.pop() {
        match task {
            Task::Enter(id) => checker.enter(id)?,
            Task::Leave(id) => checker.leave(id)?,
            Task::Expect { child, expected, place } => {
                let got = checker.type_of(child);
                if got != expected {
                    return checker.fail(child, TypeProblem::Expected { expected, place, got });
                }
            }
        }
    }
    Ok(())
}

/// Returns whether nothing can be wrong with a node, whatever stands around it.
fn is_plainly_right(tree: &Tree, kind: Kind) -> bool {
    match kind {
        Kind::Number(_) | Kind::String { .. } | Kind::MatrixSelector { .. } | Kind::Paren(_) => {
            true
        }
        Kind::VectorSelector { name, matchers, .. } => {
            check_selector(name.map(|name| tree.text(name)), tree.matchers(matchers)).is_ok()
        }
        Kind::Subquery(number) => tree.value_type(tree.subquery_expr(number)) == ValueType::Vector,
        Kind::Unary(unary) => is_operand(tree.value_type(unary.expr)),
        Kind::Aggregate { op, param, expr, .. } => {
            tree.value_type(expr) == ValueType::Vector
                && param.is_none_or(|param| tree.value_type(param) == param_type(op))
        }
        Kind::Binary { .. } => binary_problem(tree, kind).is_none(),
        Kind::Call { function, args } => {
            let args = tree.args(args);
            function.name != INFO
                && wrong_count(function, args.len()).is_none()
                && args
                    .iter()
                    .enumerate()
                    .all(|(index, &arg)| function.arg_type(index) == Some(tree.value_type(arg)))
        }
    }
}

struct Checker<'a> {
    tree: &'a Tree,
    query: &'a str,
    tasks: Vec<Task>,
}

impl Checker<'_> {
    /// Checks what the reference checks before it goes down, and plans the rest.
    fn enter(&mut self, id: NodeId) -> Parsed<()> {
        // The tasks are planned in the order of their turn.
        let first = self.tasks.len();
        match self.tree.kind(id) {
            Kind::Number(_) | Kind::String { .. } => {}
            Kind::VectorSelector { name, matchers, .. } => {
                let name = name.map(|name| self.tree.text(name));
                if let Err(problem) = check_selector(name, self.tree.matchers(matchers)) {
                    return self.fail(id, problem);
                }
            }
            Kind::MatrixSelector { selector, .. } => self.tasks.push(Task::Enter(selector)),
            Kind::Paren(inner) => self.tasks.push(Task::Enter(inner)),
            Kind::Subquery(number) => {
                let expr = self.tree.subquery_expr(number);
                self.tasks.extend([Task::Enter(expr), Task::Leave(id)]);
            }
            Kind::Unary(unary) => self.tasks.extend([Task::Enter(unary.expr), Task::Leave(id)]),
            Kind::Binary { lhs, rhs, .. } => {
                self.tasks.extend([Task::Enter(lhs), Task::Enter(rhs), Task::Leave(id)]);
            }
            Kind::Aggregate { op, param, expr, .. } => {
                let expr = (expr, ValueType::Vector, Place::Aggregation);
                let param = param.map(|id| (id, param_type(op), Place::AggregationParameter));
                for (child, expected, place) in [expr].into_iter().chain(param) {
                    self.tasks
                        .extend([Task::Enter(child), Task::Expect { child, expected, place }]);
                }
            }
            Kind::Call { function, args } => self.enter_call(id, function, args)?,
        }
        self.tasks[first..].reverse();
        Ok(())
    }

    fn enter_call(&mut self, id: NodeId, function: &'static Function, args: Run) -> Parsed<()> {
        let args = self.tree.args(args);
        if let Some(problem) = wrong_count(function, args.len()) {
            return self.fail(id, problem);
        }
        let place = Place::Call(function.name);
        for (index, &child) in args.iter().enumerate() {
            let Some(expected) = function.arg_type(index) else { break };
            let is_info_selector = function.name == INFO && index == 1;
            if is_info_selector {
                // Checked before the first argument, and never for matching everything.
                self.check_info_selector(id, child)?;
            } else {
                self.tasks.extend([Task::Enter(child), Task::Expect { child, expected, place }]);
            }
        }
        Ok(())
    }

    /// Checks the second argument of `info`, which selects by labels alone.
    fn check_info_selector(&self, call: NodeId, arg: NodeId) -> Parsed<()> {
        let got = self.type_of(arg);
        if got != ValueType::Vector {
            let (expected, place) = (ValueType::Vector, Place::Call(INFO));
            return self.fail(call, TypeProblem::Expected { expected, place, got });
        }
        match self.tree.kind(arg) {
            Kind::VectorSelector { name: Some(_), .. } => {
                self.fail(arg, TypeProblem::InfoSelectorName)
            }
            Kind::VectorSelector { name: None, .. } => Ok(()),
            _ => self.fail(arg, TypeProblem::InfoSelector),
        }
    }

    fn leave(&self, id: NodeId) -> Parsed<()> {
        match self.tree.kind(id) {
            Kind::Subquery(number) => {
                let got = self.type_of(self.tree.subquery_expr(number));
                if got != ValueType::Vector {
                    return self.fail(id, TypeProblem::Subquery { got });
                }
            }
            Kind::Unary(unary) => {
                let got = self.type_of(unary.expr);
                if !is_operand(got) {
                    return self.fail(id, TypeProblem::Unary { got });
                }
            }
            kind @ Kind::Binary { lhs, rhs, .. } => match binary_problem(self.tree, kind) {
                None => {}
                Some((BinaryPlace::Operator, problem)) => {
                    let span = self.operator_span(lhs, rhs);
                    return Err(Box::new(ParseError::new(self.query, span, problem.into())));
                }
                Some((BinaryPlace::Operand(operand), problem)) => {
                    return self.fail(operand, problem);
                }
                Some((BinaryPlace::Whole, problem)) => return self.fail(id, problem),
            },
            _ => {}
        }
        Ok(())
    }

    /// Returns what lies between the operands, without the blanks.
    fn operator_span(&self, lhs: NodeId, rhs: NodeId) -> Span {
        let start = self.tree.span(lhs).end;
        let between = Span::new(start, self.tree.span(rhs).start).text(self.query);
        let before = between.len() - between.trim_start().len();
        let [before, length] = [before, between.trim().len()]
            .map(|size| u32::try_from(size).expect("a query is shorter than 4 GiB"));
        Span::new(start + before, start + before + length)
    }

    fn type_of(&self, id: NodeId) -> ValueType {
        self.tree.value_type(id)
    }

    fn fail<T>(&self, id: NodeId, problem: TypeProblem) -> Parsed<T> {
        Err(Box::new(ParseError::new(self.query, self.tree.span(id), problem.into())))
    }
}

/// Where the reference reports what is wrong with an operation.
enum BinaryPlace {
    Operator,
    Operand(NodeId),
    Whole,
}

/// Returns what is wrong with an operation whose operands are fine in themselves.
fn binary_problem(tree: &Tree, kind: Kind) -> Option<(BinaryPlace, TypeProblem)> {
    let Kind::Binary { op, return_bool, lhs, rhs, matching } = kind else { return None };
    let types = [lhs, rhs].map(|operand| tree.value_type(operand));
    if return_bool && !op.is_comparison() {
        return Some((BinaryPlace::Operator, TypeProblem::BoolModifier));
    }
    if op.is_comparison() && !return_bool && types == [ValueType::Scalar; 2] {
        return Some((BinaryPlace::Operator, TypeProblem::ScalarComparison));
    }
    let matching = tree.matching_as_written(matching).unwrap_or_default();
    if let Some(problem) = on_and_group(&matching) {
        return Some((BinaryPlace::Operator, problem));
    }
    for (operand, value_type) in [lhs, rhs].into_iter().zip(types) {
        if !is_operand(value_type) {
            return Some((BinaryPlace::Operand(operand), TypeProblem::Operand));
        }
    }
    matching_problem(op, types, &matching).map(|problem| (BinaryPlace::Whole, problem))
}

/// Complains about a label that is both matched and included.
fn on_and_group(matching: &VectorMatching<'_>) -> Option<TypeProblem> {
    if !matching.on || matching.include.is_empty() {
        return None;
    }
    // Sorted, since a hostile query may list tens of thousands on both sides.
    let mut include: Vec<&str> = matching.include.iter().collect();
    include.sort_unstable();
    let label = matching.labels.iter().find(|label| include.binary_search(label).is_ok())?;
    Some(TypeProblem::OnAndGroup { label: label.into() })
}

fn matching_problem(
    op: BinaryOp,
    types: [ValueType; 2],
    matching: &VectorMatching<'_>,
) -> Option<TypeProblem> {
    let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
    if types != [ValueType::Vector; 2] {
        if !matching.labels.is_empty() {
            return Some(TypeProblem::Matching);
        }
        if fills {
            return Some(TypeProblem::Fill);
        }
        if op.is_set() {
            return Some(TypeProblem::SetScalar { op });
        }
    } else if op.is_set() {
        if matches!(matching.cardinality, Cardinality::OneToMany | Cardinality::ManyToOne) {
            return Some(TypeProblem::SetGrouping { op });
        }
        if fills {
            return Some(TypeProblem::SetFill);
        }
    }
    None
}

fn is_operand(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::Scalar | ValueType::Vector)
}

/// Returns the type of the parameter of an aggregation.
fn param_type(op: AggregateOp) -> ValueType {
    if op == AggregateOp::CountValues { ValueType::String } else { ValueType::Scalar }
}

fn check_selector(name: Option<&str>, matchers: Matchers<'_>) -> Result<(), TypeProblem> {
    let Some(name) = name else {
        let selects_everything = matchers.iter().all(MatcherRef::matches_empty);
        return if selects_everything { Err(TypeProblem::SelectsEverything) } else { Ok(()) };
    };
    match matchers.iter().find(|matcher| matcher.name == METRIC_NAME_LABEL) {
        None => Ok(()),
        Some(matcher) => {
            let [first, second] = [name, matcher.value].map(Box::from);
            Err(TypeProblem::NameTwice { first, second })
        }
    }
}

fn wrong_count(function: &Function, got: usize) -> Option<TypeProblem> {
    let (min, max) = (function.args_min(), function.args_max());
    let expected = match max {
        Some(max) if min == max && got != min => ArgumentCount::Exactly(min),
        Some(max) if min != max && got > max => ArgumentCount::AtMost(max),
        _ if got < min => ArgumentCount::AtLeast(min),
        _ => return None,
    };
    Some(TypeProblem::ArgumentCount { function: function.name, expected, got })
}

/// The function whose second argument is no vector, but says what to look for.
const INFO: &str = "info";
