//! Patterns that are dear to compile or to match.

use std::time::{Duration, Instant};

use narthex_examples::{Server, Target, http, wait_for};

use crate::count;

/// Each pattern is answered or refused within a second of work, however many values there are.
#[test]
fn no_pattern_is_dear() {
    let values = count("NARTHEX_REGEX_VALUES", 5_000);
    let page = (0..values).map(|n| format!("a{{v=\"value-{n}-of-many\"}} 1\n")).collect::<String>();
    let target = Target::start(move |_| page.clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "scrape_configs: [{{job_name: j, scrape_interval: 5s, static_configs: [{{targets: ['{}']}}]}}]\n",
        target.address
    );
    let server = Server::start(folder.path(), &config);
    let url = format!("{}/api/v1/query", server.url);
    let expected = values.to_string();
    wait_for("the first scrape", Duration::from_mins(1), || {
        let data = http::query(&url, &[("query", "count(a)")]);
        (data["result"][0]["value"][1].as_str() == Some(&expected)).then_some(())
    });
    let alternatives = (0..100_000).map(|n| format!("x{n}")).collect::<Vec<_>>().join("|");
    let letters = ('a'..='z').map(String::from).collect::<Vec<_>>().join("|");
    for (name, pattern) in [
        ("ten kilobytes of letters", "x".repeat(10 << 10)),
        ("ten kilobytes of stars", "x*".repeat(5 << 10)),
        ("repeated alternatives", format!("({letters}){{50}}")),
        ("repeats of repeats", "((((v{9}){9}){9}){9}){9}".to_owned()),
        ("stars in stars", "(v*)*(a*)*(l*)*w".to_owned()),
        ("words anywhere", ".*(one|two|three).*(four|five|six).*".to_owned()),
        ("dots", ".*.*.*.*.*.*.*x".to_owned()),
        ("a hundred thousand alternatives", alternatives),
    ] {
        let query = format!("count(a{{v=~\"{pattern}\"}})");
        let (began, before_s) = (Instant::now(), server.program.cpu_seconds().unwrap());
        let (status, body) = http::post_form(&url, &[("query", &query)]).unwrap();
        let cpu_s = server.program.cpu_seconds().unwrap() - before_s;
        println!("{name}: status {status} after {:.0?}, {cpu_s:.2} s", began.elapsed());
        assert!(matches!(status, 200 | 400 | 413 | 422), "{name}: {status} {body:.500}");
        assert!(cpu_s <= CPU_MAX_S, "{name}: {cpu_s} s");
    }
}

/// A build without optimisation takes several times as long.
const CPU_MAX_S: f64 = if cfg!(debug_assertions) { 10.0 } else { 1.0 };
