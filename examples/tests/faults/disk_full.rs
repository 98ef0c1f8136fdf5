//! A disk that fills up under the server, and has room again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

use narthex_examples::{Server, http, wait_for};

use crate::ledger::{BUSY, Ledger, Traffic};

const ROUNDS: usize = 3;
const DISK_MIB: u64 = 64;
const FREED_MIB: u64 = 10;
const MIB: u64 = 1 << 20;
/// How long the disk stays full.
const FULL_TIME: Duration = Duration::from_secs(2);
/// From the moment when there is room again to the first sample that is taken.
const RESUME_TIME_MAX: Duration = Duration::from_secs(10);
/// For a loaded machine.
const BOUND: Duration = Duration::from_secs(60);
const EMPTY_CONFIG: &str = "global: {}\n";

/// A small file system in memory, which goes with this value.
struct Disk {
    dir: tempfile::TempDir,
}

impl Disk {
    /// Returns `None` where this process may not mount.
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={DISK_MIB}m");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path());
        let is_mounted = command.output().is_ok_and(|output| output.status.success());
        is_mounted.then_some(Self { dir })
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.filler()).unwrap();
        let block = vec![1; 64 << 10];
        for size in [block.len(), 4 << 10, 1] {
            while write_all(&mut file, &block[..size]) {}
        }
    }

    /// Gives some of it back.
    fn free(&self) {
        let file = OpenOptions::new().write(true).open(self.filler()).unwrap();
        let size = file.metadata().unwrap().len();
        file.set_len(size.saturating_sub(FREED_MIB * MIB)).unwrap();
    }

    fn filler(&self) -> std::path::PathBuf {
        self.path().join("filler")
    }
}

/// Returns whether there was room.
fn write_all(file: &mut File, bytes: &[u8]) -> bool {
    match file.write_all(bytes) {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
            false
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server that a failed test left may still be ending.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}

/// Returns status and body of a page, which has to answer.
fn get(server: &str, path: &str) -> (u16, String) {
    http::get(&format!("{server}{path}")).unwrap_or_else(|| panic!("{path} does not answer"))
}

fn wait_until_more(what: &str, counter: &AtomicUsize) {
    let before = counter.load(Ordering::Relaxed);
    wait_for(what, BOUND, || (counter.load(Ordering::Relaxed) > before).then_some(()));
}

/// While the disk is full samples are refused for now, everything else goes on, and the server says
/// what is wrong; with room again it takes samples by itself. What it took is there after SIGKILL, and
/// nothing had to be put right.
///
/// `NARTHEX_DISK_FULL_ROUNDS` asks for more rounds.
#[test]
fn a_full_disk_loses_nothing_and_heals() {
    let rounds = env::var("NARTHEX_DISK_FULL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let mut slowest = Duration::ZERO;
    let (mut samples, mut refused) = (0, 0);
    for round in 0..rounds {
        let Some(disk) = Disk::mount() else {
            println!("skipped: a file system in memory cannot be mounted here");
            return;
        };
        let mut server = Server::start_with(disk.path(), EMPTY_CONFIG, &BUSY);
        let url = server.url.clone();
        let mut ledger = Ledger::default();
        ledger.send_while(&url, |traffic| {
            wait_until_more("the first samples", &traffic.accepted);
            thread::sleep(Duration::from_millis(round as u64 * 613 % 1_500));
            be_full(&url, &disk, traffic);
            disk.free();
            let freed = Instant::now();
            wait_until_more("samples with room again", &traffic.accepted);
            slowest = slowest.max(freed.elapsed());
            wait_for("readiness", BOUND, || (get(&url, "/-/ready").0 == 200).then_some(()));
            thread::sleep(Duration::from_millis(round as u64 * 397 % 1_500));
            refused += traffic.unavailable.load(Ordering::Relaxed);
            server.program.kill();
        });
        let server = Server::start_with(disk.path(), EMPTY_CONFIG, &BUSY);
        ledger.check(&server.url);
        check_for_repairs(&server);
        samples += ledger.acknowledged();
    }
    println!(
        "{rounds} times full, {samples} samples acknowledged, 0 lost, {refused} requests refused; resumed after {slowest:?} at most"
    );
    assert!(slowest <= RESUME_TIME_MAX, "resumed after {slowest:?}");
}

/// What a server does whose disk is full. It may make room, again and again, until somebody takes that
/// too.
fn be_full(url: &str, disk: &Disk, traffic: &Traffic) {
    let before = traffic.unavailable.load(Ordering::Relaxed);
    wait_for("a refusal", BOUND, || {
        disk.fill();
        (traffic.unavailable.load(Ordering::Relaxed) > before).then_some(())
    });
    let (status, reason) = wait_for("a server that is not ready", BOUND, || {
        disk.fill();
        Some(get(url, "/-/ready")).filter(|(status, _)| *status != 200)
    });
    assert!(status == 503 && reason.contains("No space left"), "HTTP {status}: {reason}");
    let full = Instant::now();
    while full.elapsed() < FULL_TIME {
        assert_eq!(get(url, "/-/healthy").0, 200);
        let form = [("query", "count(last_over_time(numbered[20y]))")];
        let data = http::query(&format!("{url}/api/v1/query"), &form);
        assert_eq!(data["result"].as_array().map(Vec::len), Some(1), "{data}");
    }
}

fn check_for_repairs(server: &Server) {
    let (_, page) = get(&server.url, "/metrics");
    for name in [
        "prometheus_tsdb_wal_corruptions_total",
        "narthex_tsdb_wal_repaired_records_total",
        "narthex_tsdb_wal_quarantined_bytes_total",
    ] {
        assert!(page.contains(&format!("\n{name} 0\n")), "{name}: {}", server.program.log_tail());
    }
}

/// A server that starts on a full disk answers queries, and takes samples as soon as there is room.
#[test]
fn a_server_starts_on_a_full_disk() {
    let Some(disk) = Disk::mount() else {
        println!("skipped: a file system in memory cannot be mounted here");
        return;
    };
    let mut server = Server::start(disk.path(), EMPTY_CONFIG);
    let url = server.url.clone();
    let mut ledger = Ledger::default();
    ledger.send_while(&url, |traffic| {
        wait_until_more("the first samples", &traffic.accepted);
        disk.fill();
        wait_until_more("a refusal", &traffic.unavailable);
        server.program.kill();
    });
    let config = disk.path().join("prometheus.yml");
    assert!(fs::metadata(config).is_ok_and(|file| file.len() > 0));
    let mut server = Server::launch(disk.path(), EMPTY_CONFIG, &[]);
    let url = server.url.clone();
    wait_for("an answer", BOUND, || {
        let (status, _) = get(&url, "/api/v1/query?query=1");
        (status == 200).then_some(())
    });
    ledger.check(&url);
    assert_eq!(get(&url, "/-/healthy").0, 200);
    ledger.send_while(&url, |traffic| {
        wait_until_more("a refusal", &traffic.unavailable);
        disk.free();
        wait_until_more("samples with room again", &traffic.accepted);
        server.program.kill();
    });
    let server = Server::start(disk.path(), EMPTY_CONFIG);
    ledger.check(&server.url);
    check_for_repairs(&server);
}
