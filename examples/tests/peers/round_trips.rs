//! A data directory goes from us to the real Prometheus and back, again and again: each reads what the
//! other wrote, sample by sample, and writes on.
//!
//! `NARTHEX_ROUND_TRIPS` asks for more of them, `NARTHEX_SEED` for other samples.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::path::PathBuf;

use narthex_examples::{http, peer, start_prometheus};
use narthex_model::{Labels, Matcher, STALE_NAN, Sample, float};
use narthex_storage::{
    Appendable, Columns, QueryContext, Queryable, SampleValue, SelectHints, SeriesKey, TimeRange,
};
use narthex_tsdb::{Db, Options};

use crate::dataset::Random;
use crate::promtool::{Tools, assert_same_analysis, assert_same_text};

const ROUND_TRIPS: u64 = 10;
const SERIES: u64 = 20;
const MINUTE_MS: i64 = 60_000;
/// Far enough back that 1,000 round trips do not reach the present.
const AGE_MS: i64 = 40 * 24 * 60 * MINUTE_MS;

/// What a store must hold: the bits of values by series and time.
type Samples = BTreeMap<Labels, BTreeMap<i64, u64>>;

#[test]
fn directories_go_to_prometheus_and_back() {
    let (Some(prometheus), Some(promtool)) = (peer("prometheus"), peer("promtool")) else { return };
    let number = |name: &str, default| env::var(name).map_or(default, |text| text.parse().unwrap());
    let count = number("NARTHEX_ROUND_TRIPS", ROUND_TRIPS);
    let seed = number("NARTHEX_SEED", 1);
    println!("seed {seed}");
    let folder = tempfile::tempdir().unwrap();
    let mut traveller = Traveller {
        folder: folder.path().to_owned(),
        prometheus,
        tools: Tools::new(promtool),
        random: Random::new(seed),
        now_ms: now_ms() - AGE_MS,
        totals: BTreeMap::new(),
        samples: Samples::new(),
    };
    for trip in 0..count {
        traveller.write_ours(trip);
        traveller.look_at_it_with_promtool(trip);
        traveller.write_theirs(trip);
        traveller.check_ours(&traveller.open(), trip);
    }
    let sample_count: usize = traveller.samples.values().map(BTreeMap::len).sum();
    let blocks = traveller.open().stats().blocks.loaded;
    println!("{count} round trips, {sample_count} samples, {blocks} blocks: all the same");
    assert!(sample_count as u64 > count * SERIES * 20, "{sample_count} samples");
}

fn now_ms() -> i64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A data directory, who works on it, and what it must hold.
struct Traveller {
    folder: PathBuf,
    prometheus: PathBuf,
    tools: Tools,
    random: Random,
    /// Every sample so far is older.
    now_ms: i64,
    /// Where each series' counter stands.
    totals: BTreeMap<Labels, f64>,
    samples: Samples,
}

impl Traveller {
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn open(&self) -> Db {
        let db = Db::open(self.data(), Options::default()).unwrap();
        assert_eq!(db.corruptions(), []);
        db
    }

    /// Opens the directory with our library, appends, deletes, compacts, and leaves in one way or other.
    fn write_ours(&mut self, trip: u64) {
        let db = self.open();
        for batch in self.batches(trip) {
            let mut appender = db.appender();
            for (labels, samples) in &batch {
                for sample in samples {
                    let value = SampleValue::Float(sample.value);
                    let appended =
                        appender.append(SeriesKey::Labels(labels), sample.timestamp_ms, value);
                    appended.unwrap_or_else(|error| panic!("{labels} {sample:?}: {error}"));
                }
            }
            appender.commit().unwrap();
        }
        if self.random.below(5) == 0 {
            self.delete(&db);
        }
        if self.random.below(3) > 0 {
            db.maintain().unwrap();
        }
        if self.random.below(8) == 0 {
            db.clean_tombstones().unwrap();
        }
        self.check_ours(&db, trip);
        // The other way is how a killed process leaves.
        if self.random.below(2) == 0 {
            db.close().unwrap();
        }
    }

