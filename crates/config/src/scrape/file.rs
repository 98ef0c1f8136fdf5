//! From a job as a file writes it to what holds: defaults, what it inherits, checks across its keys.

use std::collections::BTreeMap;
use std::time::Duration;

use narthex_exposition::{EscapingScheme, ScrapeProtocol};
use narthex_http::HttpClientConfig;
use narthex_relabel::NameValidation;
use narthex_yaml::{Position, Spanned, null_as_default};
use serde::Deserialize;

use super::{ScrapeConfig, ScrapeLimits, StaticFile, static_configs};
use crate::discovery::Discovering;
use crate::error::{ConfigProblem, Flaw, ProtocolProblem};
use crate::global::GlobalConfig;
use crate::list::{List, present};
use crate::names::{ValidationText, escaping_for};
use crate::protocol::{self, Scheme};
use crate::relabel::{RuleFile, relabelling};
use crate::size::SizeText;
use crate::text::{DurationText, nonzero};

/// A job as a file writes it: with discoveries, and the keys of an HTTP client.
pub(crate) type ScrapeFile = Discovering<JobKeys>;

/// A file of `scrape_config_files`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ScrapeConfigsFile {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) scrape_configs: List<ScrapeFile>,
}

/// The keys of a job that are its own. Every one may be absent or null.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct JobKeys {
    job_name: Option<Spanned<String>>,
    honor_labels: Option<bool>,
    honor_timestamps: Option<bool>,
    track_timestamps_staleness: Option<bool>,
    #[serde(deserialize_with = "null_as_default")]
    params: BTreeMap<String, Option<Vec<String>>>,
    scrape_interval: Option<DurationText>,
    scrape_timeout: Option<Spanned<DurationText>>,
    scrape_protocols: Option<Spanned<Vec<Option<String>>>>,
    fallback_scrape_protocol: Option<Spanned<String>>,
    scrape_native_histograms: Option<bool>,
    always_scrape_classic_histograms: Option<bool>,
    convert_classic_histograms_to_nhcb: Option<bool>,
    scrape_failure_log_file: Option<String>,
    metrics_path: Option<String>,
    scheme: Option<Scheme>,
    enable_compression: Option<bool>,
    body_size_limit: Option<SizeText>,
    sample_limit: Option<u64>,
    target_limit: Option<u64>,
    label_limit: Option<u64>,
    label_name_length_limit: Option<u64>,
    label_value_length_limit: Option<u64>,
    native_histogram_bucket_limit: Option<u64>,
    native_histogram_min_bucket_factor: Option<f64>,
    keep_dropped_targets: Option<u64>,
    metric_name_validation_scheme: Option<ValidationText>,
    metric_name_escaping_scheme: Option<Spanned<String>>,
    extra_scrape_metrics: Option<bool>,
    #[serde(deserialize_with = "null_as_default")]
    relabel_configs: List<RuleFile>,
    #[serde(deserialize_with = "null_as_default")]
    metric_relabel_configs: List<RuleFile>,
    #[serde(deserialize_with = "null_as_default")]
    static_configs: List<StaticFile>,
}

/// The names of jobs so far, and the files that have them; `None` for the main file.
#[derive(Default)]
pub(crate) struct Jobs(BTreeMap<String, Option<Box<str>>>);

impl Jobs {
    /// Returns the jobs of a list in `file`, with names that no other job has.
    pub(crate) fn resolve(
        &mut self,
        files: List<ScrapeFile>,
        file: Option<&str>,
        global: &GlobalConfig,
    ) -> Result<Vec<ScrapeConfig>, Flaw> {
        let mut jobs = Vec::with_capacity(files.len());
        for mut written in present(files, "scrape config section")? {
            // The reference finds what is wrong with discoveries as it reads them.
            written.value.discovery.check()?;
            let name = job_name(&written)?;
            let position = name.position;
            let mut job = job(name.value, written, global)?;
            job.file = file.map(Box::from);
            self.add(&job.job_name, file).map_err(|problem| Flaw::new(position, problem))?;
            jobs.push(job);
        }
        Ok(jobs)
    }

