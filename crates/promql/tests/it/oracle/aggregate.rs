//! Aggregations.

use std::cmp::Ordering;

use narthex_model::histogram::{FloatHistogram, HistogramMean, HistogramSum, ResetHint};
use narthex_model::{Labels, float};
use narthex_promql_parser::{Aggregate, AggregateOp, ExprRef, Node, Span};

use super::{Element, Failure, Oracle, SERIES_MAX, Series, Steps, Value, go, labels, step_by_step};

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
        let vector = expr.get(aggregate.expr).without_parens();
        if let Some(label) = text {
            let operand = self.eval_node(vector, steps)?;
            return step_by_step(steps, &[operand], |_, vectors| {
                Ok(counted_values(aggregate, label, &vectors[0]))
            });
        }
        let params = match param {
            Some(param) => self.eval_node(param, steps)?.swap_remove(0),
            None => Series { labels: Labels::empty(), points: Vec::new() },
        };
        let numbers: Vec<f64> = params.points.iter().filter_map(|it| it.value.float()).collect();
        let operand = self.eval_node(vector, steps)?;
        let op = aggregate.op;
        let param_span = param.map(|param| param.span());
        match op {
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => {
                let greatest = numbers.iter().copied().fold(-f64::MAX, go::max);
                if greatest < 1.0 {
                    return Ok(Vec::new());
                }
                check_counts(&numbers)?;
            }
            AggregateOp::LimitRatio => {
                self.check_ratios(&numbers, param_span.unwrap_or_default())?
            }
            AggregateOp::Quantile => {
                for q in numbers.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
                    self.warn_of_quantile(*q, param_span.unwrap_or_default());
                }
            }
            _ => {}
        }
        let groups = groups(aggregate, &operand);
        let groups_of = |vector: &[Element]| -> Vec<Vec<Element>> {
            let members = |group: &Labels| {
                let is_member = |element: &&Element| group_of(aggregate, &element.labels) == *group;
                vector.iter().filter(is_member).cloned().collect()
            };
            groups.iter().map(members).collect()
        };
        step_by_step(steps, &[operand], |time_ms, vectors| {
            let param = params.number_at(time_ms).unwrap_or(0.0);
            let mut made = Vec::new();
            for (from, members) in groups_of(&vectors[0]).into_iter().enumerate() {
                match op {
                    AggregateOp::LimitRatio => {
                        // Group by group, and within one as they come.
                        made.extend(of_ratio(param, members).into_iter().map(|member| Element {
                            from: from * SERIES_MAX + member.from,
                            ..member
                        }));
                    }
                    AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => {
                        made.extend(self.best_of(op, param, members, expr.span()));
                    }
                    _ => made.extend(
                        self.folded(op, param, &members, vector.span()).map(|value| Element {
                            labels: groups[from].clone(),
                            value,
                            from,
                        }),
                    ),
                }
            }
            Ok(made)
        })
    }

    pub(super) fn warn_of_quantile(&self, q: f64, span: Span) {
        let mut text = String::new();
        float::write_general(&mut text, q).expect("a string takes any text");
        let warning = "quantile value should be between 0 and 1, got";
        self.remark(format!("PromQL warning: {warning} {text}"), span);
    }

    fn check_ratios(&self, ratios: &[f64], span: Span) -> Result<(), Failure> {
        for &ratio in ratios {
            if ratio.is_nan() {
                return Err(Failure("Ratio value is NaN"));
            }
            if !(-1.0..=1.0).contains(&ratio) {
                let (mut got, mut capped) = (String::new(), String::new());
                float::write_general(&mut got, ratio).expect("a string takes any text");
                let bound = ratio.clamp(-1.0, 1.0);
                float::write_general(&mut capped, bound).expect("a string takes any text");
                let warning = "ratio value should be between -1 and 1, got";
                self.remark(format!("PromQL warning: {warning} {got}, capping to {capped}"), span);
            }
        }
        Ok(())
    }

    fn ignored(&self, op: AggregateOp, span: Span) {
        self.remark(format!("PromQL info: ignored histogram in {op} aggregation"), span);
    }

    /// Returns what the members of a group come to.
    fn folded(
        &self,
        op: AggregateOp,
        param: f64,
        members: &[Element],
        span: Span,
    ) -> Option<Value> {
        let is_float = |element: &Element| element.value.float().is_some();
        match op {
            _ if members.is_empty() => None,
            AggregateOp::Count => Some(Value::Float(members.len() as f64)),
            AggregateOp::Group => Some(Value::Float(1.0)),
            AggregateOp::Sum | AggregateOp::Avg if !members.iter().all(is_float) => {
                self.total(op == AggregateOp::Avg, members, span)
            }
            _ => {
                let floats: Vec<f64> = members.iter().filter_map(|it| it.value.float()).collect();
                if floats.len() < members.len() {
                    self.ignored(op, span);
                }
                (!floats.is_empty()).then(|| Value::Float(of_floats(op, param, floats)))
            }
        }
    }

    /// Returns sum or mean of a group that has histograms: floats spoil it, and so do histograms that
    /// do not go together, of which none after the first two are looked at.
    fn total(&self, is_mean: bool, members: &[Element], span: Span) -> Option<Value> {
        let mut total =
            members[0].value.histogram().map(|first| Total::new(is_mean, first.clone()));
        let mut seen: Vec<&FloatHistogram> = members[0].value.histogram().into_iter().collect();
        let (mut has_float, mut fits) = (total.is_none(), true);
        for element in &members[1..] {
            match (&element.value, &mut total) {
                _ if !fits => {}
                (Value::Float(_), _) => has_float = true,
                (Value::Histogram(_), None) => {}
                (Value::Histogram(histogram), Some(total)) => {
                    seen.push(histogram);
                    match total.add(histogram) {
                        Some(bounds_differed) if bounds_differed => {
                            self.mismatched("aggregation", span);
                        }
                        Some(_) => {}
                        None => {
                            self.mixed_schemas(&element.labels, span);
                            fits = false;
                        }
                    }
                }
            }
        }
        if has_float {
            let warning = "encountered a mix of histograms and floats for aggregation";
            self.remark(format!("PromQL warning: {warning}"), span);
            return None;
        }
        if !fits {
            return None;
        }
        self.collisions(seen.into_iter(), "aggregation", span);
        let mut histogram = total?.finish();
        histogram.compact();
        Some(Value::of(histogram))
    }

    pub(super) fn mixed_schemas(&self, labels: &Labels, span: Span) {
        let text = "vector contains a mix of histograms with exponential and custom buckets schemas \
                    for metric name";
        self.remark(format!("PromQL warning: {text} {:?}", labels.metric_name()), span);
    }

    pub(super) fn mismatched(&self, operation: &str, span: Span) {
        let text = "mismatched custom buckets were reconciled during";
        self.remark(format!("PromQL info: {text} {operation}"), span);
    }

    pub(super) fn collisions<'h>(
        &self,
        histograms: impl Iterator<Item = &'h FloatHistogram>,
        operation: &str,
        span: Span,
    ) {
        let hints: Vec<ResetHint> = histograms.map(|it| it.reset_hint).collect();
        if hints.contains(&ResetHint::Reset) && hints.contains(&ResetHint::NotReset) {
            let text = "conflicting counter resets during histogram";
            self.remark(format!("PromQL warning: {text} {operation}"), span);
        }
    }

    /// Selects with a heap, since which of equal values stay depends on how it moves them.
    fn best_of(
        &self,
        op: AggregateOp,
        param: f64,
        members: Vec<Element>,
        span: Span,
    ) -> Vec<Element> {
        if param < 1.0 {
            return Vec::new();
        }
        // More than there are is as many as there are.
        #[expect(clippy::cast_possible_truncation, reason = "a fraction of a series is none")]
        let count = param.min(1e6) as usize;
        // All being made of one series keeps them in the order in which they are selected.
        let members = members.into_iter().map(|member| Element { from: 0, ..member });
        // Histograms count as zero where only the number of series counts.
        let value = |element: &Element| element.value.float().unwrap_or(0.0);
        let is_bottom = op == AggregateOp::Bottomk;
        let less = |left: &Element, right: &Element| {
            let (left, right) = (value(left), value(right));
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
            if op != AggregateOp::Limitk && member.value.histogram().is_some() {
                self.ignored(op, span);
            } else if heap.len() < count {
                // The first one in the heap of `limitk` is not pushed, which is the same.
                go::heap_push(&mut heap, member, less);
            } else if beats(value(&member), value(&heap[0])) {
                heap[0] = member;
                go::heap_sink(&mut heap, less);
            }
        }
        if op != AggregateOp::Limitk {
            go::insertion_sort(&mut heap, |left, right| less(right, left));
        }
        heap
    }
}

