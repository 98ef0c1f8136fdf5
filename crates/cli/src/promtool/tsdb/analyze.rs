use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use narthex_chunk::{Encoding, decode_histograms, sample_count};
use narthex_model::METRIC_NAME_LABEL;
use narthex_model::histogram::{FloatHistogram, Histogram};
use narthex_promql_parser::parse_metric_selector;
use narthex_tsdb::{Block, BlockError, BlockMeta, EncodedChunk, IndexedSeries, ReadOnlyDb};

use super::{AnalyzeFlags, TsdbError, text};
use crate::promtool::Console;

/// Writes what a block's series have in common, and how full its chunks are.
pub(super) fn analyze(flags: &AnalyzeFlags, console: &mut Console<'_>) -> Result<(), TsdbError> {
    // An empty selector is none.
    let selector = flags.selector.as_deref().filter(|selector| !selector.is_empty());
    let matchers = selector.map(parse_metric_selector).transpose()?.unwrap_or_default();
    let block = ReadOnlyDb::open(&*flags.path)?.block(flags.block.as_deref())?;
    let meta = block.meta();
    let mut counts = Counts::new(&meta);
    let mut chunks = ChunkCounts::default();
    let series = block.indexed_series(&matchers)?;
    let progress = console.progress(series.len() as u64, "series");
    for series in series {
        let series = series?;
        counts.add(&series);
        if flags.extended {
            chunks.add(&block, &series)?;
        }
        progress.advance(1);
    }
    drop(progress);
    let out = console.out();
    let written = counts.write(&meta, selector, flags.limit, out);
    let written = written.and_then(|()| if flags.extended { chunks.write(out) } else { Ok(()) });
    written.map_err(TsdbError::Output)
}

/// What series have in common.
struct Counts {
    /// How long the block is, in milliseconds.
    range_ms: u64,
    series_count: usize,
    label_count: usize,
    /// By name and value.
    pairs: BTreeMap<Box<str>, HashMap<Box<str>, PairCount>>,
}

/// What there is to know of one name with one value.
#[derive(Clone, Copy, Default)]
struct PairCount {
    series_count: u64,
    /// For how long the series have no samples, in milliseconds, summed.
    uncovered_ms: u64,
}

impl Counts {
    fn new(meta: &BlockMeta) -> Self {
        let range_ms = meta.end_ms.abs_diff(meta.min_ms);
        Self { range_ms, series_count: 0, label_count: 0, pairs: BTreeMap::new() }
    }

    fn add(&mut self, series: &IndexedSeries) {
        self.series_count += 1;
        let covered_ms = series.bounds_ms().map_or(0, |(min_ms, max_ms)| max_ms.abs_diff(min_ms));
        let uncovered_ms = self.range_ms.wrapping_sub(covered_ms);
        for (name, value) in series.labels.iter() {
            self.label_count += 1;
            if !self.pairs.contains_key(name) {
                self.pairs.insert(name.into(), HashMap::new());
            }
            let values = self.pairs.get_mut(name).expect("it is there now");
            if !values.contains_key(value) {
                values.insert(value.into(), PairCount::default());
            }
            let pair = values.get_mut(value).expect("it is there now");
            pair.series_count += 1;
            pair.uncovered_ms = pair.uncovered_ms.wrapping_add(uncovered_ms);
        }
    }

    fn write(
        &self,
        meta: &BlockMeta,
        selector: Option<&str>,
        limit: usize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(out, "Block ID: {}", meta.ulid)?;
        writeln!(out, "Duration: {}", text::duration_ms(meta.end_ms.saturating_sub(meta.min_ms)))?;
        writeln!(out, "Total Series: {}", meta.stats.num_series)?;
        if let Some(selector) = selector {
            writeln!(out, "Matcher: {selector}")?;
        }
        writeln!(out, "Label names: {}", self.pairs.len())?;
        if selector.is_some() {
            writeln!(out, "Matched series: {}", self.series_count)?;
        }
        let pair_count = self.pairs.values().map(HashMap::len).sum::<usize>();
        writeln!(out, "Postings (unique label pairs): {pair_count}")?;
        writeln!(out, "Postings entries (total label pairs): {}", self.label_count)?;

        let mut list = |title: &str, items: &mut dyn Iterator<Item = (String, u64)>| {
            let mut items = items.collect::<Vec<_>>();
            items.sort_by(|left, right| {
                (Reverse(left.1), &left.0).cmp(&(Reverse(right.1), &right.0))
            });
            writeln!(out, "\n{title}:")?;
            let mut items = items.iter().take(limit);
            items.try_for_each(|(key, count)| writeln!(out, "{count} {key}"))
        };
        let pairs = || {
            self.pairs.iter().flat_map(|(name, values)| {
                values.iter().map(move |(value, count)| (format!("{name}={value}"), *count))
            })
        };
        let churn = |uncovered_ms| self.churn(uncovered_ms);
        let names = || self.pairs.iter().map(|(name, values)| (name.to_string(), values));
        list(
            "Label pairs most involved in churning",
            &mut pairs().map(|(pair, count)| (pair, churn(count.uncovered_ms))),
        )?;
        list(
            "Label names most involved in churning",
            &mut names().map(|(name, values)| {
                let uncovered = values.values().map(|count| count.uncovered_ms);
                (name, churn(uncovered.fold(0, u64::wrapping_add)))
            }),
        )?;
        list(
            "Most common label pairs",
            &mut pairs().map(|(pair, count)| (pair, count.series_count)),
        )?;
        list(
            "Label names with highest cumulative label value length",
            &mut names()
                .map(|(name, values)| (name, values.keys().map(|value| value.len() as u64).sum())),
        )?;
        list(
            "Highest cardinality labels",
            &mut names().map(|(name, values)| (name, values.len() as u64)),
        )?;
        let metrics = self.pairs.get(METRIC_NAME_LABEL).into_iter().flatten();
        list(
            "Highest cardinality metric names",
            &mut metrics.map(|(name, count)| (name.to_string(), count.series_count)),
        )
    }

