use narthex_exposition::{
    Entry, PageFormat, PageReader, ParseError, ParseErrorKind, ReadOptions, SampleEntry,
};
use narthex_model::{Exemplar, Labels, LabelsBuilder, SampleTime, is_stale_nan};
use narthex_relabel::{Verdict, process};
use narthex_storage::{AppendError, Appender, ExemplarError, SeriesKey, SeriesRef};

use super::family::Family;
use super::start_times::{Since, StartTimes};
use super::value::Limited;
use super::{Scraped, Settings, labels};
use crate::ScrapeError;
use crate::cache::{Seen, SeriesCache};
use crate::metadata::MetadataCache;
use crate::series_limit::SeriesShare;

/// Appends every sample of a page, up to the first error.
///
/// # Source
///
/// `scrapeLoopAppenderV2.append` in Prometheus `scrape/scrape_append_v2.go`.
pub(super) fn append(
    page: &[u8],
    format: PageFormat,
    options: ReadOptions,
    cache: &mut SeriesCache,
    mut sink: Sink<'_, '_>,
) -> Result<(), ScrapeError> {
    let expects_lines = cache.start_page(format);
    let mut line_before = "";
    let mut reader = PageReader::new(page, format, options);
    loop {
        // In steady state every line of a sample ends here: compared, not parsed.
        if expects_lines
            && let Some(expected) = cache.expect_in(line_before, reader.upcoming())
            && let Some(sample) = reader.next_known(expected.size)
        {
            let seen = cache.see_expected(expected);
            line_before = sample.series;
            sink.append_seen(&sample, seen, cache)?;
            continue;
        }
        match reader.next_entry().transpose().inspect_err(|error| sink.count_bad_name(error))? {
            None => break,
            Some(Entry::Sample(sample)) => match cache.see(line_before, sample.series) {
                Some(seen) => sink.append_seen(&sample, seen, cache)?,
                None => match sink.append_new(&sample)? {
                    New::Dropped => _ = cache.insert(sample.series, None),
                    New::Refused => {}
                    New::Stored(series) => {
                        let index = cache.insert(sample.series, Some(series));
                        if sink.goes_stale(&sample) {
                            cache.track(index);
                        }
                    }
                },
            },
            Some(Entry::Help { name, text }) => {
                let is_news = sink.metadata.set_help(name, &text.unescape());
                sink.family.set(name, is_news);
            }
            Some(Entry::Type { name, metric_type }) => {
                let is_news = sink.metadata.set_type(name, metric_type);
                sink.family.set(name, is_news);
            }
            Some(Entry::Unit { name, unit }) => {
                let is_news = sink.metadata.set_unit(name, unit);
                sink.family.set(name, is_news);
                sink.family.set_unit(unit);
            }
            Some(_) => {}
        }
    }
    // Only now, so that the report counts all samples of the page.
    if sink.over_sample_limit() {
        return Err(ScrapeError::SampleLimit);
    }
    if sink.over_bucket_limit { Err(ScrapeError::BucketLimit) } else { Ok(()) }
}

/// Where the samples of a page go.
pub(super) struct Sink<'a, 'store> {
    pub(super) appender: &'a mut (dyn Appender + 'store),
    pub(super) settings: &'a Settings,
    pub(super) target: &'a Labels,
    pub(super) metadata: &'a MetadataCache,
    pub(super) share: &'a mut SeriesShare,
    pub(super) builder: &'a mut LabelsBuilder,
    pub(super) timestamp_ms: i64,
    pub(super) scraped: &'a mut Scraped,
    pub(super) family: &'a mut Family,
    /// Those of the sample that is being stored; empty between samples.
    pub(super) exemplars: &'a mut Vec<Exemplar>,
    pub(super) start_times: &'a mut StartTimes,
    /// Samples that count against the limit, so far.
    pub(super) limited_samples: u64,
    /// Whether a histogram had too many buckets.
    pub(super) over_bucket_limit: bool,
}

/// What became of a series that the page before did not have.
enum New {
    /// Relabelling drops it.
    Dropped,
    /// Its sample was refused. The series is not kept: it has nothing that could go stale.
    Refused,
    Stored(SeriesRef),
}

