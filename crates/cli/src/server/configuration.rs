use std::io;
use std::path::Path;

use narthex_config::{Config, ConfigError};
use narthex_discovery::{Job, StartError};
use narthex_tsdb::Retention;

use super::ServerFlags;
use super::storage::SelectorError;

/// Why a configuration file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("open {file}: {source}{}", hint(.source))]
    Read { file: Box<str>, source: io::Error },
    #[error(transparent)]
    Parse(#[from] ConfigError),
    #[error(transparent)]
    Discovery(#[from] StartError),
    #[error(transparent)]
    Selector(#[from] SelectorError),
}

/// What to do about a missing file, which is what a newcomer meets first.
fn hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::NotFound {
        "; name a configuration with --config.file=FILE"
    } else {
        ""
    }
}

/// A configuration, and what is made of it before it is taken.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) retention: Retention,
}

/// Reads the configuration that the flags name, with relative paths in it relative to its folder.
pub(super) fn load(flags: &ServerFlags) -> Result<Loaded, LoadError> {
    let file = &*flags.config_file;
    tracing::info!(filename = file, "Loading configuration file");
    let text = std::fs::read_to_string(file)
        .map_err(|source| LoadError::Read { file: file.into(), source })?;
    let environment = |name: &str| std::env::var(name).ok();
    let mut config = Config::load(&text, file, environment)?;
    config.resolve_paths(Path::new(file).parent().unwrap_or(Path::new("")));
    narthex_discovery::check(Job::of_config(&config))?;
    let retention = flags.storage.retention(&config)?;
    Ok(Loaded { config, retention })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn load_file(path: &Path) -> String {
        let flag = format!("--config.file={}", path.display());
        load(&ServerFlags::parse_from(["server", &flag])).unwrap_err().to_string()
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
