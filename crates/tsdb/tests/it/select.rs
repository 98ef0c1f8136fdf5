use narthex_host::Simulation;
use narthex_model::{Labels, MatchOp, Matcher};
use narthex_storage::{
    Appendable, MemoryStore, Projection, QueryContext, Queryable, SampleValue, SelectHints,
    SeriesKey, Shard, TimeRange,
};
use narthex_tsdb::{Db, Options};
use proptest::prelude::*;

use crate::support::{Samples, append_one, commit, read, read_all, read_hinted, series};

fn open() -> Db {
    Db::open_with(Simulation::new(1).host(), "data", Options::default()).unwrap()
}

fn matcher(op: MatchOp, name: &str, value: &str) -> Matcher {
    Matcher::new(op, name, value).unwrap()
}

fn names(samples: &Samples) -> Vec<&str> {
    samples.keys().map(String::as_str).collect()
}

#[test]
fn matchers_mean_what_they_mean_in_the_reference() {
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    let db = open();
    for labels in [[("n", "1"), ("i", "")], [("n", "1"), ("i", "a")], [("n", "1"), ("i", "b")]] {
        append_one(&db, SeriesKey::Labels(&Labels::from_pairs(labels)), 1, 1.0).unwrap();
    }
    append_one(&db, SeriesKey::Labels(&Labels::from_pairs([("n", "2")])), 1, 1.0).unwrap();
    let (n1, n1a, n1b, n2) = (r#"{n="1"}"#, r#"{i="a", n="1"}"#, r#"{i="b", n="1"}"#, r#"{n="2"}"#);
    // The table of `TestPostingsForMatchers` in the reference's `tsdb/querier_test.go`, in part.
    type Case<'a> = (&'a [(MatchOp, &'a str, &'a str)], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (&[(Equal, "n", "1")], &[n1, n1a, n1b]),
        (&[(Equal, "n", "1"), (Equal, "i", "a")], &[n1a]),
        (&[(Equal, "n", "1"), (Equal, "i", "missing")], &[]),
        (&[(Equal, "missing", "")], &[n1, n1a, n1b, n2]),
        (&[(NotEqual, "n", "1")], &[n2]),
        (&[(NotEqual, "i", "")], &[n1a, n1b]),
        (&[(NotEqual, "missing", "")], &[]),
        (&[(Equal, "n", "1"), (NotEqual, "i", "a")], &[n1, n1b]),
        (&[(Equal, "n", "1"), (NotEqual, "i", "")], &[n1a, n1b]),
        (&[(Regex, "n", "^1$")], &[n1, n1a, n1b]),
        (&[(Equal, "n", "1"), (Regex, "i", "a|b")], &[n1a, n1b]),
        (&[(Equal, "n", "1"), (Regex, "i", "a?")], &[n1, n1a]),
        (&[(Regex, "i", "")], &[n1, n2]),
        (&[(Equal, "n", "1"), (Regex, "i", "^.*$")], &[n1, n1a, n1b]),
        (&[(Equal, "n", "1"), (Regex, "i", "^.+$")], &[n1a, n1b]),
        (&[(NotRegex, "n", "^1$")], &[n2]),
        (&[(NotRegex, "n", "1|2")], &[]),
        (&[(Equal, "n", "1"), (NotRegex, "i", "")], &[n1a, n1b]),
        (&[(Equal, "n", "1"), (NotRegex, "i", "a?")], &[n1b]),
        (&[(Equal, "n", "1"), (NotRegex, "i", "^.*$")], &[]),
        (&[(Equal, "n", "1"), (NotRegex, "i", ".+")], &[n1]),
        (&[(Regex, "n", ".*"), (NotEqual, "i", "a"), (NotEqual, "i", "")], &[n1b]),
        (&[(Equal, "i", "a"), (NotEqual, "n", "2"), (Regex, "i", "a.*")], &[n1a]),
        (&[(NotRegex, "i", "a.*")], &[n1, n1b, n2]),
        (&[], &[n1, n1a, n1b, n2]),
    ];
    for (matchers, expected) in cases {
        let built = matchers.iter().map(|(op, name, value)| matcher(*op, name, value));
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        let found = read(&db, TimeRange::ALL, &built.collect::<Vec<_>>());
        assert_eq!(names(&found), expected, "{matchers:?}");
    }
}

