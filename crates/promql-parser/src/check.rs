//! Type checking, in the order in which the reference finds what is wrong.

use narthex_model::METRIC_NAME_LABEL;
use narthex_promql_lexer::Span;

use crate::ast::{Binary, Call, Cardinality, Expr, Node, NodeId, VectorMatching, VectorSelector};
use crate::error::{ArgumentCount, ParseError, Place, TypeProblem};
use crate::ops::AggregateOp;
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
pub(crate) fn check(expr: &Expr, query: &str) -> Result<(), ParseError> {
    let mut checker = Checker { expr, query, tasks: vec![Task::Enter(expr.root().id())] };
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

/// Settles how the series of binary operations match, in an expression whose types are right.
pub(crate) fn settle_matching(expr: &mut Expr) {
    expr.for_each_mut(|node, types| {
        let Node::Binary(binary) = node else { return };
        if [binary.lhs, binary.rhs].iter().any(|id| types[id.index()] != ValueType::Vector) {
            binary.matching = None;
        } else if let Some(matching) = &mut binary.matching
            && binary.op.is_set()
        {
            matching.cardinality = Cardinality::ManyToMany;
        }
    });
}

struct Checker<'a> {
    expr: &'a Expr,
    query: &'a str,
    tasks: Vec<Task>,
}

impl Checker<'_> {
    /// Checks what the reference checks before it goes down, and plans the rest.
    fn enter(&mut self, id: NodeId) -> Result<(), ParseError> {
        // The tasks are planned in the order of their turn.
        let first = self.tasks.len();
        let node = self.expr.get(id).node();
        match node {
            Node::NumberLiteral(_) | Node::StringLiteral(_) => {}
            Node::VectorSelector(selector) => {
                if let Err(problem) = check_selector(selector) {
                    return self.fail(id, problem);
                }
            }
            Node::MatrixSelector(matrix) => self.tasks.push(Task::Enter(matrix.selector)),
            Node::Paren(inner) => self.tasks.push(Task::Enter(*inner)),
            Node::Subquery(subquery) => {
                self.tasks.extend([Task::Enter(subquery.expr), Task::Leave(id)]);
            }
            Node::Unary(unary) => self.tasks.extend([Task::Enter(unary.expr), Task::Leave(id)]),
            Node::Binary(binary) => {
                let both = [Task::Enter(binary.lhs), Task::Enter(binary.rhs)];
                self.tasks.extend(both);
                self.tasks.push(Task::Leave(id));
            }
            Node::Aggregate(aggregate) => {
                let expected = match aggregate.op {
                    AggregateOp::CountValues => ValueType::String,
                    _ => ValueType::Scalar,
                };
                let expr = (aggregate.expr, ValueType::Vector, Place::Aggregation);
                let param = aggregate.param.map(|id| (id, expected, Place::AggregationParameter));
                for (child, expected, place) in [expr].into_iter().chain(param) {
                    self.tasks
                        .extend([Task::Enter(child), Task::Expect { child, expected, place }]);
                }
            }
            Node::Call(call) => self.enter_call(id, call)?,
        }
        self.tasks[first..].reverse();
        Ok(())
    }

    fn enter_call(&mut self, id: NodeId, call: &Call) -> Result<(), ParseError> {
        if let Some(problem) = wrong_count(call) {
            return self.fail(id, problem);
        }
        let place = Place::Call(call.function.name);
        for (index, &child) in call.args.iter().enumerate() {
            let Some(expected) = call.function.arg_type(index) else { break };
            let is_info_selector = call.function.name == "info" && index == 1;
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
    fn check_info_selector(&self, call: NodeId, arg: NodeId) -> Result<(), ParseError> {
        let got = self.type_of(arg);
        if got != ValueType::Vector {
            let (expected, place) = (ValueType::Vector, Place::Call("info"));
            return self.fail(call, TypeProblem::Expected { expected, place, got });
        }
        match self.expr.get(arg).node() {
            Node::VectorSelector(selector) if selector.name.is_some() => {
                self.fail(arg, TypeProblem::InfoSelectorName)
            }
            Node::VectorSelector(_) => Ok(()),
            _ => self.fail(arg, TypeProblem::InfoSelector),
        }
    }

    fn leave(&self, id: NodeId) -> Result<(), ParseError> {
        match self.expr.get(id).node() {
            Node::Subquery(subquery) => {
                let got = self.type_of(subquery.expr);
                if got != ValueType::Vector {
                    return self.fail(id, TypeProblem::Subquery { got });
                }
            }
            Node::Unary(unary) => {
                let got = self.type_of(unary.expr);
                if !is_operand(got) {
                    return self.fail(id, TypeProblem::Unary { got });
                }
            }
            Node::Binary(binary) => return self.leave_binary(id, binary),
            _ => {}
        }
        Ok(())
    }

    fn leave_binary(&self, id: NodeId, binary: &Binary) -> Result<(), ParseError> {
        let types = [binary.lhs, binary.rhs].map(|operand| self.type_of(operand));
        if let Err(problem) = check_operator(binary, types) {
            return Err(ParseError::new(self.query, self.operator_span(binary), problem.into()));
        }
        for (operand, value_type) in [binary.lhs, binary.rhs].into_iter().zip(types) {
            if !is_operand(value_type) {
                return self.fail(operand, TypeProblem::Operand);
            }
        }
        match check_matching(binary, types) {
            Ok(()) => Ok(()),
            Err(problem) => self.fail(id, problem),
        }
    }

    /// Returns what lies between the operands, without the blanks.
    fn operator_span(&self, binary: &Binary) -> Span {
        let start = self.expr.get(binary.lhs).span().end;
        let between = Span::new(start, self.expr.get(binary.rhs).span().start).text(self.query);
        let before = between.len() - between.trim_start().len();
        let [before, length] = [before, between.trim().len()]
            .map(|size| u32::try_from(size).expect("a query is shorter than 4 GiB"));
        Span::new(start + before, start + before + length)
    }

    fn type_of(&self, id: NodeId) -> ValueType {
        self.expr.get(id).value_type()
    }

    fn fail<T>(&self, id: NodeId, problem: TypeProblem) -> Result<T, ParseError> {
        Err(ParseError::new(self.query, self.expr.get(id).span(), problem.into()))
    }
}

fn is_operand(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::Scalar | ValueType::Vector)
}