impl Sink<'_, '_> {
    fn append_seen(
        &mut self,
        sample: &SampleEntry<'_>,
        seen: Seen,
        cache: &mut SeriesCache,
    ) -> Result<(), ScrapeError> {
        self.scraped.samples += 1;
        let Some(series) = seen.series else { return Ok(()) };
        if seen.repeated && self.own_timestamp(sample).is_none() {
            self.scraped.samples_post_relabeling += 1;
            self.scraped.duplicate_timestamp += 1;
            self.start_times.forget(sample.series);
            return Ok(());
        }
        let appended = self.append_known(sample, series)?;
        self.scraped.samples_post_relabeling += 1;
        let Some(appended) = appended else { return Ok(()) };
        if appended != series {
            cache.set_series(seen.index, appended);
        }
        if self.goes_stale(sample) {
            cache.track(seen.index);
        }
        if self.settings.features.metadata_records
            && self.family.is_news()
            && let Some(labels) = self.read_labels(sample)?
        {
            self.append_metadata(&labels, appended);
        }
        Ok(())
    }

    fn append_known(
        &mut self,
        sample: &SampleEntry<'_>,
        series: SeriesRef,
    ) -> Result<Option<SeriesRef>, ScrapeError> {
        if self.settings.features.start_timestamp_synthesis && sample.start_timestamp_ms == 0 {
            return self.append_known_since(sample, series);
        }
        self.append_value(sample, series)
    }

    /// As [`append_known`](Self::append_known), where what is stored may be what was counted since the
    /// series was first seen.
    #[cold]
    fn append_known_since(
        &mut self,
        sample: &SampleEntry<'_>,
        series: SeriesRef,
    ) -> Result<Option<SeriesRef>, ScrapeError> {
        let is_counted = self.start_times.has(sample.series)
            || self
                .read_labels(sample)?
                .is_some_and(|labels| self.family.counts(&labels, self.metadata));
        let appended = match is_counted.then(|| self.count_since(sample)) {
            None => self.append_value(sample, series)?,
            Some(Since::Nothing { .. }) => Some(series),
            Some(Since::Counted { start_ms, value }) => {
                let mut counted = *sample;
                (counted.value, counted.start_timestamp_ms) = (value.as_value(), start_ms);
                self.append_value(&counted, series)?
            }
        };
        if appended.is_none() {
            self.start_times.forget(sample.series);
        }
        Ok(appended)
    }

    fn count_since(&mut self, sample: &SampleEntry<'_>) -> Since {
        let timestamp_ms = self.own_timestamp(sample).unwrap_or(self.timestamp_ms);
        self.start_times.count(sample.series, sample.value, timestamp_ms)
    }

    fn append_value(
        &mut self,
        sample: &SampleEntry<'_>,
        series: SeriesRef,
    ) -> Result<Option<SeriesRef>, ScrapeError> {
        let Some(value) = self.admit(sample, true) else { return Ok(None) };
        match self.store(SeriesKey::Ref(series), sample, &value) {
            Err(AppendError::UnknownSeries(_)) => {
                // The store gave the series up; the text still says which it was.
                let Some(labels) = self.read_labels(sample)? else { return Ok(None) };
                let appended = self.store(SeriesKey::Labels(&labels), sample, &value);
                self.accept(appended)
            }
            appended => self.accept(appended),
        }
    }

    fn append_new(&mut self, sample: &SampleEntry<'_>) -> Result<New, ScrapeError> {
        self.scraped.samples += 1;
        let Some(labels) = self.read_labels(sample)? else { return Ok(New::Dropped) };
        if self.settings.features.start_timestamp_synthesis
            && sample.start_timestamp_ms == 0
            && self.family.counts(&labels, self.metadata)
        {
            return self.append_new_since(sample, &labels);
        }
        self.append_new_value(sample, &labels, true)
    }

