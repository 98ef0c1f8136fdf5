//! Function calls.

use narthex_model::{Labels, MatchOp, Matcher, Sample, float};
use narthex_promql_parser::{Call, DurationValue, ExprRef, Node, ValueType, VectorSelector};

use super::buckets::Buckets;
use super::{
    Element, Failure, Oracle, Series, Steps, buckets, check_unique, date, go, labels, over_time,
    relabel, scalar, select, step_by_step,
};

impl Oracle<'_> {
    pub(super) fn call(
        &self,
        expr: ExprRef<'_>,
        call: &Call,
        steps: Steps,
    ) -> Result<Vec<Series>, Failure> {
        let args: Vec<ExprRef<'_>> =
            call.args.iter().map(|&arg| expr.get(arg).without_parens()).collect();
        let name = call.function.name;
        if let Some(range) = args.iter().position(|arg| arg.value_type() == ValueType::Matrix) {
            return self.over_windows(name, &args, range, steps);
        }
        if let ("timestamp", Some(Node::VectorSelector(selector))) =
            (name, args.first().map(|arg| arg.node()))
        {
            return self.timestamps(&selector, steps);
        }
        let operands =
            args.iter().map(|arg| self.eval_node(*arg, steps)).collect::<Result<Vec<_>, _>>()?;
        match name {
            "time" => Ok(scalar(steps, |time_ms| time_ms as f64 / 1000.0)),
            "pi" => Ok(scalar(steps, |_| std::f64::consts::PI)),
            "label_replace" | "label_join" => relabel::relabelled(name, &args, operands),
            _ => step_by_step(steps, &operands, |time_ms, vectors| {
                Ok(of_vectors(name, &args, time_ms, vectors))
            }),
        }
    }

    /// Returns the times of the samples that a selector finds.
    ///
    /// With `@`, the reference forgets the offset, though not where it asks the store: it looks from
    /// the time that is named among the samples for the offset from it.
    fn timestamps(&self, selector: &VectorSelector, steps: Steps) -> Result<Vec<Series>, Failure> {
        let mut stored = self.selected(selector);
        let mut selector = *selector;
        if let Some(at_ms) = select::at_ms(selector.at) {
            let end_ms = at_ms - select::millis(selector.offset);
            for series in &mut stored {
                series.samples.retain(|sample| {
                    sample.timestamp_ms <= end_ms
                        && sample.timestamp_ms > end_ms - self.lookback_delta_ms
                });
            }
            selector.offset = DurationValue::ZERO;
        }
        step_by_step(steps, &[], |time_ms, _| {
            let found = |(from, series): (usize, &Series)| {
                let sample = self.looked_up(&selector, series, time_ms)?;
                let labels = labels::without_name(&series.labels);
                Some(Element { labels, value: sample.timestamp_ms as f64 / 1000.0, from })
            };
            Ok(stored.iter().enumerate().filter_map(found).collect())
        })
    }

    fn over_windows(
        &self,
        name: &str,
        args: &[ExprRef<'_>],
        range: usize,
        steps: Steps,
    ) -> Result<Vec<Series>, Failure> {
        let vector = self.range_vector(args[range], steps)?;
        let mut scalars = Vec::new();
        for (_, arg) in args.iter().enumerate().filter(|(index, _)| *index != range) {
            scalars.extend(self.eval_node(*arg, steps)?);
        }
        let mut made = Vec::new();
        for series in &vector.series {
            let mut samples = Vec::new();
            for step_time_ms in steps.times() {
                let inside = vector.window(series, step_time_ms);
                if inside.is_empty() {
                    continue;
                }
                let at_step = |scalar: &Series| scalar.at(step_time_ms).expect("a value a step");
                let window = over_time::Window {
                    samples: &inside,
                    end_ms: vector.end_ms(step_time_ms),
                    range_ms: vector.range_ms,
                    step_time_ms,
                    scalars: &scalars.iter().map(at_step).collect::<Vec<_>>(),
                };
                if let Some(value) = over_time::apply(name, &window)? {
                    samples.push(Sample { timestamp_ms: step_time_ms, value });
                }
            }
            let labels = match name {
                "first_over_time" | "last_over_time" => series.labels.clone(),
                _ => labels::without_name(&series.labels),
            };
            if !samples.is_empty() {
                made.push(Series { labels, samples });
            }
        }
        if name == "absent_over_time" {
            return Ok(absent_steps(args[range], &made, steps));
        }
        check_unique(&made)?;
        Ok(made)
    }
}

/// Returns 1 at the steps at which no series has a sample.
fn absent_steps(selected: ExprRef<'_>, present: &[Series], steps: Steps) -> Vec<Series> {
    let is_absent = |time_ms: &i64| present.iter().all(|series| series.at(*time_ms).is_none());
    let samples: Vec<Sample> = steps
        .times()
        .filter(is_absent)
        .map(|timestamp_ms| Sample { timestamp_ms, value: 1.0 })
        .collect();
    if samples.is_empty() {
        return Vec::new();
    }
    vec![Series { labels: labels_of_absent(selected), samples }]
}