    /// Remembers a job of `file`.
    pub(crate) fn add(&mut self, job: &str, file: Option<&str>) -> Result<(), ConfigProblem> {
        let first = self.0.insert(job.to_owned(), file.map(Box::from));
        match (first, file) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(ConfigProblem::DuplicateJob { job: job.into() }),
            (Some(first), Some(_)) => {
                let first = first.map_or("main config file".into(), |file| {
                    narthex_model::quote::Quoted(&file).to_string().into()
                });
                Err(ConfigProblem::DuplicateJobAcrossFiles { job: job.into(), first })
            }
        }
    }
}

fn job_name(file: &Spanned<ScrapeFile>) -> Result<Spanned<String>, Flaw> {
    match &file.value.own.job_name {
        Some(name) if !name.value.is_empty() => Ok(name.clone()),
        Some(name) => Err(Flaw::new(name.position, ConfigProblem::EmptyJobName)),
        None => Err(Flaw::new(file.position, ConfigProblem::EmptyJobName)),
    }
}

fn job(
    job_name: String,
    Spanned { value: file, position }: Spanned<ScrapeFile>,
    global: &GlobalConfig,
) -> Result<ScrapeConfig, Flaw> {
    let Discovering { own: file, http, discovery } = file;
    let default = ScrapeConfig::default();
    let http = HttpClientConfig::try_from(http).map_err(|error| Flaw::new(position, error))?;
    let discovery_configs = discovery.resolve()?;
    let limits = limits(&file, &global.limits);
    let static_configs = static_configs(file.static_configs, file.relabel_configs.is_empty())?;
    let scrape_interval = nonzero(file.scrape_interval).unwrap_or(global.scrape_interval);
    let scrape_timeout = timeout(file.scrape_timeout, global.scrape_timeout, scrape_interval)
        .map_err(|at| {
            let job = job_name.as_str().into();
            Flaw::new(at, ConfigProblem::TimeoutOverInterval { job })
        })?;
    let histograms = file.scrape_native_histograms.unwrap_or(global.scrape_native_histograms);
    let validation = file.metric_name_validation_scheme.and_then(|scheme| scheme.0);
    let escaping = escaping(file.metric_name_escaping_scheme, validation, position, global)?;
    let names = validation.unwrap_or(global.metric_name_validation_scheme);
    let relabelling = |list, element| relabelling(list, names, element);
    Ok(ScrapeConfig {
        honor_labels: file.honor_labels.unwrap_or(default.honor_labels),
        honor_timestamps: file.honor_timestamps.unwrap_or(default.honor_timestamps),
        track_timestamps_staleness: file.track_timestamps_staleness.unwrap_or_default(),
        params: file.params.into_iter().map(|(k, v)| (k, v.unwrap_or_default())).collect(),
        scrape_interval,
        scrape_timeout,
        scrape_protocols: match file.scrape_protocols {
            Some(list) => protocols(list, Some(&job_name))?,
            None if !global.scrape_protocols.is_empty() => global.scrape_protocols.clone(),
            None if histograms => ScrapeProtocol::DEFAULT_WITH_HISTOGRAMS.to_vec(),
            None => default.scrape_protocols,
        },
        fallback_scrape_protocol: fallback(file.fallback_scrape_protocol, &job_name)?,
        scrape_native_histograms: histograms,
        always_scrape_classic_histograms: file
            .always_scrape_classic_histograms
            .unwrap_or(global.always_scrape_classic_histograms),
        convert_classic_histograms_to_nhcb: file
            .convert_classic_histograms_to_nhcb
            .unwrap_or(global.convert_classic_histograms_to_nhcb),
        scrape_failure_log_file: file
            .scrape_failure_log_file
            .filter(|path| !path.is_empty())
            .unwrap_or_else(|| global.scrape_failure_log_file.clone()),
        metrics_path: file.metrics_path.unwrap_or(default.metrics_path),
        scheme: file.scheme.unwrap_or_default(),
        enable_compression: file.enable_compression.unwrap_or(default.enable_compression),
        limits,
        native_histogram_bucket_limit: file.native_histogram_bucket_limit.unwrap_or_default(),
        native_histogram_min_bucket_factor: file
            .native_histogram_min_bucket_factor
            .unwrap_or_default(),
        metric_name_validation_scheme: names,
        metric_name_escaping_scheme: escaping,
        extra_scrape_metrics: file.extra_scrape_metrics.unwrap_or(global.extra_scrape_metrics),
        http,
        relabel_configs: relabelling(
            file.relabel_configs,
            "target relabeling rule in scrape config",
        )?,
        metric_relabel_configs: relabelling(
            file.metric_relabel_configs,
            "metric relabeling rule in scrape config",
        )?,
        discovery_configs,
        static_configs,
        file: None,
        job_name,
    })
}