    /// Appends what a series counted since it was first seen. When that is now, nothing is stored, and
    /// the series is still new to the cache with the next page.
    #[cold]
    fn append_new_since(
        &mut self,
        sample: &SampleEntry<'_>,
        labels: &Labels,
    ) -> Result<New, ScrapeError> {
        match self.count_since(sample) {
            Since::Nothing { is_new } => {
                self.scraped.samples_post_relabeling += 1;
                self.scraped.series_added += u64::from(is_new && self.is_within_limits());
                Ok(New::Refused)
            }
            Since::Counted { start_ms, value } => {
                let mut counted = *sample;
                (counted.value, counted.start_timestamp_ms) = (value.as_value(), start_ms);
                let new = self.append_new_value(&counted, labels, false)?;
                if matches!(new, New::Refused) {
                    self.start_times.forget(sample.series);
                }
                Ok(new)
            }
        }
    }

    fn append_new_value(
        &mut self,
        sample: &SampleEntry<'_>,
        labels: &Labels,
        is_added: bool,
    ) -> Result<New, ScrapeError> {
        let appended = match self.admit(sample, false) {
            None => None,
            Some(_) if !self.share.take_one() => {
                self.scraped.over_series_limit += 1;
                None
            }
            Some(value) => {
                let appended = self.store(SeriesKey::Labels(labels), sample, &value);
                self.accept(appended)?
            }
        };
        self.scraped.samples_post_relabeling += 1;
        let Some(series) = appended else { return Ok(New::Refused) };
        self.scraped.series_added += u64::from(is_added && self.is_within_limits());
        self.append_metadata(labels, series);
        Ok(New::Stored(series))
    }

    /// Returns the labels to store, or `None` where relabelling drops the series.
    fn read_labels(&mut self, sample: &SampleEntry<'_>) -> Result<Option<Labels>, ScrapeError> {
        let Settings { features, honor_labels, rules, limits, names, .. } = self.settings;
        labels::check_size(sample.series)?;
        sample.labels(self.builder)?;
        if features.type_and_unit_labels {
            self.family.add_labels(sample.metric_type, self.builder);
        }
        labels::join(self.builder, self.target, *honor_labels, sample.empty_labels());
        if process(rules, self.builder) == Verdict::Drop || self.builder.is_empty() {
            return Ok(None);
        }
        labels::check(self.builder, limits, *names)?;
        Ok(Some(self.builder.build()))
    }

