use std::time::{Duration, Instant};

use narthex_model::Labels;
use narthex_promql::{Engine, EngineOptions, ErrorKind, Grid, QueryError, Value};
use narthex_promql_parser::parse;
use narthex_storage::{Interrupt, MemoryStore, QueryContext};

use crate::store::append;

/// Returns a store of `count` series with a sample each second for a minute.
fn store_of(count: usize) -> MemoryStore {
    let store = MemoryStore::default();
    for number in 0..count {
        let labels = Labels::from_pairs([("__name__", "m"), ("number", &number.to_string())]);
        let samples: Vec<(i64, f64)> = (0..60).map(|second| (second * 1000, 1.0)).collect();
        append(&store, &labels, &samples);
    }
    store
}

fn engine_with_samples_max(samples_max: usize) -> Engine {
    let mut options = EngineOptions::default();
    options.max_samples = samples_max;
    Engine::new(options)
}

#[test]
fn a_query_holds_no_more_samples_than_it_may() {
    let store = store_of(10);
    let grid = Grid::range(0, 59_000, 1000).unwrap();
    let ctx = QueryContext::default();
    for (query, fits, fails) in
        // Both sides, 59 results of ten series, and at the last step both sides and the result.
        [
            ("m", 600, 599),
            ("m + m", 1820, 1819),
            ("sum(m)", 600, 599),
            ("rate(m[30s])", 620, 619),
        ]
    {
        let expr = parse(query).unwrap();
        let run =
            |samples_max| engine_with_samples_max(samples_max).range(&ctx, &store, &expr, grid);
        assert!(run(fits).is_ok(), "{query} with {fits} samples");
        assert!(matches!(run(fails), Err(QueryError::TooManySamples)), "{query} with {fails}");
    }
}

#[test]
fn a_query_keeps_its_byte_budget_and_gives_it_back() {
    let store = store_of(100);
    let grid = Grid::range(0, 59_000, 1000).unwrap();
    let expr = parse("sum by (number) (rate(m[10s])) + m").unwrap();
    let ctx = QueryContext::with_bytes_max(10_000_000);
    assert!(Engine::default().range(&ctx, &store, &expr, grid).is_ok());
    assert_eq!(ctx.bytes_used(), 0);
    let ctx = QueryContext::with_bytes_max(10_000);
    let error = Engine::default().range(&ctx, &store, &expr, grid).unwrap_err();
    assert!(matches!(error, QueryError::OverBudget { bytes_max: 10_000 }), "{error}");
    assert_eq!(ctx.bytes_used(), 0);
}

#[test]
fn an_interrupted_query_ends_with_the_reason() {
    let store = store_of(1);
    let expr = parse("sum_over_time(m[1m])").unwrap();
    for (reason, kind, text) in [
        (Interrupt::Canceled, ErrorKind::Canceled, "query was canceled in expression evaluation"),
        (Interrupt::TimedOut, ErrorKind::Timeout, "query timed out in expression evaluation"),
    ] {
        let ctx = QueryContext::default();
        ctx.interrupt(reason);
        let error = Engine::default().instant(&ctx, &store, &expr, 0).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, text));
    }
}

/// Steps cost memory even where nothing has a value.
#[test]
fn a_subquery_with_too_many_steps_is_refused_at_once() {
    let store = store_of(1);
    let ctx = QueryContext::default();
    for query in ["count_over_time(nothing[30d:1ms])", "max_over_time(vector(1)[100y:1s])"] {
        let expr = parse(query).unwrap();
        let error = Engine::default().instant(&ctx, &store, &expr, 0).unwrap_err();
        assert!(matches!(error, QueryError::TooManySamples), "{query}: {error}");
    }
}

/// A flat chain is a deep tree, and must cost neither stack nor time.
#[test]
fn ten_thousand_terms_are_summed_at_once() {
    let query = vec!["1"; 10_000].join("+");
    let expr = parse(&query).unwrap();
    let start = Instant::now();
    let store = MemoryStore::default();
    let answer = Engine::default().instant(&QueryContext::default(), &store, &expr, 0).unwrap();
    // Generous: a tenth of it is the goal of an optimised build.
    assert!(start.elapsed() < Duration::from_secs(1), "took {:?}", start.elapsed());
    let Value::Scalar(sum) = answer.value else { panic!("a sum of numbers is a scalar") };
    assert_eq!(sum.value, 10_000.0);
}

#[test]
fn nesting_needs_no_stack() {
    let depth = 900;
    let query = format!("{}vector(1){}", "abs(-(".repeat(depth / 2), "))".repeat(depth / 2));
    let expr = parse(&query).unwrap();
    let store = MemoryStore::default();
    let evaluate = move || Engine::default().instant(&QueryContext::default(), &store, &expr, 0);
    // A tenth of what a thread usually gets.
    let thread = std::thread::Builder::new().stack_size(200 * 1024).spawn(evaluate).unwrap();
    let Value::Vector(vector) = thread.join().unwrap().unwrap().value else { panic!("a vector") };
    assert_eq!(vector.iter().next().unwrap().1.value, 1.0);
}
