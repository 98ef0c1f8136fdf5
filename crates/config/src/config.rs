use std::path::{Component, Path, PathBuf};

use narthex_yaml::YamlWriteError;

use crate::alerting::AlertingConfig;
use crate::error::{ConfigError, Flaw};
use crate::file::ConfigFile;
use crate::global::{GlobalConfig, RuntimeConfig};
use crate::resolve;
use crate::scrape::ScrapeConfig;
use crate::storage::StorageConfig;

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
    /// The jobs, with distinct names, in the file's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scrape_configs: Vec<ScrapeConfig>,
    /// What of the store can be changed while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageConfig>,
}

impl Config {
    /// Returns the configuration that `text` writes.
    ///
    /// `file` is the name for error messages. `environment` looks up what `$NAME` and `${NAME}` in
    /// the values of `external_labels` stand for; a name that it does not know becomes nothing.
    ///
    /// # Errors
    ///
    /// Where the text is no YAML, has a key that Prometheus does not know or that is not supported
    /// yet, a value that does not fit, or breaks a rule across keys. The first such place is named.
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
        narthex_yaml::from_str::<ConfigFile>(text)
            .map_err(Flaw::from)
            .and_then(|parsed| resolve::config(parsed, &environment))
            .map_err(|flaw| ConfigError::new(file, flaw))
    }

    /// Makes relative paths in the configuration relative to `directory`, that of its file.
    pub fn resolve_paths(&mut self, directory: &Path) {
        for path in &mut self.rule_files {
            resolve_path(path, directory);
        }
        let of_jobs = self.scrape_configs.iter_mut().flat_map(|job| &mut job.discovery_configs);
        let alertmanagers = self.alerting.alertmanagers.iter_mut();
        for discovery in of_jobs.chain(alertmanagers.flat_map(|set| &mut set.discovery_configs)) {
            discovery.resolve_paths(directory);
        }
    }

    /// Returns the configuration as YAML, with every default, in the reference's order of keys.
    ///
    /// # Errors
    ///
    /// Where a text has no form in YAML. None that came from a file does.
    pub fn to_yaml(&self) -> Result<String, YamlWriteError> {
        narthex_yaml::to_string(self)
    }
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
