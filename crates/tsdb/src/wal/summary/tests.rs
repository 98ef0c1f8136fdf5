use std::path::Path;

use narthex_host::{Files, Simulation};
use proptest::prelude::*;

use super::gather::{Gatherer, Gist};
use super::{Coverage, RUNS_MAX, Run, Stretch, format, path, read, remove};
use crate::wal::frame::HEADER_SIZE;
use crate::wal::record::RefSample;
use crate::wal::{Apply, LogRecord, Progress, ReplayReport, Wal, replay_part};
use crate::{Options, WalCompression};

const DIR: &str = "wal";
/// So that stretches have from 32 to 128 bytes, or a few more.
const SEGMENT_SIZE: u64 = 64 << 10;

fn gist(references: &[u64], times_ms: &[i64]) -> Gist {
    let mut gist = Gist::default();
    for (&reference, &timestamp_ms) in references.iter().zip(times_ms) {
        gist.add(&RefSample { reference, timestamp_ms, start_timestamp_ms: 0, value: 1.0 });
    }
    gist
}

/// Gathers records of one time, each of the size with its references; those without are none of floats.
fn summarize(records: &[(u64, Vec<u64>)]) -> Vec<Stretch> {
    let simulation = Simulation::new(1);
    let files = simulation.files();
    files.create_dir_all(Path::new(DIR)).unwrap();
    let mut gatherer = Gatherer::new(SEGMENT_SIZE);
    let mut end = 0;
    for (number, (size, references)) in (0..).zip(records) {
        let gist = (!references.is_empty())
            .then(|| gist(references, &vec![number * 10; references.len()]));
        gatherer.add(gist.as_ref(), end..end + size, [7; HEADER_SIZE]);
        end += size;
    }
    gatherer.finish(files, Path::new(DIR), 3, end);
    read(files, Path::new(DIR), 3, end)
}

fn runs(pairs: &[(u64, u64)]) -> Vec<Run> {
    pairs.iter().map(|&(first, last)| Run { first, last }).collect()
}

#[test]
fn stretches_are_rows_of_floats_of_some_size() {
    let found = summarize(&[
        (20, vec![5, 6, 7]),
        (20, vec![6, 1, 2, 2, 9]),
        // Anything else ends it.
        (300, vec![]),
        // Too small to be listed.
        (31, vec![1]),
        (9, vec![]),
        // Long ones are split.
        (200, vec![1, 0, u64::MAX]),
        (56, vec![4]),
        (40, vec![4]),
    ]);
    let places = found.iter().map(|stretch| stretch.place.clone()).collect::<Vec<_>>();
    assert_eq!(places, [0..40, 380..580, 580..676]);
    let told = |stretch: &Stretch| {
        (stretch.records, stretch.samples, stretch.oldest_ms, stretch.newest_ms)
    };
    assert_eq!(
        found.iter().map(told).collect::<Vec<_>>(),
        [(2, 8, 0, 10), (1, 3, 50, 50), (2, 2, 60, 70)]
    );
    assert_eq!(found[0].runs, runs(&[(1, 2), (5, 7), (9, 9)]));
    assert_eq!(found[1].runs, runs(&[(0, 1), (u64::MAX, u64::MAX)]));
    assert!([1, 2, 5, 6, 7, 9].iter().all(|reference| found[0].has(*reference)));
    assert!(![0, 3, 4, 8, 10].iter().any(|reference| found[0].has(*reference)));
    assert_eq!(found[1].last_reference(), u64::MAX);
}

#[test]
fn stretches_of_scattered_series_are_not_listed() {
    let scattered = (0..=RUNS_MAX as u64).map(|number| number * 2).collect::<Vec<_>>();
    assert_eq!(summarize(&[(100, scattered.clone())]), []);
    assert_eq!(summarize(&[(100, scattered[1..].to_vec())])[0].runs.len(), RUNS_MAX);
    // In any order, as many as there are without a gap.
    let shuffled = (0..4_000_u64).map(|number| number * 7 % 4_000).collect::<Vec<_>>();
    assert_eq!(summarize(&[(100, shuffled)])[0].runs, runs(&[(0, 3_999)]));
}

