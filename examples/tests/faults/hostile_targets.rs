//! Targets that mean harm, beside one that does not.

use std::io::Write;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use narthex_examples::{Answer, Server, Target, http, wait_for};
use serde_json::Value;

use crate::count;

const MIB: f64 = 1024.0 * 1024.0;
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A page, and what its target's error says; nothing for a page that is well.
type Case = (&'static str, fn() -> Vec<u8>, &'static str);

/// How many of the pages below come near the limit of 64 MiB, or reach it with what is made of them.
const LARGE_PAGES: f64 = 3.0;

const CASES: &[Case] = &[
    ("empty families", || lines(500_000, |n| format!("# TYPE a{n} gauge\n")), ""),
    ("a line of 100 MB", || vec![b'a'; 100 << 20], "body size limit exceeded"),
    (
        "a million labels",
        || [&b"a{"[..], &lines(1_000_000, |n| format!("l{n}=\"x\",")), b"} 1\n"].concat(),
        "more than 1000 labels",
    ),
    (
        "a label value of 10 MB",
        || [&b"a{x=\""[..], &vec![b'v'; 10 << 20], b"\"} 1\n"].concat(),
        "invalid labels",
    ),
    ("a NUL", || b"a 1\nb\0 2\n".to_vec(), "expected value after metric, got"),
    ("bytes outside UTF-8", || b"a{x=\"\xff\"} 1\n".to_vec(), "invalid UTF-8 label value"),
    ("a number of 309 digits", || [&b"a "[..], &[b'9'; 309], b"\n"].concat(), "value out of range"),
];

/// Every target but the good one is down for a reason that says what is wrong with it, and the good
/// one does not notice.
#[test]
fn hostile_pages_are_refused_one_by_one() {
    let good = Target::start(|scrapes| format!("good {scrapes}\n")).unwrap();
    let targets: Vec<Target> = CASES
        .iter()
        .map(|(_, page, _)| {
            let page = page();
            Target::start_with(move |_| Answer::text(page.clone())).unwrap()
        })
        .collect();
    let mut jobs = vec![job("good", &good)];
    jobs.extend(CASES.iter().zip(&targets).map(|((name, ..), target)| job(name, target)));
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &config(&[job("good", &good)]));
    let before = server.program.resident_bytes().unwrap();
    drop(server);
    let server = Server::start(folder.path(), &config(&jobs));
    for (name, _, error) in CASES {
        let target = scraped(&server.url, name);
        let last_error = target["lastError"].as_str().unwrap();
        assert_eq!(
            target["health"],
            if error.is_empty() { "up" } else { "down" },
            "{name}: {last_error:.1000}"
        );
        assert!(
            last_error.contains(error) && last_error.len() < 10_000,
            "{name}: {last_error:.1000}"
        );
    }
    let _ = good.take_arrivals();
    thread::sleep(Duration::from_secs(10));
    let arrivals = good.take_arrivals();
    let distances = arrivals.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64());
    let worst = distances.fold(0.0, |worst: f64, distance| worst.max((distance - 1.0).abs()));
    assert_eq!(scraped(&server.url, "good")["health"], "up");
    let peak = server.program.peak_bytes().unwrap();
    println!(
        "{} hostile targets: the good one is {:.1} ms off at worst, {:.0} MiB more at most",
        CASES.len(),
        worst * 1e3,
        (peak - before) / MIB
    );
    assert!(peak - before <= 2.0 * LARGE_PAGES * 64.0 * MIB, "{} MiB", (peak - before) / MIB);
    assert!(arrivals.len() >= 9, "{} scrapes in ten seconds", arrivals.len());
}

