//! From a page to samples in the store: everything about a scrape but network and clock.

mod family;
mod labels;
mod page;
mod report;
mod start_times;
mod value;

use std::sync::Arc;
use std::time::Duration;

use narthex_config::{ScrapeConfig, ScrapeLimits};
use narthex_exposition::{PageFormat, ReadOptions, ScrapeProtocol};
use narthex_model::{Exemplar, Labels, LabelsBuilder, Metadata, STALE_NAN, SampleTime};
use narthex_relabel::{NameValidation, Rule};
use narthex_storage::{AppendError, Appendable, Appender, SampleValue, SeriesKey};

use crate::cache::SeriesCache;
use crate::content_type;
use crate::metadata::MetadataCache;
use crate::series_limit::{SeriesLimit, SeriesShare};
use crate::target::{HistogramFlags, Target, Traits};
use crate::{FetchError, ScrapeError};

use self::family::Family;
use self::page::Sink;
use self::report::{Report, Values};
use self::start_times::StartTimes;
use self::value::BucketLimits;

/// Turns the pages of one target into samples, with what must be remembered from page to page.
///
/// It knows no network and no clock, so it also serves programs that get pages in their own way.
/// Besides the samples of a page it appends staleness markers for series that vanished, and the
/// series that tell of the scrape: `up`, `scrape_duration_seconds`, `scrape_samples_scraped`,
/// `scrape_samples_post_metric_relabeling` and `scrape_series_added`.
///
/// ```
/// use narthex_config::ScrapeConfig;
/// use narthex_model::Labels;
/// use narthex_scrape::{Body, Scraper};
/// use narthex_storage::MemoryStore;
///
/// let store = MemoryStore::default();
/// let target = Labels::from_pairs([("job", "node"), ("instance", "localhost:9100")]);
/// let mut scraper = Scraper::new(&ScrapeConfig::default(), target);
/// let page = Body { content_type: "text/plain", bytes: b"load1 0.25\n" };
/// let scraped = scraper.scrape(&store, 1_000, Ok(page), || std::time::Duration::ZERO);
/// assert!(scraped.error.is_none());
/// assert_eq!(scraped.samples, 1);
/// ```
#[derive(Debug)]
pub struct Scraper {
    settings: Arc<Settings>,
    target: Labels,
    timeout: Duration,
    read_options: ReadOptions,
    cache: SeriesCache,
    share: SeriesShare,
    metadata: Arc<MetadataCache>,
    report: Report,
    family: Family,
    builder: LabelsBuilder,
    exemplars: Vec<Exemplar>,
    start_times: StartTimes,
}

/// The body of a page, uncompressed.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    /// The header `Content-Type`, or nothing.
    pub content_type: &'a str,
    /// The text.
    pub bytes: &'a [u8],
}

/// What a scrape came to.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Scraped {
    /// Why the scrape failed, if it did: no sample of the page is stored then.
    pub error: Option<ScrapeError>,
    /// Samples on the page, as far as it could be read.
    pub samples: u64,
    /// Those of them that relabelling kept, also such that the store refused.
    pub samples_post_relabeling: u64,
    /// Series that the page before did not have.
    pub series_added: u64,
    /// Samples left out because their series is ahead of them.
    pub out_of_order: u64,
    /// Samples left out because the series has another value at their time.
    pub duplicate_timestamp: u64,
    /// Samples left out because they are too old, or too far in the future.
    pub out_of_bounds: u64,
    /// Samples left out because the target, or all targets together, have too many series.
    pub over_series_limit: u64,
    /// Exemplars left out because their series is ahead of them; of a sample with several, only where
    /// it is ahead of all.
    pub exemplars_out_of_order: u64,
    /// Whether the series cache was emptied because failing scrapes filled it.
    pub cache_flush_forced: bool,
}

impl Scraped {
    /// Returns what becomes of a scrape that came to a sudden end.
    pub(crate) fn aborted() -> Self {
        Self { error: Some(ScrapeError::Aborted), ..Self::default() }
    }
}

/// What a scraper does beyond what a job's configuration says: the reference's feature flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Features {
    /// Whether samples are stored with the time from which on they count, where the page says so.
    pub start_timestamps: bool,
    /// Whether a zero is stored at that time, which makes the first increase of a counter visible.
    pub start_timestamp_zeros: bool,
    /// Whether counters that do not say since when they count are stored as counted since they were
    /// first seen.
    pub start_timestamp_synthesis: bool,
    /// Whether series get the labels `__type__` and `__unit__`.
    pub type_and_unit_labels: bool,
    /// Whether the store is told what metrics mean.
    pub metadata_records: bool,
}

