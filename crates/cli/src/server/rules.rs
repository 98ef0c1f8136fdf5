//! The rules of the server: read from files, evaluated on threads of their own.

use std::fs;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use narthex_config::{Config, NameValidation};
use narthex_host::SystemClock;
use narthex_promql::{Engine, EngineOptions};
use narthex_promql_parser::ParseOptions;
use narthex_rules::{
    Manager, Notify, Options, Parts, ReadOptions, RuleFile, RuleFileError, Settings,
};
use narthex_server::ServerOptions;
use parking_lot::Mutex;

use super::opening::OpeningStore;
use super::periodic::Periodic;
use super::{RunError, ServerFlags};
use crate::config_file::glob;

/// Why the rules of a configuration could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum RuleLoadError {
    #[error("{file}: {source}")]
    Read { file: String, source: std::io::Error },
    #[error("{file}: {source}")]
    Rules { file: String, source: RuleFileError },
}

/// Reads the rule files that a configuration names, each with its path.
pub(super) fn load(
    config: &Config,
    parse: ParseOptions,
) -> Result<Vec<(String, RuleFile)>, RuleLoadError> {
    let mut options = ReadOptions::default();
    options.parse = parse;
    options.legacy_names = config.global.metric_name_validation_scheme == NameValidation::Legacy;
    let mut paths: Vec<_> = config.rule_files.iter().flat_map(|pattern| glob(pattern)).collect();
    // A file that two patterns name is read once.
    paths.sort();
    paths.dedup();
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let file = path.to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)
            .map_err(|source| RuleLoadError::Read { file: file.clone(), source })?;
        let rules = RuleFile::read(&text, &options)
            .map_err(|source| RuleLoadError::Rules { file: file.clone(), source })?;
        if rules.has_more_documents {
            tracing::warn!(
                file,
                "Multiple document yaml rules files are not supported, only the first document is processed"
            );
        }
        files.push((file, rules));
    }
    Ok(files)
}

/// The engine of the rules, and its threads.
pub(super) struct Rules {
    manager: Arc<Manager>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is to be evaluated once the store is there.
    waiting: Option<(Vec<(String, RuleFile)>, Settings)>,
    is_started: bool,
    is_stopped: bool,
    threads: Vec<JoinHandle<()>>,
    overdue: Option<Periodic>,
}

impl Rules {
    /// Returns the engine, which evaluates nothing yet.
    pub(super) fn new(
        store: Arc<OpeningStore>,
        notify: Arc<dyn Notify>,
        flags: &ServerFlags,
        features: RuleFeatures,
        server: &ServerOptions,
    ) -> Self {
        let mut engine = EngineOptions::default();
        engine.lookback_delta_ms =
            i64::try_from(flags.lookback_delta.as_millis()).unwrap_or(i64::MAX);
        engine.max_samples = flags.query_samples_max;
        engine.delayed_name_removal = server.delayed_name_removal;
        engine.type_and_unit_labels = server.type_and_unit_labels;
        engine.use_start_timestamps = server.use_start_timestamps;
        let mut options = Options::default();
        options.outage_tolerance = flags.rules_outage_tolerance;
        options.for_grace_period = flags.rules_for_grace_period;
        options.resend_delay = flags.rules_resend_delay;
        if features.concurrent {
            options.concurrent_rules_max = flags.rules_concurrent_max;
        }
        options.query_timeout = flags.query_timeout;
        options.query_bytes_max = server.query_bytes_max;
        options.parse = server.parse;
        options.external_url = server.external_url.clone();
        let parts = Parts {
            engine: Engine::new(engine),
            queryable: store.clone(),
            appendable: store,
            notify,
            clock: Arc::new(SystemClock::default()),
        };
        let manager = Arc::new(Manager::new(parts, options));
        Self { manager, state: Mutex::default() }
    }

    pub(super) fn manager(&self) -> &Arc<Manager> {
        &self.manager
    }

    /// Evaluates these rules from now on, or from the start on.
    pub(super) fn apply(&self, files: &[(String, RuleFile)], config: &Config) {
        let mut settings = Settings::default();
        settings.interval = config.global.evaluation_interval;
        settings.query_offset = config.global.rule_query_offset;
        settings.external_labels = config.global.external_labels.clone();
        let mut state = self.state.lock();
        if state.is_started {
            self.update(files, settings);
        } else {
            state.waiting = Some((files.to_vec(), settings));
        }
    }

    fn update(&self, files: &[(String, RuleFile)], settings: Settings) {
        let files: Vec<_> =
            files.iter().map(|(file, rules)| (file.as_str(), rules.clone())).collect();
        self.manager.update(&files, settings);
    }

    /// Starts to evaluate rules. The store must have all that it is to have: alerts are restored from it.
    pub(super) fn start(&self) -> Result<(), RunError> {
        let mut state = self.state.lock();
        if state.is_started || state.is_stopped {
            return Ok(());
        }
        state.is_started = true;
        if let Some((files, settings)) = state.waiting.take() {
            self.update(&files, settings);
        }
        for _ in 0..THREADS {
            let manager = Arc::clone(&self.manager);
            let thread = std::thread::Builder::new().name("rules".to_owned());
            let thread = thread.spawn(move || manager.work()).map_err(RunError::Thread)?;
            state.threads.push(thread);
        }
        let manager = Arc::clone(&self.manager);
        let overdue = Periodic::start("rules-overdue", OVERDUE_INTERVAL, move || {
            manager.interrupt_overdue();
        });
        state.overdue = Some(overdue.map_err(RunError::Thread)?);
        Ok(())
    }

    /// Ends all evaluations, and waits for those under way.
    pub(super) fn stop(&self) {
        self.manager.stop();
        let mut state = self.state.lock();
        state.is_stopped = true;
        for thread in state.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("A thread that evaluates rules panicked");
            }
        }
        if let Some(overdue) = state.overdue.take() {
            overdue.stop();
            overdue.join();
        }
    }
}

/// What features say of rules.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RuleFeatures {
    /// Whether rules of a group are evaluated at a time where they can be.
    pub(super) concurrent: bool,
}

/// How many groups are evaluated at a time: more than there are processors, for some wait for a disk.
const THREADS: usize = 8;
const OVERDUE_INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let text = "groups: [{name: g, rules: [{record: a, expr: up}]}]";
        for name in ["b.yml", "a.yml"] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let path = folder.path().display();
        let config = |files: &str| {
            let text = format!("rule_files: {files}");
            Config::load(&text, "prometheus.yml", |_| None).unwrap()
        };
        let both = config(&format!("['{path}/*.yml', '{path}/a.yml', '{path}/none*.yml']"));
        let files = load(&both, ParseOptions::default()).unwrap();
        let names: Vec<_> =
            files.iter().map(|(file, _)| file.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["a.yml", "b.yml"]);

        fs::write(folder.path().join("b.yml"), text.replace("expr: up", "expr: 'up('")).unwrap();
        let error = load(&both, ParseOptions::default()).unwrap_err().to_string();
        let expected = format!("{path}/b.yml: 1:46: group \"g\", rule 1, \"a\": could not parse");
        assert!(error.starts_with(&expected), "{error}");
    }
}
