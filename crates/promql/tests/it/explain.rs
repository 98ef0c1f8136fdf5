//! What is told of queries, and of what they took.

use std::cell::Cell;
use std::time::Duration;

use narthex_model::{Labels, STALE_NAN};
use narthex_promql::{Counting, Engine, EngineOptions, Grid, Profile};
use narthex_promql_parser::{Expr, ParseOptions, parse_with};
use narthex_storage::{MemoryStore, QueryContext};

use crate::queries;
use crate::store::append;

/// At 100, 110, … 150 seconds.
fn grid() -> Grid {
    Grid::range(100_000, 150_000, 10_000).unwrap()
}

fn parse(query: &str) -> Expr {
    parse_with(query, &ParseOptions::experimental()).unwrap()
}

/// Returns a store of two series with a sample each ten seconds from 0 to 150, and one that ends at
/// 70 with a staleness marker.
fn store() -> MemoryStore {
    let store = MemoryStore::default();
    for (host, end) in [("a", None), ("b", None), ("c", Some(7))] {
        let labels = Labels::from_pairs([("__name__", "m_total"), ("host", host)]);
        let mut samples: Vec<(i64, f64)> =
            (0..end.unwrap_or(16)).map(|index| (index * 10_000, index as f64)).collect();
        samples.extend(end.map(|index| (index * 10_000, STALE_NAN)));
        append(&store, &labels, &samples);
    }
    store
}

/// Returns an engine that counts without a profile what it counts with one.
fn engine() -> Engine {
    let mut options = EngineOptions::default();
    options.counting = Counting::Peak;
    Engine::new(options)
}

fn profile(query: &str, clock: &dyn Fn() -> Duration) -> Profile {
    let (expr, ctx, engine) = (parse(query), QueryContext::default(), engine());
    let (answer, profile) = engine.profile_range(&ctx, &store(), &expr, grid(), clock).unwrap();
    let plain = engine.range(&ctx, &store(), &expr, grid()).unwrap();
    assert_eq!(format!("{answer:?}"), format!("{plain:?}"), "{query}");
    assert_eq!(ctx.bytes_used(), 0);
    profile
}

#[test]
fn plans_are_trees_of_operations() {
    let file = include_str!("../data/explain.txt");
    let mut cases = 0;
    for case in file.split("\n\n").skip(1) {
        let (query, wanted) = case.split_once('\n').unwrap();
        let explanation = Engine::default().explain_range(&parse(query), grid()).unwrap();
        let text = explanation.to_string();
        assert_eq!(text.trim_end(), wanted.trim_end(), "{query}\n{text}");
        cases += 1;
    }
    assert!(cases > 5);
}

#[test]
fn every_operation_has_its_own_counts() {
    // For each operation from the root down: series, samples, samples read.
    for (query, wanted) in [
        // The third series ends before the first window.
        ("m_total", vec![(2, 12, 40)]),
        // Each window of the first two series holds three of eight samples.
        ("sum(rate(m_total[30s]))", vec![(1, 6, 0), (2, 12, 0), (2, 16, 16)]),
        // All four work on one series at a time, when the answer is made.
        ("abs(-m_total) > 12", vec![(2, 6, 0), (2, 12, 0), (2, 12, 0), (2, 12, 40), (0, 1, 0)]),
        // What selectors share is read by each.
        (
            "m_total * 2 + m_total",
            vec![(2, 12, 0), (2, 12, 0), (2, 12, 40), (0, 1, 0), (2, 12, 40)],
        ),
        ("max_over_time(m_total[20s:10s])", vec![(2, 12, 0), (2, 14, 0), (2, 14, 40)]),
        ("absent(m_total)", vec![(0, 0, 0), (2, 12, 40)]),
        ("m_total @ 60", vec![(3, 18, 0), (3, 3, 21)]),
        ("sort(m_total)", vec![(2, 12, 0), (2, 12, 40)]),
        ("info(m_total)", vec![(2, 12, 0), (2, 12, 40)]),
        ("time()", vec![(0, 6, 0)]),
    ] {
        let profile = profile(query, &|| Duration::ZERO);
        let found: Vec<_> = profile
            .nodes()
            .map(|(_, cost)| (cost.series, cost.samples, cost.samples_read))
            .collect();
        assert_eq!(found, wanted, "{query}\n{profile}");
    }
}