/// Ten megabytes that unpack to ten gigabytes.
#[test]
fn a_gzip_bomb_costs_no_more_than_the_limit() {
    let mut zeros = GzEncoder::new(Vec::new(), Compression::best());
    zeros.write_all(&vec![b'\n'; 64 << 20]).unwrap();
    let bomb = zeros.finish().unwrap().repeat(160);
    let size = bomb.len() as f64;
    let target = Target::start_with(move |scrapes| match scrapes {
        0 => Answer::text("a 1\n"),
        _ => Answer { content_encoding: Some("gzip"), ..Answer::text(bomb.clone()) },
    });
    let target = target.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &config(&[job("bomb", &target)]));
    scraped(&server.url, "bomb");
    let program = &server.program;
    let (before, cpu_before_s) =
        (program.resident_bytes().unwrap(), program.cpu_seconds().unwrap());
    let down = wait_for("the bomb", WAIT_MAX, || {
        Some(scraped(&server.url, "bomb")).filter(|target| target["health"] == "down")
    });
    let cpu_s = program.cpu_seconds().unwrap() - cpu_before_s;
    let growth = (program.peak_bytes().unwrap() - before) / MIB;
    println!("{:.1} MiB of gzip: {growth:.0} MiB more at most, {cpu_s:.2} s", size / MIB);
    assert_eq!(down["lastError"], "body size limit exceeded");
    assert!(growth <= GROWTH_MAX_MIB, "{growth} MiB");
}

/// The unpacked page may have 64 MiB, and what was received of it is on top.
const GROWTH_MAX_MIB: f64 = 80.0;

/// A target doubles its series with every scrape: what it had before goes on, what is new beyond the
/// limit is left out, and once it has fewer again, new ones are taken at once.
#[test]
fn an_explosion_of_series_ends_at_the_limit() {
    const LIMIT: usize = 5_000;
    let doublings = u64::from(count("NARTHEX_EXPLOSION_DOUBLINGS", 9));
    let target = Target::start(move |scrapes| {
        let series = if scrapes <= doublings { 100 << scrapes } else { 10 };
        let fixed = String::from_utf8(lines(series, |n| format!("a{{n=\"{n}\"}} {scrapes}\n")));
        fixed.unwrap() + &if scrapes <= doublings { String::new() } else { "late 1\n".to_owned() }
    });
    let target = target.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let flag = format!("--scrape.max-series-per-target={LIMIT}");
    // The largest of these pages is beyond what a page may have otherwise.
    let text = config(&[job("explosion", &target)]).replace("1s}", "1s, body_size_limit: 0}");
    let server = Server::start_with(folder.path(), &text, &[&flag]);
    wait_for("the end of it", WAIT_MAX, || value(&server.url, "late"));
    let sum = |query: &str| value(&server.url, query).unwrap_or(0.0);
    let refused = sum("count_over_time(a{n=\"0\"}[5m])");
    assert!(refused > doublings as f64, "the first series has {refused} samples");
    assert_eq!(sum("count(count_over_time(a[5m]))"), LIMIT as f64);
    assert_eq!(sum("min_over_time(up[5m])"), 1.0);
    let peak = server.program.peak_bytes().unwrap();
    println!("{LIMIT} of {} series kept, {:.0} MiB at most", 100_u64 << doublings, peak / MIB);
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> Vec<u8> {
    (0..count).flat_map(|n| line(n).into_bytes()).collect()
}

fn job(name: &str, target: &Target) -> String {
    format!("{{job_name: '{name}', static_configs: [{{targets: ['{}']}}]}}", target.address)
}

fn config(jobs: &[String]) -> String {
    let jobs = jobs.join(",\n  ");
    format!("global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs: [{jobs}]\n")
}

/// Returns the target of a job, once it was scraped.
fn scraped(url: &str, job: &str) -> Value {
    wait_for("a scrape", WAIT_MAX, || {
        let (_, body) = http::get(&format!("{url}/api/v1/targets?state=active"))?;
        let answer: Value = serde_json::from_str(&body).ok()?;
        let mut targets = answer["data"]["activeTargets"].as_array()?.iter();
        let found = targets.find(|target| target["scrapePool"] == job)?;
        (found["health"] != "unknown").then(|| found.clone())
    })
}

/// Returns the value of a query with one series.
fn value(url: &str, query: &str) -> Option<f64> {
    let data = http::query(&format!("{url}/api/v1/query"), &[("query", query)]);
    data["result"][0]["value"][1].as_str()?.parse().ok()
}
