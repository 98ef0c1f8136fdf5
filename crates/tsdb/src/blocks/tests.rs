use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use narthex_chunk::{Columns, Encoding, XorChunk};
use narthex_host::{Fault, Host, Simulation};
use narthex_model::{Labels, MatchOp, Matcher};
use narthex_storage::{Querier, QueryContext, SelectHints, TimeRange};

use super::Blocks;
use crate::block::{BlockQuerier, BlockWriter};
use crate::merge::MergeQuerier;
use crate::{
    BlockError, BlockMeta, EncodedChunk, Options, Retention, RetentionRule, SeriesChunks, Ulid,
};

const DIR: &str = "data";
const HOUR_MS: i64 = 3_600_000;

/// Samples by series and time.
type Samples = BTreeMap<String, BTreeMap<i64, u64>>;

fn options() -> Options {
    let mut options = Options::default();
    options.retention.time_ms = 0;
    options
}

fn series(number: usize) -> Labels {
    let job = ["a", "b"][number % 2];
    Labels::from_pairs([("__name__", "m"), ("job", job), ("n", &number.to_string())])
}

/// Writes a block of one sample a minute to each of `numbers`, and adds its samples to `all`.
fn write(host: &Host, hours: (i64, i64), numbers: &[usize], all: &mut Samples) -> Ulid {
    let range = (hours.0 * HOUR_MS, hours.1 * HOUR_MS);
    let mut labels = numbers.iter().map(|number| series(*number)).collect::<Vec<_>>();
    labels.sort();
    let texts = labels.iter().flatten().flat_map(|(name, value)| [name, value]);
    let texts = texts.collect::<BTreeSet<_>>();
    let meta = BlockMeta::of_head(Ulid::generate(host), range.0, range.1);
    let ulid = meta.ulid;
    host.files.create_dir_all(Path::new(DIR)).unwrap();
    let mut writer = BlockWriter::create(host, Path::new(DIR), meta, texts).unwrap();
    for labels in labels {
        let known = all.entry(labels.to_string()).or_default();
        let times = (range.0..range.1).step_by(60_000).collect::<Vec<_>>();
        let chunks = times.chunks(100).map(|times| {
            let mut chunk = XorChunk::default();
            for time in times {
                let value = (*time / 1_000) as f64;
                chunk.append(*time, value);
                known.insert(*time, value.to_bits());
            }
            let bytes = Bytes::copy_from_slice(chunk.as_bytes());
            let (min_ms, max_ms) = (times[0], times[times.len() - 1]);
            EncodedChunk { min_ms, max_ms, encoding: Encoding::Xor, bytes }
        });
        writer.add(&SeriesChunks { labels: labels.clone(), chunks: chunks.collect() }).unwrap();
    }
    writer.finish().unwrap();
    ulid
}

