//! What the endpoints ask of the process around them, and what they may do to it.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use narthex_config::{ConfigDefaults, FloatChunkEncoding, TsdbConfig};
use narthex_discovery::Job;
use narthex_scrape::Manager;
use narthex_server::{Lifecycle, Reload, Status, WalReplay};
use narthex_tsdb::{Db, FloatEncoding, Retention};
use parking_lot::Mutex;

use super::configuration::Loaded;
use super::failure_log::FailureLogs;
use super::opening::OpeningStore;
use super::rules::Rules;
use super::signals::{StopRequest, StopSender};
use super::{ServerFlags, configuration, storage};

/// The running server.
pub(super) struct Process {
    flags: ServerFlags,
    parts: Parts,
    flagged: Flagged,
    stop: StopSender,
    configuration: Mutex<InForce>,
    /// Held while a reload goes on: two at a time would race.
    reloading: Mutex<()>,
}

/// What follows the configuration.
pub(super) struct Parts {
    pub(super) manager: Arc<Manager>,
    pub(super) discovery: Arc<narthex_discovery::Manager>,
    pub(super) store: Arc<OpeningStore>,
    pub(super) failure_logs: Arc<FailureLogs>,
    pub(super) rules: Arc<Rules>,
}

/// What flags say of parts that the configuration has a say in, too.
#[derive(Clone, Copy)]
pub(super) struct Flagged {
    pub(super) holds_exemplars: bool,
    /// Where the configuration does not say.
    pub(super) float_encoding: FloatEncoding,
    pub(super) defaults: ConfigDefaults,
}

/// The configuration in force, and how it came to be.
struct InForce {
    loaded: Loaded,
    reload: Reload,
}

impl Process {
    /// Returns the process with a configuration that is loaded and not applied yet.
    pub(super) fn new(
        flags: ServerFlags,
        loaded: Loaded,
        parts: Parts,
        flagged: Flagged,
        stop: StopSender,
    ) -> Self {
        let configuration = Mutex::new(InForce { loaded, reload: successful() });
        let reloading = Mutex::new(());
        Self { flags, parts, flagged, stop, configuration, reloading }
    }

    pub(super) fn flags(&self) -> &ServerFlags {
        &self.flags
    }

    /// Returns how many exemplars are to be held.
    pub(super) fn exemplars_max(&self) -> usize {
        if !self.flagged.holds_exemplars {
            return 0;
        }
        let storage = self.configuration.lock().loaded.config.storage.clone();
        usize::try_from(storage.unwrap_or_default().exemplars.unwrap_or_default().max_exemplars)
            .unwrap_or(0)
    }

    /// Returns what the store is to retain.
    pub(super) fn retention(&self) -> Retention {
        self.configuration.lock().loaded.retention.clone()
    }

    /// Returns how late samples may come, in milliseconds.
    pub(super) fn out_of_order_window_ms(&self) -> i64 {
        i64::try_from(self.tsdb_config().out_of_order_time_window.as_millis()).unwrap_or(i64::MAX)
    }

    /// Returns how chunks of floats are encoded.
    pub(super) fn float_encoding(&self) -> FloatEncoding {
        match self.tsdb_config().chunk_encoding.floats {
            None => self.flagged.float_encoding,
            Some(FloatChunkEncoding::Xor) => FloatEncoding::Xor,
            Some(FloatChunkEncoding::Xor2) => FloatEncoding::Xor2,
        }
    }

    /// Returns the share of series without samples above which they leave the head early.
    pub(super) fn stale_compaction_threshold(&self) -> f64 {
        self.tsdb_config().stale_series_compaction_threshold
    }

    fn tsdb_config(&self) -> TsdbConfig {
        let storage = self.configuration.lock().loaded.config.storage.clone();
        storage.and_then(|storage| storage.tsdb).unwrap_or_default()
    }

    /// Makes the scraper, the rules and the store follow the configuration.
    pub(super) fn apply(&self) {
        let (config, rules) = {
            let loaded = &self.configuration.lock().loaded;
            (loaded.config.clone(), loaded.rules.clone())
        };
        // The kinds were checked when the file was loaded.
        if let Err(error) = self.parts.discovery.apply(Job::of_config(&config)) {
            tracing::error!(%error, "Error starting service discovery");
        }
        self.parts.failure_logs.follow(&config);
        self.parts.manager.apply(&config);
        self.parts.rules.apply(&rules, &config);
        if let Some(db) = self.parts.store.get() {
            db.resize_exemplars(self.exemplars_max());
            db.set_retention(self.retention());
            db.set_stale_compaction_threshold(self.stale_compaction_threshold());
            if let Err(error) = db.set_float_encoding(self.float_encoding()) {
                tracing::error!(%error, "Error changing the encoding of chunks");
            }
            if let Err(error) = db.set_out_of_order_window(self.out_of_order_window_ms()) {
                tracing::error!(%error, "Error opening the window for out-of-order samples");
            }
        }
    }
}

