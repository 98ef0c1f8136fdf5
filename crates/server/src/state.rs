use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use narthex_exposition::TextWriter;
use narthex_model::{Matcher, Regex};
use narthex_promql_parser::ParseOptions;
use narthex_storage::{
    Appendable, ByteBudget, ExemplarQueryable, QueryContext, Queryable, SeriesExemplars,
    StorageError, TimeRange,
};
use tokio::sync::Semaphore;

use crate::active_queries::ActiveQueries;
use crate::engine::Queries;
use crate::metrics::HttpStats;
use crate::rules::RuleSource;
use crate::targets::TargetSource;
use crate::write::Writes;

/// A store that is read and written: anything that is [`Queryable`] and [`Appendable`].
pub trait Store: Queryable + Appendable {}

impl<T: Queryable + Appendable> Store for T {}

/// Writes metric families to the page at `/metrics`.
pub type Collector = Box<dyn Fn(&mut TextWriter) + Send + Sync>;

/// What the server may do and how much a request may cost. The defaults are the reference's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// How long a query may take, in the queue and evaluated; a request may ask for less.
    pub query_timeout: Duration,
    /// How many queries are evaluated at a time; the others wait.
    pub query_concurrency_max: usize,
    /// Which experimental parts of the language exist, and how long queries may be.
    pub parse: ParseOptions,
    /// Whether names are dropped at the end of a query instead of at each step:
    /// `promql-delayed-name-removal`.
    pub delayed_name_removal: bool,
    /// Whether queries treat `__type__` and `__unit__` as parts of the name:
    /// `type-and-unit-labels`.
    pub type_and_unit_labels: bool,
    /// Whether queries heed the start timestamps of samples: `use-start-timestamps`.
    pub use_start_timestamps: bool,
    /// Whether queries are answered as by the version of the reference that follows 3.14.
    pub unreleased_changes: bool,
    /// Whether `stats=all` shows the samples of each step: `promql-per-step-stats`.
    pub step_stats: bool,
    /// How many samples a query may hold in memory.
    pub query_samples_max: usize,
    /// How many bytes a query may hold, its answer until that is sent included; by default any
    /// number.
    pub query_bytes_max: usize,
    /// How many bytes all queries together may hold; by default any number.
    pub queries_bytes_max: usize,
    /// How long a sample stands for its series after its time.
    pub lookback_delta: Duration,
    /// Whether `POST /api/v1/write` takes samples.
    pub remote_write_receiver: bool,
    /// How far ahead of the time of day the samples may be that are written so, in milliseconds. The
    /// largest integer leaves it to a store that knows better whether the clock is right.
    pub write_lead_max_ms: i64,
    /// Whether `/-/reload` and `/-/quit` do anything.
    pub lifecycle: bool,
    /// Which web origins may read answers: a pattern that must match the whole `Origin` header.
    pub cors_origin: Regex,
    /// Where people reach the server, such as `https://example.org/prometheus`; empty where that is
    /// not known. Redirects lead below its path, and targets on this machine are shown under its
    /// host.
    pub external_url: Box<str>,
    /// The path in front of every route, such as `/prometheus`; mostly empty.
    pub route_prefix: Box<str>,
    /// The port that the server listens on, by which it knows itself among the targets.
    pub listen_port: u16,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            query_timeout: Duration::from_mins(2),
            query_concurrency_max: 20,
            parse: ParseOptions::default(),
            delayed_name_removal: false,
            type_and_unit_labels: false,
            use_start_timestamps: false,
            unreleased_changes: false,
            step_stats: false,
            query_samples_max: 50_000_000,
            query_bytes_max: usize::MAX,
            queries_bytes_max: usize::MAX,
            lookback_delta: Duration::from_mins(5),
            remote_write_receiver: false,
            write_lead_max_ms: 10 * 60 * 1_000,
            lifecycle: false,
            cors_origin: Regex::new(".*").expect("the pattern is valid"),
            external_url: Box::default(),
            route_prefix: Box::default(),
            listen_port: 0,
        }
    }
}

/// What the status endpoints tell of the process around the server.
pub trait Status: Send + Sync {
    /// Returns the configuration in force as YAML, secrets masked.
    fn config_yaml(&self) -> String {
        String::new()
    }

    /// Returns the flags of the process with their values, in order of their names.
    fn flags(&self) -> Vec<(Box<str>, Box<str>)> {
        Vec::new()
    }

    /// Returns whether the last reload took the new configuration, and when one last did.
    fn last_reload(&self) -> Reload {
        Reload::default()
    }

    /// Returns how often rules are evaluated, which is the step of a subquery that names none.
    fn evaluation_interval(&self) -> Duration {
        Duration::from_mins(1)
    }

    /// Returns why samples cannot be stored now, where they cannot: `/-/ready` tells it, and queries are
    /// answered all the same.
    fn append_failure(&self) -> Option<Box<str>> {
        None
    }

    /// Returns how far the store is with its write-ahead log. Until it is through, `/-/ready` says so, and
    /// requests are answered all the same.
    fn wal_replay(&self) -> WalReplay {
        WalReplay::default()
    }

    /// Returns how long samples are kept, such as `15d`; empty where nothing is deleted.
    fn storage_retention(&self) -> String {
        String::new()
    }
}

/// How the last attempt to load the configuration went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// Whether it took the new configuration.
    pub successful: bool,
    /// When an attempt last did.
    pub last_success: Option<SystemTime>,
}

