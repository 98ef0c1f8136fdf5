//! The life of one target: wait for a slot, fetch, append, and begin again.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use narthex_storage::Appendable;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::failure_log::FailureLog;
use crate::fetch::{Fetch, Fetchers, Page, Request};
use crate::schedule::Schedule;
use crate::scraper::{Features, Scraped, Settings};
use crate::series_limit::SeriesLimit;
use crate::stats::Counters;
use crate::status::{Health, LastScrape, Status};
use crate::target::{Target, Traits};
use crate::{Body, ScrapeError, Scraper};

/// What all tasks of a manager share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Appendable>,
    pub(crate) fetchers: Fetchers,
    pub(crate) runtime: Handle,
    pub(crate) counters: Counters,
    pub(crate) timestamp_tolerance: Duration,
    pub(crate) features: Features,
    pub(crate) failure_log: Option<Arc<dyn FailureLog>>,
    pub(crate) series: Arc<SeriesLimit>,
    /// Bounds the pages that are appended at the same time: more of them than there are cores would
    /// only take turns, and hold memory meanwhile. Those that are committed are not among them: they
    /// wait for a disk, which has all of them done as soon as one.
    pub(crate) appends: Arc<Semaphore>,
    pub(crate) buffers: BufferPool,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("counters", &self.counters).finish_non_exhaustive()
    }
}

/// Polls one target until told to stop.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) shared: Arc<Shared>,
    pub(crate) target: Arc<Target>,
    pub(crate) status: Arc<Status>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) request: Request,
    pub(crate) schedule: Schedule,
    /// Why the target is not asked at all: the job has more targets than it may.
    pub(crate) target_limit: Option<TargetLimit>,
    /// Tells of the manager's end.
    pub(crate) shutdown: watch::Receiver<()>,
    /// Dropped with the task, by which the manager knows that it ended.
    pub(crate) alive: mpsc::Sender<()>,
}

/// A job has more targets than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TargetLimit {
    pub(crate) target_count: usize,
    pub(crate) limit: u64,
}

/// Asks a task to stop, after the scrape that it is at.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The target is gone. Its series end, unless somebody else goes on with them.
    End,
    /// Another task takes the target over, and waits for this one.
    Replace {
        /// Receives the scraper where `keep_series`, and nothing where the series are made anew.
        successor: oneshot::Sender<Option<Scraper>>,
        /// Whether the successor makes the same series, so that none ends.
        keep_series: bool,
    },
}

impl Task {
    /// Scrapes slot by slot. `before` is the task that had the target until now.
    pub(crate) async fn run(
        mut self,
        mut stop: oneshot::Receiver<Stop>,
        before: Option<oneshot::Receiver<Option<Scraper>>>,
    ) {
        let mut shutdown = self.shutdown.clone();
        tokio::select! {
            // The manager never sends: an error says that it is gone.
            _ = shutdown.changed() => {}
            () = self.live(&mut stop, before) => {}
        }
    }

    async fn live(
        &mut self,
        stop: &mut oneshot::Receiver<Stop>,
        before: Option<oneshot::Receiver<Option<Scraper>>>,
    ) {
        let inherited = match before {
            Some(before) => before.await.ok().flatten(),
            None => None,
        };
        let mut scraped_before = inherited.is_some();
        let mut scraper = match inherited {
            Some(scraper) => scraper.under(Arc::clone(&self.settings), &Traits::of(&self.target)),
            None => self.new_scraper(),
        };
        let mut last = Last::default();
        let reason = loop {
            let slot_ns = self.schedule.next(now_ns(), last.slot_ns);
            tokio::select! {
                biased;
                reason = &mut *stop => break reason,
                late = self.wait_for(slot_ns) => self.shared.counters.observe_lateness(late),
            }
            scraper = self.scrape(scraper, slot_ns, &mut last).await;
            scraped_before = true;
        };
        match reason {
            Ok(Stop::Replace { successor, keep_series: true }) => {
                // Where nobody takes it the manager is about to end.
                let _ = successor.send(Some(scraper));
                return;
            }
            Ok(Stop::Replace { successor, keep_series: false }) => {
                let _ = successor.send(None);
            }
            Ok(Stop::End) => {}
            Err(_) => return,
        }
        if scraped_before {
            self.end_series(scraper, last.slot_ns).await;
        }
    }

