//! The same targets scraped by the real Prometheus and by ours, and what each stored.
//!
//! Every scenario is a target that gives one answer after the other, once for each server. Both data
//! directories are read afterwards: values are compared by their bits, staleness markers included. A
//! sample that has the time of a scrape is known by the number of that scrape, any other by its time.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use narthex_examples::{Answer, Program, Server, Target, http, peer, start_prometheus, wait_for};
use narthex_model::{Labels, STALE_NAN};
use narthex_storage::{Columns, QueryContext, Queryable, SelectHints, TimeRange};
use narthex_tsdb::{Db, Options};

/// A target, and how it is scraped.
struct Scenario {
    name: &'static str,
    /// Keys of the scrape job, in YAML's flow style.
    job: &'static str,
    /// Answers in their order; the last one stays. `T-5` is the time five seconds before the test began,
    /// in milliseconds. An answer that begins with a digit is a status.
    answers: &'static [&'static str],
}

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "steady", job: "", answers: &["a 1\nb{x=\"1\"} 2\n"] },
    Scenario {
        name: "series come and go",
        job: "",
        answers: &[
            "a 1\nb 2\n",
            "a 2\n",
            "a 3\nc 1\n",
            "b 3\nc 2\n",
            "\n",
            "# nothing\n",
            "a 4\nb 4\n",
        ],
    },
    Scenario {
        name: "labels change",
        job: "",
        answers: &[
            "a{v=\"1\"} 1\n",
            "a{v=\"2\"} 1\n",
            "a{v=\"2\",} 2\n",
            "a{ v = \"2\" } 3\n",
            "a 1\n",
        ],
    },
    Scenario {
        name: "failures",
        job: "",
        answers: &["a 1\nb 1\n", "500", "a 2\n", "404", "404", "a 3\nb 3\n", ""],
    },
    Scenario {
        name: "malformed",
        job: "",
        answers: &[
            "a 1\nb 1\n",
            "a 2\nb one\n",
            "a 3\nb 3\n",
            "a 4\nb{x=} 4\n",
            "a 5\nb 5",
            "a 6\nb 6\n",
            "# TYPE a gauge\n# TYPE a gauge\na 7\n# HELP\nb 7\n",
        ],
    },
    Scenario {
        name: "duplicates",
        job: "",
        answers: &[
            "a 1\na 1\nb 1\n",
            "a 2\na 3\nb 2\n",
            "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\nb 3\n",
            "a{x=\"1\",x=\"2\"} 1\nb 4\n",
            "a 5\nb 5\n",
        ],
    },
    Scenario {
        name: "values",
        job: "",
        answers: &["a NaN\nb +Inf\nc -0\nd 1e-320\ne 0x1\n", "a NaN\nb -Inf\nc 0\nd 5e-324\n"],
    },
    Scenario {
        name: "explicit timestamps",
        job: "",
        answers: &[
            "a 1 T-60\nb 1\nc 1 T-50\n",
            "a 2 T-50\nb 2\n",
            "a 3 T-55\nb 3\nc 3 T-50\n",
            "a 4\nb 4 T-40\nc 4 T-45\n",
            "a 5 T-30\nb 5\n",
            "a 6 T-50000\nb 6 T+300\nc 6 T+1200\n",
            "b 7\n",
            "a 8\n",
        ],
    },
    Scenario {
        name: "timestamps ignored",
        job: "honor_timestamps: false",
        answers: &["a 1 T-60\nb 1 T+6000\n", "a 2 T-60\n", "b 2\n"],
    },
    Scenario {
        name: "labels of the target win",
        job: "",
        answers: &[
            "a{job=\"mine\",instance=\"here\",exported_job=\"old\"} 1\nup 7\n",
            "a{job=\"mine\",exported_exported_job=\"older\",exported_job=\"old\"} 2\n",
            "a{job=\"\",scenario=\"x\"} 3\nscrape_samples_scraped{job=\"z\"} 1\n",
        ],
    },
    Scenario {
        name: "labels of the series win",
        job: "honor_labels: true",
        answers: &[
            "a{job=\"mine\",instance=\"here\",exported_job=\"old\"} 1\nup{job=\"j2\"} 7\n",
            "a{job=\"\"} 2\na{instance=\"\"} 3\n",
            "up 5\na 4\n",
        ],
    },
    Scenario {
        name: "metric relabelling",
        job: "metric_relabel_configs: [\
            {source_labels: [__name__], regex: 'drop_.*', action: drop}, \
            {source_labels: [__name__], regex: 'old_(.*)', target_label: __name__, replacement: 'new_$1'}, \
            {regex: 'secret_.*', action: labeldrop}, \
            {regex: 'map_(.+)', action: labelmap}, \
            {source_labels: [x, y], separator: '-', target_label: xy}, \
            {source_labels: [xy], modulus: 7, target_label: shard, action: hashmod}, \
            {source_labels: [case], target_label: case, action: lowercase}, \
            {target_label: kept, replacement: nothing}, \
            {source_labels: [keep_me], target_label: kept, action: dropequal}]",
        answers: &[
            "drop_me 1\nold_a{x=\"1\",y=\"2\"} 1\nb{secret_k=\"1\",map_z=\"2\",case=\"ABC\",keep_me=\"x\"} 1\n",
            "drop_me 2\nold_a{x=\"1\",y=\"2\"} 2\nnew_a{x=\"1\",y=\"2\",keep_me=\"nothing\"} 3\n",
            "drop_me 3\n",
            "old_a{x=\"1\",y=\"2\",keep_me=\"x\"} 2\nold_a{x=\"1\",y=\"2\",keep_me=\"x\",secret_z=\"1\"} 2\n",
        ],
    },
    Scenario {
        name: "nameless after relabelling",
        job: "metric_relabel_configs: [{source_labels: [x], regex: '1', target_label: __name__, replacement: ''}]",
        answers: &["a 1\n", "a 2\nb{x=\"1\"} 1\n", "a 3\n"],
    },
    Scenario {
        name: "target relabelling",
        job: "params: {module: [one, two]}, relabel_configs: [\
            {source_labels: [__address__], regex: '(.*):.*', target_label: host}, \
            {source_labels: [__param_module], target_label: module}, \
            {target_label: __param_module, replacement: 'three'}, \
            {target_label: __scrape_timeout__, replacement: 900ms}]",
        answers: &["a 1\n"],
    },
    Scenario {
        name: "sample limit",
        job: "sample_limit: 2",
        answers: &[
            "a 1\nb 1\n",
            "a 2\nb 2\nbeyond_c 2\n",
            "a 3\nb 3\n",
            "beyond_c 1\nd 1\nbeyond_e 1\n",
            "beyond_c 2\nd 2\n",
        ],
    },
    Scenario {
        name: "label limit",
        job: "label_limit: 5",
        answers: &["a 1\n", "a{x=\"1\"} 2\n", "a{x=\"1\",y=\"1\"} 3\na 3\n", "a 4\n"],
    },
    Scenario {
        name: "label name limit",
        job: "label_name_length_limit: 8",
        answers: &["a{long5678=\"1\"} 1\n", "a 1\n"],
    },
    Scenario {
        name: "label value limit",
        job: "label_value_length_limit: 20",
        answers: &[
            "a{x=\"12345678901234567890\"} 1\n",
            "a{x=\"123456789012345678901\"} 1\n",
            "a 1\n",
        ],
    },
    Scenario {
        name: "body limit",
        job: "body_size_limit: 40B",
        answers: &["a 1\nb 2\n", "a{x=\"123456789012345678901234567890\"} 1\nb 1\n", "a 1\nb 3\n"],
    },
    Scenario {
        name: "types",
        job: "",
        answers: &[
            "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n\
             # TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\n# HELP u text\nu 1\n",
        ],
    },
    Scenario { name: GONE, job: "", answers: &["a 1\nb{x=\"1\"} 2\n"] },
];