/// Returns the labels that a selector fixes to one value.
fn labels_of_absent(expr: ExprRef<'_>) -> Labels {
    let matchers: Vec<Matcher> = match expr.node() {
        Node::VectorSelector(selector) => selector.to_matchers(),
        Node::MatrixSelector(matrix) => match expr.get(matrix.selector).node() {
            Node::VectorSelector(selector) => selector.to_matchers(),
            _ => unreachable!("a matrix selector holds a selector"),
        },
        _ => Vec::new(),
    };
    let mut made = Labels::empty();
    let mut seen = Vec::new();
    for matcher in matchers.iter().filter(|matcher| matcher.name() != "__name__") {
        if matcher.op() == MatchOp::Equal && !seen.contains(&matcher.name()) {
            made = labels::with(&made, matcher.name(), matcher.value());
            seen.push(matcher.name());
        } else {
            made = labels::with(&made, matcher.name(), "");
        }
    }
    made
}

/// Returns what a function makes of the vectors and scalars that its arguments are at one step.
fn of_vectors(
    name: &str,
    args: &[ExprRef<'_>],
    time_ms: i64,
    vectors: &[Vec<Element>],
) -> Vec<Element> {
    let number = |index: usize| vectors[index][0].value;
    let without_labels = |value| vec![Element { labels: Labels::empty(), value, from: 0 }];
    match name {
        "vector" => without_labels(number(0)),
        "scalar" => {
            let [only] = &vectors[0][..] else { return without_labels(f64::NAN) };
            without_labels(only.value)
        }
        "max_of" => without_labels(go::max(number(0), number(1))),
        "min_of" => without_labels(go::min(number(0), number(1))),
        "absent" if vectors[0].is_empty() => {
            vec![Element { labels: labels_of_absent(args[0]), value: 1.0, from: 0 }]
        }
        "absent" => Vec::new(),
        "sort" => sorted(&vectors[0], |left, right| left.is_nan() || left > right),
        "sort_desc" => sorted(&vectors[0], |left, right| left.is_nan() || left < right),
        "clamp" if number(2) < number(1) => Vec::new(),
        "histogram_quantile" => {
            histograms(&vectors[1], |found| buckets::quantile(number(0), found))
        }
        "histogram_fraction" => {
            histograms(&vectors[2], |found| buckets::fraction(number(0), number(1), found))
        }
        "timestamp" => each(&vectors[0], |_| time_ms as f64 / 1000.0),
        "clamp" => each(&vectors[0], |value| go::max(number(1), go::min(number(2), value))),
        "clamp_max" => {
            each(&vectors[0], |value| go::max(f64::NEG_INFINITY, go::min(number(1), value)))
        }
        "clamp_min" => each(&vectors[0], |value| go::max(number(1), go::min(f64::INFINITY, value))),
        "round" => {
            let inverse = 1.0 / vectors.get(1).map_or(1.0, |nearest| nearest[0].value);
            each(&vectors[0], |value| (value * inverse + 0.5).floor() / inverse)
        }
        _ => match (date::part(name), vectors) {
            (Some(part), []) => without_labels(part((time_ms / 1000) as f64)),
            (Some(part), _) => each(&vectors[0], part),
            (None, _) => each(&vectors[0], exact(name)),
        },
    }
}

fn each(vector: &[Element], change: impl Fn(f64) -> f64) -> Vec<Element> {
    let changed = |element: &Element| Element {
        labels: labels::without_name(&element.labels),
        value: change(element.value),
        from: element.from,
    };
    vector.iter().map(changed).collect()
}

/// Returns a function of one float that needs no table and no polynomial.
fn exact(name: &str) -> fn(f64) -> f64 {
    match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "sqrt" => f64::sqrt,
        "ln" => float::ln,
        "log2" => float::log2,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        "sgn" => |value| match value {
            value if value < 0.0 => -1.0,
            value if value > 0.0 => 1.0,
            value => value,
        },
        name => panic!("the oracle has no {name}"),
    }
}

/// Sorts in reverse of `less`, as the reference does to have NaN last.
fn sorted(vector: &[Element], less: impl Fn(f64, f64) -> bool) -> Vec<Element> {
    let mut sorted = vector.to_vec();
    go::insertion_sort(&mut sorted, |left, right| less(right.value, left.value));
    sorted
}

/// Applies `of_buckets` to the buckets of each classic histogram.
fn histograms(vector: &[Element], of_buckets: impl Fn(Buckets) -> f64) -> Vec<Element> {
    let mut all: Vec<(Labels, usize, Buckets)> = Vec::new();
    for element in vector {
        let Some(bound) = float::parse(element.labels.value("le")) else { continue };
        let labels = labels::with(&element.labels, "le", "");
        match all.iter_mut().find(|(of, ..)| *of == labels) {
            Some((.., buckets)) => buckets.push((bound, element.value)),
            None => all.push((labels, element.from, vec![(bound, element.value)])),
        }
    }
    let made = |(labels, from, buckets): (Labels, usize, Buckets)| Element {
        labels: labels::without_name(&labels),
        value: of_buckets(buckets),
        from,
    };
    all.into_iter().map(made).collect()
}
