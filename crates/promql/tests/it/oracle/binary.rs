//! Binary operators.

use narthex_model::Labels;
use narthex_model::histogram::{FloatHistogram, Keep, ResetHint};
use narthex_promql_parser::{
    Binary, BinaryOp, Cardinality, ExprRef, Span, ValueType, VectorMatching,
};

use super::{Element, Failure, Oracle, Series, Steps, Value, digits, go, labels, step_by_step};

/// What an operator makes of two values.
struct Outcome {
    /// There is none where the operands do not go together.
    value: Option<Value>,
    /// Whether a filter keeps it.
    keeps: bool,
    remarks: Vec<Remark>,
}

/// A remark, and whether it says that there is no value.
struct Remark {
    text: String,
    is_grave: bool,
}

impl Outcome {
    fn of(value: Value, keeps: bool) -> Self {
        Self { value: Some(value), keeps, remarks: Vec::new() }
    }

    fn none(text: String) -> Self {
        Self { value: None, keeps: false, remarks: vec![Remark { text, is_grave: true }] }
    }
}

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
        let span = expr.span();
        step_by_step(steps, &operands, |_, vectors| {
            let (lhs, rhs) = (&vectors[0], &vectors[1]);
            match (types, &binary.matching) {
                ([ValueType::Scalar, ValueType::Scalar], _) => {
                    let number = |side: &[Element]| side[0].value.float().expect("a scalar");
                    let (value, keeps) = of_floats(binary.op, number(lhs), number(rhs));
                    let value = if binary.op.is_comparison() { truth(keeps) } else { value };
                    let value = Value::Float(value);
                    Ok(vec![Element { labels: Labels::empty(), value, from: 0 }])
                }
                ([ValueType::Scalar, _], _) => {
                    Ok(self.with_scalar(binary, rhs, &lhs[0].value, true, span))
                }
                ([_, ValueType::Scalar], _) => {
                    Ok(self.with_scalar(binary, lhs, &rhs[0].value, false, span))
                }
                (_, Some(matching)) if binary.op.is_set() => {
                    Ok(of_sets(binary.op, matching, lhs, rhs, operands[0].len()))
                }
                (_, Some(matching)) => self.of_vectors(binary, matching, lhs, rhs, span),
                _ => unreachable!("two vectors match somehow"),
            }
        })
    }

    fn with_scalar(
        &self,
        binary: &Binary,
        vector: &[Element],
        scalar: &Value,
        is_left: bool,
        span: Span,
    ) -> Vec<Element> {
        // Of all that there is to remark at one step, the last is kept.
        let mut last = None;
        let mut made = Vec::new();
        for element in vector {
            let (left, right) =
                if is_left { (scalar, &element.value) } else { (&element.value, scalar) };
            let outcome = of_values(binary.op, left, right);
            if let Some(remark) = outcome.remarks.into_iter().next_back() {
                last = Some(remark.text);
            }
            let Some(value) = outcome.value else { continue };
            let value = match binary.op.is_comparison() {
                true if binary.return_bool => Value::Float(truth(outcome.keeps)),
                true if !outcome.keeps => continue,
                true => element.value.clone(),
                false => value,
            };
            let labels = match drops_name(binary) {
                true => labels::without_name(&element.labels),
                false => element.labels.clone(),
            };
            made.push(Element { labels, value, from: element.from });
        }
        if let Some(text) = last {
            self.remark(text, span);
        }
        made
    }

    fn of_vectors(
        &self,
        binary: &Binary,
        matching: &VectorMatching,
        lhs: &[Element],
        rhs: &[Element],
        span: Span,
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
        // Of all that there is to remark at one step, the last is kept.
        let mut last = None;
        let mut meet = |element: &Element, partner: &Element| {
            let group = signature(element);
            let (left, right) = if swaps { (partner, element) } else { (element, partner) };
            let outcome = of_values(binary.op, &left.value, &right.value);
            let is_grave = outcome.remarks.iter().any(|remark| remark.is_grave);
            if let Some(remark) = outcome.remarks.into_iter().next_back() {
                last = Some(remark.text);
            }
            let (Some(value), false) = (outcome.value, is_grave) else { return Ok(None) };
            let labels = result_labels(binary, matching, &element.labels, &partner.labels);
            let is_taken = |(taken, result): &(Labels, Labels)| {
                *taken == group && (is_one_to_one || *result == labels)
            };
            if matched.iter().any(is_taken) {
                return Err(Failure(match is_one_to_one {
                    true => "multiple matches for labels: many-to-one matching must be explicit",
                    false => {
                        "multiple matches for labels: grouping labels must ensure unique matches"
                    }
                }));
            }
            matched.push((group.clone(), labels.clone()));
            let keeps = outcome.keeps || binary.return_bool;
            let value = if binary.return_bool { Value::Float(truth(outcome.keeps)) } else { value };
            Ok(Some((keeps.then_some(Element { labels, value, from: element.from }), group)))
        };
        let mut met = Vec::new();
        for element in many {
            let group = signature(element);
            let found = one.iter().find(|other| signature(other) == group).cloned();
            let filled = || {
                let value = Value::Float(matching.fill_right?);
                Some(Element { labels: group.clone(), value, from: 0 })
            };
            let Some(partner) = found.or_else(filled) else { continue };
            if let Some((element, group)) = meet(element, &partner)? {
                made.extend(element);
                met.push(group);
            }
        }
        for partner in one {
            let labels = signature(partner);
            if let (false, Some(value)) = (met.contains(&labels), matching.fill_left) {
                // Behind all that the "many" side makes.
                let from = usize::MAX / 2 + partner.from;
                let element = Element { labels, value: Value::Float(value), from };
                if let Some((element, group)) = meet(&element, partner)? {
                    made.extend(element);
                    met.push(group);
                }
            }
        }
        if let Some(text) = last {
            self.remark(text, span);
        }
        Ok(made)
    }
}

