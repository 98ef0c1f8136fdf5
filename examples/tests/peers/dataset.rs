//! The series that both servers are asked about: counters with resets, gauges, histograms, gaps and
//! staleness markers, the same in every run.

use narthex_model::{Labels, STALE_NAN, Sample};

/// The first moment of the hour, in milliseconds since the Unix epoch. Samples lie off the whole
/// seconds, so that no step, window or subquery of the queries meets one exactly: the peers disagree
/// on whether a window's left end belongs to it.
pub(crate) const START_MS: i64 = 1_700_000_000_000;
pub(crate) const SAMPLES_A_SERIES: i64 = 240;
const INTERVAL_MS: i64 = 15_000;
const PHASE_MS: i64 = 4_321;

/// One series and its samples, oldest first.
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) samples: Vec<Sample>,
}

/// Returns all series, more than 2,000.
pub(crate) fn series() -> Vec<Series> {
    let mut random = Random::new(0x6e61_7274_6865_7821);
    let mut all = Vec::new();
    for instance in 0..40 {
        let place = Place { instance: format!("host-{instance}:9100"), job: job(instance) };
        for code in ["200", "404", "500"] {
            for method in ["get", "post", "put", "delete", "head", "options", "patch"] {
                let labels = [("code", code), ("method", method)];
                all.push(place.series("http_requests_total", &labels, counter(&mut random)));
            }
        }
        for room in ["attic", "cellar", "hall", "kitchen", "lab", "office"] {
            all.push(place.series("temperature_celsius", &[("room", room)], gauge(&mut random)));
        }
        for path in ["/", "/api"] {
            histogram(&mut random, &place, path, &mut all);
        }
        all.push(place.series("flaky", &[], with_gaps(&mut random)));
        all.push(place.series("queue_length", &[], with_stale_markers(&mut random)));
    }
    all
}

fn job(instance: usize) -> &'static str {
    ["api", "web", "db"][instance % 3]
}

struct Place {
    instance: String,
    job: &'static str,
}

impl Place {
    fn series(&self, name: &str, labels: &[(&str, &str)], samples: Vec<Sample>) -> Series {
        let own = [("__name__", name), ("instance", self.instance.as_str()), ("job", self.job)];
        Series { labels: Labels::from_pairs(own.iter().chain(labels).copied()), samples }
    }
}

fn column(mut value: impl FnMut(i64) -> Option<f64>) -> Vec<Sample> {
    let sample = |index| {
        let timestamp_ms = START_MS + PHASE_MS + index * INTERVAL_MS;
        value(index).map(|value| Sample { timestamp_ms, value })
    };
    (0..SAMPLES_A_SERIES).filter_map(sample).collect()
}

fn counter(random: &mut Random) -> Vec<Sample> {
    let mut total = random.below(1_000) as f64;
    column(|_| {
        total = if random.below(60) == 0 { 0.0 } else { total + random.below(50) as f64 };
        Some(total)
    })
}

fn gauge(random: &mut Random) -> Vec<Sample> {
    let mut value = 20.0;
    column(|_| {
        value += random.fraction() - 0.5;
        Some(value)
    })
}

fn with_gaps(random: &mut Random) -> Vec<Sample> {
    let mut gap = 0;
    column(|_| {
        if gap == 0 && random.below(20) == 0 {
            gap = 1 + random.below(40);
        }
        gap = gap.saturating_sub(1);
        (gap == 0).then(|| random.fraction() * 100.0)
    })
}

fn with_stale_markers(random: &mut Random) -> Vec<Sample> {
    column(|_| {
        let stale = random.below(12) == 0;
        Some(if stale { STALE_NAN } else { random.below(500) as f64 })
    })
}

fn histogram(random: &mut Random, place: &Place, path: &str, all: &mut Vec<Series>) {
    const BOUNDS: [&str; 9] = ["0.005", "0.01", "0.05", "0.1", "0.5", "1.0", "2.5", "10.0", "+Inf"];
    let mut totals = [0f64; BOUNDS.len()];
    let mut buckets: [Vec<Sample>; BOUNDS.len()] = Default::default();
    let mut sums = Vec::new();
    let mut sum = 0.0;
    for sample in column(|_| Some(0.0)) {
        for _ in 0..random.below(8) {
            let bucket = usize::try_from(random.below(BOUNDS.len() as u64)).expect("small");
            sum += random.fraction() * 3.0;
            totals[bucket..].iter_mut().for_each(|total| *total += 1.0);
        }
        for (bucket, total) in buckets.iter_mut().zip(totals) {
            bucket.push(Sample { value: total, ..sample });
        }
        sums.push(Sample { value: sum, ..sample });
    }
    all.push(place.series("latency_seconds_count", &[("path", path)], buckets[8].clone()));
    all.push(place.series("latency_seconds_sum", &[("path", path)], sums));
    for (bound, samples) in BOUNDS.iter().zip(buckets) {
        all.push(place.series("latency_seconds_bucket", &[("le", bound), ("path", path)], samples));
    }
}

/// SplitMix64: a fixed sequence without a dependency.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}