    /// Returns the value to store, unless a limit refuses it: of the buckets of one histogram, or of
    /// the samples of the page, from which the end of a known series is exempt.
    fn admit<'v>(&mut self, sample: &SampleEntry<'v>, is_known: bool) -> Option<Limited<'v>> {
        let value = Limited::new(sample.value, self.settings.buckets);
        if value.is_none() {
            self.over_bucket_limit = true;
            return None;
        }
        let is_end = sample.value.as_float().is_some_and(is_stale_nan);
        self.limited_samples += u64::from(!(is_known && is_end));
        value.filter(|_| !self.over_sample_limit())
    }

    /// Stores a sample and its exemplars.
    fn store(
        &mut self,
        series: SeriesKey<'_>,
        sample: &SampleEntry<'_>,
        value: &Limited<'_>,
    ) -> Result<SeriesRef, AppendError> {
        let timestamp_ms = self.own_timestamp(sample).unwrap_or(self.timestamp_ms);
        if timestamp_ms > self.timestamp_ms.saturating_add(AHEAD_MAX_MS) {
            return Err(AppendError::OutOfBounds);
        }
        let start_timestamp_ms = sample.start_timestamp_ms;
        if start_timestamp_ms != 0 && self.settings.features.start_timestamp_zeros {
            self.store_zero(series, SampleTime { timestamp_ms, start_timestamp_ms }, value);
        }
        let time = SampleTime { timestamp_ms, start_timestamp_ms };
        let counts_from_first_sight =
            self.settings.features.start_timestamp_synthesis && self.start_times.has(sample.series);
        let stored = match counts_from_first_sight {
            // What comes late was not counted in between.
            true => self.appender.append_in_order(series, time, value.as_value())?,
            false => self.appender.append_with_start(series, time, value.as_value())?,
        };
        for exemplar in sample.exemplars() {
            // A native histogram's must say itself when it was: else it cannot be told from the same
            // one, seen before.
            let of_sample = (!value.is_histogram()).then_some(timestamp_ms);
            if let Some(timestamp_ms) = exemplar.timestamp_ms.or(of_sample) {
                exemplar.labels(self.builder);
                self.exemplars.push(Exemplar {
                    labels: self.builder.build(),
                    value: exemplar.value,
                    timestamp_ms,
                    has_own_timestamp: exemplar.timestamp_ms.is_some(),
                });
            }
        }
        if !self.exemplars.is_empty() {
            self.store_exemplars(stored);
        }
        Ok(stored)
    }

    /// Stores a zero at the time from which on a value counts, where the series is not ahead of that
    /// time. It is of use in the first scrape alone, so a refusal is no loss.
    fn store_zero(&mut self, series: SeriesKey<'_>, time: SampleTime, value: &Limited<'_>) {
        let SampleTime { timestamp_ms, start_timestamp_ms } = time;
        if start_timestamp_ms < timestamp_ms {
            let at_start = SampleTime { timestamp_ms: start_timestamp_ms, start_timestamp_ms: 0 };
            let zero = value.zero();
            let _ = self.appender.append_in_order(series, at_start, zero.as_value());
        }
    }

    /// Stores the exemplars that were gathered. Those that come late are counted only where all do:
    /// some of a set that was seen before is the rule.
    #[cold]
    fn store_exemplars(&mut self, series: SeriesRef) {
        self.exemplars.sort_by(|one, other| {
            let by_time = one.timestamp_ms.cmp(&other.timestamp_ms);
            let by_value = || one.value.total_cmp(&other.value);
            by_time.then_with(by_value).then_with(|| one.labels.cmp(&other.labels))
        });
        let mut late_count = 0;
        for exemplar in &*self.exemplars {
            let appended = self.appender.append_exemplar(series, exemplar);
            late_count += u64::from(matches!(appended, Err(ExemplarError::OutOfOrder)));
        }
        if late_count == self.exemplars.len() as u64 {
            self.scraped.exemplars_out_of_order += late_count;
        }
        self.exemplars.clear();
    }

    /// Says what the metric of a series means, where the store is to know and the family that the
    /// page named last is that of the series.
    fn append_metadata(&mut self, labels: &Labels, series: SeriesRef) {
        if self.settings.features.metadata_records
            && let Some(metadata) = self.family.metadata_of(labels, self.metadata)
            && let Err(error) = self.appender.set_metadata(series, &metadata)
        {
            tracing::debug!(%labels, %error, "metadata not stored");
        }
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
            Err(AppendError::OutOfBounds | AppendError::TooOld) => &mut self.scraped.out_of_bounds,
            Err(error) => return Err(error.into()),
        };
        *refused += 1;
        Ok(None)
    }

    fn over_sample_limit(&self) -> bool {
        let limit = self.settings.limits.sample_limit;
        limit > 0 && self.limited_samples > limit
    }

    fn is_within_limits(&self) -> bool {
        !self.over_sample_limit() && !self.over_bucket_limit
    }

    fn own_timestamp(&self, sample: &SampleEntry<'_>) -> Option<i64> {
        sample.timestamp_ms.filter(|_| self.settings.honor_timestamps)
    }

    /// Counts the sample of a series with a bad name, as the reference does: it finds out only when it
    /// has read the line.
    #[cold]
    fn count_bad_name(&mut self, error: &ParseError) {
        let is_bad_name = matches!(*error.kind, ParseErrorKind::InvalidName { .. });
        self.scraped.samples += u64::from(is_bad_name);
    }

    /// Returns whether the series ends with the first page that lacks it. A target that writes
    /// timestamps itself may leave a series out and still mean it to go on.
    fn goes_stale(&self, sample: &SampleEntry<'_>) -> bool {
        self.settings.track_timestamps_staleness
            || self.own_timestamp(sample).is_none()
            || (self.settings.features.start_timestamp_synthesis
                && self.start_times.has(sample.series))
    }
}

/// How far in the future a sample may be: ten minutes, in milliseconds.
const AHEAD_MAX_MS: i64 = 10 * 60 * 1_000;
