//! What Prometheus 3.14 made of recorded pages: the same pages are served to our scraper, and what
//! it stores is compared, sample by sample. The recordings lie outside of the project, in the folder
//! that `NARTHEX_CONFORMANCE` names, beside a page that says how to read them.

#![expect(clippy::print_stdout, reason = "the counts, and why a test skips, belong on the output")]

mod case;
mod origin;
mod sample;
mod store;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tokio::runtime;

use self::case::{Bench, Group};
use self::origin::Origin;

#[test]
fn one_scrape_of_each_page() {
    check("exposition.jsonl", 3_008);
}

#[test]
fn several_scrapes_of_one_target() {
    check("scenarios.jsonl", 100);
}

#[test]
fn one_scrape_by_servers_with_feature_flags() {
    check("features.jsonl", 84);
}

/// Runs every case of a file, prints how many agree, and fails unless all do.
#[track_caller]
fn check(file: &str, count: usize) {
    let Some(folder) = folder() else { return };
    let groups: BTreeMap<String, Group> = lines(&folder.join("groups.jsonl"))
        .map(|group| (group["group"].as_str().unwrap().to_owned(), Group::new(&group)))
        .collect();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bench = Bench::new(Origin::start());
    let cases: Vec<Value> = lines(&folder.join(file)).collect();
    let mut differences = Vec::new();
    for case in &cases {
        let group = &groups[case["group"].as_str().unwrap()];
        if let Err(difference) = runtime.block_on(bench.run(group, case)) {
            differences.push(format!("{} {} {}", case["group"], case["name"], difference));
        }
    }
    for difference in &differences {
        println!("{difference}");
    }
    println!("{file}: {} of {} agree", cases.len() - differences.len(), cases.len());
    assert_eq!((differences.len(), cases.len()), (0, count), "{file}");
}

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("NARTHEX_CONFORMANCE");
    if folder.is_none() {
        println!("skipped: NARTHEX_CONFORMANCE names no folder of recorded answers");
    }
    Some(PathBuf::from(folder?).join("vectors/scrape"))
}

fn lines(path: &std::path::Path) -> impl Iterator<Item = Value> + use<> {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.into_iter()
}
