//! The Prometheus server as a command: scrape, store, answer.

mod auto_reload;
mod configuration;
mod failure_log;
mod features;
mod flags;
mod opening;
mod periodic;
mod process;
mod rules;
mod signals;
mod storage;
mod upkeep;
mod web;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _};
use narthex_config::ScrapeConfig;
use narthex_discovery::TargetSets;
use narthex_host::Host;
use narthex_http::{ClientOptions, WebConfigError};
use narthex_scrape::{HttpFetch, Manager};
use narthex_server::{
    ActiveQueries, Readiness, ServeLimits, ServerOptions, ServerState, router, serve,
    write_discovery_stats, write_retention, write_rule_stats, write_scrape_stats, write_tsdb_stats,
};
use narthex_tsdb::OpenError;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

pub use flags::ServerFlags;
pub use storage::{StorageFlags, WalCompressionType};

use crate::logs;
use crate::negation::with_negations;
use configuration::LoadError;
use failure_log::FailureLogs;
use features::Options;
use opening::OpeningStore;
use process::{Flagged, Parts, Process};
use rules::Rules;
use signals::{Hangups, Stop};
use upkeep::Upkeep;
use web::Web;

/// Reads the command line of this process and runs the server until it is told to stop.
///
/// `default_config_file` is read where the command line names no configuration.
#[must_use]
pub fn main(default_config_file: &'static str) -> ExitCode {
    let command = with_negations(ServerFlags::command())
        .mut_arg("config_file", |argument| argument.default_value(default_config_file));
    let flags = command
        .try_get_matches()
        .and_then(|matches| ServerFlags::from_arg_matches(&matches))
        .unwrap_or_else(|error| error.exit());
    run(flags)
}

/// Runs the server until it is told to stop, by a signal or over HTTP.
///
/// The exit code is 0 after an orderly end, 2 where the configuration cannot be read, and 1 where
/// anything else fails. Logs go to standard error.
#[must_use]
pub fn run(flags: ServerFlags) -> ExitCode {
    logs::start(flags.log_level, flags.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(err = %error, "Unable to start the runtime");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run_until_stopped(flags));
    // A query that does not heed its interruption must not hold up the end.
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
    match ended {
        Ok(()) => {
            tracing::info!("See you next time!");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(err = error.to_string(), "{}", error.headline());
            ExitCode::from(error.exit_code())
        }
    }
}

