//! Finds series in the head: by all their labels, and by matchers, beside the plain ways.
//!
//! There are a million series of ten labels. `series` creates them, appends to each by its labels as
//! senders do, which come in the same order every time, and finds each by the hash of its labels; in the
//! order in which they were created and in another. Its peer is a `HashMap` from vectors of names and
//! values. `matchers` selects series, and asks for the labels of the first, which unpacks the
//! selection; its peer has a sorted vector of ids for each label, merges and intersects them, and tries
//! the `regex` crate on every value.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use narthex_model::{Labels, MatchOp, Matcher};
use narthex_storage::{
    Appendable, QueryContext, Queryable, SampleValue, SelectHints, SeriesKey, TimeRange,
};
use narthex_tsdb::{Db, Options};
use regex::Regex;

const SERIES_COUNT: usize = 1_000_000;
/// So many series are created in one commit.
const COMMIT_COUNT: usize = 10_000;

type Pairs = Vec<(String, String)>;
/// Operators, names and values.
type Query = [(MatchOp, &'static str, &'static str)];

/// The labels of one series: half of those of most systems, and half to select by.
fn pairs(index: usize) -> Pairs {
    let label = |name: &str, value: String| (name.to_owned(), value);
    let node = index / 1_000;
    let all = if index.is_multiple_of(997) { "no" } else { "yes" };
    vec![
        label("__name__", format!("node_metric_{}_total", index % 200)),
        label("a", format!("a{}", node % 10)),
        label("all", all.to_owned()),
        label("b", format!("b{}", (index / 10) % 10)),
        label("c", format!("c{}", (index / 7) % 200)),
        label("device", format!("device{}", index % 1_000 / 200)),
        label("env", ["production", "staging"][node % 2].to_owned()),
        label("instance", format!("node-{node}.example:9100")),
        label("job", "node".to_owned()),
        label("zone", format!("eu-central-{}", node % 5)),
    ]
}

pub(crate) fn series(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("series");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    let all_pairs: Vec<Pairs> = (0..SERIES_COUNT).map(pairs).collect();
    let sets: Vec<Labels> = all_pairs
        .iter()
        .map(|pairs| Labels::from_pairs(pairs.iter().map(|(n, v)| (n, v))))
        .collect();
    // A step that has no divisor with the number of series visits all of them.
    let turned = |turn: usize| turn.wrapping_mul(611_953) % SERIES_COUNT;

    group.bench_function("create/narthex", |bencher| {
        bencher.iter_custom(|count| create(&sets, count));
    });
    group.bench_function("create/hash map", |bencher| {
        bencher.iter_custom(|count| create_in_map(&all_pairs, count));
    });
    let folder = tempfile::tempdir().unwrap();
    let db = filled(folder.path(), &sets);
    let mut map = HashMap::new();
    for (id, pairs) in (0_u32..).zip(&all_pairs) {
        map.insert(pairs.clone(), id);
    }
    let in_turn: [(&str, &dyn Fn(usize) -> usize); 2] =
        [("in order", &|turn| turn % SERIES_COUNT), ("scattered", &turned)];
    for (order, index) in in_turn {
        let mut turn = 0;
        let mut next = || {
            turn += 1;
            index(turn)
        };
        group.bench_function(format!("append {order}/narthex"), |bencher| {
            bencher.iter_custom(|count| append(&db, count, || &sets[next()]));
        });
        group.bench_function(format!("find {order}/narthex"), |bencher| {
            bencher.iter(|| db.find_series(black_box(&sets[next()])).unwrap());
        });
        group.bench_function(format!("find {order}/hash map"), |bencher| {
            bencher.iter(|| *map.get(black_box(&all_pairs[next()])).unwrap());
        });
    }
    group.finish();
}

/// Creates series in empty databases until `count` are there. Commits are not counted.
fn create(sets: &[Labels], count: u64) -> Duration {
    let mut spent = Duration::ZERO;
    let mut left = usize::try_from(count).unwrap();
    while left > 0 {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path(), Options::default()).unwrap();
        let mut appender = db.appender();
        let part = left.min(sets.len());
        for labels in sets[..part].chunks(COMMIT_COUNT) {
            let start = Instant::now();
            for labels in labels {
                let key = SeriesKey::Labels(labels);
                appender.append(key, 1, SampleValue::Float(1.0)).unwrap();
            }
            spent += start.elapsed();
            appender.rollback();
        }
        left -= part;
    }
    spent
}

/// Appends to series by their labels `count` times, after once for each, which shows their order. What
/// commits do is not counted.
fn append<'a>(db: &Db, count: u64, mut next: impl FnMut() -> &'a Labels) -> Duration {
    let mut appender = db.appender();
    let mut append = |count: usize| {
        let start = Instant::now();
        for _ in 0..count {
            let key = SeriesKey::Labels(black_box(next()));
            appender.append(key, 2, SampleValue::Float(1.0)).unwrap();
        }
        let spent = start.elapsed();
        appender.rollback();
        spent
    };
    for _ in 0..SERIES_COUNT / COMMIT_COUNT {
        append(COMMIT_COUNT);
    }
    let mut spent = Duration::ZERO;
    let mut left = usize::try_from(count).unwrap();
    while left > 0 {
        let part = left.min(COMMIT_COUNT);
        spent += append(part);
        left -= part;
    }
    spent
}

fn create_in_map(all_pairs: &[Pairs], count: u64) -> Duration {
    let mut spent = Duration::ZERO;
    let mut left = usize::try_from(count).unwrap();
    while left > 0 {
        let part = left.min(all_pairs.len());
        let start = Instant::now();
        let mut map: HashMap<Pairs, u32> = HashMap::new();
        for pairs in &all_pairs[..part] {
            let id = u32::try_from(map.len()).unwrap();
            map.entry(pairs.clone()).or_insert(id);
        }
        spent += start.elapsed();
        left -= part;
    }
    spent
}

