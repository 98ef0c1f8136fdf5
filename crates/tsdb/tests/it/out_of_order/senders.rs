use narthex_host::{Random, SeededRandom, Simulation};
use narthex_storage::{AppendError, Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Db, WalSync};

use super::{Expected, WINDOW_MS, labels, options};
use crate::support::read_all;

/// How many samples are sent: a million where `NARTHEX_SENDERS` is `full`.
fn sample_count() -> usize {
    let is_full = std::env::var_os("NARTHEX_SENDERS").is_some_and(|value| value == "full");
    if is_full { 1_000_000 } else { 20_000 }
}

const SENDER_COUNT: usize = 4;
const SERIES_COUNT: usize = 50;
/// Samples of a commit.
const BATCH_COUNT: usize = 200;

/// What a sender's samples came to.
#[derive(Debug, Default)]
struct Sent {
    out_of_order: usize,
    duplicates: usize,
}

/// Four senders share shuffled samples of fifty series: with a window nothing of it is refused, and
/// without one what is refused is out of order. What is there is the sorted set of what was taken.
#[test]
fn senders_beside_each_other() {
    for window_ms in [0, WINDOW_MS] {
        let simulation = Simulation::new(7);
        let mut options = options(WalSync::Never);
        options.out_of_order_window_ms = window_ms;
        options.wal_segment_size_bytes = 4 << 20;
        let db = Db::open_with(simulation.host(), "data", options.clone()).unwrap();
        let samples = shuffled(sample_count());
        let share = samples.len() / SENDER_COUNT;
        let sent = std::thread::scope(|scope| {
            let senders = samples.chunks(share).map(|samples| scope.spawn(|| send(&db, samples)));
            let senders = senders.collect::<Vec<_>>().into_iter();
            senders.map(|sender| sender.join().unwrap()).collect::<Vec<_>>()
        });
        let stats = db.stats().head;
        let refused = sent.iter().map(|sent| sent.out_of_order).sum::<usize>();
        assert_eq!(sent.iter().map(|sent| sent.duplicates).sum::<usize>(), 0);
        let found = read_all(&db);
        let mut expected = Expected::default();
        samples.iter().for_each(|(number, time)| expected.add(*number, *time, *time as f64));
        let expected = expected.samples();
        if window_ms == 0 {
            assert!(refused > 0 && stats.out_of_order_samples_appended == 0, "{stats:?}");
            for (name, samples) in &found {
                let all = &expected[name];
                assert!(samples.iter().all(|sample| all.binary_search(sample).is_ok()));
            }
            let count = found.values().map(Vec::len).sum::<usize>();
            assert_eq!(count as u64, stats.samples_appended);
        } else {
            assert_eq!(refused, 0);
            assert!(found == expected, "what is there is not what was sent");
            assert_eq!(stats.samples_appended, samples.len() as u64);
            assert!(stats.out_of_order_samples_appended > 0);
            refuse_second_values(&db, &samples);
            assert!(read_all(&db) == expected, "what was refused is there");
            drop(db);
            let db = Db::open_with(simulation.host(), "data", options).unwrap();
            assert!(read_all(&db) == expected, "what is there after a restart is another");
            db.compact_out_of_order().unwrap();
            assert!(read_all(&db) == expected, "blocks and head hold another");
            assert_eq!(db.stats().blocks.loaded, 1);
        }
        println!("window {window_ms} ms: {} samples, {refused} refused", samples.len());
    }
}

/// Returns samples of all series in an order of chance, each of which comes once: series and time.
fn shuffled(count: usize) -> Vec<(usize, i64)> {
    let per_series = count / SERIES_COUNT;
    // All of it is in the window.
    let step_ms = WINDOW_MS / i64::try_from(per_series).unwrap();
    let mut samples = (0..count)
        .map(|index| (index % SERIES_COUNT, i64::try_from(index / SERIES_COUNT).unwrap() * step_ms))
        .collect::<Vec<_>>();
    let random = SeededRandom::new(30);
    for index in (1..samples.len()).rev() {
        let other = random.next_u64() % (index as u64 + 1);
        samples.swap(index, usize::try_from(other).unwrap());
    }
    samples
}

fn send(db: &Db, samples: &[(usize, i64)]) -> Sent {
    let mut sent = Sent::default();
    let mut appender = db.appender();
    let labels = (0..SERIES_COUNT).map(labels).collect::<Vec<_>>();
    for batch in samples.chunks(BATCH_COUNT) {
        for &(number, time) in batch {
            let value = SampleValue::Float(time as f64);
            match appender.append(SeriesKey::Labels(&labels[number]), time, value) {
                Ok(_) => {}
                Err(AppendError::OutOfOrder) => sent.out_of_order += 1,
                Err(AppendError::DuplicateTimestamp) => sent.duplicates += 1,
                Err(error) => panic!("{error}"),
            }
        }
        appender.commit().unwrap();
    }
    sent
}

/// The newest sample of a series has its value, and another one is refused.
fn refuse_second_values(db: &Db, samples: &[(usize, i64)]) {
    for number in 0..SERIES_COUNT {
        let of_series = samples.iter().filter(|(series, _)| *series == number);
        let newest = of_series.map(|(_, time)| *time).max().unwrap();
        let mut appender = db.appender();
        let key = labels(number);
        let other = appender.append(SeriesKey::Labels(&key), newest, SampleValue::Float(-1.0));
        assert!(matches!(other, Err(AppendError::DuplicateTimestamp)), "{other:?}");
        let same = SampleValue::Float(newest as f64);
        appender.append(SeriesKey::Labels(&key), newest, same).unwrap();
        assert_eq!(appender.commit().unwrap().samples, 0);
    }
}