#[test]
fn a_gap_in_the_segment_ends_a_stretch() {
    let simulation = Simulation::new(1);
    let files = simulation.files();
    files.create_dir_all(Path::new(DIR)).unwrap();
    let mut gatherer = Gatherer::new(SEGMENT_SIZE);
    for place in [0..50, 60..120] {
        gatherer.add(Some(&gist(&[1], &[1])), place, [7; HEADER_SIZE]);
    }
    gatherer.finish(files, Path::new(DIR), 3, 120);
    let places = read(files, Path::new(DIR), 3, 120).into_iter().map(|stretch| stretch.place);
    assert_eq!(places.collect::<Vec<_>>(), [0..50, 60..120]);
    // One of another size is not that of the segment; nor is there one where nothing was gathered.
    assert_eq!(read(files, Path::new(DIR), 3, 121), []);
    gatherer.finish(files, Path::new(DIR), 4, 120);
    let dir = files.list_dir(Path::new(DIR)).unwrap();
    assert_eq!(dir.iter().map(|entry| &*entry.name).collect::<Vec<_>>(), ["00000003.summary"]);
    remove(files, Path::new(DIR), 2).unwrap();
    assert!(files.open_read(&path(Path::new(DIR), 3)).is_ok());
    remove(files, Path::new(DIR), 3).unwrap();
    assert!(files.open_read(&path(Path::new(DIR), 3)).is_err());
}

/// Takes records, and passes over some stretches.
struct Taken {
    records: Vec<Vec<u8>>,
    stretches: u64,
    /// How many stretches are passed over before one is not.
    passes: u64,
}

impl Apply for &mut Taken {
    fn apply(&mut self, record: &[u8]) -> bool {
        self.records.push(record.to_vec());
        true
    }

    fn pass_over(&mut self, stretch: &Stretch) -> bool {
        let is_passed = self.stretches < self.passes;
        self.stretches += 1;
        (0..stretch.records).filter(|_| is_passed).for_each(|_| self.records.push(Vec::new()));
        is_passed
    }
}

/// Whoever applies a log gets each record once and in order, whatever he does not let be passed over.
#[test]
fn what_is_not_passed_over_is_read() {
    let simulation = Simulation::new(1);
    let files = simulation.files();
    files.create_dir_all(Path::new(DIR)).unwrap();
    let options = Options {
        wal_segment_size_bytes: SEGMENT_SIZE,
        wal_compression: WalCompression::None,
        ..Options::default()
    };
    let report = ReplayReport::default();
    let wal = Wal::start(&simulation.host(), DIR.into(), &report, &options).unwrap();
    let wal = wal.with_summaries();
    let mut written = Vec::new();
    for number in 0..4_000_u64 {
        // Now and then there is a record of something else, and one that fills pages.
        let size = if number % 500 == 7 { 50_000 } else { 60 };
        let bytes = [&[2][..], &number.to_be_bytes(), &vec![1; size]].concat();
        let gist = (number % 11 != 3).then(|| gist(&[4, 5], &[10, 20]));
        written.push(bytes.clone());
        wal.commit(vec![LogRecord { bytes, gist }], || ()).unwrap();
    }
    wal.finish().unwrap();
    for passes in [0, 1, 5, 100, u64::MAX] {
        let coverage = Coverage::new(vec![(4, 20), (5, 30)], i64::MIN);
        let mut taken = Taken { records: Vec::new(), stretches: 0, passes };
        let progress = Progress::default();
        let all = 0..u64::MAX;
        let report = replay_part(files, Path::new(DIR), all, &coverage, &progress, &mut taken);
        assert_eq!(report.unwrap().corruptions, []);
        assert_eq!(taken.records.len(), written.len());
        let pairs = taken.records.iter().zip(&written);
        let read = pairs.filter(|(taken, _)| !taken.is_empty());
        assert!(read.clone().all(|(taken, written)| taken == written));
        let passed_over = written.len() - read.count();
        assert!(passed_over as u64 >= passes.min(3_000), "{passed_over}");
        assert_eq!(coverage.is_over(), passes != u64::MAX);
        assert!(passes == u64::MAX || taken.stretches < passes + 20, "{}", taken.stretches);
    }
}

/// Bytes before it, its size, and so on.
type Parts = (u64, u64, [u8; HEADER_SIZE], (i64, i64), Vec<(u64, u64)>);

fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
    let run = (1..1_000_u64, prop_oneof![Just(0), 0..100_u64]);
    let runs = proptest::collection::vec(run, 1..20);
    let times = (any::<i64>(), any::<i64>());
    let parts = (0..100_u64, 1..1_000_u64, any::<[u8; HEADER_SIZE]>(), times, runs);
    proptest::collection::vec(parts, 1..10).prop_map(|items| {
        let mut end = 0;
        let stretch = |(gap, size, header, (a, b), distances): Parts| {
            let start = end + gap;
            end = start + size;
            let mut before = 0;
            let run = |(distance, length): (u64, u64)| {
                let first = before + distance;
                before = first + length;
                Run { first, last: before }
            };
            Stretch {
                place: start..end,
                header,
                records: size,
                samples: gap,
                oldest_ms: a.min(b),
                newest_ms: a.max(b),
                runs: distances.into_iter().map(run).collect(),
            }
        };
        items.into_iter().map(stretch).collect()
    })
}

fn encode(stretches: &[Stretch], segment_size: u64) -> Vec<u8> {
    let mut out = Vec::new();
    format::begin(&mut out);
    let ends = std::iter::once(0).chain(stretches.iter().map(|stretch| stretch.place.end));
    stretches.iter().zip(ends).for_each(|(stretch, end)| format::push(stretch, end, &mut out));
    format::finish(segment_size, &mut out);
    out
}

proptest! {
    #[test]
    fn a_summary_is_read_as_it_was_written(stretches in stretches()) {
        let bytes = encode(&stretches, 20_000);
        prop_assert_eq!(format::decode(&bytes, 20_000), Some(stretches));
        prop_assert_eq!(format::decode(&bytes, 20_001), None);
    }

    /// Damage that the checksum does not tell makes no sense, or says something that is in order.
    #[test]
    fn damage_is_told_or_harmless(
        stretches in stretches(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in any::<prop::sample::Index>(),
        is_cut: bool,
    ) {
        let whole = encode(&stretches, 20_000);
        let mut bytes = whole.clone();
        flips.iter().for_each(|(place, mask)| bytes[place.index(whole.len())] ^= mask);
        if is_cut {
            bytes.truncate(cut.index(whole.len()));
        }
        if bytes != whole {
            prop_assert_eq!(format::decode(&bytes, 20_000), None);
        }
        let size = bytes.len().saturating_sub(4);
        let checksum = crc32c::crc32c(&bytes[..size]).to_be_bytes();
        bytes.truncate(size);
        bytes.extend_from_slice(&checksum);
        let mut end = 0;
        for stretch in format::decode(&bytes, 20_000).unwrap_or_default() {
            prop_assert!(stretch.place.start >= end && !stretch.place.is_empty());
            prop_assert!(!stretch.runs.is_empty() && stretch.runs.is_sorted());
            end = stretch.place.end;
        }
        prop_assert!(end <= 20_000);
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(format::decode(&bytes, 100), None);
        let mut body = Vec::new();
        format::begin(&mut body);
        body.extend_from_slice(&bytes);
        format::finish(100, &mut body);
        let _ = format::decode(&body, 100);
    }

    /// A stretch is covered where each series of it is: as looking at one after the other says.
    #[test]
    fn coverage_is_that_of_each_series(
        series in proptest::collection::btree_map(0..600_u64, prop_oneof![9 => Just(100_i64), 1 => 0..100_i64], 0..600),
        spans in proptest::collection::vec((0..600_u64, 0..300_u64), 1..4),
        (oldest_ms, newest_ms) in (0..100_i64, 50..101_i64),
        min_valid_ms in prop_oneof![Just(i64::MIN), 0..120_i64],
    ) {
        let mut runs = spans.iter().map(|(first, size)| Run { first: *first, last: first + size }).collect::<Vec<_>>();
        runs.sort_unstable();
        let oldest_ms = oldest_ms.min(newest_ms);
        let stretch = Stretch { place: 0..1, header: [0; HEADER_SIZE], records: 1, samples: 1, oldest_ms, newest_ms, runs };
        let is_covered = |reference: u64| series.get(&reference).is_some_and(|until_ms| *until_ms >= newest_ms);
        let all_covered = stretch.runs.iter().all(|run| (run.first..=run.last).all(is_covered));
        let expected = newest_ms < min_valid_ms || (oldest_ms >= min_valid_ms && all_covered);
        let coverage = Coverage::new(series.clone().into_iter().collect(), min_valid_ms);
        prop_assert_eq!(coverage.has(&stretch), expected);
        coverage.end();
        prop_assert!(!coverage.has(&stretch));
        prop_assert!(!Coverage::none().has(&stretch));
    }
}