/// The scenario whose target is removed from the configuration.
const GONE: &str = "target gone";

/// So begin the names of series that are new where a page has too many samples. 2.42 marks their end,
/// though it never stored them; 3.14 does not.
const BEYOND: &str = "beyond_";

/// As many scrapes of each target are compared.
const SCRAPES: usize = 8;

const INTERVAL: Duration = Duration::from_secs(1);

#[test]
fn the_same_targets_yield_the_same_series() {
    let Some(prometheus) = peer("prometheus") else { return };
    let began_ms = now_ms();
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let our_targets = Targets::start(began_ms);
    let their_targets = Targets::start(began_ms);
    let server = Server::start(ours.path(), &our_targets.config(&[]));
    let (program, their_url) =
        start_prometheus(&prometheus, theirs.path(), &their_targets.config(&[]));
    let our_url = server.url.clone();
    let mut programs = [server.program, program];
    for url in [&our_url, &their_url] {
        wait_for_scrapes(url, SCRAPES);
    }
    reload(ours.path(), &programs[0], &our_targets.config(&[GONE]));
    reload(theirs.path(), &programs[1], &their_targets.config(&[GONE]));
    // Prometheus takes up to five seconds to hear of it, and the markers come two intervals and a
    // tenth after the last scrape.
    thread::sleep(10 * INTERVAL);
    for program in &mut programs {
        program.terminate();
    }
    let (ours, theirs) = (stored(ours.path(), began_ms), stored(theirs.path(), began_ms));
    assert_same(&ours, &theirs);
    let steady = &ours["steady"].scrape_times_ms;
    let distances: BTreeSet<i64> = steady.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        distances.iter().all(|ms| (990..1_010).contains(ms)),
        "a reload in between: {steady:?}"
    );
}

