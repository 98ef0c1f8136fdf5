mod fits;
mod round_trips;

use narthex_model::SampleTime;
use narthex_model::histogram::{Buckets, Histogram, ResetHint};

use super::{ChunkHistogram, HistogramAppended, HistogramChunk, HistogramStart};

/// A chunk without start timestamps.
const PLAIN: HistogramStart =
    HistogramStart { with_start_timestamps: false, reset: ResetHint::Unknown };

fn at(second: i64) -> SampleTime {
    SampleTime { timestamp_ms: second * 1_000, start_timestamp_ms: 0 }
}

/// A histogram with these observations in its buckets.
fn histogram(positive: &[(i32, i64)], negative: &[(i32, i64)]) -> Histogram {
    let zero_count = 2;
    let observations = positive.iter().chain(negative).map(|(_, count)| count.unsigned_abs());
    Histogram {
        schema: 1,
        zero_threshold: 0.125,
        zero_count,
        count: zero_count + observations.sum::<u64>(),
        sum: 18.4,
        positive: differences(positive),
        negative: differences(negative),
        ..Histogram::default()
    }
}

fn differences(buckets: &[(i32, i64)]) -> Buckets<i64> {
    let mut before = 0;
    let difference = |(index, count): &(i32, i64)| {
        let difference = count - before;
        before = *count;
        (*index, difference)
    };
    buckets.iter().map(difference).collect()
}

/// Appends all histograms, to new chunks where they must be, as a head does.
fn chunks<H: ChunkHistogram>(
    with_start_timestamps: bool,
    samples: &[(SampleTime, H)],
) -> Vec<HistogramChunk<H>> {
    let mut chunks: Vec<HistogramChunk<H>> = Vec::new();
    for (time, histogram) in samples {
        let reset = match chunks.last_mut().map(|chunk| chunk.append(*time, histogram)) {
            None => HistogramChunk::first_reset(histogram),
            Some(HistogramAppended::Elsewhere(reset)) => reset,
            Some(_) => continue,
        };
        let start = HistogramStart { with_start_timestamps, reset };
        chunks.push(HistogramChunk::start(start, *time, histogram));
    }
    chunks
}
