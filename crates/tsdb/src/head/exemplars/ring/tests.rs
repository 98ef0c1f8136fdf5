use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn series(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name)])
}

fn exemplar(timestamp_ms: i64, value: f64, trace: &str) -> Exemplar {
    let labels = Labels::from_pairs([("trace_id", trace)]);
    Exemplar { labels, value, timestamp_ms, has_own_timestamp: true }
}

/// Returns the series and times that a ring holds.
fn held(ring: &ExemplarRing) -> Vec<(String, Vec<i64>)> {
    let found = ring.select(TimeRange::ALL, &[Vec::new()]);
    let times = |found: &SeriesExemplars| found.exemplars.iter().map(|e| e.timestamp_ms).collect();
    found.iter().map(|found| (found.labels.metric_name().to_owned(), times(found))).collect()
}

#[test]
fn exemplars_come_in_order_and_once() {
    use ExemplarError::{LabelLength, OutOfOrder};
    // What comes after an exemplar at 10 with the value 5 and the trace `m`.
    for (window_ms, next, expected) in [
        (0, exemplar(11, 0.0, "a"), Ok(true)),
        (0, exemplar(10, 5.0, "m"), Ok(false)),
        (0, exemplar(10, 5.0, "n"), Ok(true)),
        (0, exemplar(10, 6.0, "a"), Ok(true)),
        (0, exemplar(10, 5.0, "a"), Err(OutOfOrder)),
        (0, exemplar(10, 4.0, "z"), Err(OutOfOrder)),
        (0, exemplar(9, 5.0, "m"), Err(OutOfOrder)),
        (2, exemplar(9, 5.0, "m"), Ok(true)),
        (2, exemplar(8, 5.0, "m"), Err(OutOfOrder)),
        (0, exemplar(11, 0.0, &"é".repeat(120)), Ok(true)),
        (0, exemplar(11, 0.0, &"é".repeat(121)), Err(LabelLength)),
    ] {
        let mut ring = ExemplarRing::new(10, window_ms);
        ring.add(&series("a"), exemplar(10, 5.0, "m")).unwrap();
        let checked = ring.check(&series("a"), &next);
        assert_eq!(checked, expected, "{next:?} within {window_ms}");
        let added = ring.add(&series("a"), next.clone());
        assert_eq!(added, expected.map(drop), "{next:?}");
        assert_eq!(ring.stats().stored, 1 + u64::from(expected == Ok(true)), "{next:?}");
        let refused = u64::from(expected == Err(OutOfOrder));
        assert_eq!(ring.stats().out_of_order, refused, "{next:?}");
    }
}

#[test]
fn an_exemplar_without_a_time_is_known_at_the_next_scrape() {
    let mut ring = ExemplarRing::new(10, 0);
    let timeless =
        |timestamp_ms| Exemplar { has_own_timestamp: false, ..exemplar(timestamp_ms, 1.0, "t") };
    ring.add(&series("a"), timeless(1_000)).unwrap();
    ring.add(&series("a"), timeless(2_000)).unwrap();
    assert_eq!(held(&ring), [("a".to_owned(), vec![1_000])]);
}

#[test]
fn the_first_to_come_is_the_first_to_go() {
    let mut ring = ExemplarRing::new(3, 100);
    for (name, timestamp_ms) in [("a", 10), ("b", 20), ("a", 30), ("a", 20)] {
        ring.add(&series(name), exemplar(timestamp_ms, 1.0, "t")).unwrap();
    }
    assert_eq!(held(&ring), [("a".to_owned(), vec![20, 30]), ("b".to_owned(), vec![20])]);
    assert_eq!(ring.stats().oldest_ms, Some(20));
    assert_eq!(ring.resize(2), 2);
    assert_eq!(held(&ring), [("a".to_owned(), vec![20, 30])]);
    assert_eq!(ring.resize(5), 2);
    ring.add(&series("c"), exemplar(1, 1.0, "t")).unwrap();
    assert_eq!(held(&ring), [("a".to_owned(), vec![20, 30]), ("c".to_owned(), vec![1])]);
    assert_eq!(ring.resize(0), 0);
    assert_eq!((held(&ring), ring.stats().series), (vec![], 0));
    ring.add(&series("a"), exemplar(99, 1.0, "t")).unwrap();
    assert_eq!(ring.stats().stored, 0);
}

