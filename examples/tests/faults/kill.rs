//! SIGKILL in the middle of ingestion: what was acknowledged is there afterwards.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use narthex_examples::Server;

use crate::ledger::{BUSY, Ledger};

const ROUNDS: usize = 50;
/// From the start of the server to its first answer that it is ready. A build without optimisation
/// beside other tests gets more.
const READY_TIME_MAX: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });
const EMPTY_CONFIG: &str = "global: {}\n";

/// Each round starts series of its own, and sends them samples that are numbered, until the server
/// is killed: every other time when it has just begun to move samples to blocks, to merge these, and to
/// shorten the log.
///
/// `NARTHEX_KILL_ROUNDS` asks for more rounds.
#[test]
fn acknowledged_samples_survive_sigkill() {
    let rounds = env::var("NARTHEX_KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::default();
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let (mut server, time_to_ready) = start(folder.path());
        slowest = slowest.max(time_to_ready);
        let ready = Instant::now();
        ledger.check_some(&server.url);
        let url = server.url.clone();
        ledger.send_while(&url, |_| {
            thread::sleep(moment(round).saturating_sub(ready.elapsed()));
            server.program.kill();
        });
    }
    let (server, time_to_ready) = start(folder.path());
    slowest = slowest.max(time_to_ready);
    ledger.check(&server.url);
    let samples = ledger.acknowledged();
    let data = folder.path().join("data");
    let (blocks, checkpoint) = (count_blocks(&data), newest_checkpoint(&data));
    println!(
        "{rounds} kills, {samples} samples acknowledged, 0 lost; {blocks} blocks and {checkpoint:?} at the end; ready after {slowest:?} at most"
    );
    assert!(samples > rounds * 10, "{samples} samples: the server hardly took any");
    assert!(blocks > 0 && checkpoint.is_some(), "no maintenance came that far");
    assert!(slowest <= READY_TIME_MAX, "ready after {slowest:?}");
    assert!(!data.join("quarantine").exists(), "a crash is no damage");
}

/// Returns when to kill the server after it is ready: anywhere in half a second, or while its first
/// maintenance runs.
fn moment(round: usize) -> Duration {
    let millis = if round.is_multiple_of(2) { round * 193 % 500 } else { 1_000 + round * 97 % 500 };
    Duration::from_millis(millis as u64)
}

fn start(folder: &Path) -> (Server, Duration) {
    let start = Instant::now();
    let server = Server::start_with(folder, EMPTY_CONFIG, &BUSY);
    (server, start.elapsed())
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn count_blocks(data: &Path) -> usize {
    names(data).iter().filter(|name| data.join(name).join("meta.json").exists()).count()
}

fn newest_checkpoint(data: &Path) -> Option<String> {
    names(&data.join("wal")).into_iter().filter(|name| name.starts_with("checkpoint.")).max()
}
