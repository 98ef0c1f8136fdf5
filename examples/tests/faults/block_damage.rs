//! Damaged files of a block under the whole server.

use std::path::{Path, PathBuf};
use std::{fs, iter};

use narthex_examples::{Server, http};
use narthex_host::{Random, SeededRandom};
use narthex_model::Labels;
use narthex_storage::{Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options};
use serde_json::Value;

const FILES: [&str; 4] = ["meta.json", "index", "chunks/000001", "tombstones"];
const KINDS: [&str; 5] = ["missing", "empty", "truncated", "bit-flipped", "garbage"];
const HOUR_MS: i64 = 3_600_000;
const START_MS: i64 = 1_700_000_000_000 / (2 * HOUR_MS) * (2 * HOUR_MS);
const SERIES: usize = 5;
/// Samples of a series in a block, one a minute.
const SAMPLES: f64 = 120.0;

/// Makes a database of two blocks, and returns their folders in order of their times.
fn fill(data: &Path) -> Vec<PathBuf> {
    let db = Db::open(data, Options::default()).unwrap();
    let mut appender = db.appender();
    for number in 0..SERIES {
        let labels = Labels::from_pairs([("__name__", "m"), ("n", &number.to_string())]);
        for minute in 0..240 {
            let time_ms = START_MS + minute * 60_000;
            let value = SampleValue::Float((minute * minute) as f64);
            appender.append(SeriesKey::Labels(&labels), time_ms, value).unwrap();
        }
    }
    appender.commit().unwrap();
    drop(appender);
    for block in 1..=2 {
        db.flush(START_MS + block * 2 * HOUR_MS).unwrap();
    }
    let blocks = db.block_metas().iter().map(|meta| data.join(meta.ulid.to_string())).collect();
    db.close().unwrap();
    blocks
}

fn damage(path: &Path, kind: &str, random: &SeededRandom) {
    let mut bytes = fs::read(path).unwrap();
    let place = random.up_to(bytes.len() - 1);
    match kind {
        "missing" => return fs::remove_file(path).unwrap(),
        "empty" => bytes.clear(),
        "truncated" => bytes.truncate(place),
        "bit-flipped" => bytes[place] ^= 1 << random.up_to(7),
        _ => bytes.fill_with(|| random.next_u64().to_le_bytes()[0]),
    }
    fs::write(path, bytes).unwrap();
}

/// Asks how many samples there are in the two hours before a time. Returns it with the warnings.
fn count(server: &Server, end_ms: i64) -> (f64, Vec<Value>) {
    let time = (end_ms / 1_000).to_string();
    let form = [("query", "sum(count_over_time(m[2h]))"), ("time", time.as_str())];
    let (status, body) = http::post_form(&format!("{}/api/v1/query", server.url), &form).unwrap();
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200, "{answer}");
    let value = answer["data"]["result"][0]["value"][1].as_str();
    let warnings = answer["warnings"].as_array().cloned().unwrap_or_default();
    (value.map_or(0.0, |text| text.parse().unwrap()), warnings)
}

/// Each file of the older of two blocks in each way: the server starts, says once what is wrong, counts
/// it, and answers what it still has, with a warning where something is missing.
#[test]
fn the_server_starts_on_damaged_blocks_and_says_what_is_missing() {
    let all = SAMPLES * SERIES as f64;
    let mutants = FILES.iter().flat_map(|file| KINDS.iter().zip(iter::repeat(file)));
    let (mut told, mut total) = (0, 0);
    for (seed, (kind, file)) in mutants.enumerate() {
        let what = format!("{file} {kind}");
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let block = &fill(&data)[0];
        damage(&block.join(file), kind, &SeededRandom::new(seed as u64));
        let server = Server::start(folder.path(), "global: {}\n");

        let first_end_ms = START_MS + 2 * HOUR_MS - 1;
        for _ in 0..2 {
            let (found, warnings) = count(&server, first_end_ms);
            assert!(found <= all, "{what}: {found} samples");
            assert!(found == all || !warnings.is_empty(), "{what}: {found} samples, unmentioned");
        }
        let (found, _) = count(&server, first_end_ms + 2 * HOUR_MS);
        assert_eq!(found, all, "{what}: the other block");

        let (_, page) = http::get(&format!("{}/metrics", server.url)).unwrap();
        let counted = |name: &str| page.contains(&format!("\nnarthex_tsdb_blocks_{name} 1\n"));
        let ulid = block.file_name().unwrap().to_str().unwrap();
        let is_told = counted("lost") || counted("damaged");
        assert_eq!(counted("lost"), data.join("quarantine").join(ulid).exists(), "{what}");
        let lines = server.program.count_in_log(ulid);
        assert_eq!(lines, usize::from(is_told), "{what}: {}", server.program.log_tail());
        told += lines;
        total += 1;
    }
    println!("{total} damaged files, {told} of them told of");
    // A block does not need a file of tombstones that holds none, nor all of its other bytes.
    assert!(told >= 15, "{told} of {total}");
}
