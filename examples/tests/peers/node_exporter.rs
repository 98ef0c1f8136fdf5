//! A live node exporter, scraped by our server, asked about by the real promtool.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use narthex_examples::{Program, Server, free_port, http, peer, wait_for};

#[test]
fn promtool_asks_our_server_about_a_node_exporter() {
    let (Some(exporter), Some(promtool)) = (peer("prometheus-node-exporter"), peer("promtool"))
    else {
        return;
    };
    let port = free_port();
    let _exporter = Program::start(
        Command::new(exporter).arg(format!("--web.listen-address=127.0.0.1:{port}")),
    );
    let page = format!("http://127.0.0.1:{port}/metrics");
    wait_for("the exporter", Duration::from_secs(10), || http::get(&page));
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs: [{{job_name: node, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
    );
    let server = Server::start(folder.path(), &config);
    thread::sleep(Duration::from_secs(20));

    let up = instant(&promtool, &server.url, "up");
    assert_eq!(up.len(), 1, "{up:?}");
    assert!(up[0].0.starts_with("up{") && up[0].0.contains(r#"job="node""#), "{up:?}");
    assert_eq!(up[0].1.to_bits(), 1f64.to_bits());

    let cores = instant(&promtool, &server.url, r#"count(node_cpu_seconds_total{mode="idle"})"#);
    let cores = cores[0].1;
    let rates = instant(&promtool, &server.url, "rate(node_cpu_seconds_total[5s])");
    assert!(rates.len() >= 8, "{} rates", rates.len());
    let modes =
        instant(&promtool, &server.url, "sum by (mode) (rate(node_cpu_seconds_total[15s]))");
    assert!(modes.iter().any(|(labels, _)| labels == r#"{mode="idle"}"#), "{modes:?}");
    let sum: f64 = modes.iter().map(|(_, value)| value).sum();
    // Every core is in some mode all of the time; the kernel's accounting is coarse.
    assert!((sum - cores).abs() < 0.25 * cores, "{sum} of {cores} cores");

    let matrix = range(&promtool, &server.url, "sum by (mode) (rate(node_cpu_seconds_total[5s]))");
    assert!(matrix.contains(r#"{mode="idle"} =>"#), "{matrix}");
    assert!(matrix.lines().count() > 20, "{matrix}");
    let matrix = range(&promtool, &server.url, "up");
    assert!(matrix.lines().filter(|line| line.starts_with("1 @[")).count() >= 10, "{matrix}");
}

/// Returns what `promtool query instant` prints, as series and value.
fn instant(promtool: &Path, url: &str, query: &str) -> Vec<(String, f64)> {
    let lines = run(Command::new(promtool).args(["query", "instant", url, query]));
    let parse = |line: &str| {
        let (labels, rest) = line.split_once(" => ").expect("`labels => value @[time]`");
        let (value, _) = rest.split_once(" @[").expect("`value @[time]`");
        (labels.to_owned(), value.parse().expect("a number"))
    };
    lines.lines().map(parse).collect()
}

/// Returns what `promtool query range` prints for the last 15 s.
fn range(promtool: &Path, url: &str, query: &str) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let start = format!("--start={}", now - 15);
    run(Command::new(promtool).args(["query", "range", "--step=1s", &start, url, query]))
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("promtool runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).expect("UTF-8")
}
