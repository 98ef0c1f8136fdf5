//! From what a file writes to what holds: defaults, inheritance, and the checks across keys.

use std::collections::BTreeSet;
use std::time::Duration;

use narthex_model::Labels;
use narthex_relabel::Rule;
use narthex_yaml::{Position, Spanned};

use crate::Config;
use crate::alerting::{AlertingConfig, AlertmanagerConfig};
use crate::error::{ConfigProblem, Flaw};
use crate::expand::expand;
use crate::file::{
    AlertingFile, AlertmanagerFile, ConfigFile, ExemplarsFile, GlobalFile, List, RetentionFile,
    RetentionRuleFile, ScrapeFile, StaticFile, StorageFile, TsdbFile,
};
use crate::global::{GlobalConfig, RuntimeConfig};
use crate::limits::{BODY_SIZE_LIMIT_DEFAULT, ScrapeLimits};
use crate::protocol::{Scheme, ScrapeProtocol};
use crate::relabel::RuleFile;
use crate::scrape::{ScrapeConfig, StaticConfig};
use crate::storage::{
    ExemplarsConfig, RetentionConfig, RetentionRuleConfig, StorageConfig, TsdbConfig,
};
use crate::text::{DurationText, LabelMap, nonzero};

pub(crate) fn config(
    file: ConfigFile,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Config, Flaw> {
    let global = global(file.global.unwrap_or_default(), environment)?;
    Ok(Config {
        runtime: RuntimeConfig {
            gogc: file
                .runtime
                .and_then(|runtime| runtime.gogc)
                .filter(|&gogc| gogc != 0)
                .unwrap_or(RuntimeConfig::default().gogc),
        },
        alerting: alerting(file.alerting.unwrap_or_default())?,
        rule_files: file.rule_files.into_iter().map(rule_file).collect::<Result<_, _>>()?,
        scrape_configs: jobs(file.scrape_configs, &global)?,
        storage: file.storage.map(storage).transpose()?,
        global,
    })
}

fn storage(file: StorageFile) -> Result<StorageConfig, Flaw> {
    let exemplars = |ExemplarsFile { max_exemplars }| {
        // An empty section has the number of an empty struct in the reference.
        ExemplarsConfig { max_exemplars: max_exemplars.unwrap_or(0) }
    };
    Ok(StorageConfig {
        tsdb: file.tsdb.map(tsdb).transpose()?,
        exemplars: file.exemplars.map(exemplars),
    })
}

fn tsdb(file: TsdbFile) -> Result<TsdbConfig, Flaw> {
    let out_of_order_time_window = nonzero(file.out_of_order_time_window).unwrap_or_default();
    let retention = file.retention.map(retention).transpose()?;
    Ok(TsdbConfig { out_of_order_time_window, retention })
}

fn retention(retention: RetentionFile) -> Result<RetentionConfig, Flaw> {
    if let Some(Spanned { value, position }) = retention.percentage
        && !(0.0..=100.0).contains(&value)
    {
        let percentage = value.to_string().into();
        return Err(Flaw::new(position, ConfigProblem::RetentionPercentage { percentage }));
    }
    let rule = |file: Spanned<RetentionRuleFile>| {
        let RetentionRuleFile { selector, time } = file.value;
        RetentionRuleConfig { selector, time: time.0 }
    };
    let rules = present(retention.rules, "retention rule")?;
    Ok(RetentionConfig {
        time: retention.time.map_or(Duration::ZERO, |time| time.0),
        size_bytes: retention.size.map_or(0, |size| size.0),
        percentage: retention.percentage.map_or(0.0, |percentage| percentage.value),
        rules: rules.into_iter().map(rule).collect(),
    })
}

fn global(
    file: GlobalFile,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<GlobalConfig, Flaw> {
    let default = GlobalConfig::default();
    let scrape_interval = nonzero(file.scrape_interval).unwrap_or(default.scrape_interval);
    let external_labels = file.external_labels.unwrap_or_default();
    Ok(GlobalConfig {
        scrape_interval,
        scrape_timeout: timeout(file.scrape_timeout, default.scrape_timeout, scrape_interval)
            .map_err(|at| Flaw::new(at, ConfigProblem::GlobalTimeoutOverInterval))?,
        scrape_protocols: protocols(file.scrape_protocols)?.unwrap_or_default(),
        evaluation_interval: nonzero(file.evaluation_interval)
            .unwrap_or(default.evaluation_interval),
        rule_query_offset: nonzero(file.rule_query_offset).unwrap_or_default(),
        external_labels: Labels::from_pairs(
            external_labels.0.iter().map(|(name, value)| (name, expand(value, environment))),
        ),
        limits: ScrapeLimits {
            body_size_limit: file.body_size_limit.map_or(BODY_SIZE_LIMIT_DEFAULT, |size| size.0),
            sample_limit: file.sample_limit.unwrap_or_default(),
            target_limit: file.target_limit.unwrap_or_default(),
            label_limit: file.label_limit.unwrap_or_default(),
            label_name_length_limit: file.label_name_length_limit.unwrap_or_default(),
            label_value_length_limit: file.label_value_length_limit.unwrap_or_default(),
            keep_dropped_targets: file.keep_dropped_targets.unwrap_or_default(),
        },
        extra_scrape_metrics: file.extra_scrape_metrics.unwrap_or_default(),
    })
}

fn jobs(files: List<ScrapeFile>, global: &GlobalConfig) -> Result<Vec<ScrapeConfig>, Flaw> {
    let mut names = BTreeSet::new();
    let mut jobs = Vec::with_capacity(files.len());
    for file in present(files, "scrape config section")? {
        let Spanned { value: name, position } = job_name(&file)?;
        if !names.insert(name.clone()) {
            let job = name.into();
            return Err(Flaw::new(position, ConfigProblem::DuplicateJob { job }));
        }
        jobs.push(job(name, file.value, global)?);
    }
    Ok(jobs)
}

fn job_name(file: &Spanned<ScrapeFile>) -> Result<Spanned<String>, Flaw> {
    match &file.value.job_name {
        Some(name) if !name.value.is_empty() => Ok(name.clone()),
        Some(name) => Err(Flaw::new(name.position, ConfigProblem::EmptyJobName)),
        None => Err(Flaw::new(file.position, ConfigProblem::EmptyJobName)),
    }
}

fn job(
    job_name: String,
    mut file: ScrapeFile,
    global: &GlobalConfig,
) -> Result<ScrapeConfig, Flaw> {
    let discovery_configs = file.discovery()?;
    let default = ScrapeConfig::default();
    let limits = job_limits(&file, &global.limits);
    let relabel_configs =
        relabelling(file.relabel_configs, "target relabeling rule in scrape config")?;
    let static_configs = static_configs(file.static_configs, relabel_configs.is_empty())?;
    let scrape_interval = nonzero(file.scrape_interval).unwrap_or(global.scrape_interval);
    let scrape_timeout = timeout(file.scrape_timeout, global.scrape_timeout, scrape_interval);
    Ok(ScrapeConfig {
        honor_labels: file.honor_labels.unwrap_or(default.honor_labels),
        honor_timestamps: file.honor_timestamps.unwrap_or(default.honor_timestamps),
        track_timestamps_staleness: file.track_timestamps_staleness.unwrap_or_default(),
        params: file.params.into_iter().map(|(k, v)| (k, v.unwrap_or_default())).collect(),
        scrape_interval,
        scrape_timeout: scrape_timeout.map_err(|at| {
            let job = job_name.as_str().into();
            Flaw::new(at, ConfigProblem::TimeoutOverInterval { job })
        })?,
        scrape_protocols: match protocols(file.scrape_protocols)? {
            Some(protocols) => protocols,
            None if !global.scrape_protocols.is_empty() => global.scrape_protocols.clone(),
            None => default.scrape_protocols,
        },
        fallback_scrape_protocol: fallback(file.fallback_scrape_protocol)?,
        metrics_path: file.metrics_path.unwrap_or(default.metrics_path),
        scheme: scheme(file.scheme)?,
        enable_compression: file.enable_compression.unwrap_or(default.enable_compression),
        limits,
        extra_scrape_metrics: file.extra_scrape_metrics.unwrap_or(global.extra_scrape_metrics),
        metric_relabel_configs: relabelling(
            file.metric_relabel_configs,
            "metric relabeling rule in scrape config",
        )?,
        relabel_configs,
        static_configs,
        discovery_configs,
        job_name,
    })
}

fn job_limits(file: &ScrapeFile, global: &ScrapeLimits) -> ScrapeLimits {
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

fn alerting(file: AlertingFile) -> Result<AlertingConfig, Flaw> {
    let sets = present(file.alertmanagers, "Alertmanager section")?;
    Ok(AlertingConfig {
        alert_relabel_configs: relabelling(file.alert_relabel_configs, "alert relabeling rule")?,
        alertmanagers: sets.map(|set| alertmanagers(set.value)).collect::<Result<_, _>>()?,
    })
}

fn alertmanagers(mut file: AlertmanagerFile) -> Result<AlertmanagerConfig, Flaw> {
    let discovery_configs = file.discovery()?;
    let default = AlertmanagerConfig::default();
    let relabel_configs = relabelling(file.relabel_configs, "Alertmanager target relabeling rule")?;
    Ok(AlertmanagerConfig {
        scheme: file.scheme.unwrap_or_default(),
        path_prefix: file.path_prefix.unwrap_or_default(),
        timeout: file.timeout.map_or(default.timeout, |timeout| timeout.0),
        api_version: file.api_version.unwrap_or_default(),
        alert_relabel_configs: relabelling(
            file.alert_relabel_configs,
            "Alertmanager alert relabeling rule",
        )?,
        static_configs: static_configs(file.static_configs, relabel_configs.is_empty())?,
        discovery_configs,
        relabel_configs,
    })
}

fn static_configs(files: List<StaticFile>, final_targets: bool) -> Result<Vec<StaticConfig>, Flaw> {
    present(files, "section in static_configs")?
        .map(|file| static_config(file.value, final_targets))
        .collect()
}

/// Returns the group. Where no rule can change its targets (`final_targets`), they are checked.
fn static_config(file: StaticFile, final_targets: bool) -> Result<StaticConfig, Flaw> {
    let mut targets = Vec::with_capacity(file.targets.len());
    for Spanned { value, position } in file.targets {
        let target = value.unwrap_or_default();
        if final_targets && target.contains('/') {
            let target = target.into();
            return Err(Flaw::new(position, ConfigProblem::Hostname { target }));
        }
        targets.push(target);
    }
    Ok(StaticConfig {
        targets,
        labels: file.labels.as_ref().map(LabelMap::labels).unwrap_or_default(),
    })
}

fn relabelling(files: List<RuleFile>, element: &'static str) -> Result<Vec<Rule>, Flaw> {
    present(files, element)?.map(|file| file.value.rule(file.position)).collect()
}

fn rule_file(file: Spanned<Option<String>>) -> Result<String, Flaw> {
    let path = file.value.unwrap_or_default();
    match path.split_once('*') {
        Some((_, after)) if after.contains('/') => {
            let path = path.into();
            Err(Flaw::new(file.position, ConfigProblem::RuleFilePath { path }))
        }
        _ => Ok(path),
    }
}

/// Returns the timeout that holds beside `interval`, or the place of one that is too long. The
/// default is cut to the interval, the file's own is not.
fn timeout(
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

fn protocols(
    own: Option<Spanned<Vec<ScrapeProtocol>>>,
) -> Result<Option<Vec<ScrapeProtocol>>, Flaw> {
    let Some(Spanned { value: protocols, position }) = own else {
        return Ok(None);
    };
    if protocols.is_empty() {
        return Err(Flaw::new(position, ConfigProblem::NoProtocols));
    }
    let repeats = (1..protocols.len()).any(|end| protocols[..end].contains(&protocols[end]));
    if repeats {
        return Err(Flaw::new(position, ConfigProblem::DuplicateProtocol { protocols }));
    }
    // A scrape asks for what it can read of the list, so one readable format is enough.
    if !protocols.iter().any(|protocol| protocol.is_prometheus_text()) {
        return Err(unsupported(position, "scrape_protocols without", "PrometheusText0.0.4"));
    }
    Ok(Some(protocols))
}

fn fallback(own: Option<Spanned<ScrapeProtocol>>) -> Result<Option<ScrapeProtocol>, Flaw> {
    match own {
        Some(own) if !own.value.is_prometheus_text() => {
            Err(unsupported(own.position, "fallback_scrape_protocol", own.value.as_str()))
        }
        own => Ok(own.map(|own| own.value)),
    }
}

fn scheme(own: Option<Spanned<Scheme>>) -> Result<Scheme, Flaw> {
    match own {
        Some(own) if own.value == Scheme::Https => {
            Err(unsupported(own.position, "scheme", own.value.as_str()))
        }
        _ => Ok(Scheme::Http),
    }
}

fn unsupported(position: Position, field: &'static str, value: &str) -> Flaw {
    Flaw::new(position, ConfigProblem::UnsupportedValue { field, value: value.into() })
}

/// Returns the elements of a list, none of which may be null.
fn present<T>(
    list: List<T>,
    element: &'static str,
) -> Result<impl Iterator<Item = Spanned<T>>, Flaw> {
    if let Some(null) = list.iter().find(|item| item.value.is_none()) {
        return Err(Flaw::new(null.position, ConfigProblem::NullElement { element }));
    }
    let items = list
        .into_iter()
        .filter_map(|Spanned { value, position }| value.map(|value| Spanned { value, position }));
    Ok(items)
}
