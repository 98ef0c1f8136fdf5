//! Function calls.

use narthex_model::histogram::FloatHistogram;
use narthex_model::{Labels, MatchOp, Matcher, float};
use narthex_promql_parser::{Call, DurationValue, ExprRef, Node, Span, ValueType, VectorSelector};

use super::aggregate::sorted_by_labels;
use super::buckets::Buckets;
use super::{
    Element, Failure, Oracle, Point, SERIES_MAX, Series, Steps, Value, buckets, check_unique, date,
    digits, go, labels, native, over_time, relabel, scalar, step_by_step,
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
        let spans: Vec<Span> = args.iter().map(|arg| arg.span()).collect();
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
        let sorts = name.starts_with("sort");
        if sorts && !steps.is_instant() {
            let warning = "sort is ineffective for range queries since results are always ordered \
                           by labels";
            self.remark(format!("PromQL warning: {warning}"), expr.span());
        }
        match name {
            "time" => Ok(scalar(steps, |time_ms| time_ms as f64 / 1000.0)),
            "pi" => Ok(scalar(steps, |_| std::f64::consts::PI)),
            "label_replace" | "label_join" => relabel::relabelled(name, &args, operands),
            "sort_by_label" | "sort_by_label_desc" if !steps.is_instant() => {
                Ok(operands.into_iter().next().unwrap_or_default())
            }
            _ => step_by_step(steps, &operands, |time_ms, vectors| {
                let of_histograms = Histograms { oracle: self, spans: &spans };
                match of_histograms.call(name, &args, vectors) {
                    Some(made) => Ok(made),
                    None => Ok(of_vectors(name, &args, time_ms, vectors)),
                }
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
        if let Some(at_ms) = self.at_ms(selector.at) {
            let end_ms = at_ms - self.millis(selector.offset);
            for series in &mut stored {
                series.points.retain(|point| {
                    point.timestamp_ms <= end_ms
                        && point.timestamp_ms > end_ms - self.lookback_delta_ms
                });
            }
            selector.offset = DurationValue::ZERO;
        }
        step_by_step(steps, &[], |time_ms, _| {
            let found = |(from, series): (usize, &Series)| {
                let point = self.looked_up(&selector, series, time_ms)?;
                let labels = labels::without_name(&series.labels);
                let value = Value::Float(point.timestamp_ms as f64 / 1000.0);
                Some(Element { labels, value, from })
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
            let mut points = Vec::new();
            for step_time_ms in steps.times() {
                let inside = vector.window(series, step_time_ms);
                if inside.is_empty() {
                    continue;
                }
                let at_step =
                    |scalar: &Series| scalar.number_at(step_time_ms).expect("a value a step");
                let window = over_time::Window {
                    oracle: self,
                    labels: &series.labels,
                    points: &inside,
                    end_ms: vector.end_ms(step_time_ms),
                    range_ms: vector.range_ms,
                    step_time_ms,
                    scalars: &scalars.iter().map(at_step).collect::<Vec<_>>(),
                    span: vector.span,
                    first_span: if range == 0 { vector.span } else { args[0].span() },
                };
                if let Some(value) = over_time::apply(name, &window)? {
                    points.push(Point { timestamp_ms: step_time_ms, value });
                }
            }
            if matches!(name, "rate" | "increase") {
                self.check_counter(series, &points, vector.span);
            }
            let labels = match name {
                "first_over_time" | "last_over_time" => series.labels.clone(),
                _ => labels::without_name(&series.labels),
            };
            if !points.is_empty() {
                made.push(Series { labels, points });
            }
        }
        if name == "absent_over_time" {
            return Ok(absent_steps(args[range], &made, steps));
        }
        check_unique(&made)?;
        Ok(made)
    }

    /// Remarks on rates of what is not called like a counter.
    fn check_counter(&self, series: &Series, rates: &[Point], span: Span) {
        let name = series.labels.metric_name();
        let is_counter =
            ["_total", "_sum", "_count", "_bucket"].iter().any(|end| name.ends_with(end));
        let has_floats = rates.iter().any(|point| point.value.float().is_some());
        if !name.is_empty() && has_floats && !is_counter {
            let info = "metric might not be a counter, name does not end in \
                        _total/_sum/_count/_bucket:";
            self.remark(format!("PromQL info: {info} {name:?}"), span);
        }
    }
}

/// Returns 1 at the steps at which no series has a sample.
fn absent_steps(selected: ExprRef<'_>, present: &[Series], steps: Steps) -> Vec<Series> {
    let is_absent = |time_ms: &i64| present.iter().all(|series| series.at(*time_ms).is_none());
    let point = |timestamp_ms| Point { timestamp_ms, value: Value::Float(1.0) };
    let points: Vec<Point> = steps.times().filter(is_absent).map(point).collect();
    if points.is_empty() {
        return Vec::new();
    }
    vec![Series { labels: labels_of_absent(selected), points }]
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

/// Functions of histograms, and where their arguments stand.
struct Histograms<'o, 'a> {
    oracle: &'o Oracle<'a>,
    spans: &'o [Span],
}

impl Histograms<'_, '_> {
    /// Returns what a function of histograms makes of the vectors and scalars that its arguments are
    /// at one step, or `None` where it is another one.
    fn call(
        &self,
        name: &str,
        args: &[ExprRef<'_>],
        vectors: &[Vec<Element>],
    ) -> Option<Vec<Element>> {
        let number = |index: usize| vectors[index][0].value.float().expect("a scalar");
        Some(match name {
            "histogram_quantile" => {
                self.check_quantile(number(0), 0);
                self.quantiles(number(0), &vectors[1], self.spans[1], &|labels| labels)
            }
            "histogram_quantiles" => {
                let Node::StringLiteral(label) = args[1].node() else { unreachable!("a label") };
                let quantiles: Vec<f64> = (2..args.len()).map(number).collect();
                for (index, q) in quantiles.iter().enumerate() {
                    self.check_quantile(*q, index + 2);
                }
                let of_quantile = |q: &f64| {
                    let text = open_metrics(*q);
                    let named = |labels: Labels| labels::with(&labels, label.as_str(), &text);
                    self.quantiles(*q, &vectors[0], self.spans[0], &named)
                };
                // Each quantile of all histograms comes before the next.
                let mut made: Vec<Element> = quantiles.iter().flat_map(of_quantile).collect();
                let per_quantile = made.len() / quantiles.len();
                for (index, element) in made.iter_mut().enumerate() {
                    element.from += index / per_quantile * SERIES_MAX;
                }
                made
            }
            "histogram_fraction" => {
                let (lower, upper) = (number(0), number(1));
                self.each(
                    &vectors[2],
                    self.spans[2],
                    |histogram| native::fraction(lower, upper, histogram),
                    |found| (buckets::fraction(lower, upper, found), false),
                )
            }
            "histogram_count" => natives(&vectors[0], |histogram| histogram.count),
            "histogram_sum" => natives(&vectors[0], |histogram| histogram.sum),
            "histogram_avg" => natives(&vectors[0], |histogram| histogram.sum / histogram.count),
            "histogram_stddev" => natives(&vectors[0], |it| native::variance(it).sqrt()),
            "histogram_stdvar" => natives(&vectors[0], native::variance),
            _ => return None,
        })
    }

    fn check_quantile(&self, q: f64, arg: usize) {
        if !(0.0..=1.0).contains(&q) {
            self.oracle.warn_of_quantile(q, self.spans[arg]);
        }
    }

    fn quantiles(
        &self,
        q: f64,
        vector: &[Element],
        span: Span,
        named: &dyn Fn(Labels) -> Labels,
    ) -> Vec<Element> {
        let made = self.each(
            vector,
            span,
            |histogram| native::quantile(q, histogram),
            |found| buckets::quantile(q, found),
        );
        made.into_iter().map(|it| Element { labels: named(it.labels), ..it }).collect()
    }

    /// Applies `of_native` to native histograms and `of_buckets` to the buckets of classic ones, which
    /// says whether the counts had to be lifted.
    fn each(
        &self,
        vector: &[Element],
        span: Span,
        of_native: impl Fn(&FloatHistogram) -> (f64, Option<&'static str>),
        of_buckets: impl Fn(Buckets) -> (f64, bool),
    ) -> Vec<Element> {
        let mut classic: Vec<(Labels, usize, Buckets)> = Vec::new();
        for element in vector {
            let Some(count) = element.value.float() else { continue };
            let bound = element.labels.value("le");
            let Some(bound) = float::parse(bound) else {
                let text = "bucket label \"le\" is missing or has a malformed value of";
                self.oracle.remark(format!("PromQL warning: {text} {bound:?}"), span);
                continue;
            };
            let labels = labels::with(&element.labels, "le", "");
            match classic.iter_mut().find(|(of, ..)| *of == labels) {
                Some((.., buckets)) => buckets.push((bound, count)),
                None => classic.push((labels, element.from, vec![(bound, count)])),
            }
        }
        let mut made = Vec::new();
        for element in vector {
            let Some(histogram) = element.value.histogram() else { continue };
            if let Some(both) = classic.iter().position(|(of, ..)| *of == element.labels) {
                let text = "vector contains a mix of classic and native histograms";
                self.oracle.remark(format!("PromQL warning: {text}"), span);
                classic.remove(both);
                continue;
            }
            let (value, remark) = of_native(histogram);
            if let Some(remark) = remark {
                // As in the release of the reference, which has it at the first argument.
                self.oracle.remark(format!("PromQL info: {remark}"), self.spans[0]);
            }
            let labels = labels::without_name(&element.labels);
            made.push(Element { labels, value: Value::Float(value), from: element.from });
        }
        for (labels, from, buckets) in classic {
            let (value, lifted) = of_buckets(buckets);
            if lifted {
                let text = "input to histogram_quantile needed to be fixed for monotonicity";
                self.oracle.remark(format!("PromQL info: {text}"), span);
            }
            let labels = labels::without_name(&labels);
            made.push(Element { labels, value: Value::Float(value), from });
        }
        made
    }
}

/// Returns a number as OpenMetrics has it: whole ones with a fraction.
fn open_metrics(number: f64) -> String {
    let mut text = String::new();
    float::write_general(&mut text, number).expect("a string takes any text");
    if number.is_finite() && !text.contains(['.', 'e']) { text + ".0" } else { text }
}

fn natives(vector: &[Element], of: impl Fn(&FloatHistogram) -> f64) -> Vec<Element> {
    let value = |element: &Element| Some(of(element.value.histogram()?));
    let made = |element: &Element| {
        let labels = labels::without_name(&element.labels);
        Some(Element { labels, value: Value::Float(value(element)?), from: element.from })
    };
    vector.iter().filter_map(made).collect()
}

/// Returns what a function makes of the vectors and scalars that its arguments are at one step.
fn of_vectors(
    name: &str,
    args: &[ExprRef<'_>],
    time_ms: i64,
    vectors: &[Vec<Element>],
) -> Vec<Element> {
    let number = |index: usize| vectors[index][0].value.float().expect("a scalar");
    let without_labels =
        |value| vec![Element { labels: Labels::empty(), value: Value::Float(value), from: 0 }];
    match name {
        "vector" => without_labels(number(0)),
        "scalar" => {
            let mut floats = vectors[0].iter().filter_map(|element| element.value.float());
            match (floats.next(), floats.next()) {
                (Some(only), None) => without_labels(only),
                _ => without_labels(f64::NAN),
            }
        }
        "max_of" => without_labels(go::max(number(0), number(1))),
        "min_of" => without_labels(go::min(number(0), number(1))),
        "absent" if vectors[0].is_empty() => {
            vec![Element { labels: labels_of_absent(args[0]), value: Value::Float(1.0), from: 0 }]
        }
        "absent" => Vec::new(),
        "sort" => sorted(&vectors[0], |left, right| left.is_nan() || left > right),
        "sort_desc" => sorted(&vectors[0], |left, right| left.is_nan() || left < right),
        "sort_by_label" | "sort_by_label_desc" => {
            let name_of = |arg: &ExprRef<'_>| match arg.node() {
                Node::StringLiteral(text) => text.as_str().to_owned(),
                _ => unreachable!("the names of labels are literals"),
            };
            let names: Vec<String> = args[1..].iter().map(name_of).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            sorted_by_labels(&vectors[0], &names, name == "sort_by_label_desc")
        }
        "clamp" if number(2) < number(1) => Vec::new(),
        "timestamp" => {
            let time_s = time_ms as f64 / 1000.0;
            let timed = |element: &Element| Element {
                labels: labels::without_name(&element.labels),
                value: Value::Float(time_s),
                from: element.from,
            };
            vectors[0].iter().map(timed).collect()
        }
        "clamp" => each(&vectors[0], |value| go::max(number(1), go::min(number(2), value))),
        "clamp_max" => {
            each(&vectors[0], |value| go::max(f64::NEG_INFINITY, go::min(number(1), value)))
        }
        "clamp_min" => each(&vectors[0], |value| go::max(number(1), go::min(f64::INFINITY, value))),
        "round" => {
            let inverse = 1.0 / if vectors.len() > 1 { number(1) } else { 1.0 };
            each(&vectors[0], |value| (value * inverse + 0.5).floor() / inverse)
        }
        name if digits::FUNCTIONS.contains(&name) => {
            each(&vectors[0], |value| digits::function(name, value))
        }
        _ => match (date::part(name), vectors) {
            (Some(part), []) => without_labels(part((time_ms / 1000) as f64)),
            (Some(part), _) => each(&vectors[0], part),
            (None, _) => each(&vectors[0], exact(name)),
        },
    }
}

/// Changes the floats, and leaves the histograms out.
fn each(vector: &[Element], change: impl Fn(f64) -> f64) -> Vec<Element> {
    let changed = |element: &Element| {
        Some(Element {
            labels: labels::without_name(&element.labels),
            value: Value::Float(change(element.value.float()?)),
            from: element.from,
        })
    };
    vector.iter().filter_map(changed).collect()
}

/// Returns a function of one float that needs no table and no polynomial.
fn exact(name: &str) -> fn(f64) -> f64 {
    match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
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

/// Sorts the floats in reverse of `less`, as the reference does to have NaN last.
fn sorted(vector: &[Element], less: impl Fn(f64, f64) -> bool) -> Vec<Element> {
    let floats = vector.iter().filter_map(|it| Some((it.value.float()?, it.clone())));
    let mut sorted: Vec<(f64, Element)> = floats.collect();
    go::insertion_sort(&mut sorted, |left, right| less(right.0, left.0));
    sorted.into_iter().map(|(_, element)| element).collect()
}