#[test]
fn labels_are_listed_sorted_and_limited() {
    let db = open();
    for job in ["c", "a", "b"] {
        append_one(&db, SeriesKey::Labels(&series("up", job)), 1, 1.0).unwrap();
        append_one(&db, SeriesKey::Labels(&series("down", job)), 1, 1.0).unwrap();
    }
    let rolled_back = series("never", "seen");
    let mut appender = db.appender();
    appender.append(SeriesKey::Labels(&rolled_back), 1, SampleValue::Float(1.0)).unwrap();
    drop(appender);

    let ctx = QueryContext::default();
    let querier = db.querier(TimeRange::ALL).unwrap();
    let names = |matchers: &[Matcher], limit| querier.label_names(&ctx, matchers, limit).unwrap();
    let values = |name: &str, matchers: &[Matcher], limit| {
        querier.label_values(&ctx, name, matchers, limit).unwrap()
    };
    let strings = |texts: &[&str]| texts.iter().map(|text| Box::from(*text)).collect::<Vec<_>>();
    let up_b = [Matcher::equal("__name__", "up"), matcher(MatchOp::NotEqual, "job", "b")];
    assert_eq!(names(&[], None), strings(&["__name__", "job"]));
    assert_eq!(names(&up_b, Some(1)), strings(&["__name__"]));
    assert_eq!(values("job", &[], None), strings(&["a", "b", "c"]));
    assert_eq!(values("job", &[], Some(2)), strings(&["a", "b"]));
    assert_eq!(values("job", &up_b, None), strings(&["a", "c"]));
    assert_eq!(values("missing", &[], None), strings(&[]));

    let hints = SelectHints::default();
    let selection = querier.select(&ctx, &[], &hints).unwrap();
    assert_eq!(selection.series_labels(0), series("up", "c"), "series come as they were created");
    let mut builder = narthex_model::LabelsBuilder::default();
    selection.labels(0, &Projection::Only(vec!["job".into()]), &mut builder);
    assert_eq!(builder.build(), Labels::from_pairs([("job", "c")]));
}

/// One series of the property test: few labels and values, so that matchers meet many of them.
fn any_labels() -> impl Strategy<Value = Labels> {
    let label = ("[a-c]", "[x-z]{0,2}");
    prop::collection::vec(label, 1..4).prop_map(Labels::from_pairs)
}

fn any_matcher() -> impl Strategy<Value = Matcher> {
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    let patterns = vec!["", "x", "x|y", "x.*", ".+", ".*", "(y|zz)?", "[xy]z"];
    let value = prop::sample::select(patterns);
    let op = prop::sample::select(vec![Equal, NotEqual, Regex, NotRegex]);
    (op, "[a-d]", value).prop_map(|(op, name, value)| matcher(op, &name, value))
}

proptest! {
    #[test]
    fn answers_are_those_of_the_plain_store(
        commits in prop::collection::vec(
            prop::collection::vec((any_labels(), 0_i64..500, 0_u8..3), 0..20), 0..20),
        matchers in prop::collection::vec(any_matcher(), 0..4),
        range in (0_i64..500, 0_i64..500),
    ) {
        let simulation = Simulation::new(1);
        let open = || Db::open_with(simulation.host(), "data", Options::default()).unwrap();
        let (db, plain) = (open(), MemoryStore::default());
        for commit in commits {
            let (mut ours, mut theirs) = (db.appender(), plain.appender());
            for (labels, timestamp_ms, value) in commit {
                let key = SeriesKey::Labels(&labels);
                let value = SampleValue::Float(f64::from(value));
                if labels.is_empty() {
                    continue;
                }
                let ours = ours.append(key, timestamp_ms, value).map_err(|error| error.to_string());
                let theirs = theirs.append(key, timestamp_ms, value);
                prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}", ours);
            }
            prop_assert_eq!(ours.commit().unwrap(), theirs.commit().unwrap());
        }
        let range = TimeRange { min_ms: range.0, max_ms: range.1 };
        prop_assert_eq!(read(&db, range, &matchers), read(&plain, range, &matchers));
        for index in 0..2 {
            let mut hints = SelectHints::default();
            hints.shard = Shard::new(index, 2);
            let found = read_hinted(&db, range, &matchers, &hints);
            prop_assert_eq!(found, read_hinted(&plain, range, &matchers, &hints));
        }
        drop(db);
        prop_assert_eq!(read_all(&open()), read_all(&plain));
    }
}

