//! Random series: with gaps, resets, staleness markers, NaN and infinities; of floats, of native
//! histograms, and of both.

use std::sync::Arc;

use narthex_model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA, FloatHistogram, ResetHint};
use narthex_model::{Labels, STALE_NAN};

use super::splitmix::Random;

/// The time of the first samples, in milliseconds since the Unix epoch.
pub(super) const START_MS: i64 = 1_700_000_000_000;
/// From the first samples to the last.
pub(super) const LENGTH_MS: i64 = 30 * 60 * 1000;

const JOBS: [&str; 2] = ["api", "db"];
const INSTANCES: [&str; 3] = ["a:1", "b:1", "c:1"];
const BOUNDS: [&str; 4] = ["0.1", "1", "5", "+Inf"];

/// A series as it is appended.
pub(super) struct RandomSeries {
    pub(super) labels: Labels,
    pub(super) samples: Vec<(i64, RandomValue)>,
}

pub(super) enum RandomValue {
    Float(f64),
    Histogram(FloatHistogram),
}

/// How the values of a series go on.
#[derive(Clone, Copy)]
enum Shape {
    /// Integers that rise, and fall to less at times.
    Counter,
    /// Fractions that rise, and fall to less at times.
    FractionalCounter,
    /// Any number, and what is none.
    Gauge,
    /// Few numbers, which are equal often.
    Level,
    /// Always one.
    One,
    /// A counter that rises `bound` times as fast as the first of its kind.
    Bucket(u64),
    /// Histograms with exponential buckets, which rise and are reset at times.
    Exponential,
    /// Histograms with custom buckets, which rise and are reset at times.
    Custom,
    /// Histograms that rise and fall, also of negative observations.
    GaugeHistogram,
    /// Floats for a while, then histograms, in turns.
    Mixed,
}

/// Returns the series of a store in the order in which they are made. No metric has more than
/// twelve: beyond, the order of equal elements depends on the sort.
pub(super) fn series(random: &mut Random) -> Vec<RandomSeries> {
    let mut all = Vec::new();
    let mut add = |random: &mut Random, name: &str, labels: &[(&str, &str)], shape: Shape| {
        if !random.one_in(8) {
            let labels = Labels::from_pairs(labels.iter().copied().chain([("__name__", name)]));
            all.push(RandomSeries { labels, samples: samples(random, shape) });
        }
    };
    for job in JOBS {
        for instance in INSTANCES {
            let labels = [("instance", instance), ("job", job)];
            add(random, "temperature", &labels, Shape::Gauge);
            add(random, "level", &labels, Shape::Level);
            add(random, "busy_seconds_total", &labels, Shape::FractionalCounter);
            add(random, "request_seconds", &labels, Shape::Exponential);
            add(random, "body_bytes", &labels, Shape::Custom);
            add(random, "error_celsius", &labels, Shape::GaugeHistogram);
            add(random, "mixed", &labels, Shape::Mixed);
            for code in ["200", "500"] {
                let labels = [("code", code), ("instance", instance), ("job", job)];
                add(random, "requests_total", &labels, Shape::Counter);
            }
        }
        for (place, bound) in (1..).zip(BOUNDS) {
            add(random, "latency_bucket", &[("job", job), ("le", bound)], Shape::Bucket(place));
        }
    }
    for (instance, version) in INSTANCES.into_iter().zip(["1.0", "1.1", "2.0"]) {
        let labels = [("instance", instance), ("version", version)];
        add(random, "build_info", &labels, Shape::One);
    }
    all
}

