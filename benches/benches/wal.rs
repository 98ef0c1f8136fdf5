//! What a commit of 5,000 samples costs, from the samples to the operating system or to the disk.
//!
//! A commit is measured as its callers see it: encoding, checksums, compression and the write to the
//! log, and then the append to the 5,000 chunks in memory, which the log takes none of. Beside it stands
//! a plain append of as many bytes to a file, with a sync where the commit has one.
//!
//! `cargo bench --bench wal`; the folder is in `TMPDIR`, whose disk decides about syncs.

#![expect(clippy::print_stderr, reason = "a figure beside those of criterion")]

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use narthex_host::{Files, RealFiles};
use narthex_model::Labels;
use narthex_storage::{Appendable, SampleValue, SeriesKey, SeriesRef};
use narthex_tsdb::{Db, Options, WalCompression, WalSync};

const SERIES_COUNT: usize = 5_000;

/// Counters that rise by a random whole number each scrape.
struct Load {
    series: Vec<(Labels, Option<SeriesRef>, f64)>,
    time_ms: i64,
    random: u64,
}

impl Load {
    fn new(name: &str) -> Self {
        let labels = |index: usize| {
            Labels::from_pairs([
                ("__name__", name.to_owned()),
                ("instance", format!("host-{}", index / 100)),
                ("path", format!("/{}", index % 100)),
            ])
        };
        let series = (0..SERIES_COUNT).map(|index| (labels(index), None, 0.0)).collect();
        Self { series, time_ms: 0, random: 1 }
    }

    /// Appends a sample to each series. Returns how long the commit took.
    fn commit(&mut self, db: &Db) -> Duration {
        let mut appender = db.appender();
        self.time_ms += 15_000;
        for (labels, reference, value) in &mut self.series {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *value += (self.random >> 33) as f64 % 200.0;
            let key = reference.map_or(SeriesKey::Labels(labels), SeriesKey::Ref);
            let sample = SampleValue::Float(*value);
            *reference = Some(appender.append(key, self.time_ms, sample).expect("in order"));
        }
        let start = Instant::now();
        appender.commit().expect("room on the disk");
        start.elapsed()
    }
}

fn wal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wal");
    group.throughput(Throughput::Elements(SERIES_COUNT as u64));
    for wal_sync in [WalSync::Never, WalSync::Commit] {
        for compression in [WalCompression::None, WalCompression::Snappy, WalCompression::Zstd] {
            let dir = tempfile::tempdir().expect("a folder for the benchmark");
            let mut options = Options::default();
            options.wal_sync = wal_sync;
            options.wal_compression = compression;
            let db = Db::open(dir.path(), options).expect("an empty folder");
            let mut load = Load::new("requests_total");
            // The first commit names the series.
            load.commit(&db);
            let before = db.stats().wal.written_bytes;
            load.commit(&db);
            let size = db.stats().wal.written_bytes - before;
            let id = BenchmarkId::new(format!("commit/{compression:?}"), format!("{wal_sync:?}"));
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|count| (0..count).map(|_| load.commit(&db)).sum());
            });

            let bytes = vec![0x55; usize::try_from(size).expect("a few pages")];
            let path = dir.path().join("raw");
            let mut file = RealFiles.open_append(&path).expect("a folder");
            let id = BenchmarkId::new(format!("raw/{size} bytes"), format!("{wal_sync:?}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    file.append(&bytes).expect("room on the disk");
                    if wal_sync == WalSync::Commit {
                        file.sync().expect("a good disk");
                    }
                });
            });
        }
    }
    group.finish();
}

/// Eight threads commit at once: those that come while a sync runs share the next one.
fn shared_sync(criterion: &mut Criterion) {
    const THREADS: usize = 8;
    let mut group = criterion.benchmark_group("wal");
    group.throughput(Throughput::Elements((THREADS * SERIES_COUNT) as u64));
    let dir = tempfile::tempdir().expect("a folder for the benchmark");
    let mut options = Options::default();
    options.wal_sync = WalSync::Commit;
    let db = Db::open(dir.path(), options).expect("an empty folder");
    let mut loads =
        (0..THREADS).map(|thread| Load::new(&format!("thread_{thread}"))).collect::<Vec<_>>();
    group.bench_function("commit/Snappy/Commit/8 threads", |bencher| {
        bencher.iter_custom(|count| {
            let start = Instant::now();
            std::thread::scope(|scope| {
                for load in &mut loads {
                    let db = &db;
                    scope.spawn(move || (0..count).map(|_| load.commit(db)).sum::<Duration>());
                }
            });
            start.elapsed()
        });
    });
    let stats = db.stats().wal;
    eprintln!("{} records with {} syncs", stats.records, stats.syncs);
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = wal, shared_sync
}
criterion_main!(benches);