#[test]
fn a_range_reads_the_chunks_that_it_meets() {
    let db = open();
    let labels = series("up", "a");
    let samples = (0..2_000).map(|index| (index * 15_000, index as f64)).collect::<Vec<_>>();
    commit(&db, &labels, &samples).unwrap();
    for (first, last) in [(0, 0), (0, 1_999), (119, 121), (500, 1_500), (1_999, 1_999)] {
        let range = TimeRange { min_ms: first * 15_000, max_ms: last * 15_000 };
        let found = read(&db, range, &[]);
        let expected = (first..=last).map(|index| (index * 15_000, (index as f64).to_bits()));
        assert_eq!(found[&labels.as_series().to_string()], expected.collect::<Vec<_>>());
    }
    let between = TimeRange { min_ms: 15_001, max_ms: 29_999 };
    assert!(read(&db, between, &[]).is_empty());
}

/// Labels are those of the head or a block as a whole, series those with a chunk in the range.
#[test]
fn labels_and_series_are_listed_by_time() {
    let mut options = Options::default();
    options.block_range_ms = 1_000;
    options.compaction.merges_overlapping = false;
    let db = Db::open_with(Simulation::new(1).host(), "data", options).unwrap();
    let [old, both, new, deleted] = ["old", "both", "new", "deleted"].map(|job| series("up", job));
    for (time, labels) in [
        (100, &deleted),
        (100, &old),
        (200, &deleted),
        (500, &both),
        (900, &old),
        (1_100, &both),
        (2_500, &both),
    ] {
        commit(&db, labels, &[(time, 1.0)]).unwrap();
    }
    db.flush(1_000).unwrap();
    let of_deleted = [Matcher::equal("job", "deleted")];
    db.delete(TimeRange { min_ms: 0, max_ms: 500 }, &of_deleted).unwrap();
    commit(&db, &new, &[(2_600, 1.0)]).unwrap();
    let ctx = QueryContext::default();
    for ((min_ms, max_ms), expected_values, expected_series) in [
        ((i64::MIN, -1), &[][..], &[][..]),
        // The block begins with its oldest sample.
        ((0, 99), &[], &[]),
        ((0, 400), &["both", "deleted", "old"], &["old"]),
        ((200, 800), &["both", "deleted", "old"], &["both", "old"]),
        ((901, 950), &["both", "deleted", "old"], &[]),
        // The block ends before its last millisecond; the head begins with its oldest sample.
        ((1_000, 1_050), &[], &[]),
        ((1_100, 1_200), &["both", "new"], &["both"]),
        // The chunks of one range of a block each.
        ((1_200, 1_900), &["both", "new"], &[]),
        ((2_000, 2_550), &["both", "new"], &["both"]),
        ((2_600, i64::MAX), &["both", "new"], &["new"]),
        ((2_601, i64::MAX), &[], &[]),
        ((0, 3_000), &["both", "deleted", "new", "old"], &["both", "new", "old"]),
    ] {
        let querier = db.querier(TimeRange { min_ms, max_ms }).unwrap();
        let boxed = |texts: &[&str]| texts.iter().map(|text| Box::from(*text)).collect::<Vec<_>>();
        let context = format!("{min_ms} to {max_ms}");
        let values = querier.label_values(&ctx, "job", &[], None).unwrap();
        assert_eq!(values, boxed(expected_values), "{context}");
        let names = querier.label_names(&ctx, &[], None).unwrap();
        let expected_names = if values.is_empty() { vec![] } else { boxed(&["__name__", "job"]) };
        assert_eq!(names, expected_names, "{context}");
        let some = [matcher(MatchOp::Regex, "job", ".+")];
        let matched = querier.label_values(&ctx, "job", &some, Some(2)).unwrap();
        assert_eq!(matched[..], values[..values.len().min(2)], "{context}");
        let selection = querier.select(&ctx, &some, &SelectHints::default()).unwrap();
        let mut found = (0..selection.len())
            .map(|index| selection.series_labels(index).value("job").to_owned())
            .collect::<Vec<_>>();
        found.sort_unstable();
        assert_eq!(found, expected_series, "{context}");
    }
}
