use std::path::{Component, Path, PathBuf};

use narthex_yaml::{Spanned, YamlWriteError, null_as_default};
use serde::Deserialize;

use crate::alerting::{AlertingConfig, AlertingFile};
use crate::error::{ConfigError, ConfigProblem, Flaw};
use crate::global::{GlobalConfig, GlobalFile};
use crate::list::{List, glob};
use crate::otlp::{OtlpConfig, OtlpFile};
use crate::remote_read::{self, RemoteReadConfig, RemoteReadFile};
use crate::remote_write::{self, RemoteWriteConfig, RemoteWriteFile};
use crate::runtime::{RuntimeConfig, RuntimeFile};
use crate::scrape::{Jobs, ScrapeConfig, ScrapeConfigsFile, ScrapeFile};
use crate::spans::{TracingConfig, TracingFile};
use crate::storage::{RetentionConfig, StorageConfig, StorageFile};

/// A whole configuration file, with every default filled in.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Config {
    /// What holds for all jobs and rules.
    pub global: GlobalConfig,
    /// Process settings.
    pub runtime: RuntimeConfig,
    /// Where alerts go.
    #[serde(skip_serializing_if = "AlertingConfig::is_empty")]
    pub alerting: AlertingConfig,
    /// Globs that name rule files. Only the last element of a path may hold a `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule_files: Vec<String>,
    /// Globs that name files with more jobs. Only the last element of a path may hold a `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scrape_config_files: Vec<String>,
    /// The jobs, in the file's order, and behind them those that came from other files. Their names
    /// are distinct.
    #[serde(serialize_with = "write_own_jobs", skip_serializing_if = "Vec::is_empty")]
    pub scrape_configs: Vec<ScrapeConfig>,
    /// What of the store can be changed while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageConfig>,
    /// Where spans are sent, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<TracingConfig>,
    /// Where samples are sent as they come in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_write: Vec<RemoteWriteConfig>,
    /// Which other stores queries ask.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_read: Vec<RemoteReadConfig>,
    /// How metrics of OpenTelemetry become series.
    pub otlp: OtlpConfig,
}

/// What holds where a file says nothing, as far as programs may choose it: the reference has flags for
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigDefaults {
    /// [`GlobalConfig::extra_scrape_metrics`]: false by default.
    pub extra_scrape_metrics: bool,
}

impl Config {
    /// Returns the configuration that `text` writes.
    ///
    /// `file` is the name for error messages. `environment` looks up what `$NAME` and `${NAME}` in
    /// the values of `external_labels` stand for; a name that it does not know becomes nothing.
    ///
    /// # Errors
    ///
    /// Where the text is no YAML, has a key that Prometheus does not know, a value that does not fit,
    /// or breaks a rule across keys. The first such place is named.
    ///
    /// # Source
    ///
    /// `Load` in Prometheus `config/config.go`. Unlike it, a body size limit holds by default (see
    /// [`BODY_SIZE_LIMIT_DEFAULT`](crate::BODY_SIZE_LIMIT_DEFAULT)), an unknown `scheme` is refused
    /// here rather than at each scrape, and `key: null` always counts as an absent key.
    pub fn load(
        text: &str,
        file: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        Self::load_with(text, file, environment, &ConfigDefaults::default())
    }