    /// Deletes up to an hour of one series, anywhere in the last day.
    fn delete(&mut self, db: &Db) {
        let number = self.random.below(SERIES).to_string();
        let below = |random: &mut Random, bound_ms: i64| {
            i64::try_from(random.below(bound_ms.unsigned_abs())).unwrap()
        };
        let min_ms = self.now_ms - below(&mut self.random, 24 * 60 * MINUTE_MS);
        let max_ms = min_ms + below(&mut self.random, 60 * MINUTE_MS);
        db.delete(TimeRange { min_ms, max_ms }, &[Matcher::equal("n", &number)]).unwrap();
        for (labels, samples) in &mut self.samples {
            if labels.get("n") == Some(&*number) {
                samples.retain(|time, _| !(min_ms..=max_ms).contains(time));
            }
        }
        self.samples.retain(|_, samples| !samples.is_empty());
    }

    /// Checks what promtool says of the directory, ours as well as the real one.
    fn look_at_it_with_promtool(&self, trip: u64) {
        let data = self.data();
        let path = data.to_str().unwrap();
        let (ours, theirs) = self.tools.run_both(&["dump", path]);
        // The peer sorts, while 3.14 leaves series of a head as they are.
        let (ours, theirs) = (sorted_lines(&ours), sorted_lines(&theirs));
        assert_same_text(&ours, &theirs, &format!("trip {trip}: dump"));
        assert_same_text(&theirs, &self.dump(), &format!("trip {trip}: dump"));
        let (ours, blocks) = self.tools.run_both(&["list", path]);
        assert_same_text(&ours, &blocks, &format!("trip {trip}: list"));
        for block in blocks.lines().skip(1) {
            let id = block.split_whitespace().next().unwrap();
            let (ours, theirs) = self.tools.run_both(&["analyze", "--limit=100000", path, id]);
            assert_same_analysis(&ours, &theirs);
        }
    }

    /// Returns the dump of what must be there, sorted.
    fn dump(&self) -> String {
        let mut dump = String::new();
        for (labels, samples) in &self.samples {
            for (time, bits) in samples {
                write!(dump, "{labels} ").unwrap();
                float::write_general(&mut dump, f64::from_bits(*bits)).unwrap();
                writeln!(dump, " {time}").unwrap();
            }
        }
        sorted_lines(&dump)
    }

    /// Opens the directory with the real Prometheus, asks it for all samples, lets it write, and asks
    /// again.
    fn write_theirs(&mut self, trip: u64) {
        let (mut program, url) = start_prometheus(&self.prometheus, &self.folder, "");
        self.check_theirs(&url, trip);
        for batch in self.batches(trip) {
            let mut request = narthex_remote::RequestBuilder::default();
            for (labels, samples) in &batch {
                request.push_series(labels, samples);
            }
            let answer = http::remote_write(&url, &request.compress()).unwrap();
            assert_eq!(answer.status, 204, "{}", answer.body);
        }
        self.check_theirs(&url, trip);
        match self.random.below(2) {
            0 => program.kill(),
            _ => program.terminate(),
        }
    }