/// Why the server could not start, or did not end well.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Configuration(#[from] LoadError),
    #[error("{file}: {source}")]
    WebConfig { file: Box<str>, source: WebConfigError },
    #[error("no address to listen on")]
    NoAddress,
    #[error("listen on {address}: {source}")]
    Listen { address: Box<str>, source: std::io::Error },
    #[error("{}", with_source(.0))]
    Open(#[from] OpenError),
    #[error("the thread that opened the storage panicked")]
    OpenPanic,
    #[error("start a thread: {0}")]
    Thread(#[source] std::io::Error),
    #[error("catch signals: {0}")]
    Signals(#[source] std::io::Error),
    #[error("{0}")]
    Serve(#[source] std::io::Error),
    #[error("{}", with_source(.0))]
    Close(#[source] narthex_tsdb::WalError),
}

impl RunError {
    fn headline(&self) -> &'static str {
        match self {
            Self::Configuration(_) => "Error loading config",
            Self::WebConfig { .. } => "Unable to validate web configuration file",
            Self::Listen { .. } | Self::NoAddress => "Unable to start web listener",
            Self::Open(_) | Self::OpenPanic => "Opening storage failed",
            Self::Thread(_) => "Unable to look after the storage",
            Self::Signals(_) => "Unable to catch signals",
            Self::Serve(_) => "Error serving HTTP",
            Self::Close(_) => "Error stopping storage",
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Configuration(_) => 2,
            _ => 1,
        }
    }
}

fn with_source(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}

async fn run_until_stopped(flags: ServerFlags) -> Result<(), RunError> {
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Starting the server");
    let mut options = Options::default();
    features::enable(&flags.enable_feature, &mut options);
    let loaded = configuration::load(&flags, &options.config_defaults)?;
    let mut stop = Stop::listen().map_err(RunError::Signals)?;
    let hangups = Hangups::listen().map_err(RunError::Signals)?;
    let Web { listeners, address, guard } = Web::open(&flags).await?;

    let store = Arc::new(OpeningStore::default());
    let secure = guard.is_secure();
    follow_flags(&mut options, &flags, address, secure);
    let Options { server, mut storage, mut scraping, exemplar_storage, .. } = options;
    let rules = Rules::new(store.clone(), Arc::new(()), &flags, options.rules, &server);
    let rules = Arc::new(rules);
    let auto_reload = options.auto_reload.then_some(flags.auto_reload_interval);
    let failure_logs = Arc::new(FailureLogs::default());
    scraping.failure_log = Some(failure_logs.clone());
    let runtime = tokio::runtime::Handle::current();
    let discovering = narthex_discovery::Options::default();
    let discovery = narthex_discovery::Manager::new(runtime.clone(), discovering);
    let discovery = Arc::new(discovery);
    let client = ClientOptions {
        allow_metadata_addresses: flags.scrape_allow_metadata_addresses,
        ..ClientOptions::default()
    };
    let fetchers = move |job: &ScrapeConfig| HttpFetch::for_job_with(job, client.clone());
    let manager = Arc::new(Manager::new(store.clone(), fetchers, runtime, scraping));
    let flagged = Flagged {
        holds_exemplars: exemplar_storage,
        float_encoding: storage.float_encoding,
        defaults: options.config_defaults,
    };
    let parts = Parts {
        manager: Arc::clone(&manager),
        discovery: Arc::clone(&discovery),
        store: store.clone(),
        rules: Arc::clone(&rules),
        failure_logs,
    };
    let process = Arc::new(Process::new(flags, loaded, parts, flagged, stop.sender()));
    storage.exemplars_max = process.exemplars_max();
    storage.out_of_order_window_ms = process.out_of_order_window_ms();
    storage.float_encoding = process.float_encoding();
    storage.stale_compaction_threshold = process.stale_compaction_threshold();
    storage.retention = process.retention();
    let range_max_ms = process.flags().storage.block_range_max_ms(&storage.retention);
    storage.compaction.range_max_ms = range_max_ms;
    let wal_sync = storage.wal_sync;
    let state = Arc::new(server_state(server, &process, &store, &manager, &discovery, &rules));
    state.set_readiness(Readiness::Starting);

    let (end_serving, serving_ends) = oneshot::channel::<()>();
    let mut limits = ServeLimits::default();
    limits.connections_max = process.flags().connections_max.max(1);
    limits.head_timeout = process.flags().read_timeout;
    let app = router(Arc::clone(&state));
    let server = tokio::spawn(serve(listeners, app, guard, limits, async move {
        // The sender is dropped where the start fails; then serving ends, too.
        let _ = serving_ends.await;
    }));
    tokio::select! {
        opened = upkeep::open(&process, storage, &store) => opened?,
        // Nothing was written yet, so nothing is lost when the opening is cut off.
        () = stop.requested() => return Ok(()),
    }
    track_queries(&state, process.flags());
    process.apply();
    let handing_over = tokio::spawn(hand_over(discovery.subscribe(), Arc::clone(&manager)));
    let mut upkeep = Upkeep::start(&store, &rules, wal_sync, process.flags())?;
    state.set_readiness(Readiness::Ready);
    tracing::info!("Server is ready to receive web requests.");

    let mut reloaders = JoinSet::new();
    reloaders.spawn(signals::reload_on(hangups, Arc::clone(&process)));
    if let Some(interval) = auto_reload {
        reloaders.spawn(auto_reload::reload_on_change(Arc::clone(&process), interval));
    }
    let worked = tokio::select! {
        () = stop.requested() => Ok(()),
        error = upkeep.failure() => Err(error),
    };
    // From here on a second signal ends the process at once.
    let impatient = tokio::spawn(stop.exit_when_requested_again());
    reloaders.abort_all();
    state.set_readiness(Readiness::Stopping);
    let ended = shut_down(&rules, &manager, end_serving, server).await;
    handing_over.abort();
    let _ = handing_over.await;
    drop((state, process, manager, discovery, rules));
    let closed = upkeep.close(store).await;
    impatient.abort();
    worked.and(ended).and(closed)
}

/// Sets what the flags say beside features.
fn follow_flags(all: &mut Options, flags: &ServerFlags, address: SocketAddr, secure: bool) {
    all.auto_reload |= flags.auto_reload;
    flags.storage.apply(&mut all.storage);
    if all.delayed_compaction {
        all.storage.compaction.delay_percent_max = flags.storage.delay_percent_max;
    }
    all.scraping.host_name = narthex_server::hostname().into();
    all.scraping.target_series_max = flags.scrape_target_series_max;
    all.scraping.series_max = flags.scrape_series_max;
    all.scraping.timestamp_tolerance = match flags.scrape_adjust_timestamps {
        true => flags.scrape_timestamp_tolerance,
        false => Duration::ZERO,
    };
    let options = &mut all.server;
    options.query_timeout = flags.query_timeout;
    options.query_concurrency_max = flags.query_concurrency_max;
    options.query_samples_max = flags.query_samples_max;
    options.query_bytes_max = or_any(flags.query_bytes_max);
    options.queries_bytes_max = or_any(flags.queries_bytes_max);
    options.lookback_delta = flags.lookback_delta;
    options.remote_write_receiver = flags.enable_remote_write_receiver;
    // The store looks after it, with a guess of its own what the time is.
    options.write_lead_max_ms = i64::MAX;
    options.lifecycle = flags.enable_lifecycle;
    options.cors_origin = flags.cors_origin.clone();
    options.external_url = process::external_url(&flags.external_url, address, secure).into();
    options.route_prefix = process::route_prefix(flags).into();
    options.listen_port = address.port();
}

fn server_state(
    options: ServerOptions,
    process: &Arc<Process>,
    store: &Arc<OpeningStore>,
    manager: &Arc<Manager>,
    discovery: &Arc<narthex_discovery::Manager>,
    rules: &Arc<Rules>,
) -> ServerState {
    let evaluated = Arc::clone(rules.manager());
    let (scraper, database) = (Arc::clone(manager), Arc::clone(store));
    let discovery = Arc::clone(discovery);
    ServerState::new(store.clone(), options)
        .with_exemplars(store.clone())
        .with_targets(manager.clone())
        .with_rules(rules.manager().clone())
        .with_status(process.clone())
        .with_lifecycle(process.clone())
        .with_collector(Box::new(move |page| write_scrape_stats(page, &scraper.stats())))
        .with_collector(Box::new(move |page| write_rule_stats(page, &evaluated.stats())))
        .with_collector(Box::new(move |page| {
            write_discovery_stats(page, "scrape", &discovery.stats());
        }))
        .with_collector(Box::new(move |page| {
            if let Some(db) = database.get() {
                write_tsdb_stats(page, &db.stats());
                write_retention(page, &db.retention());
            }
        }))
}

/// Says which queries the last process did not end, and writes those of this one to a file.
fn track_queries(state: &ServerState, flags: &ServerFlags) {
    let dir = Path::new(&*flags.storage.path);
    match ActiveQueries::open(&Host::real(), dir, flags.query_concurrency_max) {
        Ok(queries) => {
            if let Some(queries) = queries.unfinished() {
                tracing::info!(queries, "These queries didn't finish in the last run");
            }
            state.track_queries(queries);
        }
        // Queries are answered all the same, on a full disk too.
        Err(error) => tracing::warn!(err = %error, "Active queries are not written to a file"),
    }
}

/// Gives the scraper what is discovered, as long as somebody discovers.
async fn hand_over(mut discovered: watch::Receiver<TargetSets>, scraper: Arc<Manager>) {
    // What is known already is news to the scraper.
    discovered.mark_changed();
    while discovered.changed().await.is_ok() {
        let sets = Arc::clone(&discovered.borrow_and_update());
        // Relabelling a hundred thousand targets takes its time.
        tokio::task::block_in_place(|| scraper.discovered(&sets));
    }
}

/// Stops what writes to the store, and what reads from it.
async fn shut_down(
    rules: &Arc<Rules>,
    manager: &Manager,
    end_serving: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
) -> Result<(), RunError> {
    tracing::info!("Stopping rules");
    let stopping = Arc::clone(rules);
    let stopped = tokio::task::spawn_blocking(move || stopping.stop());
    if tokio::time::timeout(RULES_SHUTDOWN_TIMEOUT, stopped).await.is_err() {
        tracing::warn!("Evaluations of rules under way were cut off");
    }
    tracing::info!("Stopping scrapes");
    if tokio::time::timeout(SCRAPE_SHUTDOWN_TIMEOUT, manager.shutdown()).await.is_err() {
        tracing::warn!("Scrapes under way were cut off");
    }
    tracing::info!("Stopping the web server");
    let _ = end_serving.send(());
    match server.await {
        Ok(served) => served.map_err(RunError::Serve),
        Err(error) => Err(RunError::Serve(std::io::Error::other(error))),
    }
}

/// Returns a limit as it is given, where 0 means none.
fn or_any(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

/// How long evaluations of rules that are under way may take to finish.
const RULES_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long scrapes that are under way may take to finish.
const SCRAPE_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
