use narthex_exposition::{Entry, SampleEntry, TextReader, Value};
use narthex_model::{Labels, LabelsBuilder};
use narthex_relabel::{Verdict, process};
use narthex_storage::{AppendError, Appender, SampleValue, SeriesKey, SeriesRef};

use super::{Scraped, Settings, labels};
use crate::ScrapeError;
use crate::cache::{Seen, SeriesCache};
use crate::metadata::MetadataCache;

/// One page on its way into the store.
pub(super) struct PageAppend<'a, 'store> {
    pub(super) appender: &'a mut (dyn Appender + 'store),
    pub(super) settings: &'a Settings,
    pub(super) target: &'a Labels,
    pub(super) cache: &'a mut SeriesCache,
    pub(super) metadata: &'a MetadataCache,
    pub(super) builder: &'a mut LabelsBuilder,
    pub(super) timestamp_ms: i64,
    pub(super) scraped: &'a mut Scraped,
    /// Samples that count against the limit, so far.
    pub(super) limited_samples: u64,
}

impl PageAppend<'_, '_> {
    /// Appends every sample of the page, up to the first error.
    ///
    /// # Source
    ///
    /// `scrapeLoopAppenderV2.append` in Prometheus `scrape/scrape_append_v2.go`.
    pub(super) fn append(&mut self, page: &[u8]) -> Result<(), ScrapeError> {
        let mut reader = TextReader::new(page);
        loop {
            // In steady state every line of a sample ends here: compared, not parsed.
            if let Some(expected) = self.cache.expected()
                && let Some(sample) = reader.next_if_series(expected)
            {
                let seen = self.cache.see_expected();
                self.append_seen(&sample, seen)?;
                continue;
            }
            match reader.next().transpose()? {
                None => break,
                Some(Entry::Sample(sample)) => match self.cache.see(sample.series) {
                    Some(seen) => self.append_seen(&sample, seen)?,
                    None => self.append_new(&sample)?,
                },
                Some(Entry::Help { name, text }) => self.metadata.set_help(name, &text.unescape()),
                Some(Entry::Type { name, metric_type }) => {
                    self.metadata.set_type(name, metric_type);
                }
                Some(_) => {}
            }
        }
        // Only now, so that the report counts all samples of the page.
        if self.over_sample_limit() { Err(ScrapeError::SampleLimit) } else { Ok(()) }
    }

    fn append_seen(&mut self, sample: &SampleEntry<'_>, seen: Seen) -> Result<(), ScrapeError> {
        self.scraped.samples += 1;
        let Some(series) = seen.series else { return Ok(()) };
        self.scraped.samples_post_relabeling += 1;
        if seen.repeated && self.own_timestamp(sample).is_none() {
            self.scraped.duplicate_timestamp += 1;
            return Ok(());
        }
        let Some(appended) = self.append_known(sample, series)? else { return Ok(()) };
        if appended != series {
            self.cache.set_series(seen.index, appended);
        }
        if self.goes_stale(sample) {
            self.cache.track(seen.index);
        }
        Ok(())
    }

    fn append_known(
        &mut self,
        sample: &SampleEntry<'_>,
        series: SeriesRef,
    ) -> Result<Option<SeriesRef>, ScrapeError> {
        if !self.count_sample() {
            return Ok(None);
        }
        match self.store(SeriesKey::Ref(series), sample) {
            Err(AppendError::UnknownSeries(_)) => {
                // The store gave the series up; the text still says which it was.
                let Some(labels) = self.read_labels(sample)? else { return Ok(None) };
                let appended = self.store(SeriesKey::Labels(&labels), sample);
                self.accept(appended)
            }
            appended => self.accept(appended),
        }
    }

    fn append_new(&mut self, sample: &SampleEntry<'_>) -> Result<(), ScrapeError> {
        self.scraped.samples += 1;
        let Some(labels) = self.read_labels(sample)? else {
            self.cache.insert(sample.series, None);
            return Ok(());
        };
        self.scraped.samples_post_relabeling += 1;
        if !self.count_sample() {
            return Ok(());
        }
        let appended = self.store(SeriesKey::Labels(&labels), sample);
        // A series whose sample was refused is not kept: it has nothing that could go stale.
        let Some(series) = self.accept(appended)? else { return Ok(()) };
        let index = self.cache.insert(sample.series, Some(series));
        if self.goes_stale(sample) {
            self.cache.track(index);
        }
        self.scraped.series_added += u64::from(!self.over_sample_limit());
        Ok(())
    }

    /// Returns the labels to store, or `None` where relabelling drops the series.
    fn read_labels(&mut self, sample: &SampleEntry<'_>) -> Result<Option<Labels>, ScrapeError> {
        sample.labels(self.builder)?;
        labels::join(self.builder, self.target, self.settings.honor_labels, sample.empty_labels());
        let verdict = process(&self.settings.rules, self.builder);
        if verdict == Verdict::Drop || self.builder.is_empty() {
            return Ok(None);
        }
        labels::check(self.builder, &self.settings.limits)?;
        Ok(Some(self.builder.build()))
    }

    fn store(
        &mut self,
        series: SeriesKey<'_>,
        sample: &SampleEntry<'_>,
    ) -> Result<SeriesRef, AppendError> {
        let timestamp_ms = self.own_timestamp(sample).unwrap_or(self.timestamp_ms);
        if timestamp_ms > self.timestamp_ms.saturating_add(AHEAD_MAX_MS) {
            return Err(AppendError::OutOfBounds);
        }
        self.appender.append(series, timestamp_ms, to_stored(sample.value))
    }

    /// Counts the samples that the store refuses for their time, and passes on what ends the scrape.
    fn accept(
        &mut self,
        appended: Result<SeriesRef, AppendError>,
    ) -> Result<Option<SeriesRef>, ScrapeError> {
        let refused = match appended {
            Ok(series) => return Ok(Some(series)),
            Err(AppendError::OutOfOrder) => &mut self.scraped.out_of_order,
            Err(AppendError::DuplicateTimestamp) => &mut self.scraped.duplicate_timestamp,
            Err(AppendError::OutOfBounds | AppendError::TooOld | AppendError::TooFarAhead) => {
                &mut self.scraped.out_of_bounds
            }
            Err(error) => return Err(error.into()),
        };
        *refused += 1;
        Ok(None)
    }

    /// Returns whether one more sample may be stored.
    fn count_sample(&mut self) -> bool {
        self.limited_samples += 1;
        !self.over_sample_limit()
    }

    fn over_sample_limit(&self) -> bool {
        let limit = self.settings.limits.sample_limit;
        limit > 0 && self.limited_samples > limit
    }

    fn own_timestamp(&self, sample: &SampleEntry<'_>) -> Option<i64> {
        sample.timestamp_ms.filter(|_| self.settings.honor_timestamps)
    }

    /// Returns whether the series ends with the first page that lacks it. A target that writes
    /// timestamps itself may leave a series out and still mean it to go on.
    fn goes_stale(&self, sample: &SampleEntry<'_>) -> bool {
        self.settings.track_timestamps_staleness || self.own_timestamp(sample).is_none()
    }
}

fn to_stored(value: Value<'_>) -> SampleValue<'_> {
    match value {
        Value::Float(value) => SampleValue::Float(value),
        Value::Histogram(histogram) => SampleValue::Histogram(histogram),
        Value::FloatHistogram(histogram) => SampleValue::FloatHistogram(histogram),
    }
}

/// How far in the future a sample may be: ten minutes, in milliseconds.
const AHEAD_MAX_MS: i64 = 10 * 60 * 1_000;