    /// Returns how many whole blocks a time without samples is.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "as the reference counts"
    )]
    fn churn(&self, uncovered_ms: u64) -> u64 {
        (uncovered_ms as f64 / self.range_ms as f64) as u64
    }
}

/// What there is in each chunk.
#[derive(Default)]
struct ChunkCounts {
    chunk_count: usize,
    float_samples: Vec<usize>,
    float_bytes: Vec<usize>,
    histogram_samples: Vec<usize>,
    histogram_bytes: Vec<usize>,
    histogram_buckets: Vec<usize>,
}

impl ChunkCounts {
    fn add(&mut self, block: &Block, series: &IndexedSeries) -> Result<(), BlockError> {
        for chunk in block.chunks(series)? {
            let fail = |source| BlockError::Chunk { path: block.dir().to_owned(), source };
            let samples = usize::from(sample_count(chunk.encoding, &chunk.bytes).map_err(fail)?);
            self.chunk_count += 1;
            if !chunk.encoding.is_histogram() {
                self.float_samples.push(samples);
                self.float_bytes.push(chunk.bytes.len());
                continue;
            }
            self.histogram_samples.push(samples);
            self.histogram_bytes.push(chunk.bytes.len());
            self.histogram_buckets.push(bucket_count(&chunk).map_err(fail)?);
        }
        Ok(())
    }

    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\nCompaction analysis:\n")?;
        let total = self.chunk_count;
        for (title, counts) in [
            ("samples per float chunk", &mut self.float_samples),
            ("bytes per float chunk", &mut self.float_bytes),
            ("samples per histogram chunk", &mut self.histogram_samples),
            ("bytes per histogram chunk", &mut self.histogram_bytes),
            ("buckets per histogram chunk", &mut self.histogram_buckets),
        ] {
            write_distribution(title, counts, total, out)?;
        }
        Ok(())
    }
}

/// Returns how many buckets the histograms of a chunk have together.
fn bucket_count(chunk: &EncodedChunk) -> Result<usize, narthex_chunk::ChunkError> {
    let EncodedChunk { encoding, bytes, .. } = chunk;
    let all = i64::MIN..=i64::MAX;
    if matches!(encoding, Encoding::Histogram | Encoding::HistogramSt) {
        let mut histograms = Vec::<(_, Histogram)>::new();
        decode_histograms(*encoding, bytes, all, &mut histograms)?;
        let counts = histograms.iter();
        Ok(counts.map(|(_, h)| h.positive.counts.len() + h.negative.counts.len()).sum())
    } else {
        let mut histograms = Vec::<(_, FloatHistogram)>::new();
        decode_histograms(*encoding, bytes, all, &mut histograms)?;
        let counts = histograms.iter();
        Ok(counts.map(|(_, h)| h.positive.counts.len() + h.negative.counts.len()).sum())
    }
}

/// Draws how often which counts occur, of `total` chunks.
fn write_distribution(
    title: &str,
    counts: &mut [usize],
    total: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    counts.sort_unstable();
    let (Some(&min), Some(&max)) = (counts.first(), counts.last()) else {
        return writeln!(out, "{title}: N/A\n");
    };
    let average = counts.iter().sum::<usize>() / counts.len();
    writeln!(out, "{title} (min/avg/max): {min}/{average}/{max}")?;
    let Buckets { start, end, step } = Buckets::new(min, max);
    let mut buckets = vec![0_usize; (end - start) / step + 1];
    counts.iter().for_each(|count| buckets[(count - start) / step] += 1);
    let width = |number: usize| number.to_string().len();
    let (left, right) = (width(end), width(end + step));
    let count_width = width(buckets.iter().copied().max().unwrap_or_default());
    for (index, count) in buckets.iter().enumerate() {
        let (low, high) = (index * step + start + 1, (index + 1) * step + start);
        let bar = "#".repeat(100 * count / total);
        writeln!(out, "[{low:left$}, {high:right$}]: {count:count_width$} {bar}")?;
    }
    writeln!(out)
}

/// Where the bars of a distribution stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Buckets {
    start: usize,
    end: usize,
    step: usize,
}

impl Buckets {
    fn new(min: usize, max: usize) -> Self {
        let tenth = (max - min) / 10;
        let mut step = 10;
        while step < tenth && step <= 10_000 {
            step *= 10;
        }
        Self { start: min - min % step, end: max - max % step + step, step }
    }
}

#[cfg(test)]
mod tests {
    use super::Buckets;

    #[test]
    fn buckets() {
        for (min, max, start, end, step) in [
            (101, 141, 100, 150, 10),
            (1, 1, 0, 10, 10),
            (0, 100, 0, 110, 10),
            (5, 1_200, 0, 2_000, 1_000),
            (0, 5_000_000, 0, 5_100_000, 100_000),
        ] {
            assert_eq!(Buckets::new(min, max), Buckets { start, end, step }, "{min}..{max}");
        }
    }
}
