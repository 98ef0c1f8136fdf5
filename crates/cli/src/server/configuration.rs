use std::time::Duration;

use narthex_config::{Config, ConfigDefaults, RetentionConfig};
use narthex_discovery::{Job, StartError};
use narthex_rules::RuleFile;
use narthex_tsdb::Retention;

use super::ServerFlags;
use super::features;
use super::rules::{self, RuleLoadError};
use super::storage::SelectorError;
use crate::config_file::{self, ConfigFileError};

/// Why a configuration file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    File(#[from] ConfigFileError),
    #[error(transparent)]
    Discovery(#[from] StartError),
    #[error(transparent)]
    Rules(#[from] RuleLoadError),
    #[error(transparent)]
    Selector(#[from] SelectorError),
}

/// A configuration, and what is made of it before it is taken.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) retention: Retention,
    /// The rule files, each with its path.
    pub(super) rules: Vec<(String, RuleFile)>,
}

/// Reads the configuration that the flags name, with the jobs of other files that it names. `defaults`
/// hold where it says nothing.
pub(super) fn load(flags: &ServerFlags, defaults: &ConfigDefaults) -> Result<Loaded, LoadError> {
    let file = &*flags.config_file;
    tracing::info!(filename = file, "Loading configuration file");
    let mut config = config_file::read(file, defaults)?;
    config_file::add_scrape_config_files(&mut config)?;
    narthex_discovery::check(Job::of_config(&config))?;
    for part in config.not_carried_out() {
        tracing::warn!(part, "This part of the configuration is not carried out yet");
    }
    let retention = flags.storage.retention(&config)?;
    config.set_retention_default(shown(&retention));
    let rules = rules::load(&config, features::parse_options(&flags.enable_feature))?;
    Ok(Loaded { config, retention, rules })
}

/// What the configuration says about retention where its file says nothing.
fn shown(retention: &Retention) -> RetentionConfig {
    RetentionConfig {
        time: Duration::from_millis(retention.time_ms.unsigned_abs()),
        size_bytes: retention.size_bytes,
        percentage: retention.disk_percentage,
        ..RetentionConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;

    use super::*;

    fn load_file(path: &Path) -> String {
        let flag = format!("--config.file={}", path.display());
        load(&ServerFlags::parse_from(["server", &flag]), &ConfigDefaults::default())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_missing_file_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nosuch.yml");
        let error = load_file(&file);
        assert!(error.starts_with("open ") && error.contains("--config.file"), "{error}");
    }

    #[test]
    fn a_broken_file_is_named_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("broken.yml");
        std::fs::write(&file, "global:\n  scrape_intervall: 5s\n").unwrap();
        let error = load_file(&file);
        assert!(error.contains("broken.yml") && error.contains("line 2"), "{error}");
    }
}
