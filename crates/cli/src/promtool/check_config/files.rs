//! What a configuration names beside itself.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use narthex_config::{
    AlertmanagerConfig, Config, ConfigProblem, DiscoveryConfig, ScrapeConfig, StaticConfig,
};
use narthex_discovery::{ADDRESS_LABEL, TargetFileError, TargetGroup, read_target_file};
use narthex_http::{Auth, SecretSource, TlsConfig};
use narthex_model::LabelsBuilder;
use narthex_model::quote::Quoted;
use narthex_relabel::{Verdict, process};
use narthex_scrape::{Target, TargetError};

use crate::config_file::{ConfigFileError, glob};

/// Why a configuration is not well. The texts are the reference's.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    #[error(transparent)]
    Config(#[from] ConfigFileError),
    #[error(transparent)]
    Agent(#[from] ConfigProblem),
    #[error("error loading scrape configs: {0}")]
    ScrapeConfigs(ConfigFileError),
    #[error("{} does not point to an existing file", Quoted(_0))]
    NoRuleFile(Box<str>),
    #[error("error checking {what} {}: stat {path}: {source}", Quoted(path))]
    Missing { what: &'static str, path: Box<str>, source: io::Error },
    #[error("checking SD file {}: {source}", Quoted(pattern))]
    TargetFile { pattern: Box<str>, source: TargetFileError },
    #[error("instance {instance} in group {group}: {source}")]
    Target { instance: usize, group: Box<str>, source: TargetError },
    #[error(transparent)]
    Alertmanager(#[from] TargetError),
}

/// Returns the rule files that are there. One that is named without a pattern must be.
pub(super) fn rule_files(config: &Config) -> Result<Vec<PathBuf>, CheckError> {
    let mut all = Vec::new();
    for pattern in &config.rule_files {
        let files = glob(pattern);
        if files.is_empty() && !pattern.contains('*') {
            return Err(CheckError::NoRuleFile(pattern.as_str().into()));
        }
        all.extend(files);
    }
    Ok(all)
}

/// Checks what jobs and Alertmanagers name, in the reference's order.
pub(super) struct Checker<'a> {
    /// Takes warnings.
    out: &'a mut dyn Write,
    syntax_only: bool,
}

type Check = io::Result<Result<(), CheckError>>;

impl<'a> Checker<'a> {
    pub(super) fn new(out: &'a mut dyn Write, syntax_only: bool) -> Self {
        Self { out, syntax_only }
    }

    pub(super) fn check(mut self, config: &Config) -> Check {
        for job in &config.scrape_configs {
            if let Err(error) = self.job(job)? {
                return Ok(Err(error));
            }
        }
        for set in &config.alerting.alertmanagers {
            if let Err(error) = self.alertmanagers(set)? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    fn job(&mut self, job: &ScrapeConfig) -> Check {
        if let Err(error) = self.credentials(job.http.auth.as_ref(), &job.http.tls) {
            return Ok(Err(error));
        }
        if let Err(error) = static_targets(job, &job.static_configs) {
            return Ok(Err(error));
        }
        let place = format!("scrape job {}", Quoted(&job.job_name));
        for discovery in &job.discovery_configs {
            let found = self.target_files(discovery, &format!("file_sd in {place}"))?;
            let checked = found.and_then(|groups| targets(job, "", &groups));
            if checked.is_err() {
                return Ok(checked);
            }
        }
        Ok(Ok(()))
    }

    fn alertmanagers(&mut self, set: &AlertmanagerConfig) -> Check {
        for discovery in &set.discovery_configs {
            let found = self.target_files(discovery, "file_sd in alertmanager config")?;
            let checked = found.and_then(|groups| alertmanagers(set, &groups));
            if checked.is_err() {
                return Ok(checked);
            }
        }
        let groups: Vec<TargetGroup> = set.static_configs.iter().map(group).collect();
        Ok(alertmanagers(set, &groups))
    }

    /// Checks that the files with credentials are there.
    fn credentials(&self, auth: Option<&Auth>, tls: &TlsConfig) -> Result<(), CheckError> {
        if self.syntax_only {
            return Ok(());
        }
        if let Some(Auth::Authorization(authorization)) = auth {
            let what = "authorization credentials or bearer token file";
            exists(authorization.credentials.as_ref(), what)?;
        }
        match &tls.identity {
            None => Ok(()),
            Some(identity) => {
                exists(Some(&identity.certificate), "client cert file")?;
                exists(Some(&identity.key), "client key file")
            }
        }
    }

    /// Returns the groups of the files of targets that `discovery` names. Of a pattern without files
    /// there is a warning that names the place.
    fn target_files(
        &mut self,
        discovery: &DiscoveryConfig,
        place: &str,
    ) -> io::Result<Result<Vec<TargetGroup>, CheckError>> {
        let mut all = Vec::new();
        let DiscoveryConfig::File(files) = discovery else { return Ok(Ok(all)) };
        if self.syntax_only {
            return Ok(Ok(all));
        }
        for pattern in &files.files {
            let paths = glob(pattern);
            if paths.is_empty() {
                let pattern = Quoted(pattern);
                writeln!(self.out, "  WARNING: file {pattern} for {place} does not exist")?;
            }
            for path in paths {
                match read_target_file(&path.to_string_lossy()) {
                    Ok(groups) => all.extend(groups),
                    Err(source) => {
                        let pattern = pattern.as_str().into();
                        return Ok(Err(CheckError::TargetFile { pattern, source }));
                    }
                }
            }
        }
        Ok(Ok(all))
    }
}

fn exists(source: Option<&SecretSource>, what: &'static str) -> Result<(), CheckError> {
    let Some(SecretSource::File(path)) = source else { return Ok(()) };
    stat(path).map_err(|source| {
        let path = path.to_string_lossy().into();
        CheckError::Missing { what, path, source }
    })
}

fn stat(path: &Path) -> io::Result<()> {
    std::fs::metadata(path).map(drop)
}

fn static_targets(job: &ScrapeConfig, configs: &[StaticConfig]) -> Result<(), CheckError> {
    for (index, config) in configs.iter().enumerate() {
        targets(job, &index.to_string(), &[group(config)])?;
    }
    Ok(())
}

/// Returns what a section names as a group.
fn group(config: &StaticConfig) -> TargetGroup {
    TargetGroup::new("", &config.targets).with_labels(config.labels.clone())
}

/// Checks that a job can make targets of `groups`, which are told by `name` if one is bad.
fn targets(job: &ScrapeConfig, name: &str, groups: &[TargetGroup]) -> Result<(), CheckError> {
    let mut labels = LabelsBuilder::default();
    for group in groups {
        for (instance, target) in group.targets.iter().enumerate() {
            labels.reset(&group.labels);
            target.iter().for_each(|(name, value)| _ = labels.set(name, value));
            Target::build(job, &labels.build()).map_err(|source| {
                let group = name.into();
                CheckError::Target { instance, group, source }
            })?;
        }
    }
    Ok(())
}

/// Checks that alerts can be sent to `groups`.
///
/// # Source
///
/// `AlertmanagerFromGroup` in Prometheus `notifier/alertmanager.go`.
fn alertmanagers(set: &AlertmanagerConfig, groups: &[TargetGroup]) -> Result<(), CheckError> {
    let path = format!("{}/api/v2/alerts", set.path_prefix);
    let mut labels = LabelsBuilder::default();
    for group in groups {
        for target in &group.targets {
            labels.reset(target);
            labels.set(SCHEME_LABEL, set.scheme.as_str()).set(PATH_LABEL, &path);
            for (name, value) in &group.labels {
                if labels.get(name).is_none() {
                    labels.set(name, value);
                }
            }
            if process(&set.relabel_configs, &mut labels) == Verdict::Drop {
                continue;
            }
            let address = labels.get(ADDRESS_LABEL).unwrap_or_default();
            if address.contains('/') {
                return Err(TargetError::Address(address.into()).into());
            }
        }
    }
    Ok(())
}

const SCHEME_LABEL: &str = "__scheme__";
const PATH_LABEL: &str = "__alerts_path__";
