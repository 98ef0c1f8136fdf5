//! Random series: with gaps, resets, staleness markers, NaN and infinities.

use narthex_model::{Labels, STALE_NAN, Sample};

use super::splitmix::Random;
use crate::oracle::Series;

/// The time of the first samples, in milliseconds since the Unix epoch.
pub(super) const START_MS: i64 = 1_700_000_000_000;
/// From the first samples to the last.
pub(super) const LENGTH_MS: i64 = 30 * 60 * 1000;

const JOBS: [&str; 2] = ["api", "db"];
const INSTANCES: [&str; 3] = ["a:1", "b:1", "c:1"];
const BOUNDS: [&str; 4] = ["0.1", "1", "5", "+Inf"];

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
}

/// Returns the series of a store in the order in which they are made. No metric has more than
/// twelve: beyond, the order of equal elements depends on the sort.
pub(super) fn series(random: &mut Random) -> Vec<Series> {
    let mut all = Vec::new();
    let mut add = |random: &mut Random, name: &str, labels: &[(&str, &str)], shape: Shape| {
        if !random.one_in(8) {
            let labels = Labels::from_pairs(labels.iter().copied().chain([("__name__", name)]));
            all.push(Series { labels, samples: samples(random, shape) });
        }
    };
    for job in JOBS {
        for instance in INSTANCES {
            let labels = [("instance", instance), ("job", job)];
            add(random, "temperature", &labels, Shape::Gauge);
            add(random, "level", &labels, Shape::Level);
            add(random, "busy_seconds_total", &labels, Shape::FractionalCounter);
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

fn samples(random: &mut Random, shape: Shape) -> Vec<Sample> {
    let spacing_ms = *random.pick(&[5_000, 15_000, 15_000, 30_000, 60_000]);
    let jitter_ms = if random.one_in(2) { 0 } else { spacing_ms / 10 };
    let start_ms = START_MS + if random.one_in(4) { random.below(600_000) as i64 } else { 0 };
    let end_ms = START_MS + LENGTH_MS - if random.one_in(4) { 600_000 } else { 0 };
    let mut samples = Vec::new();
    let mut value = 0.0;
    let mut time_ms = start_ms;
    while time_ms < end_ms {
        value = next(random, shape, value);
        let shown = match random.below(60) {
            0 => STALE_NAN,
            1 if matches!(shape, Shape::Gauge) => f64::NAN,
            2 if matches!(shape, Shape::Gauge) => f64::INFINITY,
            3 if matches!(shape, Shape::Gauge) => f64::NEG_INFINITY,
            _ => value,
        };
        let timestamp_ms = time_ms + random.below(1 + jitter_ms as u64) as i64;
        samples.push(Sample { timestamp_ms, value: shown });
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
    }
}