fn limits(file: &JobKeys, global: &ScrapeLimits) -> ScrapeLimits {
    // 0 is no way to lift a global limit, in the reference neither.
    let or_global = |own: Option<u64>, global| own.filter(|&limit| limit != 0).unwrap_or(global);
    ScrapeLimits {
        body_size_limit: or_global(file.body_size_limit.map(|size| size.0), global.body_size_limit),
        sample_limit: or_global(file.sample_limit, global.sample_limit),
        target_limit: or_global(file.target_limit, global.target_limit),
        label_limit: or_global(file.label_limit, global.label_limit),
        label_name_length_limit: or_global(
            file.label_name_length_limit,
            global.label_name_length_limit,
        ),
        label_value_length_limit: or_global(
            file.label_value_length_limit,
            global.label_value_length_limit,
        ),
        keep_dropped_targets: or_global(file.keep_dropped_targets, global.keep_dropped_targets),
    }
}

/// Returns the timeout that holds beside `interval`, or the place of one that is too long. The
/// default is cut to the interval, the file's own is not.
pub(crate) fn timeout(
    own: Option<Spanned<DurationText>>,
    default: Duration,
    interval: Duration,
) -> Result<Duration, Position> {
    match own {
        Some(own) if own.value.0 > interval => Err(own.position),
        Some(own) if !own.value.0.is_zero() => Ok(own.value.0),
        _ => Ok(default.min(interval)),
    }
}

/// Returns the formats of a list; `job` has it, or the global section.
pub(crate) fn protocols(
    list: Spanned<Vec<Option<String>>>,
    job: Option<&str>,
) -> Result<Vec<ScrapeProtocol>, Flaw> {
    protocol::protocols(list.value).map_err(|problem| {
        let job = job.map(Box::from);
        Flaw::new(list.position, ConfigProblem::Protocols { problem, job })
    })
}

fn fallback(own: Option<Spanned<String>>, job: &str) -> Result<Option<ScrapeProtocol>, Flaw> {
    let Some(own) = own else { return Ok(None) };
    protocol::protocol(&own.value).map_err(|problem: ProtocolProblem| {
        let job = job.into();
        Flaw::new(own.position, ConfigProblem::FallbackProtocol { problem, job })
    })
}

/// Returns how a job asks for names outside the legacy charset: as it says itself, or else as fits the
/// names that it says are legal, or else as the global section says.
fn escaping(
    own: Option<Spanned<String>>,
    validation: Option<NameValidation>,
    position: Position,
    global: &GlobalConfig,
) -> Result<EscapingScheme, Flaw> {
    let own = own.filter(|own| !own.value.is_empty());
    let position = own.as_ref().map_or(position, |own| own.position);
    let scheme = match (own, validation) {
        (Some(own), _) => own.value.parse().map_err(|_| {
            let scheme = own.value.as_str().into();
            let section = "scrape config";
            Flaw::new(position, ConfigProblem::UnknownEscaping { section, scheme })
        })?,
        (None, Some(names)) => escaping_for(names),
        (None, None) => global
            .metric_name_escaping_scheme
            .unwrap_or_else(|| escaping_for(global.metric_name_validation_scheme)),
    };
    let names = validation.unwrap_or(global.metric_name_validation_scheme);
    if scheme == EscapingScheme::AllowUtf8 && names == NameValidation::Legacy {
        return Err(Flaw::new(position, ConfigProblem::EscapingNeedsUtf8));
    }
    Ok(scheme)
}