fn samples(random: &mut Random, shape: Shape) -> Vec<(i64, RandomValue)> {
    let spacing_ms = *random.pick(&[5_000, 15_000, 15_000, 30_000, 60_000]);
    let jitter_ms = if random.one_in(2) { 0 } else { spacing_ms / 10 };
    let start_ms = START_MS + if random.one_in(4) { random.below(600_000) as i64 } else { 0 };
    let end_ms = START_MS + LENGTH_MS - if random.one_in(4) { 600_000 } else { 0 };
    let mut samples = Vec::new();
    let (mut value, mut histogram) = (0.0, None);
    let mut kind = shape;
    let mut time_ms = start_ms;
    while time_ms < end_ms {
        if matches!(shape, Shape::Mixed) && (random.one_in(10) || time_ms == start_ms) {
            kind = *random.pick(&[Shape::Gauge, Shape::Exponential, Shape::Custom]);
        }
        let is_stale = random.one_in(60);
        let shown = match kind {
            Shape::Exponential | Shape::Custom | Shape::GaugeHistogram => {
                let next = next_histogram(random, kind, histogram.take());
                let stale = FloatHistogram { sum: STALE_NAN, ..FloatHistogram::default() };
                let shown = if is_stale { stale } else { next.clone() };
                histogram = Some(next);
                RandomValue::Histogram(shown)
            }
            _ => {
                value = next(random, kind, value);
                RandomValue::Float(match random.below(60) {
                    _ if is_stale => STALE_NAN,
                    1 if matches!(shape, Shape::Gauge) => f64::NAN,
                    2 if matches!(shape, Shape::Gauge) => f64::INFINITY,
                    3 if matches!(shape, Shape::Gauge) => f64::NEG_INFINITY,
                    _ => value,
                })
            }
        };
        samples.push((time_ms + random.below(1 + jitter_ms as u64) as i64, shown));
        time_ms += spacing_ms;
        if random.one_in(40) {
            time_ms += spacing_ms * random.below(20) as i64;
        }
    }
    samples
}

fn next(random: &mut Random, shape: Shape, value: f64) -> f64 {
    match shape {
        Shape::Counter | Shape::Bucket(_) if random.one_in(50) => random.below(3) as f64,
        Shape::Counter => value + random.below(100) as f64,
        Shape::Bucket(place) => value + (random.below(4) * place) as f64,
        Shape::FractionalCounter if random.one_in(50) => random.fraction(),
        Shape::FractionalCounter => value + random.fraction() * 3.7,
        Shape::Gauge if random.one_in(30) => random.fraction() * 1e300,
        Shape::Gauge => (random.fraction() - 0.5) * 200.0,
        Shape::Level => random.below(4) as f64,
        Shape::One => 1.0,
        _ => unreachable!("the others are histograms"),
    }
}

/// Returns the histogram after `before`, of a shape that has them.
fn next_histogram(
    random: &mut Random,
    shape: Shape,
    before: Option<FloatHistogram>,
) -> FloatHistogram {
    let is_gauge = matches!(shape, Shape::GaugeHistogram);
    let is_custom = matches!(shape, Shape::Custom);
    let mut histogram = match before {
        Some(before)
            if !is_gauge && before.has_custom_buckets() == is_custom && !random.one_in(30) =>
        {
            before
        }
        // Resets come with another layout at times.
        _ => empty_histogram(random, is_custom),
    };
    if is_gauge {
        histogram.reset_hint = ResetHint::Gauge;
    }
    let bucket_count = if is_custom { histogram.custom_bounds.len() as u64 + 1 } else { 6 };
    for _ in 0..random.below(4) {
        let count = if random.one_in(4) { random.fraction() } else { random.below(5) as f64 };
        let index =
            i32::try_from(random.below(bucket_count)).unwrap() - if is_custom { 0 } else { 2 };
        let goes_below = is_gauge && random.one_in(2);
        match random.below(8) {
            0 if !is_custom => histogram.zero_count += count,
            _ if goes_below => add(&mut histogram.negative, index, count),
            _ => add(&mut histogram.positive, index, count),
        }
        histogram.count += count;
        histogram.sum += count * random.fraction() * 3.0 * if goes_below { -1.0 } else { 1.0 };
    }
    if random.one_in(100) {
        // Observations of NaN are in no bucket.
        histogram.sum = f64::NAN;
        histogram.count += 1.0;
    }
    histogram
}

fn empty_histogram(random: &mut Random, is_custom: bool) -> FloatHistogram {
    if is_custom {
        let bounds: [&[f64]; 3] = [&[1.0, 5.0, 10.0], &[1.0, 5.0, 10.0], &[-1.0, 1.0, 10.0, 100.0]];
        return FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            custom_bounds: Arc::from(*random.pick(&bounds)),
            ..FloatHistogram::default()
        };
    }
    FloatHistogram {
        schema: *random.pick(&[0, 0, 0, 1, 3, -1]),
        zero_threshold: *random.pick(&[0.001, 0.001, 0.3, 0.0]),
        ..FloatHistogram::default()
    }
}

fn add(buckets: &mut Buckets<f64>, index: i32, count: f64) {
    let mut entries: Vec<(i32, f64)> = buckets.iter().collect();
    match entries.binary_search_by_key(&index, |(index, _)| *index) {
        Ok(found) => entries[found].1 += count,
        Err(place) => entries.insert(place, (index, count)),
    }
    *buckets = entries.into_iter().collect();
}