    fn check_theirs(&self, url: &str, trip: u64) {
        let time = (self.now_ms / 1_000 + 1).to_string();
        let parameters = [("query", r#"{n!=""}[40d]"#), ("time", time.as_str())];
        let answer = http::query(&format!("{url}/api/v1/query"), &parameters);
        let mut found = Samples::new();
        for series in answer["result"].as_array().unwrap() {
            let labels = series["metric"].as_object().unwrap().iter();
            let labels = labels.map(|(name, value)| (&**name, value.as_str().unwrap()));
            let samples = series["values"].as_array().unwrap().iter().map(|pair| {
                #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our days fit")]
                let time = (pair[0].as_f64().unwrap() * 1_000.0).round() as i64;
                (time, comparable(pair[1].as_str().unwrap().parse().unwrap()))
            });
            found.insert(Labels::from_pairs(labels), samples.collect());
        }
        // The API leaves staleness markers out.
        let mut expected = self.samples.clone();
        for samples in expected.values_mut() {
            samples.retain(|_, bits| *bits != STALE_NAN.to_bits());
            samples.values_mut().for_each(|bits| *bits = comparable(f64::from_bits(*bits)));
        }
        expected.retain(|_, samples| !samples.is_empty());
        assert_same(&found, &expected, trip, "Prometheus");
    }

    fn check_ours(&self, db: &Db, trip: u64) {
        let ctx = QueryContext::default();
        let querier = db.querier(TimeRange::ALL).unwrap();
        let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
        let (mut columns, mut found) = (Columns::default(), Samples::new());
        for index in 0..selection.len() {
            selection.read(&ctx, index, &mut columns).unwrap();
            let samples = columns.iter();
            let samples = samples.map(|sample| (sample.timestamp_ms, sample.value.to_bits()));
            found.insert(selection.series_labels(index), samples.collect());
        }
        found.retain(|_, samples| !samples.is_empty());
        assert_eq!(ctx.take_warnings(), []);
        assert_same(&found, &self.samples, trip, "narthex");
    }

    /// Returns what all series get in the next 20 to 60 minutes, in parts of five minutes, and takes note
    /// of it.
    fn batches(&mut self, trip: u64) -> Vec<Vec<(Labels, Vec<Sample>)>> {
        let part_count = 4 + self.random.below(9);
        let mut batches = Vec::new();
        for _ in 0..part_count {
            let start_ms = self.now_ms;
            self.now_ms += 5 * MINUTE_MS;
            let mut batch = Vec::new();
            for number in 0..SERIES {
                let samples = self.part(number, trip, start_ms);
                if !samples.1.is_empty() {
                    batch.push(samples);
                }
            }
            for (labels, samples) in &batch {
                let known = self.samples.entry(labels.clone()).or_default();
                let bits = samples.iter();
                known.extend(bits.map(|sample| (sample.timestamp_ms, sample.value.to_bits())));
            }
            batches.push(batch);
        }
        batches
    }

    /// Returns five minutes of one series: a counter that starts again at times, a gauge, one with gaps
    /// and staleness markers, or one that others follow.
    fn part(&mut self, number: u64, trip: u64, start_ms: i64) -> (Labels, Vec<Sample>) {
        let kind = ["counter_total", "gauge", "flaky", "short_lived"]
            [usize::try_from(number % 4).unwrap()];
        let (text, generation) = (number.to_string(), (trip / 7).to_string());
        let mut labels = vec![("__name__", kind), ("n", &text), ("q", "a \"b\" \\ é")];
        if kind == "short_lived" {
            labels.push(("generation", &generation));
        }
        let labels = Labels::from_pairs(labels);
        let total = self.totals.entry(labels.clone()).or_default();
        let random = &mut self.random;
        let interval_ms = if number.is_multiple_of(3) { 15_000 } else { MINUTE_MS };
        let mut samples = Vec::new();
        for index in 0..5 * MINUTE_MS / interval_ms {
            let jitter_ms = i64::try_from(random.below(4)).unwrap();
            let timestamp_ms = start_ms + index * interval_ms + jitter_ms * 7;
            let value = match kind {
                "counter_total" | "short_lived" => {
                    *total =
                        if random.below(40) == 0 { 0.0 } else { *total + random.below(9) as f64 };
                    *total
                }
                "gauge" => match random.below(30) {
                    0 => f64::INFINITY,
                    1 => -0.0,
                    2 => f64::NAN,
                    _ => random.fraction() * 1e3,
                },
                _ => match random.below(6) {
                    0 => STALE_NAN,
                    1 | 2 => continue,
                    _ => random.below(5) as f64,
                },
            };
            samples.push(Sample { timestamp_ms, value });
        }
        // Whole parts are missing at times.
        if kind == "flaky" && random.below(4) == 0 {
            samples.clear();
        }
        (labels, samples)
    }
}

fn sorted_lines(text: &str) -> String {
    let mut lines = text.lines().collect::<Vec<_>>();
    lines.sort_unstable();
    lines.join("\n")
}

/// Makes all that is not a number alike: a text of it does not say more.
fn comparable(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

fn assert_same(found: &Samples, expected: &Samples, trip: u64, whose: &str) {
    if found == expected {
        return;
    }
    for (labels, expected) in expected {
        let found = found.get(labels);
        for (time, bits) in expected {
            let value = found.and_then(|found| found.get(time));
            assert_eq!(value, Some(bits), "trip {trip}: {labels} at {time} in {whose}");
        }
    }
    panic!("trip {trip}: {whose} has samples that nobody wrote");
}