fn filled(path: &std::path::Path, sets: &[Labels]) -> Db {
    let db = Db::open(path, Options::default()).unwrap();
    let mut appender = db.appender();
    for labels in sets.chunks(COMMIT_COUNT) {
        for labels in labels {
            appender.append(SeriesKey::Labels(labels), 1, SampleValue::Float(1.0)).unwrap();
        }
        appender.commit().unwrap();
    }
    drop(appender);
    db
}

pub(crate) fn matchers(criterion: &mut Criterion) {
    let sets: Vec<Labels> =
        (0..SERIES_COUNT).map(|index| Labels::from_pairs(pairs(index))).collect();
    let folder = tempfile::tempdir().unwrap();
    let db = filled(folder.path(), &sets);
    let plain = PlainIndex::new(&sets);
    drop(sets);
    let querier = db.querier(TimeRange::ALL).unwrap();
    let (ctx, hints) = (QueryContext::default(), SelectHints::default());
    use MatchOp::{Equal, NotEqual, Regex};
    let queries: [(&str, &Query); 6] = [
        ("two of ten values", &[(Equal, "a", "a3"), (Equal, "b", "b4")]),
        ("a tenth and nearly all", &[(Equal, "a", "a3"), (Equal, "all", "yes")]),
        ("three of 200 values", &[(Regex, "c", "c1|c2|c3")]),
        ("any value", &[(Regex, "c", ".+")]),
        ("not one value", &[(NotEqual, "c", "c7")]),
        ("values with a text", &[(Regex, "c", ".*19.*")]),
    ];
    let mut group = criterion.benchmark_group("matchers");
    group.sample_size(10);
    for (name, query) in queries {
        let matchers = || {
            let matchers = query.iter().map(|(op, name, value)| Matcher::new(*op, name, value));
            matchers.collect::<Result<Vec<_>, _>>().unwrap()
        };
        let found = querier.select(&ctx, &matchers(), &hints).unwrap().len();
        assert_eq!(found, plain.select(query).len(), "{name}");
        group.bench_function(format!("{name}/narthex"), |bencher| {
            bencher.iter(|| querier.select(&ctx, &matchers(), &hints).unwrap().len());
        });
        group.bench_function(format!("{name}/narthex, unpacked"), |bencher| {
            bencher.iter(|| {
                let selection = querier.select(&ctx, &matchers(), &hints).unwrap();
                selection.series_labels(0)
            });
        });
        group.bench_function(format!("{name}/sorted vectors"), |bencher| {
            bencher.iter(|| plain.select(query).len());
        });
    }
    group.finish();
}

/// A sorted vector of ids for each label.
struct PlainIndex {
    all: Vec<u32>,
    names: HashMap<String, HashMap<String, Vec<u32>>>,
}

impl PlainIndex {
    fn new(sets: &[Labels]) -> Self {
        let mut index = Self { all: Vec::new(), names: HashMap::new() };
        for (id, labels) in (0..).zip(sets) {
            index.all.push(id);
            for (name, value) in labels {
                let values = index.names.entry(name.to_owned()).or_default();
                values.entry(value.to_owned()).or_default().push(id);
            }
        }
        index
    }

    fn select(&self, query: &Query) -> Vec<u32> {
        let mut found: Option<Vec<u32>> = None;
        for (op, name, value) in query {
            let values = &self.names[*name];
            let regex = Regex::new(&format!("^(?s:{value})$")).unwrap();
            let is_like = |candidate: &str| match op {
                MatchOp::Equal | MatchOp::NotEqual => candidate == *value,
                MatchOp::Regex | MatchOp::NotRegex => regex.is_match(candidate),
            };
            let ids = match op {
                MatchOp::Equal => values[*value].clone(),
                _ => {
                    let lists = values.iter().filter(|(value, _)| is_like(value));
                    merge(&lists.map(|(_, ids)| &**ids).collect::<Vec<_>>())
                }
            };
            let ids = if op.is_negated() { subtract(&self.all, &ids) } else { ids };
            found = Some(match found {
                None => ids,
                Some(found) => intersect(&found, &ids),
            });
        }
        found.unwrap_or_default()
    }
}

/// Merges sorted lists by way of a heap.
fn merge(lists: &[&[u32]]) -> Vec<u32> {
    if let [list] = lists {
        return list.to_vec();
    }
    let mut merged = Vec::with_capacity(lists.iter().map(|list| list.len()).sum());
    let heads = lists.iter().enumerate();
    let mut heads: BinaryHeap<_> =
        heads.filter_map(|(list, ids)| Some(Reverse((*ids.first()?, list, 0)))).collect();
    while let Some(mut head) = heads.peek_mut() {
        let Reverse((id, list, place)) = *head;
        merged.push(id);
        match lists[list].get(place + 1) {
            Some(next) => *head = Reverse((*next, list, place + 1)),
            None => drop(std::collections::binary_heap::PeekMut::pop(head)),
        }
    }
    merged
}

fn intersect(left: &[u32], right: &[u32]) -> Vec<u32> {
    let mut right = right.iter().peekable();
    let mut both = Vec::new();
    for id in left {
        while right.next_if(|other| *other < id).is_some() {}
        if right.peek() == Some(&id) {
            both.push(*id);
        }
    }
    both
}

fn subtract(from: &[u32], gone: &[u32]) -> Vec<u32> {
    let mut gone = gone.iter().peekable();
    let mut left = Vec::with_capacity(from.len());
    for id in from {
        while gone.next_if(|other| *other < id).is_some() {}
        if gone.peek() != Some(&id) {
            left.push(*id);
        }
    }
    left
}