struct Targets {
    targets: Vec<(&'static Scenario, Target)>,
}

impl Targets {
    fn start(began_ms: i64) -> Self {
        let start = |scenario: &'static Scenario| {
            let answer = move |scrapes: u64| {
                let last = scenario.answers.len() - 1;
                answer(scenario.answers[last.min(usize::try_from(scrapes).unwrap())], began_ms)
            };
            (scenario, Target::start_with(answer).unwrap())
        };
        Self { targets: SCENARIOS.iter().map(start).collect() }
    }

    fn config(&self, without: &[&str]) -> String {
        let mut config =
            String::from("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n");
        for (scenario, target) in &self.targets {
            let Scenario { name, job, .. } = scenario;
            let address = if without.contains(name) { "" } else { &target.address };
            let comma = if job.is_empty() { "" } else { ", " };
            config += &format!(
                "- {{job_name: '{name}', static_configs: [{{targets: [{address}], \
                 labels: {{instance: i, scenario: '{name}'}}}}]{comma}{job}}}\n"
            );
        }
        config
    }
}

fn answer(text: &str, began_ms: i64) -> Answer {
    if let Ok(status) = text.parse() {
        return Answer { status, ..Answer::text("gone wrong") };
    }
    let mut page = String::new();
    for (index, part) in text.split(" T").enumerate() {
        let is_time = index > 0 && part.starts_with(['+', '-']);
        let end = part.find('\n').filter(|_| is_time).unwrap_or(0);
        if is_time {
            let distance_s: i64 = part[..end].parse().unwrap();
            page += &format!(" {}", began_ms + distance_s * 1_000);
        } else if index > 0 {
            page += " T";
        }
        page += &part[end..];
    }
    Answer::text(page)
}

fn reload(folder: &Path, program: &Program, config: &str) {
    fs::write(folder.join("prometheus.yml"), config).unwrap();
    let status = Command::new("kill").args(["-HUP", &program.pid().to_string()]).status().unwrap();
    assert!(status.success());
}