fn read(blocks: &Blocks, ctx: &QueryContext) -> Samples {
    let sources = blocks
        .all()
        .into_iter()
        .map(|block| Box::new(BlockQuerier::new(block, TimeRange::ALL)) as Box<dyn Querier>);
    let querier = MergeQuerier::new(sources.collect(), blocks.warnings(TimeRange::ALL));
    let selection = querier.select(ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let mut found = Samples::new();
    for index in 0..selection.len() {
        selection.read(ctx, index, &mut columns).unwrap();
        let samples = columns.iter().map(|item| (item.timestamp_ms, item.value.to_bits()));
        found.insert(selection.series_labels(index).to_string(), samples.collect());
    }
    found.retain(|_, samples| !samples.is_empty());
    found
}

fn read_cleanly(blocks: &Blocks) -> Samples {
    let ctx = QueryContext::default();
    let found = read(blocks, &ctx);
    assert_eq!(ctx.take_warnings(), []);
    found
}

fn compact(blocks: &Blocks, options: &Options) -> Result<(), BlockError> {
    blocks.compact(options, options.float_encoding.into(), &options.retention.rules, || false)
}

fn open(host: &Host) -> Blocks {
    Blocks::open(host, Path::new(DIR)).unwrap()
}

fn hours(blocks: &Blocks) -> Vec<(i64, i64)> {
    let metas = blocks.all().into_iter().map(|block| block.meta());
    metas.map(|meta| (meta.min_ms / HOUR_MS, meta.end_ms / HOUR_MS)).collect()
}

/// Names in the folder of the database.
fn names(host: &Host) -> Vec<String> {
    let entries = host.files.list_dir(Path::new(DIR)).unwrap();
    entries.iter().map(|entry| entry.name.to_string()).collect()
}

/// Four blocks of two hours: three become one of six.
fn four_blocks(host: &Host) -> Samples {
    let mut all = Samples::new();
    for (hours, numbers) in
        [((0, 2), [1, 2, 3]), ((2, 4), [2, 3, 4]), ((4, 6), [1, 4, 5]), ((6, 8), [1, 2, 3])]
    {
        write(host, hours, &numbers, &mut all);
    }
    all
}

#[test]
fn three_blocks_become_one() {
    let host = Simulation::new(1).host();
    let all = four_blocks(&host);
    let blocks = open(&host);
    let before = blocks.all();
    compact(&blocks, &options()).unwrap();
    assert_eq!(hours(&blocks), [(0, 6), (6, 8)]);
    assert_eq!(names(&host).len(), 2);
    assert!(read_cleanly(&blocks) == all);
    let meta = blocks.all()[0].meta();
    assert_eq!((meta.compaction.level, meta.compaction.sources.len()), (2, 3));
    assert_eq!(meta.compaction.parents.len(), 3);
    // Nothing overlapped: chunks are what they were.
    assert_eq!(meta.stats.num_chunks, 3 * 3 * 2);
    assert!(read_cleanly(&open(&host)) == all);
    // Who began to read before goes on.
    assert_eq!(before.len(), 4);
    assert_eq!(before[0].series_chunks(TimeRange::ALL).unwrap().filter(Result::is_ok).count(), 3);
}

#[test]
fn blocks_that_overlap_become_one_without_double_samples() {
    let host = Simulation::new(1).host();
    let mut all = Samples::new();
    for (hours, numbers) in [((0, 2), [1, 2]), ((1, 3), [2, 3]), ((2, 4), [1, 2])] {
        write(&host, hours, &numbers, &mut all);
    }
    let blocks = open(&host);
    assert!(read_cleanly(&blocks) == all);
    compact(&blocks, &options()).unwrap();
    assert_eq!(hours(&blocks), [(0, 4)]);
    assert!(read_cleanly(&blocks) == all);
    let samples = all.values().map(BTreeMap::len).sum::<usize>() as u64;
    assert_eq!(blocks.all()[0].meta().stats.num_samples, samples);
}

/// A crash at any moment of a compaction, with what the disk forgets chosen by chance.
#[test]
fn a_crash_in_a_compaction_loses_nothing() {
    let mut swept = 0;
    for seed in 0..150 {
        let simulation = Simulation::new(seed);
        let host = simulation.host();
        let all = four_blocks(&host);
        let files = simulation.files();
        let start = files.call_count();
        // As many calls as a compaction makes, about.
        files.fail_from(start + seed % 75, Fault::Io);
        let blocks = open(&host);
        let _ = compact(&blocks, &options());
        files.repair();
        files.crash();
        let blocks = open(&host);
        assert!(read_cleanly(&blocks) == all, "seed {seed}");
        let found = hours(&blocks);
        assert!([2, 4].contains(&found.len()), "seed {seed}: {found:?}");
        swept += usize::from(found.len() == 2);
        assert_eq!(names(&host).len(), found.len(), "seed {seed}");
        compact(&blocks, &options()).unwrap();
        assert_eq!(hours(&blocks), [(0, 6), (6, 8)], "seed {seed}");
        assert!(read_cleanly(&blocks) == all, "seed {seed}");
    }
    assert!((10..140).contains(&swept), "{swept}");
}

/// Each call of a compaction fails once.
#[test]
fn a_failing_disk_leaves_the_blocks_as_they_were() {
    for call in 0.. {
        let simulation = Simulation::new(call);
        let host = simulation.host();
        let all = four_blocks(&host);
        let blocks = open(&host);
        let files = simulation.files();
        let at = files.call_count() + call;
        files.fail_call(at, if call % 2 == 0 { Fault::NoSpace } else { Fault::Io });
        let outcome = compact(&blocks, &options());
        assert!(read_cleanly(&blocks) == all, "call {call}");
        if files.call_count() <= at {
            assert!(outcome.is_ok() && call > 20, "{call} calls");
            return;
        }
        assert!(read_cleanly(&open(&host)) == all, "call {call}");
        simulation.clock().advance(Duration::from_secs(61));
        compact(&blocks, &options()).unwrap();
        assert_eq!(hours(&blocks), [(0, 6), (6, 8)], "call {call}");
        assert!(read_cleanly(&blocks) == all, "call {call}");
    }
}

#[test]
fn a_block_that_cannot_be_compacted_is_fenced() {
    let simulation = Simulation::new(1);
    let host = simulation.host();
    let mut all = Samples::new();
    let poisoned = write(&host, (0, 2), &[1, 2], &mut all);
    for start in 1..7 {
        write(&host, (start * 2, start * 2 + 2), &[1, 2], &mut all);
    }
    let segment = Path::new(DIR).join(poisoned.to_string()).join("chunks/000001");
    simulation.files().edit(&segment, |bytes| bytes[40] ^= 1).unwrap();
    let blocks = open(&host);
    let mut tries = Vec::new();
    for minute in 0..24 * 60 {
        let failed = blocks.stats().compactions_failed;
        compact(&blocks, &options()).unwrap();
        if blocks.stats().compactions_failed > failed {
            tries.push(minute);
        }
        // The block, two that could be in one with it, one of three, and the newest.
        assert_eq!(names(&host).len(), 5, "minute {minute}");
        simulation.clock().advance(Duration::from_secs(60));
    }
    assert_eq!(tries, [0, 1, 6]);
    assert_eq!(hours(&blocks), [(0, 2), (2, 4), (4, 6), (6, 12), (12, 14)]);
    let blocks = open(&host);
    assert!(blocks.all()[0].meta().compaction.failed);
    compact(&blocks, &options()).unwrap();
    assert_eq!(blocks.stats().compactions_failed, 0);
    // What can be read of it is read, with a warning.
    let ctx = QueryContext::default();
    let found = read(&blocks, &ctx);
    assert_eq!(ctx.take_warnings().len(), 1);
    let missing = all.values().map(BTreeMap::len).sum::<usize>()
        - found.values().map(BTreeMap::len).sum::<usize>();
    assert_eq!(missing, 100);
}

#[test]
fn old_blocks_go_by_time() {
    let cases = [(0, 4), (100, 4), (7, 4), (6, 3), (4, 2), (3, 2), (2, 1), (1, 1)];
    for (kept_hours, expected) in cases {
        let host = Simulation::new(1).host();
        four_blocks(&host);
        let blocks = open(&host);
        let retention = Retention { time_ms: kept_hours * HOUR_MS, ..Retention::default() };
        blocks.retain(&retention, 0);
        assert_eq!(blocks.all().len(), expected, "{kept_hours} hours");
        assert_eq!(names(&host).len(), expected);
        assert_eq!(blocks.stats().time_retentions, u64::from(expected < 4));
    }
}

#[test]
fn old_blocks_go_by_size() {
    let simulation = Simulation::new(1);
    let host = simulation.host();
    let sizes = {
        four_blocks(&host);
        open(&host).all().iter().map(|block| block.size()).collect::<Vec<_>>()
    };
    let last_two = sizes[2] + sizes[3];
    let none = Retention { time_ms: 0, ..Retention::default() };
    let by_size = |size_bytes| Retention { size_bytes, ..none.clone() };
    let blocks = open(&host);
    blocks.retain(&by_size(sizes.iter().sum()), 0);
    assert_eq!(blocks.all().len(), 4);
    // A percentage goes before a size, where the size of the disk is known.
    let both = Retention { disk_percentage: 12.5, ..by_size(u64::MAX) };
    blocks.retain(&both, 0);
    assert_eq!(blocks.all().len(), 4);
    simulation.files().set_capacity((last_two + 900) * 8);
    blocks.retain(&both, 900);
    assert_eq!(hours(&blocks), [(4, 6), (6, 8)]);
    blocks.retain(&by_size(last_two + 899), 900);
    assert_eq!(hours(&blocks), [(6, 8)]);
    blocks.retain(&by_size(1), 0);
    assert_eq!(names(&host).len(), 0);
    assert_eq!(blocks.stats().size_retentions, 3);
}

#[test]
fn rules_drop_series_when_blocks_are_compacted() {
    let host = Simulation::new(1).host();
    let mut all = four_blocks(&host);
    let rule = |op, value, hours| RetentionRule {
        matchers: vec![Matcher::new(op, "job", value).unwrap()],
        horizon_ms: hours * HOUR_MS,
    };
    let mut options = options();
    // The series with odd numbers are of job b.
    let rules =
        [rule(MatchOp::Equal, "b", 5), rule(MatchOp::Regex, ".*", 7), rule(MatchOp::Equal, "a", 1)];
    options.retention.rules = rules.to_vec();
    let blocks = open(&host);
    compact(&blocks, &options).unwrap();
    for (labels, samples) in &mut all {
        let hours = if labels.contains("\"b\"") { 3 } else { 1 };
        samples.retain(|time, _| *time >= hours * HOUR_MS);
    }
    assert!(read_cleanly(&blocks) == all);
    let written = blocks.all().iter().map(|block| block.meta().ulid).collect::<Vec<_>>();
    compact(&blocks, &options).unwrap();
    assert!(blocks.all().iter().map(|block| block.meta().ulid).eq(written), "written again");

    // A block alone is written anew once all that a rule takes is beyond its horizon.
    write(&host, (10, 12), &[1, 2], &mut all);
    let blocks = open(&host);
    compact(&blocks, &options).unwrap();
    for (labels, samples) in &mut all {
        let hours = if labels.contains("\"b\"") { 6 } else { 5 };
        samples.retain(|time, _| *time >= hours * HOUR_MS);
    }
    all.retain(|_, samples| !samples.is_empty());
    assert!(read_cleanly(&blocks) == all);
}

#[test]
fn what_was_deleted_is_not_seen_and_then_gone() {
    let host = Simulation::new(1).host();
    let mut all = four_blocks(&host);
    let blocks = open(&host);
    let range = TimeRange { min_ms: HOUR_MS, max_ms: 3 * HOUR_MS };
    let odd = [Matcher::equal("job", "b")];
    blocks.delete(range, &odd).unwrap();
    blocks.delete(range, &[Matcher::equal("n", "no such series")]).unwrap();
    for (labels, samples) in &mut all {
        samples.retain(|time, _| !(labels.contains("\"b\"") && range.contains(*time)));
    }
    assert!(read_cleanly(&blocks) == all);
    assert!(read_cleanly(&open(&host)) == all);
    let stones = |blocks: &Blocks| {
        blocks.all().iter().map(|block| block.meta().stats.num_tombstones).collect::<Vec<_>>()
    };
    assert_eq!(stones(&open(&host)), [2, 1, 0, 0]);
    blocks.clean_tombstones(&options()).unwrap();
    assert_eq!(stones(&blocks), [0, 0, 0, 0]);
    assert!(read_cleanly(&blocks) == all);
    let meta = blocks.all()[0].meta();
    assert_eq!((meta.compaction.level, meta.compaction.parents.len()), (1, 1));

    // All of a block: it goes.
    blocks.delete(TimeRange { min_ms: 0, max_ms: 2 * HOUR_MS - 1 }, &[]).unwrap();
    blocks.clean_tombstones(&options()).unwrap();
    assert_eq!(hours(&blocks), [(2, 4), (4, 6), (6, 8)]);
    all.values_mut().for_each(|samples| samples.retain(|time, _| *time >= 2 * HOUR_MS));
    all.retain(|_, samples| !samples.is_empty());
    assert!(read_cleanly(&open(&host)) == all);
}

#[test]
fn linked_blocks_stay_as_they_were() {
    let host = Simulation::new(1).host();
    let all = four_blocks(&host);
    let blocks = open(&host);
    blocks.link(Path::new("snapshot")).unwrap();
    blocks.delete(TimeRange::ALL, &[Matcher::equal("job", "b")]).unwrap();
    compact(&blocks, &options()).unwrap();
    assert!(read_cleanly(&blocks) != all);
    let copy = Blocks::open(&host, Path::new("snapshot")).unwrap();
    assert!(read_cleanly(&copy) == all);
    assert!(Arc::ptr_eq(&copy.all()[0], &copy.overlapping(TimeRange { min_ms: 0, max_ms: 5 })[0]));
}