#[test]
fn selectors_and_times_choose() {
    let mut ring = ExemplarRing::new(10, 0);
    for (name, timestamp_ms) in [("c", 30), ("a", 10), ("b", 20), ("a", 20)] {
        ring.add(&series(name), exemplar(timestamp_ms, 1.0, "t")).unwrap();
    }
    let named = |name| vec![Matcher::equal("__name__", name)];
    for (range, selectors, expected) in [
        ((0, 100), vec![named("a"), named("c")], vec![("a", vec![10, 20]), ("c", vec![30])]),
        ((20, 29), vec![Vec::new()], vec![("a", vec![20]), ("b", vec![20])]),
        ((11, 19), vec![Vec::new()], vec![]),
        ((20, 10), vec![Vec::new()], vec![]),
        ((0, 100), vec![], vec![]),
    ] {
        let range = TimeRange { min_ms: range.0, max_ms: range.1 };
        let found = ring.select(range, &selectors);
        let times = |item: &SeriesExemplars| {
            item.exemplars.iter().map(|exemplar| exemplar.timestamp_ms).collect::<Vec<_>>()
        };
        let found = found.iter().map(|item| (item.labels.metric_name(), times(item)));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{range:?}");
    }
}

#[test]
fn there_is_room_for_no_more_than_the_most() {
    let mut ring = ExemplarRing::new(100, 0);
    for timestamp_ms in 0..1_000 {
        ring.add(&series("a"), exemplar(timestamp_ms, 1.0, "t")).unwrap();
    }
    assert_eq!((ring.entries.len(), ring.entries.capacity()), (100, 100));
    ring.resize(10);
    assert!(ring.entries.capacity() < 20);
    assert_eq!(held(&ring), [("a".to_owned(), (990..1_000).collect())]);
}

#[derive(Clone, Debug)]
enum Step {
    Add { series: usize, timestamp_ms: i64, value: f64 },
    Resize(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let add = (0..3_usize, 0..40_i64, 0..3_u8).prop_map(|(series, timestamp_ms, value)| {
        Step::Add { series, timestamp_ms, value: f64::from(value) }
    });
    let step = prop_oneof![20 => add, 1 => (0..12_usize).prop_map(Step::Resize)];
    prop::collection::vec(step, 0..200)
}

proptest! {
    /// The plain version: a list in the order of arrival, looked through for everything.
    #[test]
    fn a_ring_is_a_list_that_forgets(window_ms in 0..20_i64, first in 0..64_u32, steps in steps()) {
        let names = ["a", "b", "c"].map(series);
        // Numbers wrap.
        let mut ring = ExemplarRing { first: u32::MAX - first, ..ExemplarRing::new(6, window_ms) };
        let mut plain = VecDeque::<(usize, i64, f64)>::new();
        let mut max = 6;
        for step in steps {
            match step {
                Step::Resize(to) => {
                    max = to;
                    ring.resize(to);
                }
                Step::Add { series, timestamp_ms, value } => {
                    let added = ring.add(&names[series], exemplar(timestamp_ms, value, "t"));
                    let mut own = plain.iter().filter(|item| item.0 == series).copied().collect::<Vec<_>>();
                    own.sort_by_key(|item| item.1);
                    let newest = own.last().copied();
                    let fits = newest.is_none_or(|(_, newest_ms, newest_value)| {
                        timestamp_ms > newest_ms
                            || (timestamp_ms == newest_ms && value >= newest_value)
                            || (timestamp_ms < newest_ms && timestamp_ms > newest_ms - window_ms)
                    });
                    prop_assert_eq!(added.is_ok(), fits || max == 0);
                    let is_known = newest.is_some_and(|(_, newest_ms, newest_value)| {
                        (timestamp_ms, value) == (newest_ms, newest_value)
                            || (timestamp_ms < newest_ms
                                && own.iter().any(|item| item.1 == timestamp_ms))
                    });
                    if fits && !is_known {
                        plain.push_back((series, timestamp_ms, value));
                    }
                }
            }
            while plain.len() > max {
                plain.pop_front();
            }
            let mut expected = Vec::new();
            for (index, name) in ["a", "b", "c"].into_iter().enumerate() {
                let mut times = plain.iter().filter(|item| item.0 == index).map(|item| item.1).collect::<Vec<_>>();
                times.sort_unstable();
                if !times.is_empty() {
                    expected.push((name.to_owned(), times));
                }
            }
            prop_assert_eq!(held(&ring), expected);
        }
    }
}