fn wait_for_scrapes(url: &str, count: usize) {
    let query =
        format!("min(count_over_time(scrape_samples_post_metric_relabeling[1h])) >= {count}");
    wait_for("the scrapes", Duration::from_secs(60), || {
        let data = http::query(&format!("{url}/api/v1/query"), &[("query", &query)]);
        data["result"].as_array().filter(|result| !result.is_empty()).map(|_| ())
    });
    // The last of the targets may have been scraped this moment.
    thread::sleep(INTERVAL / 10);
}

/// What a server stored of one target.
#[derive(Debug, Default)]
struct Stored {
    scrape_times_ms: Vec<i64>,
    /// Values by series, each with when it was.
    series: BTreeMap<Labels, Vec<(When, u64)>>,
}

/// The time of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// That of a scrape, counted from 0.
    Scrape(usize),
    /// One of its own, from the start of the test.
    Explicit(i64),
}

fn stored(folder: &Path, began_ms: i64) -> BTreeMap<String, Stored> {
    let db = Db::open(folder.join("data"), Options::default()).unwrap();
    let ctx = QueryContext::default();
    let querier = db.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let mut all = Vec::new();
    let mut targets: BTreeMap<String, Stored> = BTreeMap::new();
    for series in 0..selection.len() {
        let labels = selection.series_labels(series);
        selection.read(&ctx, series, &mut columns).unwrap();
        let times = columns.timestamps_ms().to_vec();
        let name = labels.value("scenario").to_owned();
        if labels.value("__name__") == "scrape_samples_post_metric_relabeling" {
            targets.entry(name.clone()).or_default().scrape_times_ms = times.clone();
        }
        let bits = columns.values().iter().map(|value| value.to_bits());
        all.push((name, labels, times.into_iter().zip(bits).collect::<Vec<_>>()));
    }
    for (name, labels, samples) in all {
        let target = targets.get_mut(&name).unwrap();
        let is_duration = labels.value("__name__") == "scrape_duration_seconds";
        let samples = samples.into_iter().map(|(time_ms, bits)| {
            let is_stale = bits == STALE_NAN.to_bits();
            let bits = if is_duration && !is_stale { 0 } else { bits };
            match target.scrape_times_ms.binary_search(&time_ms) {
                Ok(scrape) => (When::Scrape(scrape), bits),
                Err(_) => (When::Explicit(time_ms - began_ms), bits),
            }
        });
        let samples = samples.collect();
        target.series.insert(labels, samples);
    }
    targets
}

/// Fails unless both stored the same, and says what differs in each scenario.
fn assert_same(ours: &BTreeMap<String, Stored>, theirs: &BTreeMap<String, Stored>) {
    let mut differences = Vec::new();
    let mut sample_count = 0;
    for Scenario { name, .. } in SCENARIOS {
        let (ours, theirs) = (&ours[*name].series, &theirs[*name].series);
        let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
        for labels in keys {
            let compared = |series: &BTreeMap<Labels, Vec<(When, u64)>>| {
                let samples = series.get(labels).map_or(&[][..], Vec::as_slice);
                let mut samples = if *name == GONE { end(samples) } else { first_scrapes(samples) };
                if labels.value("__name__").starts_with(BEYOND) {
                    samples.retain(|(_, bits)| *bits != STALE_NAN.to_bits());
                }
                samples
            };
            let (ours, theirs) = (compared(ours), compared(theirs));
            sample_count += ours.len();
            if ours != theirs {
                differences
                    .push(format!("{name}: {labels}\n  ours   {ours:x?}\n  theirs {theirs:x?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(sample_count > 1_000, "{sample_count} samples");
}

fn first_scrapes(samples: &[(When, u64)]) -> Vec<(When, u64)> {
    let is_compared = |when: &When| !matches!(when, When::Scrape(scrape) if *scrape >= SCRAPES);
    samples.iter().filter(|(when, _)| is_compared(when)).copied().collect()
}

/// Returns how a series ended: the servers may not have had the same number of scrapes when the target
/// went, and Prometheus begins its job afresh when that changes.
fn end(samples: &[(When, u64)]) -> Vec<(When, u64)> {
    samples.last().map(|(_, bits)| (When::Scrape(0), *bits)).into_iter().collect()
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
