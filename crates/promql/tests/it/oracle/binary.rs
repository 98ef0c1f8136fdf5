//! Binary operators.

use narthex_model::Labels;
use narthex_promql_parser::{Binary, BinaryOp, Cardinality, ExprRef, ValueType, VectorMatching};

use super::{Element, Failure, Oracle, Series, Steps, go, labels, step_by_step};

impl Oracle<'_> {
    pub(super) fn binary(
        &self,
        expr: ExprRef<'_>,
        binary: &Binary,
        steps: Steps,
    ) -> Result<Vec<Series>, Failure> {
        let sides = [binary.lhs, binary.rhs].map(|side| expr.get(side));
        let operands = [self.eval_node(sides[0], steps)?, self.eval_node(sides[1], steps)?];
        let types = sides.map(ExprRef::value_type);
        step_by_step(steps, &operands, |_, vectors| {
            let (lhs, rhs) = (&vectors[0], &vectors[1]);
            match (types, &binary.matching) {
                ([ValueType::Scalar, ValueType::Scalar], _) => {
                    let (value, keeps) = of_floats(binary.op, lhs[0].value, rhs[0].value);
                    let value = if binary.op.is_comparison() { truth(keeps) } else { value };
                    Ok(vec![Element { labels: Labels::empty(), value, from: 0 }])
                }
                ([ValueType::Scalar, _], _) => Ok(with_scalar(binary, rhs, lhs[0].value, true)),
                ([_, ValueType::Scalar], _) => Ok(with_scalar(binary, lhs, rhs[0].value, false)),
                (_, Some(matching)) if binary.op.is_set() => {
                    Ok(of_sets(binary.op, matching, lhs, rhs, operands[0].len()))
                }
                (_, Some(matching)) => of_vectors(binary, matching, lhs, rhs),
                _ => unreachable!("two vectors match somehow"),
            }
        })
    }
}

/// Returns the value, and whether a filter keeps it.
fn of_floats(op: BinaryOp, left: f64, right: f64) -> (f64, bool) {
    match op {
        BinaryOp::Add => (left + right, true),
        BinaryOp::Sub => (left - right, true),
        BinaryOp::Mul => (left * right, true),
        BinaryOp::Div => (left / right, true),
        BinaryOp::Mod => (left % right, true),
        BinaryOp::Pow => (go::pow(left, right), true),
        BinaryOp::Equal => (left, left == right),
        BinaryOp::NotEqual => (left, left != right),
        BinaryOp::Greater => (left, left > right),
        BinaryOp::Less => (left, left < right),
        BinaryOp::GreaterEqual => (left, left >= right),
        BinaryOp::LessEqual => (left, left <= right),
        op => panic!("the oracle has no {op}"),
    }
}

fn truth(is_true: bool) -> f64 {
    if is_true { 1.0 } else { 0.0 }
}

fn drops_name(binary: &Binary) -> bool {
    binary.return_bool || !binary.op.is_comparison()
}

fn with_scalar(binary: &Binary, vector: &[Element], scalar: f64, is_left: bool) -> Vec<Element> {
    let of_element = |element: &Element| {
        let (left, right) = if is_left { (scalar, element.value) } else { (element.value, scalar) };
        let (value, keeps) = of_floats(binary.op, left, right);
        let value = match binary.op.is_comparison() {
            true if binary.return_bool => truth(keeps),
            true if !keeps => return None,
            true => element.value,
            false => value,
        };
        let labels = match drops_name(binary) {
            true => labels::without_name(&element.labels),
            false => element.labels.clone(),
        };
        Some(Element { labels, value, from: element.from })
    };
    vector.iter().filter_map(of_element).collect()
}

