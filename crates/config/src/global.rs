use std::path::Path;
use std::time::Duration;

use narthex_exposition::{EscapingScheme, ScrapeProtocol};
use narthex_model::Labels;
use narthex_relabel::NameValidation;
use narthex_yaml::Spanned;
use serde::Deserialize;

use crate::config::resolve_path;
use crate::error::{ConfigProblem, Flaw};
use crate::expand::expand;
use crate::names::{self, ValidationText};
use crate::scrape::{BODY_SIZE_LIMIT_DEFAULT, ScrapeLimits, protocols, timeout};
use crate::size::SizeText;
use crate::text::{self, DurationText, LabelMap, nonzero};

/// The `global` section: what jobs and rule groups fall back on.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct GlobalConfig {
    /// How often to scrape a target: 1m by default.
    #[serde(serialize_with = "text::write_duration")]
    pub scrape_interval: Duration,
    /// How long a scrape may take: 10s by default, and never more than the interval.
    #[serde(serialize_with = "text::write_duration")]
    pub scrape_timeout: Duration,
    /// The formats to ask targets for, most wanted first; empty for the default of each job.
    #[serde(serialize_with = "text::write_names", skip_serializing_if = "Vec::is_empty")]
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// How often to evaluate rules: 1m by default.
    #[serde(serialize_with = "text::write_duration")]
    pub evaluation_interval: Duration,
    /// How far in the past rules are evaluated, so that late samples are seen: 0s by default.
    #[serde(serialize_with = "text::write_duration", skip_serializing_if = "Duration::is_zero")]
    pub rule_query_offset: Duration,
    /// The file to which queries are written, as lines of JSON; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub query_log_file: String,
    /// The file to which failed scrapes are written, as lines of JSON; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scrape_failure_log_file: String,
    /// Labels that tell this server from others, for alerts, federation and remote storage.
    #[serde(serialize_with = "text::write_labels", skip_serializing_if = "Labels::is_empty")]
    pub external_labels: Labels,
    /// What a scrape may hold.
    #[serde(flatten)]
    pub limits: ScrapeLimits,
    /// Which names are legal: UTF-8 by default.
    #[serde(serialize_with = "names::write_validation")]
    pub metric_name_validation_scheme: NameValidation,
    /// How to ask for names outside the legacy charset; none for what fits the legal names.
    #[serde(serialize_with = "text::write_some_name", skip_serializing_if = "Option::is_none")]
    pub metric_name_escaping_scheme: Option<EscapingScheme>,
    /// Whether native histograms are stored: false by default.
    pub scrape_native_histograms: bool,
    /// Whether classic histograms are stored as native ones with custom bounds: false by default.
    #[serde(skip_serializing_if = "text::is_false")]
    pub convert_classic_histograms_to_nhcb: bool,
    /// Whether a classic histogram is stored, too, where there is a native one: false by default.
    #[serde(skip_serializing_if = "text::is_false")]
    pub always_scrape_classic_histograms: bool,
    /// Whether scrapes also store their timeout, sample limit and body size as series.
    pub extra_scrape_metrics: bool,
}

impl Default for GlobalConfig {
    fn default() -> Self {
        Self {
            scrape_interval: SCRAPE_INTERVAL_DEFAULT,
            scrape_timeout: SCRAPE_TIMEOUT_DEFAULT,
            scrape_protocols: Vec::new(),
            evaluation_interval: EVALUATION_INTERVAL_DEFAULT,
            rule_query_offset: Duration::ZERO,
            query_log_file: String::new(),
            scrape_failure_log_file: String::new(),
            external_labels: Labels::empty(),
            limits: ScrapeLimits::default(),
            metric_name_validation_scheme: NameValidation::Utf8,
            metric_name_escaping_scheme: Some(EscapingScheme::AllowUtf8),
            scrape_native_histograms: false,
            convert_classic_histograms_to_nhcb: false,
            always_scrape_classic_histograms: false,
            extra_scrape_metrics: false,
        }
    }
}

pub(crate) const SCRAPE_INTERVAL_DEFAULT: Duration = Duration::from_secs(60);
pub(crate) const SCRAPE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
pub(crate) const EVALUATION_INTERVAL_DEFAULT: Duration = Duration::from_secs(60);

impl GlobalConfig {
    pub(crate) fn resolve_paths(&mut self, directory: &Path) {
        resolve_path(&mut self.query_log_file, directory);
        resolve_path(&mut self.scrape_failure_log_file, directory);
    }
}