/// What all targets of a job have in common.
#[derive(Debug)]
pub(crate) struct Settings {
    job_name: Box<str>,
    failure_log_file: Box<str>,
    features: Features,
    honor_labels: bool,
    honor_timestamps: bool,
    track_timestamps_staleness: bool,
    extra_metrics: bool,
    /// What a page of unknown format is taken for.
    fallback: Option<PageFormat>,
    limits: ScrapeLimits,
    buckets: BucketLimits,
    names: NameValidation,
    rules: Vec<Rule>,
}

impl Settings {
    pub(crate) fn new(config: &ScrapeConfig, features: Features) -> Self {
        Self {
            job_name: config.job_name.as_str().into(),
            failure_log_file: config.scrape_failure_log_file.as_str().into(),
            features,
            honor_labels: config.honor_labels,
            honor_timestamps: config.honor_timestamps,
            track_timestamps_staleness: config.track_timestamps_staleness,
            extra_metrics: config.extra_scrape_metrics,
            fallback: config.fallback_scrape_protocol.map(ScrapeProtocol::format),
            limits: config.limits,
            buckets: BucketLimits::new(
                config.native_histogram_bucket_limit,
                config.native_histogram_min_bucket_factor,
            ),
            names: config.metric_name_validation_scheme,
            rules: config.metric_relabel_configs.clone(),
        }
    }

    pub(crate) fn job_name(&self) -> &str {
        &self.job_name
    }

    /// Returns the file to which failed scrapes are written, if any.
    pub(crate) fn failure_log_file(&self) -> Option<&str> {
        (!self.failure_log_file.is_empty()).then_some(&*self.failure_log_file)
    }

    /// Returns how the pages of a target are read.
    fn read_options(&self, histograms: HistogramFlags) -> ReadOptions {
        let Features { start_timestamps, start_timestamp_zeros, .. } = self.features;
        ReadOptions {
            native_histograms: histograms.native,
            convert_classic_histograms: histograms.convert_classic,
            keep_classic_histograms: histograms.keep_classic,
            start_timestamps: start_timestamps || start_timestamp_zeros,
        }
    }
}

impl Scraper {
    /// Returns a scraper for a target of the job `config`, whose series get the labels `target`.
    #[must_use]
    pub fn new(config: &ScrapeConfig, target: Labels) -> Self {
        let settings = Arc::new(Settings::new(config, Features::default()));
        let traits = Traits {
            labels: target,
            timeout: config.scrape_timeout,
            histograms: HistogramFlags::of_job(config),
        };
        Self::with_settings(settings, traits, Arc::default(), Arc::new(SeriesLimit::new(0, 0)))
    }

    /// Returns a scraper for a target of the job `config`.
    #[must_use]
    pub fn for_target(config: &ScrapeConfig, target: &Target, features: Features) -> Self {
        let settings = Arc::new(Settings::new(config, features));
        let no_limit = Arc::new(SeriesLimit::new(0, 0));
        Self::with_settings(settings, Traits::of(target), Arc::default(), no_limit)
    }

    pub(crate) fn with_settings(
        settings: Arc<Settings>,
        Traits { labels, timeout, histograms }: Traits,
        metadata: Arc<MetadataCache>,
        limit: Arc<SeriesLimit>,
    ) -> Self {
        Self {
            read_options: settings.read_options(histograms),
            settings,
            target: labels,
            timeout,
            cache: SeriesCache::default(),
            share: SeriesShare::new(limit),
            metadata,
            report: Report::default(),
            family: Family::default(),
            builder: LabelsBuilder::default(),
            exemplars: Vec::new(),
            start_times: StartTimes::default(),
        }
    }

    /// Goes on under other settings, which must make the same series of the same page.
    pub(crate) fn under(self, settings: Arc<Settings>, traits: &Traits) -> Self {
        let read_options = settings.read_options(traits.histograms);
        Self { settings, read_options, timeout: traits.timeout, ..self }
    }

    /// Returns what the target said of a metric family.
    #[must_use]
    pub fn metadata(&self, family: &str) -> Option<Metadata> {
        self.metadata.get(family)
    }

    /// Returns what the target said of its metric families, in no order.
    #[must_use]
    pub fn metadata_list(&self) -> Vec<(Box<str>, Metadata)> {
        self.metadata.list()
    }