fn of_sets(
    op: BinaryOp,
    matching: &VectorMatching,
    lhs: &[Element],
    rhs: &[Element],
    left_series: usize,
) -> Vec<Element> {
    let signature =
        |element: &Element| labels::signature(&element.labels, matching.labels, matching.on);
    let is_in = |element: &Element, side: &[Element]| {
        side.iter().any(|other| signature(other) == signature(element))
    };
    let (left, right) = (lhs.iter(), rhs.iter());
    match op {
        BinaryOp::And => left.filter(|element| is_in(element, rhs)).cloned().collect(),
        BinaryOp::Unless => left.filter(|element| !is_in(element, rhs)).cloned().collect(),
        _ => {
            let added = right
                .filter(|element| !is_in(element, lhs))
                .map(|element| Element { from: left_series + element.from, ..element.clone() });
            left.cloned().chain(added).collect()
        }
    }
}

fn of_vectors(
    binary: &Binary,
    matching: &VectorMatching,
    lhs: &[Element],
    rhs: &[Element],
) -> Result<Vec<Element>, Failure> {
    let swaps = matching.cardinality == Cardinality::OneToMany;
    let (many, one) = if swaps { (rhs, lhs) } else { (lhs, rhs) };
    let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
    if (many.is_empty() || one.is_empty()) && !fills {
        return Ok(Vec::new());
    }
    let signature =
        |element: &Element| labels::signature(&element.labels, matching.labels, matching.on);
    for (index, element) in one.iter().enumerate() {
        if one[..index].iter().any(|earlier| signature(earlier) == signature(element)) {
            return Err(Failure("found duplicate series for the match group"));
        }
    }
    let is_one_to_one = matching.cardinality == Cardinality::OneToOne;
    let mut matched: Vec<(Labels, Labels)> = Vec::new();
    let mut made = Vec::new();
    for (element, partner) in pairs(matching, many, one) {
        let group = signature(&element);
        let (left, right) = if swaps { (&partner, &element) } else { (&element, &partner) };
        let (value, keeps) = of_floats(binary.op, left.value, right.value);
        let labels = result_labels(binary, matching, &element.labels, &partner.labels);
        let is_taken = |(taken, result): &(Labels, Labels)| {
            *taken == group && (is_one_to_one || *result == labels)
        };
        if matched.iter().any(is_taken) {
            return Err(Failure(match is_one_to_one {
                true => "multiple matches for labels: many-to-one matching must be explicit",
                false => "multiple matches for labels: grouping labels must ensure unique matches",
            }));
        }
        matched.push((group, labels.clone()));
        let value = if binary.return_bool { truth(keeps) } else { value };
        if keeps || binary.return_bool {
            made.push(Element { labels, value, from: element.from });
        }
    }
    Ok(made)
}

/// Returns who meets whom, with fill values in place of those who are missing. Which of the two
/// values that is does not heed which side is the "one" side.
fn pairs(matching: &VectorMatching, many: &[Element], one: &[Element]) -> Vec<(Element, Element)> {
    let signature =
        |element: &Element| labels::signature(&element.labels, matching.labels, matching.on);
    let mut pairs = Vec::new();
    for element in many {
        let group = signature(element);
        let found = one.iter().find(|other| signature(other) == group).cloned();
        let filled = || {
            let value = matching.fill_right?;
            Some(Element { labels: group.clone(), value, from: 0 })
        };
        pairs.extend(found.or_else(filled).map(|partner| (element.clone(), partner)));
    }
    for partner in one {
        let labels = signature(partner);
        let is_met = many.iter().any(|element| signature(element) == labels);
        if let (false, Some(value)) = (is_met, matching.fill_left) {
            // Behind all that the "many" side makes.
            let from = usize::MAX / 2 + partner.from;
            pairs.push((Element { labels, value, from }, partner.clone()));
        }
    }
    pairs
}

fn result_labels(
    binary: &Binary,
    matching: &VectorMatching,
    many: &Labels,
    one: &Labels,
) -> Labels {
    let mut result = many.clone();
    if drops_name(binary) {
        result = labels::without_name(&result);
    }
    if matching.cardinality == Cardinality::OneToOne {
        result = labels::retain(&result, |name| matching.labels.contains(name) == matching.on);
    }
    for name in matching.include.iter() {
        result = labels::with(&result, name, one.value(name));
    }
    result
}
