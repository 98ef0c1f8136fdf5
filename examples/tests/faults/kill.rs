//! SIGKILL in the middle of ingestion: what was acknowledged is there afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

use narthex_examples::{Server, http};
use narthex_model::{Labels, Sample};
use narthex_remote::RequestBuilder;

const ROUNDS: usize = 50;
const SENDERS: usize = 4;
const BASE_MS: i64 = 1_700_000_000_000;
/// From the start of the server to its first answer that it is ready.
const READY_TIME_MAX: Duration = Duration::from_secs(2);
const EMPTY_CONFIG: &str = "global: {}\n";

/// How many samples of a series were acknowledged, in the order of their numbers.
struct Acknowledged {
    round: usize,
    sender: usize,
    count: usize,
}

/// Each round starts series of its own, and sends them samples that are numbered, until the server
/// is killed. A sample whose request was not answered may be there or not; all others have to be, once
/// and with their own value.
///
/// `NARTHEX_KILL_ROUNDS` asks for more rounds.
#[test]
fn acknowledged_samples_survive_sigkill() {
    let rounds = env::var("NARTHEX_KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut ledger: Vec<Acknowledged> = Vec::new();
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let (mut server, time_to_ready) = start(&folder);
        slowest = slowest.max(time_to_ready);
        let last_round = ledger.len().saturating_sub(SENDERS);
        check(&server, &ledger[last_round..]);
        // Anywhere in half a second, evenly.
        let moment = Duration::from_millis((round as u64 * 193 + 7) % 500);
        ledger.extend(send_until_killed(&mut server, round, moment));
    }
    let (server, time_to_ready) = start(&folder);
    slowest = slowest.max(time_to_ready);
    check(&server, &ledger);
    let samples: usize = ledger.iter().map(|series| series.count).sum();
    println!(
        "{rounds} kills, {samples} samples acknowledged, 0 lost; ready after {slowest:?} at most"
    );
    assert!(samples > rounds, "{samples} samples: the server hardly took any");
    assert!(slowest <= READY_TIME_MAX, "ready after {slowest:?}");
}

fn start(folder: &tempfile::TempDir) -> (Server, Duration) {
    let start = Instant::now();
    let server = Server::start(folder.path(), EMPTY_CONFIG);
    (server, start.elapsed())
}

/// Lets all senders send for some time, kills the server, and returns what each was promised.
fn send_until_killed(server: &mut Server, round: usize, time: Duration) -> Vec<Acknowledged> {
    let url = server.url.clone();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (url, is_over) = (&url, &is_over);
                scope.spawn(move || send(url, round, sender, is_over))
            })
            .collect();
        thread::sleep(time);
        server.program.kill();
        is_over.store(true, Ordering::Relaxed);
        senders.into_iter().map(|sender| sender.join().expect("no sender panics")).collect()
    })
}

fn send(url: &str, round: usize, sender: usize, is_over: &AtomicBool) -> Acknowledged {
    let mut count = 0;
    let labels = labels(round, sender);
    while !is_over.load(Ordering::Relaxed) {
        let sample = Sample { timestamp_ms: BASE_MS + count as i64, value: count as f64 };
        let request = RequestBuilder::default().series(&labels, &[sample]).compress();
        match http::remote_write(url, &request) {
            Some((status, body)) => assert!((200..300).contains(&status), "HTTP {status}: {body}"),
            None => break,
        }
        count += 1;
    }
    Acknowledged { round, sender, count }
}

fn labels(round: usize, sender: usize) -> Labels {
    let (round, sender) = (round.to_string(), sender.to_string());
    Labels::from_pairs([("__name__", "numbered"), ("round", &round), ("sender", &sender)])
}

/// Asks for all samples of the series, and holds them against what was promised.
fn check(server: &Server, ledger: &[Acknowledged]) {
    for &Acknowledged { round, sender, count } in ledger {
        let query = format!("numbered{{round=\"{round}\", sender=\"{sender}\"}}[1h]");
        let time = ((BASE_MS + 3_000_000) / 1_000).to_string();
        let form = [("query", query.as_str()), ("time", &time)];
        let data = http::query(&format!("{}/api/v1/query", server.url), &form);
        let found = data["result"][0]["values"].as_array().map_or(0, Vec::len);
        assert!(
            found == count || found == count + 1,
            "round {round}, sender {sender}: {count} samples acknowledged, {found} found"
        );
        for number in 0..found {
            let point = &data["result"][0]["values"][number];
            assert_eq!(point[1], number.to_string(), "round {round}, sender {sender}: {point}");
        }
    }
}
