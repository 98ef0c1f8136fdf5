use std::path::Path;
use std::time::Duration;

use narthex_yaml::{Position, Spanned};
use serde::Deserialize;

use super::{DiscoveryConfig, DiscoveryProblem, DiscoverySection};
use crate::config::resolve_path;
use crate::error::Flaw;
use crate::text::{self, DurationText};

/// Targets from files that are watched.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FileDiscovery {
    /// Globs of JSON and YAML files. Only the last element of a path may hold a `*`. Never empty.
    pub files: Vec<String>,
    /// How often to read all files even if no change was noticed: 5m by default. Never zero.
    #[serde(serialize_with = "text::write_duration")]
    pub refresh_interval: Duration,
}

impl Default for FileDiscovery {
    /// No files: a start for programs that make their configuration themselves.
    fn default() -> Self {
        Self { files: Vec::new(), refresh_interval: Duration::from_mins(5) }
    }
}

impl FileDiscovery {
    pub(super) fn resolve_paths(&mut self, directory: &Path) {
        for path in &mut self.files {
            resolve_path(path, directory);
        }
    }
}

/// The section as a file writes it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FileSection {
    files: Option<Vec<Spanned<Option<String>>>>,
    refresh_interval: Option<DurationText>,
}

impl DiscoverySection for FileSection {
    fn resolve(self, position: Position) -> Result<DiscoveryConfig, Flaw> {
        let default = FileDiscovery::default();
        let mut files = Vec::new();
        for Spanned { value, position } in self.files.unwrap_or_default() {
            let path = value.unwrap_or_default();
            if !is_file_glob(&path) {
                let path = path.into();
                return Err(Flaw::new(position, DiscoveryProblem::FilePath { path }));
            }
            files.push(path);
        }
        if files.is_empty() {
            return Err(Flaw::new(position, DiscoveryProblem::NoFiles));
        }
        Ok(DiscoveryConfig::File(FileDiscovery {
            files,
            refresh_interval: text::nonzero(self.refresh_interval)
                .unwrap_or(default.refresh_interval),
        }))
    }
}

/// Returns whether `path` ends like a file of JSON or YAML and has a `*` at most in its last element.
fn is_file_glob(path: &str) -> bool {
    let Some((stem, ending)) = path.rsplit_once('.') else { return false };
    let known = matches!(ending, "json" | "yml" | "yaml" | "JSON" | "YML" | "YAML");
    let glob_fits = match stem.split_once('*') {
        Some((_, after)) => !after.contains('/'),
        None => true,
    };
    known && glob_fits
}
