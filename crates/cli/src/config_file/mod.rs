//! A configuration as it lies on disk: its file, and the files with jobs that it names.

mod glob;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

use narthex_config::{Config, ConfigDefaults, ConfigError, ConfigProblem};

pub(crate) use glob::glob;

/// Why a configuration could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigFileError {
    #[error("open {file}: {source}{}", hint(.source))]
    Read { file: Box<str>, source: io::Error },
    #[error(transparent)]
    Parse(#[from] ConfigError),
    #[error(transparent)]
    Agent(#[from] ConfigProblem),
}

/// What to do about a missing file, which is what a newcomer meets first.
fn hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::NotFound {
        "; name a configuration with --config.file=FILE"
    } else {
        ""
    }
}

/// Reads a configuration, with relative paths in it relative to its folder.
/// `defaults` hold where it says nothing.
pub(crate) fn read(file: &str, defaults: &ConfigDefaults) -> Result<Config, ConfigFileError> {
    let text = read_text(file)?;
    let environment = |name: &str| std::env::var(name).ok();
    let mut config = Config::load_with(&text, file, environment, defaults)?;
    config.resolve_paths(Path::new(file).parent().unwrap_or(Path::new("")));
    Ok(config)
}

/// Adds the jobs of the files that the configuration names.
pub(crate) fn add_scrape_config_files(config: &mut Config) -> Result<(), ConfigFileError> {
    for pattern in config.scrape_config_files.clone() {
        for path in glob(&pattern) {
            let text = read_text(&path.to_string_lossy())?;
            config.add_scrape_config_file(&text, &path)?;
        }
    }
    Ok(())
}

/// Returns a number that changes as soon as a configuration does, or a file that it names. A file that
/// cannot be read counts as one without content.
pub(crate) fn fingerprint(file: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    std::fs::read(file).unwrap_or_default().hash(&mut hasher);
    // Of a broken configuration nobody knows what it names, and it must change itself to be taken.
    if let Ok(config) = read(file, &ConfigDefaults::default()) {
        let patterns = config.rule_files.iter().chain(&config.scrape_config_files);
        let files: BTreeSet<PathBuf> = patterns.flat_map(|pattern| glob(pattern)).collect();
        for path in files {
            let content = std::fs::read(&path).unwrap_or_default();
            (path, content).hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn read_text(file: &str) -> Result<String, ConfigFileError> {
    std::fs::read_to_string(file)
        .map_err(|source| ConfigFileError::Read { file: file.into(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn load(main: &str, jobs: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, main).unwrap();
        for (name, text) in jobs {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut config = read(file.to_str().unwrap(), &ConfigDefaults::default())
            .map_err(|error| error.to_string())?;
        add_scrape_config_files(&mut config).map_err(|error| error.to_string())?;
        Ok(config)
    }

    const MAIN: &str = "global: {sample_limit: 7}\nscrape_config_files: [jobs-*.yml]\n\
                        scrape_configs: [{job_name: main}]\n";

    #[test]
    fn jobs_come_from_files_too() {
        let job = |name: &str| format!("scrape_configs: [{{job_name: {name}}}]");
        let config = load(MAIN, &[("jobs-b.yml", &job("b")), ("jobs-a.yml", &job("a"))]).unwrap();
        let names: Vec<_> = config.scrape_configs.iter().map(|job| &*job.job_name).collect();
        assert_eq!(names, ["main", "a", "b"]);
        assert!(config.scrape_configs.iter().all(|job| job.limits.sample_limit == 7));
        // What is shown is the main file.
        assert!(!config.to_yaml().unwrap().contains("job_name: a"));

        let error = load(MAIN, &[("jobs-a.yml", &job("main"))]).unwrap_err();
        assert!(error.contains("first found in main config file"), "{error}");
        let error = load(MAIN, &[("jobs-a.yml", "global: {}")]).unwrap_err();
        assert!(
            error.contains("jobs-a.yml\": line 1, column 1: unknown field `global`"),
            "{error}"
        );
    }
    #[test]
    fn the_fingerprint_follows_every_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let main = path("prometheus.yml");
        let mut seen = vec![fingerprint(main.to_str().unwrap())];
        let mut check = |what: &str| {
            let now = fingerprint(main.to_str().unwrap());
            assert_eq!(now, fingerprint(main.to_str().unwrap()), "{what}");
            assert!(!seen.contains(&now), "{what}");
            seen.push(now);
        };
        fs::write(&main, format!("{MAIN}rule_files: [rules.yml]\n")).unwrap();
        check("the main file");
        fs::write(path("rules.yml"), "").unwrap();
        check("a new rule file");
        fs::write(path("rules.yml"), "groups: []").unwrap();
        check("what a rule file says");
        fs::write(path("jobs-x.yml"), "not read").unwrap();
        check("a file of jobs, though it is broken");
        fs::rename(path("jobs-x.yml"), path("jobs-y.yml")).unwrap();
        check("a new name");
        fs::write(&main, "rule_files: [").unwrap();
        check("a broken main file");
    }
}
