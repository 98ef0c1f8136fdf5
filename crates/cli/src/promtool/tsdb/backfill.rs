use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use narthex_exposition::Value;
use narthex_host::Host;
use narthex_model::LabelsBuilder;
use narthex_storage::{Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Block, BlockBuilder, BlockMeta, Options};

use super::input::Page;
use super::list::{header, row};
use super::{CreateBlocksFlags, ExternalLabel, OpenMetricsFlags, TsdbError, text};
use crate::promtool::Console;

/// Makes blocks of the samples of an OpenMetrics page, one for each range of time that has some.
pub(super) fn backfill(
    input: &OpenMetricsFlags,
    flags: &CreateBlocksFlags,
    console: &mut Console<'_>,
) -> Result<(), TsdbError> {
    let page = Page::open(&input.input)?;
    let fail = |source| TsdbError::OutputDir { path: input.output.clone(), source };
    fs::create_dir_all(&input.output).map_err(fail)?;
    let Some((min_ms, max_ms)) = bounds_ms(&page)? else { return Ok(()) };
    let range_ms = block_range_ms(flags.max_block_duration.unwrap_or_default());
    let host = Host::real();
    let mut start_ms = min_ms - min_ms.rem_euclid(range_ms);
    let range_count = (max_ms.abs_diff(start_ms) / range_ms.unsigned_abs()).saturating_add(1);
    let progress = console.progress(range_count, "ranges of blocks");
    let mut wrote_header = false;
    loop {
        let (builder, next_ms) = read_range(&page, &input.labels, start_ms, range_ms)?;
        if let Some(meta) = builder.finish(&host, &input.output)?.filter(|_| !flags.quiet) {
            let mut rows = Vec::from_iter((!wrote_header).then(header));
            rows.push(row(&open(&host, &input.output, &meta)?, flags.human_readable));
            let written = progress.pause(|| {
                text::write_table(console.out(), &rows).and_then(|()| console.out().flush())
            });
            written.map_err(TsdbError::Output)?;
            wrote_header = true;
        }
        let Some(next_ms) = next_ms else { return Ok(()) };
        let next_ms = next_ms - next_ms.rem_euclid(range_ms);
        progress.advance(next_ms.abs_diff(start_ms) / range_ms.unsigned_abs());
        start_ms = next_ms;
    }
}

fn open(host: &Host, parent: &Path, meta: &BlockMeta) -> Result<Block, TsdbError> {
    Ok(Block::open(Arc::clone(&host.files), parent.join(meta.ulid.to_string()))?)
}

/// Returns the times of the oldest and the newest sample, where there is one.
fn bounds_ms(page: &Page) -> Result<Option<(i64, i64)>, TsdbError> {
    let mut bounds: Option<(i64, i64)> = None;
    page.for_each_sample(|_, timestamp_ms| {
        let (min_ms, max_ms) = bounds.unwrap_or((timestamp_ms, timestamp_ms));
        bounds = Some((min_ms.min(timestamp_ms), max_ms.max(timestamp_ms)));
        Ok(())
    })?;
    Ok(bounds)
}

/// Returns the samples of the range of time that starts at `start_ms`, and the time of the oldest
/// sample behind it.
fn read_range(
    page: &Page,
    external: &[ExternalLabel],
    start_ms: i64,
    range_ms: i64,
) -> Result<(BlockBuilder, Option<i64>), TsdbError> {
    let mut options = Options::default();
    // Samples may be older than the newest by half of it, and here by all of the block.
    options.block_range_ms = 2 * range_ms;
    let builder = BlockBuilder::new(options);
    let mut appender = builder.appender();
    let mut labels = LabelsBuilder::default();
    let (mut pending_count, mut next_ms) = (0, None::<i64>);
    page.for_each_sample(|sample, timestamp_ms| {
        let Some(offset_ms) = timestamp_ms.checked_sub(start_ms).filter(|offset| *offset >= 0)
        else {
            return Ok(());
        };
        if offset_ms >= range_ms {
            next_ms = Some(next_ms.map_or(timestamp_ms, |next_ms| next_ms.min(timestamp_ms)));
            return Ok(());
        }
        sample.labels(&mut labels)?;
        for label in external {
            labels.set(&label.name, &label.value);
        }
        let series = labels.build();
        let value = to_stored(sample.value);
        let appended = appender.append(SeriesKey::Labels(&series), timestamp_ms, value);
        appended.map_err(|source| {
            let series = series.to_string().into();
            TsdbError::Append { series, timestamp_ms, source }
        })?;
        pending_count += 1;
        if pending_count == COMMIT_COUNT {
            appender.commit().map_err(TsdbError::Commit)?;
            pending_count = 0;
        }
        Ok(())
    })?;
    appender.commit().map_err(TsdbError::Commit)?;
    drop(appender);
    Ok((builder, next_ms))
}

/// Returns how long blocks are that span at most `max`: two hours, or three times as long again and
/// again, so that compaction takes them.
fn block_range_ms(max: Duration) -> i64 {
    let lengths = (0..RANGE_COUNT).map(|step| DEFAULT_RANGE_MS * 3_i64.pow(step));
    let fits = |length: &i64| u128::from(length.unsigned_abs()) <= max.as_millis();
    lengths.take_while(fits).last().unwrap_or(DEFAULT_RANGE_MS)
}

const DEFAULT_RANGE_MS: i64 = 2 * 60 * 60 * 1_000;
/// How many lengths blocks may have, as in the reference: the last is four and a half years.
const RANGE_COUNT: u32 = 10;
/// After so many samples they are committed. Within a commit a series takes them in any order, and
/// drops what is late.
const COMMIT_COUNT: usize = 5_000;

fn to_stored(value: Value<'_>) -> SampleValue<'_> {
    match value {
        Value::Float(value) => SampleValue::Float(value),
        Value::Histogram(histogram) => SampleValue::Histogram(histogram),
        Value::FloatHistogram(histogram) => SampleValue::FloatHistogram(histogram),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::block_range_ms;

    #[test]
    fn lengths_of_blocks() {
        for (max_h, expected_h) in [
            (0, 2),
            (1, 2),
            (2, 2),
            (5, 2),
            (6, 6),
            (53, 18),
            (54, 54),
            (2_048, 1_458),
            (200_000, 39_366),
        ] {
            let max = Duration::from_secs(max_h * 3_600);
            assert_eq!(block_range_ms(max), expected_h * 3_600_000, "{max_h}h");
        }
    }
}