    fn new_scraper(&self) -> Scraper {
        let settings = Arc::clone(&self.settings);
        let metadata = Arc::clone(&self.status.metadata);
        let series = Arc::clone(&self.shared.series);
        Scraper::with_settings(settings, Traits::of(&self.target), metadata, series)
    }

    /// Sleeps until a slot. Returns by how much the timer overslept.
    async fn wait_for(&self, slot_ns: i64) -> Duration {
        let wait = Duration::from_nanos(u64::try_from(slot_ns - now_ns()).unwrap_or(0));
        let deadline = Instant::now() + wait;
        sleep_until(deadline).await;
        deadline.elapsed()
    }

    /// Does one scrape for the slot.
    async fn scrape(&self, scraper: Scraper, slot_ns: i64, last: &mut Last) -> Scraper {
        let shared = &self.shared;
        let interval = self.target.interval;
        let started = Instant::now();
        let tolerance = shared.timestamp_tolerance;
        let timestamp_ms = self.schedule.timestamp_ms(now_ns(), slot_ns, tolerance);
        if let Some(before) = last.started.replace(started) {
            shared.counters.observe_interval(interval, started - before);
        }
        last.slot_ns = Some(slot_ns);

        let mut buffers = shared.buffers.take();
        let page = self.fetch(&mut buffers).await;
        let (scraper, scraped) = self.append(scraper, timestamp_ms, page, buffers, started).await;

        self.record(timestamp_ms, started.elapsed(), &scraped);
        let missed = started.elapsed().as_nanos() / interval.as_nanos().max(1);
        shared.counters.slots_missed.add(u64::try_from(missed).unwrap_or(u64::MAX));
        scraper
    }

    async fn fetch(&self, buffers: &mut Buffers) -> Result<Page, ScrapeError> {
        if let Some(TargetLimit { target_count, limit }) = self.target_limit {
            return Err(ScrapeError::TargetLimit { target_count, limit });
        }
        Ok(self.request.send(&*self.fetch, &mut buffers.received).await?)
    }

    /// Parses and appends on a blocking thread. The store may wait for a disk and a large page takes
    /// milliseconds of computing: on a worker of the runtime both would delay the timers and sockets
    /// of other targets. The hop costs some microseconds a page.
    async fn append(
        &self,
        mut scraper: Scraper,
        timestamp_ms: i64,
        page: Result<Page, ScrapeError>,
        mut buffers: Buffers,
        started: Instant,
    ) -> (Scraper, Scraped) {
        let shared = Arc::clone(&self.shared);
        let body_size_max = self.request.body_size_max;
        let alive = self.alive.clone();
        let (settings, target) = (Arc::clone(&self.settings), Arc::clone(&self.target));
        // Nobody closes it.
        let permit = Arc::clone(&self.shared.appends).acquire_owned().await;
        let appending = self.shared.runtime.spawn_blocking(move || {
            let Buffers { received, inflated } = &mut buffers;
            let content_type;
            let body = match page {
                Err(error) => Err(error),
                Ok(page) => {
                    let text = page.text(received, body_size_max, inflated);
                    content_type = page.content_type;
                    text.map(|bytes| Body { content_type: &content_type, bytes })
                        .map_err(ScrapeError::from)
                }
            };
            if let Err(error @ ScrapeError::Fetch(_)) = &body
                && let Some(log) = &shared.failure_log
                && let Some(file) = settings.failure_log_file()
            {
                log.log(file, settings.job_name(), &target.url, &error.to_string());
            }
            // Called behind the last sample of the page: what follows is the commit.
            let elapsed = || {
                drop(permit);
                started.elapsed()
            };
            let scraped = scraper.scrape(&*shared.store, timestamp_ms, body, elapsed);
            shared.buffers.give_back(buffers);
            // Even where the task was dropped meanwhile, the manager waits for the store's sake.
            drop(alive);
            (scraper, scraped)
        });
        appending.await.unwrap_or_else(|error| {
            tracing::error!(url = %self.target.url, %error, "scrape aborted");
            (self.new_scraper(), Scraped::aborted())
        })
    }