fn check_selector(selector: &VectorSelector) -> Result<(), TypeProblem> {
    let Some(name) = &selector.name else {
        let selects_everything =
            selector.matchers.iter().all(narthex_model::Matcher::matches_empty);
        return if selects_everything { Err(TypeProblem::SelectsEverything) } else { Ok(()) };
    };
    // The last matcher is that of the name before the braces.
    let within = selector.matchers.split_last().map_or(&[][..], |(_, within)| within);
    match within.iter().find(|matcher| matcher.name() == METRIC_NAME_LABEL) {
        None => Ok(()),
        Some(matcher) => {
            Err(TypeProblem::NameTwice { first: name.clone(), second: matcher.value().into() })
        }
    }
}

fn wrong_count(call: &Call) -> Option<TypeProblem> {
    let (min, max) = (call.function.args_min(), call.function.args_max());
    let got = call.args.len();
    let expected = match max {
        Some(max) if min == max && got != min => ArgumentCount::Exactly(min),
        Some(max) if min != max && got > max => ArgumentCount::AtMost(max),
        _ if got < min => ArgumentCount::AtLeast(min),
        _ => return None,
    };
    Some(TypeProblem::ArgumentCount { function: call.function.name, expected, got })
}

/// Checks what the reference reports at the operator.
fn check_operator(binary: &Binary, types: [ValueType; 2]) -> Result<(), TypeProblem> {
    if binary.return_bool && !binary.op.is_comparison() {
        return Err(TypeProblem::BoolModifier);
    }
    if binary.op.is_comparison() && !binary.return_bool && types == [ValueType::Scalar; 2] {
        return Err(TypeProblem::ScalarComparison);
    }
    let Some(matching) = binary.matching.as_deref().filter(|matching| matching.on) else {
        return Ok(());
    };
    // Sorted, since a hostile query may list tens of thousands on both sides.
    let mut include: Vec<&str> = matching.include.iter().map(|label| &**label).collect();
    include.sort_unstable();
    match matching.labels.iter().find(|label| include.binary_search(&&***label).is_ok()) {
        Some(label) => Err(TypeProblem::OnAndGroup { label: label.clone() }),
        None => Ok(()),
    }
}

fn check_matching(binary: &Binary, types: [ValueType; 2]) -> Result<(), TypeProblem> {
    let default = VectorMatching::default();
    let matching = binary.matching.as_deref().unwrap_or(&default);
    let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
    let op = binary.op;
    if types != [ValueType::Vector; 2] {
        if !matching.labels.is_empty() {
            return Err(TypeProblem::Matching);
        }
        if fills {
            return Err(TypeProblem::Fill);
        }
        if op.is_set() {
            return Err(TypeProblem::SetScalar { op });
        }
    } else if op.is_set() {
        if matches!(matching.cardinality, Cardinality::OneToMany | Cardinality::ManyToOne) {
            return Err(TypeProblem::SetGrouping { op });
        }
        if fills {
            return Err(TypeProblem::SetFill);
        }
    }
    Ok(())
}