impl Lifecycle for Process {
    fn reload(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let _reloading = self.reloading.lock();
        match configuration::load(&self.flags, &self.flagged.defaults) {
            Ok(loaded) => {
                *self.configuration.lock() = InForce { loaded, reload: successful() };
                self.apply();
                tracing::info!("Completed loading of configuration file");
                Ok(())
            }
            Err(error) => {
                self.configuration.lock().reload.successful = false;
                tracing::error!(err = error.to_string(), "Error reloading config");
                Err(error.into())
            }
        }
    }

    fn quit(&self) {
        // Nobody listens where the process is ending already.
        let _ = self.stop.send(StopRequest::Web);
    }
}

impl Status for Process {
    fn config_yaml(&self) -> String {
        let config = self.configuration.lock().loaded.config.clone();
        config.to_yaml().unwrap_or_else(|error| format!("# {error}\n"))
    }

    fn flags(&self) -> Vec<(Box<str>, Box<str>)> {
        self.flags.to_pairs()
    }

    fn last_reload(&self) -> Reload {
        self.configuration.lock().reload
    }

    fn evaluation_interval(&self) -> Duration {
        self.configuration.lock().loaded.config.global.evaluation_interval
    }

    fn append_failure(&self) -> Option<Box<str>> {
        let status = self.parts.store.get().map(Db::status)?;
        let takes_samples =
            matches!(status, narthex_tsdb::Status::Ready | narthex_tsdb::Status::Loading);
        (!takes_samples).then(|| status.to_string().into())
    }

    fn wal_replay(&self) -> WalReplay {
        let Some(db) = self.parts.store.get() else { return WalReplay::default() };
        let progress = db.replay_progress();
        let (first, last) = (progress.first_segment, progress.last_segment);
        WalReplay { first, last, current: progress.segment, is_underway: !db.is_loaded() }
    }

    fn storage_retention(&self) -> String {
        storage::show_retention(&self.retention())
    }
}

fn successful() -> Reload {
    Reload { successful: true, last_success: Some(SystemTime::now()) }
}

/// Returns the URL under which people reach the server: the flag, or what the address tells. A
/// server that only this machine reaches has none.
pub(super) fn external_url(flag: &str, address: SocketAddr, secure: bool) -> String {
    if !flag.is_empty() {
        return flag.trim_end_matches('/').to_owned();
    }
    let (ip, port) = (address.ip(), address.port());
    let scheme = if secure { "https" } else { "http" };
    let hostname = narthex_server::hostname();
    if ip.is_loopback() || hostname.is_empty() {
        String::new()
    } else if ip.is_unspecified() {
        format!("{scheme}://{hostname}:{port}")
    } else {
        format!("{scheme}://{address}")
    }
}

/// Returns the prefix of all routes: the flag, or the path of the external URL.
pub(super) fn route_prefix(flags: &ServerFlags) -> String {
    let prefix = match &flags.route_prefix {
        Some(prefix) => prefix,
        None => {
            let url = &flags.external_url;
            let rest = url.split_once("://").map_or(&**url, |(_, rest)| rest);
            rest.find('/').map_or("", |start| &rest[start..])
        }
    };
    match prefix.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn the_prefix_follows_the_external_url() {
        for (arguments, expected) in [
            (&["server"][..], ""),
            (&["server", "--web.external-url=http://x:9090/"], ""),
            (&["server", "--web.external-url=https://x/prom/"], "/prom"),
            (&["server", "--web.external-url=https://x/prom", "--web.route-prefix=/"], ""),
            (&["server", "--web.route-prefix=a/b"], "/a/b"),
        ] {
            let flags = ServerFlags::parse_from(arguments);
            assert_eq!(route_prefix(&flags), expected, "{arguments:?}");
        }
    }

    #[test]
    fn only_a_reachable_server_has_an_external_url() {
        let url = |flag: &str, address: &str| external_url(flag, address.parse().unwrap(), false);
        assert_eq!(url("", "127.0.0.1:9090"), "");
        assert_eq!(url("", "10.0.0.7:9090"), "http://10.0.0.7:9090");
        assert_eq!(url("https://x/prom/", "127.0.0.1:9090"), "https://x/prom");
        let address = "192.0.2.1:9090".parse().unwrap();
        assert_eq!(external_url("", address, true), "https://192.0.2.1:9090");
    }
}
