//! Aggregations.

use narthex_model::{Labels, Sample, float};
use narthex_promql_parser::{Aggregate, AggregateOp, ExprRef, Node};

use super::{Element, Failure, Oracle, Series, Steps, go, labels, step_by_step};

impl Oracle<'_> {
    pub(super) fn aggregate(
        &self,
        expr: ExprRef<'_>,
        aggregate: &Aggregate,
        steps: Steps,
    ) -> Result<Vec<Series>, Failure> {
        let param = aggregate.param.map(|param| expr.get(param).without_parens());
        let text = param.and_then(|param| match param.node() {
            Node::StringLiteral(text) => Some(text.as_str()),
            _ => None,
        });
        if let Some(label) = text {
            let operand = self.eval_node(expr.get(aggregate.expr), steps)?;
            return step_by_step(steps, &[operand], |_, vectors| {
                Ok(counted_values(aggregate, label, &vectors[0]))
            });
        }
        let params = match param {
            Some(param) => self.eval_node(param, steps)?.swap_remove(0).samples,
            None => Vec::new(),
        };
        let operand = self.eval_node(expr.get(aggregate.expr), steps)?;
        if is_selection(aggregate.op) {
            let greatest = params.iter().map(|param| param.value).fold(-f64::MAX, go::max);
            if greatest < 1.0 {
                return Ok(Vec::new());
            }
            check_counts(&params)?;
        }
        let groups = groups(aggregate, &operand);
        let param_at = |time_ms: i64| {
            params.iter().find(|param| param.timestamp_ms == time_ms).map_or(0.0, |it| it.value)
        };
        step_by_step(steps, &[operand], |time_ms, vectors| {
            let param = param_at(time_ms);
            let members = |of: &Labels| -> Vec<Element> {
                let is_member = |element: &&Element| group_of(aggregate, &element.labels) == *of;
                vectors[0].iter().filter(is_member).cloned().collect()
            };
            let made = groups.iter().enumerate().flat_map(|(from, group)| {
                let members = members(group);
                if members.is_empty() {
                    return Vec::new();
                }
                if is_selection(aggregate.op) {
                    return selected(aggregate.op, param, members);
                }
                let values: Vec<f64> = members.iter().map(|member| member.value).collect();
                let value = folded(aggregate.op, param, values);
                vec![Element { labels: group.clone(), value, from }]
            });
            Ok(made.collect())
        })
    }
}

fn is_selection(op: AggregateOp) -> bool {
    matches!(op, AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk)
}

/// Checks how many series are to be selected, over all steps.
fn check_counts(params: &[Sample]) -> Result<(), Failure> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    let any = |is_wrong: fn(f64) -> bool| params.iter().any(|param| is_wrong(param.value));
    if any(f64::is_nan) {
        return Err(Failure("Parameter value is NaN"));
    }
    if any(|value| value <= -BEYOND) || any(|value| value >= BEYOND) {
        return Err(Failure("Scalar value"));
    }
    Ok(())
}

fn group_of(aggregate: &Aggregate, of: &Labels) -> Labels {
    labels::of_group(of, aggregate.grouping, aggregate.without)
}

/// Returns the groups in the order in which their first series come.
fn groups(aggregate: &Aggregate, operand: &[Series]) -> Vec<Labels> {
    let mut groups = Vec::new();
    for series in operand {
        let group = group_of(aggregate, &series.labels);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

fn folded(op: AggregateOp, param: f64, values: Vec<f64>) -> f64 {
    let (first, rest) = (values[0], &values[1..]);
    match op {
        AggregateOp::Sum => {
            let (sum, compensation) =
                rest.iter().fold((first, 0.0), |total, &value| go::kahan_add(value, total));
            sum + compensation
        }
        AggregateOp::Avg => go::mean(&values),
        AggregateOp::Count => values.len() as f64,
        AggregateOp::Group => 1.0,
        AggregateOp::Min => {
            rest.iter().fold(
                first,
                |least, &value| {
                    if least > value || least.is_nan() { value } else { least }
                },
            )
        }
        AggregateOp::Max => rest
            .iter()
            .fold(first, |most, &value| if most < value || most.is_nan() { value } else { most }),
        AggregateOp::Stddev => variance(&values).sqrt(),
        AggregateOp::Stdvar => variance(&values),
        AggregateOp::Quantile => go::quantile(param, values),
        AggregateOp::Topk
        | AggregateOp::Bottomk
        | AggregateOp::Limitk
        | AggregateOp::LimitRatio
        | AggregateOp::CountValues => unreachable!("these do not fold to a number"),
    }
}

fn variance(values: &[f64]) -> f64 {
    let mut mean = values[0];
    let mut squares = if mean.is_finite() { 0.0 } else { f64::NAN };
    let mut count = 1.0;
    for value in &values[1..] {
        count += 1.0;
        let delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
    }
    squares / count
}

/// Selects with a heap, since which of equal values stay depends on how it moves them.
fn selected(op: AggregateOp, param: f64, members: Vec<Element>) -> Vec<Element> {
    if param < 1.0 {
        return Vec::new();
    }
    // More than there are is as many as there are.
    #[expect(clippy::cast_possible_truncation, reason = "a fraction of a series is none")]
    let count = param.min(1e6) as usize;
    let is_bottom = op == AggregateOp::Bottomk;
    let less = |left: &Element, right: &Element| {
        let (left, right) = (left.value, right.value);
        left.is_nan() || if is_bottom { left > right } else { left < right }
    };
    let beats = |new: f64, worst: f64| match op {
        AggregateOp::Limitk => false,
        _ if worst.is_nan() && !new.is_nan() => true,
        AggregateOp::Bottomk => worst > new,
        _ => worst < new,
    };
    let mut heap: Vec<Element> = Vec::new();
    for member in members {
        // All being made of one series keeps them in the order in which they are selected.
        let member = Element { from: 0, ..member };
        if heap.len() < count {
            go::heap_push(&mut heap, member, less);
        } else if beats(member.value, heap[0].value) {
            heap[0] = member;
            go::heap_sink(&mut heap, less);
        }
    }
    if op != AggregateOp::Limitk {
        go::insertion_sort(&mut heap, |left, right| less(right, left));
    }
    heap
}

fn counted_values(aggregate: &Aggregate, label: &str, vector: &[Element]) -> Vec<Element> {
    let mut grouping: Vec<&str> = aggregate.grouping.iter().collect();
    if !aggregate.without {
        grouping.push(label);
    }
    let mut counted: Vec<Element> = Vec::new();
    for element in vector {
        let mut text = String::new();
        float::write_fixed(&mut text, element.value).expect("a string takes any text");
        let labels = labels::with(&element.labels, label, &text);
        let labels = labels::of_group(&labels, grouping[..].into(), aggregate.without);
        match counted.iter_mut().find(|group| group.labels == labels) {
            Some(group) => group.value += 1.0,
            None => counted.push(Element { labels, value: 1.0, from: element.from }),
        }
    }
    counted
}