/// Each look at the clock finds it a millisecond later.
#[test]
fn the_times_of_operations_add_up_to_that_of_the_query() {
    for query in ["m_total", "sum(rate(m_total[30s]))", "abs(-m_total) > 12", "topk(1, m_total)"] {
        let looks = Cell::new(0);
        let clock = || {
            looks.set(looks.get() + 1);
            Duration::from_millis(looks.get())
        };
        let profile = profile(query, &clock);
        let total: Duration = profile.nodes().map(|(_, cost)| cost.duration).sum();
        // The first look starts it.
        assert_eq!(total, Duration::from_millis(looks.get() - 1), "{query}\n{profile}");
        assert!(profile.nodes().all(|(_, cost)| cost.duration > Duration::ZERO), "{profile}");
    }
}

#[test]
fn a_profile_prints_as_a_table() {
    let profile = profile("sum(m_total)", &|| Duration::ZERO);
    let sizes: Vec<usize> = profile.nodes().map(|(_, cost)| cost.bytes).collect();
    // Times and values of the longest series.
    assert_eq!(sizes[1], 16 * 16);
    let text = profile.to_string();
    let lines: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["operation", "steps", "series", "samples", "read", "bytes", "time"]);
    assert_eq!(lines[1][..5], ["sum", "6", "1", "6", "0"]);
    assert_eq!(lines[2], ["m_total", "6", "2", "12", "40", "256", "0.0ns"]);
    assert!(text.lines().nth(2).is_some_and(|line| line.starts_with("  m_total ")));
}

#[test]
fn an_instant_query_has_one_step() {
    let expr = parse("sum(m_total)");
    let engine = Engine::default();
    let explanation = engine.explain_instant(&expr, 90_000).unwrap();
    assert!(explanation.nodes().iter().all(|node| node.grid == Grid::instant(90_000)));
    let clock = || Duration::ZERO;
    let ctx = QueryContext::default();
    let (_, profile) = engine.profile_instant(&ctx, &store(), &expr, 90_000, &clock).unwrap();
    let samples: Vec<usize> = profile.nodes().map(|(_, cost)| cost.samples).collect();
    assert_eq!(samples, [1, 2]);
}

/// Neither depth nor length of an operation makes the text much longer than there are operations.
#[test]
fn large_queries_print() {
    let sum = parse(&vec!["1"; 10_000].join("+"));
    let text = Engine::default().explain_instant(&sum, 0).unwrap().to_string();
    assert_eq!(text.lines().count(), 20_000);
    assert!(text.lines().all(|line| line.len() < 100));
    let selector = parse(&format!("sum({{a=\"{}\"}})", "x".repeat(100_000)));
    let text = Engine::default().explain_instant(&selector, 0).unwrap().to_string();
    assert!(text.len() < 101_000);
}

/// Whatever the query, to watch it changes nothing, and what is seen is a tree.
#[test]
fn a_profiled_query_has_the_same_answer() {
    let (engine, store, ctx) = (engine(), queries::store(), QueryContext::default());
    let cases = include_str!("../data/instant.txt").lines();
    let queries = cases.filter(|line| !line.is_empty() && !line.starts_with(['#', '=']));
    let mut answers = 0;
    for (time_s, query) in queries.map(|line| line.split_once(' ').unwrap()) {
        let (expr, time_ms) = (parse(query), time_s.parse::<i64>().unwrap() * 1000);
        let looks = Cell::new(0);
        let clock = || {
            looks.set(looks.get() + 1);
            Duration::from_millis(looks.get())
        };
        let plain = engine.instant(&ctx, &store, &expr, time_ms);
        match engine.profile_instant(&ctx, &store, &expr, time_ms, &clock) {
            Err(error) => assert_eq!(error.to_string(), plain.unwrap_err().to_string(), "{query}"),
            Ok((answer, profile)) => {
                assert_eq!(format!("{answer:?}"), format!("{:?}", plain.unwrap()), "{query}");
                let depths: Vec<usize> = profile.nodes().map(|(node, _)| node.depth).collect();
                assert_eq!(depths[0], 0, "{query}");
                assert!(depths.windows(2).all(|pair| (1..=pair[0] + 1).contains(&pair[1])));
                let total: Duration = profile.nodes().map(|(_, cost)| cost.duration).sum();
                assert_eq!(total, Duration::from_millis(looks.get() - 1), "{query}\n{profile}");
                answers += 1;
            }
        }
    }
    assert!(answers > 50, "{answers}");
}