/// The section as a file writes it: every key may be absent or null.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GlobalFile {
    scrape_interval: Option<DurationText>,
    scrape_timeout: Option<Spanned<DurationText>>,
    scrape_protocols: Option<Spanned<Vec<Option<String>>>>,
    evaluation_interval: Option<DurationText>,
    rule_query_offset: Option<DurationText>,
    query_log_file: Option<String>,
    scrape_failure_log_file: Option<String>,
    external_labels: Option<Spanned<LabelMap>>,
    body_size_limit: Option<SizeText>,
    sample_limit: Option<u64>,
    target_limit: Option<u64>,
    label_limit: Option<u64>,
    label_name_length_limit: Option<u64>,
    label_value_length_limit: Option<u64>,
    keep_dropped_targets: Option<u64>,
    metric_name_validation_scheme: Option<ValidationText>,
    metric_name_escaping_scheme: Option<Spanned<String>>,
    scrape_native_histograms: Option<bool>,
    convert_classic_histograms_to_nhcb: Option<bool>,
    always_scrape_classic_histograms: Option<bool>,
    extra_scrape_metrics: Option<bool>,
}

impl GlobalFile {
    /// Returns what holds. What the file leaves out is as in `default`. `environment` looks up
    /// variables in the external labels.
    pub(crate) fn resolve(
        self,
        default: &GlobalConfig,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<GlobalConfig, Flaw> {
        let names = self
            .metric_name_validation_scheme
            .and_then(|scheme| scheme.0)
            .unwrap_or(default.metric_name_validation_scheme);
        let external_labels = external_labels(self.external_labels, names, environment)?;
        let scrape_interval = nonzero(self.scrape_interval).unwrap_or(default.scrape_interval);
        let scrape_timeout = timeout(self.scrape_timeout, default.scrape_timeout, scrape_interval)
            .map_err(|at| Flaw::new(at, ConfigProblem::GlobalTimeoutOverInterval))?;
        let scrape_protocols = match self.scrape_protocols {
            Some(list) => protocols(list, None)?,
            None => Vec::new(),
        };
        Ok(GlobalConfig {
            scrape_interval,
            scrape_timeout,
            scrape_protocols,
            evaluation_interval: nonzero(self.evaluation_interval)
                .unwrap_or(default.evaluation_interval),
            rule_query_offset: nonzero(self.rule_query_offset).unwrap_or_default(),
            query_log_file: self.query_log_file.unwrap_or_default(),
            scrape_failure_log_file: self.scrape_failure_log_file.unwrap_or_default(),
            external_labels,
            limits: ScrapeLimits {
                body_size_limit: self
                    .body_size_limit
                    .map_or(BODY_SIZE_LIMIT_DEFAULT, |size| size.0),
                sample_limit: self.sample_limit.unwrap_or_default(),
                target_limit: self.target_limit.unwrap_or_default(),
                label_limit: self.label_limit.unwrap_or_default(),
                label_name_length_limit: self.label_name_length_limit.unwrap_or_default(),
                label_value_length_limit: self.label_value_length_limit.unwrap_or_default(),
                keep_dropped_targets: self.keep_dropped_targets.unwrap_or_default(),
            },
            metric_name_validation_scheme: names,
            metric_name_escaping_scheme: escaping(self.metric_name_escaping_scheme)?,
            scrape_native_histograms: self.scrape_native_histograms.unwrap_or_default(),
            convert_classic_histograms_to_nhcb: self
                .convert_classic_histograms_to_nhcb
                .unwrap_or_default(),
            always_scrape_classic_histograms: self
                .always_scrape_classic_histograms
                .unwrap_or_default(),
            extra_scrape_metrics: self.extra_scrape_metrics.unwrap_or(default.extra_scrape_metrics),
        })
    }
}

fn external_labels(
    own: Option<Spanned<LabelMap>>,
    names: NameValidation,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Labels, Flaw> {
    let Some(Spanned { value: LabelMap(map), position }) = own else {
        return Ok(Labels::empty());
    };
    if let Some(name) = map.keys().find(|name| !names.allows(name)) {
        let name = name.as_str().into();
        return Err(Flaw::new(position, ConfigProblem::LabelName { name }));
    }
    Ok(Labels::from_pairs(map.iter().map(|(name, value)| (name, expand(value, environment)))))
}

fn escaping(own: Option<Spanned<String>>) -> Result<Option<EscapingScheme>, Flaw> {
    let Some(own) = own.filter(|own| !own.value.is_empty()) else { return Ok(None) };
    own.value.parse().map(Some).map_err(|_| {
        let (section, scheme) = ("global", own.value.as_str().into());
        Flaw::new(own.position, ConfigProblem::UnknownEscaping { section, scheme })
    })
}