/// A sum or a mean of histograms.
enum Total {
    Sum(HistogramSum),
    Mean(HistogramMean),
}

impl Total {
    fn new(is_mean: bool, first: FloatHistogram) -> Self {
        if is_mean {
            Self::Mean(HistogramMean::new(first))
        } else {
            Self::Sum(HistogramSum::new(first))
        }
    }

    /// Returns whether custom bounds differed, or `None` where the histograms do not go together.
    fn add(&mut self, histogram: &FloatHistogram) -> Option<bool> {
        let added = match self {
            Self::Sum(sum) => sum.add(histogram),
            Self::Mean(mean) => mean.add(histogram),
        };
        added.ok().map(|added| added.bounds_differed)
    }

    fn finish(self) -> FloatHistogram {
        match self {
            Self::Sum(sum) => sum.total(),
            Self::Mean(mean) => mean.mean(),
        }
    }
}

/// Checks how many series are to be selected, over all steps.
fn check_counts(counts: &[f64]) -> Result<(), Failure> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if counts.iter().any(|count| count.is_nan()) {
        return Err(Failure("Parameter value is NaN"));
    }
    if counts.iter().any(|count| count.abs() >= BEYOND) {
        return Err(Failure("Scalar value"));
    }
    Ok(())
}

/// Returns those whose labels' hash lies in the share of all hashes.
fn of_ratio(ratio: f64, members: Vec<Element>) -> Vec<Element> {
    let is_chosen = |element: &Element| {
        let mut encoded = Vec::new();
        for text in element.labels.iter().flat_map(|(name, value)| [name, value]) {
            match u8::try_from(text.len()) {
                Ok(size) if size < 255 => encoded.push(size),
                _ => {
                    encoded.push(255);
                    encoded.extend_from_slice(&text.len().to_le_bytes()[..3]);
                }
            }
            encoded.extend_from_slice(text.as_bytes());
        }
        let place = xxhash_rust::xxh64::xxh64(&encoded, 0) as f64 / u64::MAX as f64;
        if ratio >= 0.0 { place < ratio } else { place >= 1.0 + ratio }
    };
    if ratio == 0.0 {
        return Vec::new();
    }
    members.into_iter().filter(is_chosen).collect()
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

fn of_floats(op: AggregateOp, param: f64, values: Vec<f64>) -> f64 {
    let (first, rest) = (values[0], &values[1..]);
    match op {
        AggregateOp::Sum => {
            let (sum, compensation) =
                rest.iter().fold((first, 0.0), |total, &value| go::kahan_add(value, total));
            sum + compensation
        }
        AggregateOp::Avg => go::mean(&values),
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
        op => unreachable!("{op} does not fold floats"),
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

fn counted_values(aggregate: &Aggregate, label: &str, vector: &[Element]) -> Vec<Element> {
    let mut grouping: Vec<&str> = aggregate.grouping.iter().collect();
    if !aggregate.without {
        grouping.push(label);
    }
    let mut counted: Vec<(Element, f64)> = Vec::new();
    for element in vector {
        let mut text = String::new();
        match &element.value {
            Value::Float(value) => {
                float::write_fixed(&mut text, *value).expect("a string takes any text");
            }
            Value::Histogram(histogram) => text = histogram.to_string(),
        }
        let labels = labels::with(&element.labels, label, &text);
        let labels = labels::of_group(&labels, grouping[..].into(), aggregate.without);
        match counted.iter_mut().find(|(group, _)| group.labels == labels) {
            Some((_, count)) => *count += 1.0,
            None => counted.push((Element { labels, ..element.clone() }, 1.0)),
        }
    }
    let finished = |(element, count)| Element { value: Value::Float(count), ..element };
    counted.into_iter().map(finished).collect()
}

/// Sorts as `sort_by_label` does: by the labels that are named, then by all of them.
pub(super) fn sorted_by_labels(vector: &[Element], names: &[&str], descends: bool) -> Vec<Element> {
    let order = |left: &Element, right: &Element| {
        for name in names {
            let (left, right) = (left.labels.value(name), right.labels.value(name));
            if left != right {
                let order = super::natural::compare(left, right);
                return if descends { order.reverse() } else { order };
            }
        }
        let order = left.labels.cmp(&right.labels);
        if descends { order.reverse() } else { order }
    };
    let mut sorted = vector.to_vec();
    go::insertion_sort(&mut sorted, |left, right| order(left, right) == Ordering::Less);
    sorted.into_iter().map(|element| Element { from: 0, ..element }).collect()
}