    /// Returns the configuration that `text` writes, as [`load`](Self::load) does, where some of what
    /// the file may leave out is as `defaults` say.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_with(
        text: &str,
        file: &str,
        environment: impl Fn(&str) -> Option<String>,
        defaults: &ConfigDefaults,
    ) -> Result<Self, ConfigError> {
        let global = GlobalConfig {
            extra_scrape_metrics: defaults.extra_scrape_metrics,
            ..GlobalConfig::default()
        };
        narthex_yaml::from_str::<ConfigFile>(text)
            .map_err(Flaw::from)
            .and_then(|parsed| parsed.resolve(&global, &environment))
            .map_err(|flaw| ConfigError::new(file, flaw))
    }

    /// Adds the jobs that `text` writes, a file that [`scrape_config_files`](Self::scrape_config_files)
    /// names. Its relative paths become relative to the folder of `path`. The jobs are not printed.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and where a job has the name of another one.
    pub fn add_scrape_config_file(&mut self, text: &str, path: &Path) -> Result<(), ConfigError> {
        let name = path.to_string_lossy();
        let added = narthex_yaml::from_str::<ScrapeConfigsFile>(text)
            .map_err(Flaw::from)
            .and_then(|parsed| self.jobs_of(parsed, &name))
            .map_err(|flaw| ConfigError::new_in_jobs(&name, flaw))?;
        let directory = path.parent().unwrap_or(Path::new(""));
        self.scrape_configs.extend(added.into_iter().map(|mut job| {
            job.resolve_paths(directory);
            job
        }));
        Ok(())
    }

    fn jobs_of(&self, file: ScrapeConfigsFile, name: &str) -> Result<Vec<ScrapeConfig>, Flaw> {
        let mut jobs = Jobs::default();
        for job in &self.scrape_configs {
            // Their names are distinct already.
            let _ = jobs.add(&job.job_name, job.file.as_deref());
        }
        jobs.resolve(file.scrape_configs, Some(name), &self.global)
    }

    /// Sets what is retained, unless the file says so itself.
    pub fn set_retention_default(&mut self, retention: RetentionConfig) {
        let tsdb = self.storage.get_or_insert_default().tsdb.get_or_insert_default();
        tsdb.retention.get_or_insert(retention);
    }

    /// Checks that an agent, which only scrapes and sends on, can carry the configuration out.
    ///
    /// # Errors
    ///
    /// [`ConfigProblem::NotForAgents`] for the first section that needs a server.
    pub fn check_agent(&self) -> Result<(), ConfigProblem> {
        let sections = [
            ("alerting", !self.alerting.is_empty()),
            ("rule_files", !self.rule_files.is_empty()),
            ("remote_read", !self.remote_read.is_empty()),
        ];
        match sections.into_iter().find(|(_, given)| *given) {
            Some((section, _)) => Err(ConfigProblem::NotForAgents { section }),
            None => Ok(()),
        }
    }

    /// Makes relative paths in the configuration relative to `directory`, that of its file.
    pub fn resolve_paths(&mut self, directory: &Path) {
        self.global.resolve_paths(directory);
        self.alerting.resolve_paths(directory);
        for path in self.rule_files.iter_mut().chain(&mut self.scrape_config_files) {
            resolve_path(path, directory);
        }
        for job in self.scrape_configs.iter_mut().filter(|job| job.file.is_none()) {
            job.resolve_paths(directory);
        }
        if let Some(tracing) = &mut self.tracing {
            tracing.resolve_paths(directory);
        }
        self.remote_write.iter_mut().for_each(|config| config.resolve_paths(directory));
        self.remote_read.iter_mut().for_each(|config| config.resolve_paths(directory));
    }

    /// Returns the configuration as YAML, with every default, in the reference's order of keys, and
    /// `<secret>` for secrets.
    ///
    /// # Errors
    ///
    /// Where a text has no form in YAML. None that came from a file does.
    pub fn to_yaml(&self) -> Result<String, YamlWriteError> {
        narthex_yaml::to_string(self)
    }
}

/// The file as it is written: every key may be absent or null.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConfigFile {
    global: Option<GlobalFile>,
    runtime: Option<RuntimeFile>,
    alerting: Option<AlertingFile>,
    #[serde(deserialize_with = "null_as_default")]
    rule_files: List<String>,
    #[serde(deserialize_with = "null_as_default")]
    scrape_config_files: List<String>,
    #[serde(deserialize_with = "null_as_default")]
    scrape_configs: List<ScrapeFile>,
    storage: Option<StorageFile>,
    tracing: Option<Spanned<TracingFile>>,
    #[serde(deserialize_with = "null_as_default")]
    remote_write: List<RemoteWriteFile>,
    #[serde(deserialize_with = "null_as_default")]
    remote_read: List<RemoteReadFile>,
    otlp: Option<OtlpFile>,
}

impl ConfigFile {
    /// Returns what holds. The sections are checked in the reference's order.
    fn resolve(
        self,
        default: &GlobalConfig,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<Config, Flaw> {
        let global = match self.global {
            Some(global) => global.resolve(default, environment)?,
            None => default.clone(),
        };
        let names = global.metric_name_validation_scheme;
        let globs = |list: List<String>, refuse: fn(Box<str>) -> ConfigProblem| {
            list.into_iter().map(|path| glob(path, refuse)).collect::<Result<_, _>>()
        };
        let storage = self.storage.map(StorageFile::resolve).transpose()?;
        let tracing = self.tracing.map(|file| file.value.resolve(file.position)).transpose()?;
        let otlp = self.otlp.unwrap_or_default();
        Ok(Config {
            runtime: self.runtime.unwrap_or_default().resolve(environment),
            rule_files: globs(self.rule_files, |path| ConfigProblem::RuleFilePath { path })?,
            scrape_config_files: globs(self.scrape_config_files, |path| {
                ConfigProblem::ScrapeConfigFilePath { path }
            })?,
            scrape_configs: Jobs::default().resolve(self.scrape_configs, None, &global)?,
            alerting: self.alerting.unwrap_or_default().resolve(names)?,
            storage,
            tracing,
            remote_write: remote_write::resolve(self.remote_write, names)?,
            remote_read: remote_read::resolve(self.remote_read)?,
            otlp: otlp.resolve(names)?,
            global,
        })
    }
}

/// Writes the jobs of the main file.
fn write_own_jobs<S: serde::Serializer>(
    jobs: &[ScrapeConfig],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(jobs.iter().filter(|job| job.file.is_none()))
}

/// Makes a relative path relative to `directory`. An empty one stays empty.
pub(crate) fn resolve_path(path: &mut String, directory: &Path) {
    if !path.is_empty() && Path::new(path).is_relative() {
        *path = join(directory, path);
    }
}

fn join(directory: &Path, path: &str) -> String {
    let joined = directory.join(path);
    let plain: PathBuf =
        joined.components().filter(|part| !matches!(part, Component::CurDir)).collect();
    plain.to_string_lossy().into_owned()
}