/// How far a store is with its write-ahead log: numbers of segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalReplay {
    /// The first one that is read.
    pub first: u64,
    /// The last one, as far as that is known.
    pub last: u64,
    /// The one that is read now, or was last.
    pub current: u64,
    /// Whether it is not through.
    pub is_underway: bool,
}

/// What the endpoints `/-/reload` and `/-/quit` set off. Called on a thread that may block.
pub trait Lifecycle: Send + Sync {
    /// Loads the configuration again.
    ///
    /// # Errors
    ///
    /// Where the new configuration is not taken; the old one stays in force.
    fn reload(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

    /// Asks the process to end.
    fn quit(&self);
}

/// Whether the server answers queries yet, or still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Readiness {
    /// The store is being opened.
    Starting,
    /// Every endpoint answers.
    Ready,
    /// The process is about to end.
    Stopping,
}

/// Everything that the endpoints share. Embedders fill in what they have, and mount
/// [`router`](crate::router()).
pub struct ServerState {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) exemplars: Arc<dyn ExemplarQueryable>,
    pub(crate) options: ServerOptions,
    pub(crate) targets: Arc<dyn TargetSource>,
    pub(crate) rules: Arc<dyn RuleSource>,
    pub(crate) status: Arc<dyn Status>,
    pub(crate) lifecycle: Option<Arc<dyn Lifecycle>>,
    pub(crate) collectors: Vec<Collector>,
    pub(crate) queries: Arc<Queries>,
    pub(crate) active_queries: OnceLock<ActiveQueries>,
    pub(crate) query_slots: Arc<Semaphore>,
    pub(crate) query_budget: Arc<ByteBudget>,
    pub(crate) http: HttpStats,
    pub(crate) writes: Writes,
    pub(crate) started: SystemTime,
    readiness: AtomicU8,
}

impl fmt::Debug for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerState")
            .field("options", &self.options)
            .field("readiness", &self.readiness())
            .finish_non_exhaustive()
    }
}

impl ServerState {
    /// Returns the state of a server over `store` that is ready and knows nothing else.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, options: ServerOptions) -> Self {
        Self {
            store,
            exemplars: Arc::new(Nothing),
            targets: Arc::new(Nothing),
            rules: Arc::new(Nothing),
            status: Arc::new(Nothing),
            lifecycle: None,
            collectors: Vec::new(),
            queries: Arc::new(Queries::new(&options)),
            active_queries: OnceLock::new(),
            query_slots: Arc::new(Semaphore::new(options.query_concurrency_max.max(1))),
            query_budget: Arc::new(ByteBudget::new(options.queries_bytes_max)),
            http: HttpStats::default(),
            writes: Writes::default(),
            started: SystemTime::now(),
            readiness: AtomicU8::new(Readiness::Ready as u8),
            options,
        }
    }

    /// Answers `/api/v1/query_exemplars` from `exemplars`: mostly the store once more.
    #[must_use]
    pub fn with_exemplars(mut self, exemplars: Arc<dyn ExemplarQueryable>) -> Self {
        self.exemplars = exemplars;
        self
    }

    /// Answers `/api/v1/targets` and `/api/v1/metadata` from `targets`.
    #[must_use]
    pub fn with_targets(mut self, targets: Arc<dyn TargetSource>) -> Self {
        self.targets = targets;
        self
    }

    /// Answers `/api/v1/rules` and `/api/v1/alerts` from `rules`.
    #[must_use]
    pub fn with_rules(mut self, rules: Arc<dyn RuleSource>) -> Self {
        self.rules = rules;
        self
    }

    /// Answers `/api/v1/status/…` from `status`.
    #[must_use]
    pub fn with_status(mut self, status: Arc<dyn Status>) -> Self {
        self.status = status;
        self
    }

    /// Passes `/-/reload` and `/-/quit` on to `lifecycle`, where the options allow them.
    #[must_use]
    pub fn with_lifecycle(mut self, lifecycle: Arc<dyn Lifecycle>) -> Self {
        self.lifecycle = Some(lifecycle);
        self
    }

    /// Adds to the page at `/metrics` what `collector` writes.
    #[must_use]
    pub fn with_collector(mut self, collector: Collector) -> Self {
        self.collectors.push(collector);
        self
    }

    /// Writes queries to `queries` while they run, from now on. Only the first file counts.
    pub fn track_queries(&self, queries: ActiveQueries) {
        // Whoever brought another one before has it still.
        let _ = self.active_queries.set(queries);
    }

    /// Says whether queries are answered from now on.
    pub fn set_readiness(&self, readiness: Readiness) {
        self.readiness.store(readiness as u8, Ordering::Release);
    }

    /// Returns whether queries are answered.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        match self.readiness.load(Ordering::Acquire) {
            READY => Readiness::Ready,
            STOPPING => Readiness::Stopping,
            _ => Readiness::Starting,
        }
    }
}

const READY: u8 = Readiness::Ready as u8;
const STOPPING: u8 = Readiness::Stopping as u8;

/// The process of a server that scrapes nothing and was started by nobody in particular.
struct Nothing;

impl Status for Nothing {}

impl TargetSource for Nothing {}

impl RuleSource for Nothing {}

impl ExemplarQueryable for Nothing {
    fn exemplars(
        &self,
        _: &QueryContext,
        _: TimeRange,
        _: &[Vec<Matcher>],
    ) -> Result<Vec<SeriesExemplars>, StorageError> {
        Ok(Vec::new())
    }
}
