//! Samples that are numbered, a note of those that were promised to be kept, and whether they are.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use narthex_examples::http;
use narthex_model::{Labels, Sample};
use narthex_remote::RequestBuilder;

/// How many threads send at the same time, each to a series of its own.
pub(crate) const SENDERS: usize = 4;
const START_MS: i64 = 1_700_000_000_000;
/// Between a sample and the next, of whatever series.
const STEP_MS: i64 = 2;
/// Between requests of a sender, so that hours of rounds stay in the range of a few blocks.
const PAUSE: Duration = Duration::from_millis(1);
/// Between requests of a sender that was refused.
const PAUSE_REFUSED: Duration = Duration::from_millis(20);

/// Flags of a server that is always moving samples to blocks, merging these and shortening its log:
/// samples are so close that each second of them fills a block.
pub(crate) const BUSY: [&str; 3] = [
    "--storage.tsdb.min-block-duration=1s",
    "--storage.tsdb.max-block-duration=1h",
    "--storage.tsdb.block-reload-interval=1s",
];

/// What was acknowledged so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By round and sender, the number of samples.
    rounds: Vec<Vec<usize>>,
    /// When the newest sample was, after [`START_MS`].
    elapsed_ms: AtomicI64,
}

/// The requests of a round, while they are sent.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    is_over: AtomicBool,
    /// Requests that the server took.
    pub(crate) accepted: AtomicUsize,
    /// Requests that the server could not take now.
    pub(crate) unavailable: AtomicUsize,
}

impl Ledger {
    /// Starts series of their own, and sends them samples for as long as `act` takes, which is to kill
    /// the server at its end.
    pub(crate) fn send_while(&mut self, url: &str, act: impl FnOnce(&Traffic)) {
        let round = self.rounds.len();
        let traffic = Traffic::default();
        let counts = thread::scope(|scope| {
            let senders: Vec<_> = (0..SENDERS)
                .map(|sender| {
                    let (traffic, elapsed_ms) = (&traffic, &self.elapsed_ms);
                    scope.spawn(move || traffic.send(url, (round, sender), elapsed_ms))
                })
                .collect();
            // Ends the senders also where the test fails.
            let end = EndOnDrop(&traffic.is_over);
            act(&traffic);
            drop(end);
            let join = |sender: ScopedJoinHandle<'_, usize>| sender.join().expect("no panic");
            senders.into_iter().map(join).collect()
        });
        self.rounds.push(counts);
    }

    /// Returns how many samples were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.rounds.iter().flatten().sum()
    }

    /// Asks for the samples of every round, and holds them against what was promised.
    pub(crate) fn check(&self, url: &str) {
        (0..self.rounds.len()).for_each(|round| self.check_round(url, round));
    }

    /// As [`Ledger::check`], of the last round and one before it.
    pub(crate) fn check_some(&self, url: &str) {
        let Some(last) = self.rounds.len().checked_sub(1) else { return };
        self.check_round(url, last);
        self.check_round(url, last * 7_919 % (last + 1));
        self.check_round(url, last / 2);
    }

    /// A sample whose request was not answered may be there or not. All others have to be, once, in
    /// their series, with their own value; and nothing else.
    fn check_round(&self, url: &str, round: usize) {
        let found = read_round(url, round, self.elapsed_ms.load(Ordering::Relaxed));
        for (sender, &count) in self.rounds[round].iter().enumerate() {
            let what = format!("round {round}, sender {sender}");
            let none = Vec::new();
            let values = found.get(&sender.to_string()).unwrap_or(&none);
            assert!(
                values.len() == count || values.len() == count + 1,
                "{what}: {count} samples acknowledged, {} found",
                values.len()
            );
            for (number, found) in values.iter().enumerate() {
                let expected = value((round, sender), number).to_string();
                assert_eq!(*found, expected, "{what}, sample {number}");
            }
        }
        assert!(found.len() <= SENDERS, "round {round}: made up series: {:?}", found.keys());
    }
}

impl Traffic {
    /// Sends one sample after the other until the server is gone. Returns how many it took.
    fn send(&self, url: &str, series: (usize, usize), elapsed_ms: &AtomicI64) -> usize {
        let labels = labels(series);
        let mut count = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let timestamp_ms = START_MS + elapsed_ms.fetch_add(STEP_MS, Ordering::Relaxed);
            let sample = Sample { timestamp_ms, value: value(series, count) };
            let request = RequestBuilder::default().series(&labels, &[sample]).compress();
            let Some(answer) = http::remote_write(url, &request) else { break };
            match answer.status {
                200..300 => {
                    count += 1;
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(PAUSE);
                }
                // The others went on so far that this one is too old by now.
                400 if answer.body.contains("out of bounds") => {}
                503 => {
                    assert!(answer.retry_after.is_some(), "{answer:?}");
                    self.unavailable.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(PAUSE_REFUSED);
                }
                _ => panic!("{answer:?}"),
            }
        }
        count
    }
}

struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn labels((round, sender): (usize, usize)) -> Labels {
    let (round, sender) = (round.to_string(), sender.to_string());
    Labels::from_pairs([("__name__", "numbered"), ("round", &round), ("sender", &sender)])
}

/// Returns a value that no other sample has.
fn value((round, sender): (usize, usize), number: usize) -> f64 {
    (((round * SENDERS + sender) << 24) + number) as f64
}

/// Returns the values of the series of a round, in order of their times, by sender.
fn read_round(url: &str, round: usize, elapsed_ms: i64) -> BTreeMap<String, Vec<String>> {
    let query = format!("numbered{{round=\"{round}\"}}[1000d]");
    let time = ((START_MS + elapsed_ms) / 1_000 + 1).to_string();
    let data = http::query(&format!("{url}/api/v1/query"), &[("query", &query), ("time", &time)]);
    let series = data["result"].as_array().expect("a matrix").iter();
    let read = |item: &serde_json::Value| {
        let values = item["values"].as_array().expect("a list of samples").iter();
        let values = values.map(|point| point[1].as_str().expect("a number as text").to_owned());
        (item["metric"]["sender"].as_str().unwrap_or_default().to_owned(), values.collect())
    };
    series.map(read).collect()
}