    fn record(&self, timestamp_ms: i64, duration: Duration, scraped: &Scraped) {
        self.shared.counters.record(scraped);
        self.shared.counters.observe_duration(duration);
        let mut last = LastScrape {
            health: Health::Up,
            error: Box::default(),
            timestamp_ms: Some(timestamp_ms),
            duration,
        };
        if let Some(error) = &scraped.error {
            tracing::debug!(url = %self.target.url, %error, "scrape failed");
            last.health = Health::Down;
            last.error = error.to_string().into();
        }
        *self.status.last.lock() = last;
    }

    /// Ends the target's series, when another server or task that took it over would have scraped
    /// it: its newer samples make the store refuse the markers.
    ///
    /// # Source
    ///
    /// `scrapeLoop.endOfRunStaleness` in Prometheus `scrape/scrape.go`: the markers get the time of
    /// the next slot, and are written one interval and a tenth later.
    async fn end_series(&self, mut scraper: Scraper, last_slot_ns: Option<i64>) {
        let slot_ns = self.schedule.next(now_ns(), last_slot_ns);
        self.wait_for(slot_ns).await;
        sleep(self.target.interval + self.target.interval / 10).await;
        let store = Arc::clone(&self.shared.store);
        let timestamp_ms = slot_ns.div_euclid(NANOS_A_MILLISECOND);
        let alive = self.alive.clone();
        let ending = self.shared.runtime.spawn_blocking(move || {
            let ended = scraper.end(&*store, timestamp_ms);
            drop(alive);
            ended
        });
        match ending.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(url = %self.target.url, %error, "stale commit failed"),
            Err(error) => tracing::error!(url = %self.target.url, %error, "stale commit aborted"),
        }
    }
}

/// What a task remembers of its last scrape.
#[derive(Debug, Default)]
struct Last {
    slot_ns: Option<i64>,
    started: Option<Instant>,
}

/// Memory for one page, which goes from scrape to scrape.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    received: Vec<u8>,
    inflated: Vec<u8>,
}

/// Buffers that no scrape uses at the moment.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    free: Mutex<Vec<Buffers>>,
}

impl BufferPool {
    fn take(&self) -> Buffers {
        self.free.lock().pop().unwrap_or_default()
    }

    fn give_back(&self, mut buffers: Buffers) {
        buffers.received.clear();
        buffers.inflated.clear();
        let mut free = self.free.lock();
        let size = buffers.received.capacity() + buffers.inflated.capacity();
        if free.len() < BUFFERS_MAX && size <= BUFFER_SIZE_MAX {
            free.push(buffers);
        }
    }
}

/// The most buffers that wait for a scrape, and the bytes of the largest that does. Nearly all pages
/// fit; for the others memory is taken anew.
const BUFFERS_MAX: usize = 16;
const BUFFER_SIZE_MAX: usize = 4 << 20;

const NANOS_A_MILLISECOND: i64 = 1_000_000;

/// Returns the time in nanoseconds since the Unix epoch.
fn now_ns() -> i64 {
    let nanos = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i128::try_from(since.as_nanos()).unwrap_or(i128::MAX),
        Err(error) => -i128::try_from(error.duration().as_nanos()).unwrap_or(i128::MAX),
    };
    i64::try_from(nanos).unwrap_or(i64::MAX)
}