    /// Appends a page, or the end of all series where there is none, and commits.
    ///
    /// Samples get the time `timestamp_ms`, in milliseconds since the Unix epoch, unless the page
    /// says otherwise. `elapsed` is called once, when the samples are appended: it returns how long
    /// the scrape took.
    ///
    /// A page is stored as a whole or not at all; of a page that is not, those series go stale that
    /// were not read before the error.
    pub fn scrape(
        &mut self,
        store: &dyn Appendable,
        timestamp_ms: i64,
        page: Result<Body<'_>, ScrapeError>,
        elapsed: impl FnOnce() -> Duration,
    ) -> Scraped {
        let mut appender = store.appender();
        let mut scraped = Scraped::default();
        let body_size = match &page {
            Ok(body) => body.bytes.len() as f64,
            Err(ScrapeError::Fetch(FetchError::BodySizeLimit)) => -1.0,
            Err(_) => 0.0,
        };
        let result = match page {
            Ok(body) if !body.bytes.is_empty() => {
                self.append_page(&mut *appender, timestamp_ms, body, &mut scraped)
            }
            Ok(_) => Ok(false),
            Err(error) => Err(error),
        };
        if !matches!(result, Ok(true)) {
            appender.rollback();
            scraped.cache_flush_forced = self.end_series(&mut *appender, timestamp_ms);
        }
        scraped.error = result.err();
        let values = self.report_values(&scraped, body_size, elapsed());
        let stored = self
            .report
            .append(&mut *appender, &self.target, timestamp_ms, &values)
            .and_then(|()| appender.commit().map(drop));
        if let Err(error) = stored {
            tracing::error!(labels = %self.target, %error, "scrape commit failed");
            scraped.error.get_or_insert(error.into());
        }
        scraped
    }

    /// Ends all series of the target, its own included, and commits: it is not scraped any more.
    ///
    /// # Errors
    ///
    /// Where the store failed.
    pub fn end(&mut self, store: &dyn Appendable, timestamp_ms: i64) -> Result<(), AppendError> {
        let mut appender = store.appender();
        self.end_series(&mut *appender, timestamp_ms);
        let values = Values::stale(self.settings.extra_metrics);
        self.report.append(&mut *appender, &self.target, timestamp_ms, &values)?;
        appender.commit().map(drop)
    }

    /// Appends a page that is not empty.
    fn append_page(
        &mut self,
        appender: &mut dyn Appender,
        timestamp_ms: i64,
        body: Body<'_>,
        scraped: &mut Scraped,
    ) -> Result<bool, ScrapeError> {
        let format = content_type::format(body.content_type, self.settings.fallback)?;
        self.family.clear();
        let sink = Sink {
            appender,
            settings: &self.settings,
            target: &self.target,
            metadata: &self.metadata,
            share: &mut self.share,
            builder: &mut self.builder,
            timestamp_ms,
            scraped,
            family: &mut self.family,
            exemplars: &mut self.exemplars,
            start_times: &mut self.start_times,
            limited_samples: 0,
            over_bucket_limit: false,
        };
        page::append(body.bytes, format, self.read_options, &mut self.cache, sink)?;
        append_stale(appender, &self.cache, timestamp_ms)?;
        self.finish(true);
        Ok(true)
    }

    /// Ends the series of the last page: the target has none any more, or cannot be asked. Returns
    /// whether the cache was emptied.
    fn end_series(&mut self, appender: &mut dyn Appender, timestamp_ms: i64) -> bool {
        if let Err(error) = append_stale(appender, &self.cache, timestamp_ms) {
            tracing::warn!(labels = %self.target, %error, "appending staleness markers failed");
            appender.rollback();
        }
        self.finish(false)
    }

    fn finish(&mut self, good: bool) -> bool {
        self.metadata.finish(good);
        self.start_times.finish(good);
        let flush_forced = self.cache.finish(good);
        self.share.set(self.cache.series_count() as u64);
        flush_forced
    }

    fn report_values(&self, scraped: &Scraped, body_size: f64, elapsed: Duration) -> Values {
        let Settings { extra_metrics, limits, .. } = &*self.settings;
        Values {
            up: if scraped.error.is_none() { 1.0 } else { 0.0 },
            duration_s: elapsed.as_secs_f64(),
            scraped: scraped.samples as f64,
            post_relabeling: scraped.samples_post_relabeling as f64,
            series_added: scraped.series_added as f64,
            extra: extra_metrics.then_some([
                self.timeout.as_secs_f64(),
                limits.sample_limit as f64,
                body_size,
            ]),
        }
    }
}

/// Appends a staleness marker to each series that vanished. Those that the store refuses for their
/// time are left out: another scraper may have taken the target over.
fn append_stale(
    appender: &mut dyn Appender,
    cache: &SeriesCache,
    timestamp_ms: i64,
) -> Result<(), AppendError> {
    let (time, end) =
        (SampleTime { timestamp_ms, start_timestamp_ms: 0 }, SampleValue::Float(STALE_NAN));
    for series in cache.stale() {
        match appender.append_in_order(SeriesKey::Ref(series), time, end) {
            // The store gave up a series that got no samples for long: nobody looks at its end.
            Ok(_) | Err(AppendError::UnknownSeries(_)) => {}
            Err(error) if error.is_about_time() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
