//! SIGKILL in the middle of scraping: what a query has returned is still there afterwards.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use narthex_examples::{Server, Target, http, wait_for};

/// Every sample of every series, by the series' labels as JSON.
type Samples = BTreeMap<String, Vec<(String, String)>>;

const TARGETS: usize = 10;
const SERIES_A_TARGET: usize = 50;

#[test]
fn samples_that_a_query_returned_survive_sigkill() {
    let start = |_| format!("'{}'", Target::start(page).unwrap().address);
    let addresses: Vec<String> = (0..TARGETS).map(start).collect();
    let config = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         scrape_configs: [{{job_name: ten, static_configs: [{{targets: [{}]}}]}}]\n",
        addresses.join(", ")
    );
    let folder = tempfile::tempdir().unwrap();
    let mut known = Samples::new();
    for round in 0..5 {
        let mut server = Server::start(folder.path(), &config);
        wait_for("every target", Duration::from_secs(10), || {
            let up = query_samples(&server.url, "up == 1");
            (up.len() == TARGETS).then_some(())
        });
        assert_kept(&known, &all_samples(&server.url), round);
        // The moment of the kill moves through the scrape interval from round to round.
        thread::sleep(Duration::from_millis(500 + 37 * round));
        known = all_samples(&server.url);
        server.program.kill();
    }
    let server = Server::start(folder.path(), &config);
    assert_kept(&known, &all_samples(&server.url), 5);
    assert!(known.len() >= TARGETS * (SERIES_A_TARGET + 5), "{} series", known.len());
    wait_for("new samples", Duration::from_secs(10), || {
        let before: usize = known.values().map(Vec::len).sum();
        let after: usize = all_samples(&server.url).values().map(Vec::len).sum();
        (after > before).then_some(())
    });
}

fn page(scrapes: u64) -> String {
    let mut page = String::from("# TYPE scrapes_total counter\n");
    for index in 0..SERIES_A_TARGET {
        page += &format!("scrapes_total{{index=\"{index}\"}} {}\n", scrapes + index as u64);
    }
    page
}

fn all_samples(url: &str) -> Samples {
    query_samples(url, r#"{job="ten"}[10m]"#)
}

fn query_samples(url: &str, query: &str) -> Samples {
    let data = http::query(&format!("{url}/api/v1/query"), &[("query", query)]);
    let mut samples = Samples::new();
    for series in data["result"].as_array().expect("a list of series") {
        let points = series["values"].as_array().cloned().unwrap_or_default();
        let points = points.iter().map(|point| (point[0].to_string(), point[1].to_string()));
        samples.insert(series["metric"].to_string(), points.collect());
    }
    samples
}

/// Staleness markers may have been added by the restart; samples may not have gone.
fn assert_kept(before: &Samples, after: &Samples, round: u64) {
    for (series, samples) in before {
        let kept = after.get(series).unwrap_or_else(|| panic!("round {round}: lost {series}"));
        for sample in samples {
            assert!(kept.contains(sample), "round {round}: {series} lost {sample:?}");
        }
    }
}