fn of_values(op: BinaryOp, left: &Value, right: &Value) -> Outcome {
    match (left, right) {
        (Value::Float(_), Value::Float(_))
            if matches!(op, BinaryOp::TrimLower | BinaryOp::TrimUpper) =>
        {
            Outcome::none(incompatible("float", op, "float"))
        }
        (Value::Float(left), Value::Float(right)) => {
            let (value, keeps) = of_floats(op, *left, *right);
            Outcome::of(Value::Float(value), keeps)
        }
        (Value::Float(factor), Value::Histogram(histogram)) if op == BinaryOp::Mul => {
            Outcome::of(changed(histogram, |it| it.mul(*factor)), true)
        }
        (Value::Float(_), Value::Histogram(_)) => {
            Outcome::none(incompatible("float", op, "histogram"))
        }
        (Value::Histogram(histogram), Value::Float(number)) => {
            let mut trimmed = FloatHistogram::clone(histogram);
            match op {
                BinaryOp::Mul => Outcome::of(changed(histogram, |it| it.mul(*number)), true),
                BinaryOp::Div => Outcome::of(changed(histogram, |it| it.div(*number)), true),
                BinaryOp::TrimUpper => {
                    trimmed.trim(Keep::Below, *number);
                    Outcome::of(Value::of(trimmed), true)
                }
                BinaryOp::TrimLower => {
                    trimmed.trim(Keep::Above, *number);
                    Outcome::of(Value::of(trimmed), true)
                }
                op => Outcome::none(incompatible("histogram", op, "float")),
            }
        }
        (Value::Histogram(left), Value::Histogram(right)) => of_histograms(op, left, right),
    }
}

fn incompatible(left: &str, op: BinaryOp, right: &str) -> String {
    let text = "incompatible sample types encountered for binary operator";
    format!("PromQL info: {text} \"{op}\": {left} {op} {right}")
}

fn changed(histogram: &FloatHistogram, change: impl Fn(&mut FloatHistogram)) -> Value {
    let mut changed = histogram.clone();
    change(&mut changed);
    changed.compact();
    Value::of(changed)
}

fn of_histograms(op: BinaryOp, left: &FloatHistogram, right: &FloatHistogram) -> Outcome {
    let mut result = left.clone();
    let (added, operation) = match op {
        BinaryOp::Add => (result.add(right), "addition"),
        BinaryOp::Sub => {
            let added = result.sub(right);
            result.reset_hint = ResetHint::Gauge;
            (added, "subtraction")
        }
        BinaryOp::Equal => return Outcome::of(Value::of(result), left == right),
        BinaryOp::NotEqual => return Outcome::of(Value::of(result), left != right),
        op => return Outcome::none(incompatible("histogram", op, "histogram")),
    };
    let Ok(added) = added else {
        let text = "incompatible bucket layout encountered for binary operator";
        return Outcome::none(format!("PromQL warning: {text} {op}"));
    };
    result.compact();
    let mut outcome = Outcome::of(Value::of(result), true);
    if added.bounds_differed {
        let text = "mismatched custom buckets were reconciled during";
        let text = format!("PromQL info: {text} {operation}");
        outcome.remarks.push(Remark { text, is_grave: false });
    }
    if added.resets_collided {
        let text = "conflicting counter resets during histogram";
        let text = format!("PromQL warning: {text} {operation}");
        outcome.remarks.push(Remark { text, is_grave: true });
    }
    outcome
}

/// Returns the value, and whether a filter keeps it.
fn of_floats(op: BinaryOp, left: f64, right: f64) -> (f64, bool) {
    match op {
        BinaryOp::Add => (left + right, true),
        BinaryOp::Sub => (left - right, true),
        BinaryOp::Mul => (left * right, true),
        BinaryOp::Div => (left / right, true),
        BinaryOp::Mod => (left % right, true),
        BinaryOp::Pow if go::is_easy_power(right) => (go::pow(left, right), true),
        BinaryOp::Pow => (digits::operator("^", left, right), true),
        BinaryOp::Atan2 => (digits::operator("atan2", left, right), true),
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
    let keeps = matches!(binary.op, BinaryOp::TrimLower | BinaryOp::TrimUpper);
    binary.return_bool || !(binary.op.is_comparison() || keeps)
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
