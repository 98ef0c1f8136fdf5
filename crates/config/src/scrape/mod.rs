//! The `scrape_configs` section: what is scraped, and how.

mod file;
mod limits;
mod targets;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use narthex_exposition::{EscapingScheme, ScrapeProtocol};
use narthex_http::HttpClientConfig;

use narthex_relabel::{NameValidation, Rule};

pub(crate) use file::{Jobs, ScrapeConfigsFile, ScrapeFile, protocols, timeout};
pub use limits::{BODY_SIZE_LIMIT_DEFAULT, ScrapeLimits};
pub use targets::StaticConfig;
pub(crate) use targets::{StaticFile, static_configs};

use crate::config::resolve_path;
use crate::discovery::{self, DiscoveryConfig};
use crate::names;
use crate::protocol::Scheme;
use crate::relabel;
use crate::text;

/// One job of `scrape_configs`: how to scrape a set of targets.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ScrapeConfig {
    /// The name, which targets get as their label `job`. Never empty, and unique in a file.
    pub job_name: String,
    /// Whether a scraped label wins over the target's label of that name. If not, the scraped one
    /// is renamed to `exported_<name>`.
    #[serde(skip_serializing_if = "text::is_false")]
    pub honor_labels: bool,
    /// Whether the timestamps that a target writes are kept: true by default.
    pub honor_timestamps: bool,
    /// Whether series with timestamps of their own go stale when they vanish from a scrape.
    pub track_timestamps_staleness: bool,
    /// The query of the URL, in order of the names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Vec<String>>,
    /// How often to scrape: the global interval by default. Never zero.
    #[serde(serialize_with = "text::write_duration")]
    pub scrape_interval: Duration,
    /// How long a scrape may take: the global timeout by default, cut to the interval.
    #[serde(serialize_with = "text::write_duration")]
    pub scrape_timeout: Duration,
    /// The formats to ask for, most wanted first: [`ScrapeProtocol::DEFAULT`] unless configured.
    /// Never empty, and without repeats.
    #[serde(serialize_with = "text::write_names")]
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// The format of a body whose `Content-Type` is missing or unknown. `None` fails such a scrape.
    #[serde(serialize_with = "text::write_some_name", skip_serializing_if = "Option::is_none")]
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// Whether native histograms are stored: false by default.
    pub scrape_native_histograms: bool,
    /// Whether a classic histogram is stored, too, where there is a native one: false by default.
    pub always_scrape_classic_histograms: bool,
    /// Whether classic histograms are stored as native ones with custom bounds: false by default.
    pub convert_classic_histograms_to_nhcb: bool,
    /// The file to which failed scrapes are written, as lines of JSON; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scrape_failure_log_file: String,
    /// The path of the URL: `/metrics` by default.
    pub metrics_path: String,
    /// The scheme of the URL: `http` by default.
    pub scheme: Scheme,
    /// Whether to ask for compressed bodies: true by default.
    pub enable_compression: bool,
    /// What a scrape may hold.
    #[serde(flatten)]
    pub limits: ScrapeLimits,
    /// The most buckets of a native histogram, which are merged until they fit; 0 for no limit.
    #[serde(skip_serializing_if = "text::is_zero")]
    pub native_histogram_bucket_limit: u64,
    /// The least growth from one bucket of a native histogram to the next, to which they are merged;
    /// 0 for any.
    #[serde(skip_serializing_if = "text::is_zero_float")]
    pub native_histogram_min_bucket_factor: f64,
    /// Which names are legal: UTF-8 by default.
    #[serde(serialize_with = "names::write_validation")]
    pub metric_name_validation_scheme: NameValidation,
    /// How to ask for names outside the legacy charset: as they are by default, or with underscores
    /// where only legacy names are legal.
    #[serde(serialize_with = "text::write_name")]
    pub metric_name_escaping_scheme: EscapingScheme,
    /// Whether to store the timeout, the sample limit and the body size as series.
    pub extra_scrape_metrics: bool,
    /// How to reach targets.
    #[serde(flatten)]
    pub http: HttpClientConfig,
    /// Rules for the labels of a target, before it is scraped.
    #[serde(serialize_with = "relabel::write", skip_serializing_if = "Vec::is_empty")]
    pub relabel_configs: Vec<Rule>,
    /// Rules for the labels of a sample, before it is stored.
    #[serde(serialize_with = "relabel::write", skip_serializing_if = "Vec::is_empty")]
    pub metric_relabel_configs: Vec<Rule>,
    /// The targets that the file itself names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub static_configs: Vec<StaticConfig>,
    /// The file that the job came from; `None` for the main file.
    #[serde(skip)]
    pub file: Option<Box<str>>,
    /// Who finds more targets, kind by kind, and within a kind in the file's order.
    #[serde(flatten, serialize_with = "discovery::write")]
    pub discovery_configs: Vec<DiscoveryConfig>,
}

impl Default for ScrapeConfig {
    /// A job without a name and targets: a start for programs that make their jobs themselves.
    fn default() -> Self {
        Self {
            job_name: String::new(),
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps_staleness: false,
            params: BTreeMap::new(),
            scrape_interval: crate::global::SCRAPE_INTERVAL_DEFAULT,
            scrape_timeout: crate::global::SCRAPE_TIMEOUT_DEFAULT,
            scrape_protocols: ScrapeProtocol::DEFAULT.to_vec(),
            fallback_scrape_protocol: None,
            scrape_native_histograms: false,
            always_scrape_classic_histograms: false,
            convert_classic_histograms_to_nhcb: false,
            scrape_failure_log_file: String::new(),
            metrics_path: "/metrics".to_owned(),
            scheme: Scheme::Http,
            enable_compression: true,
            limits: ScrapeLimits::default(),
            native_histogram_bucket_limit: 0,
            native_histogram_min_bucket_factor: 0.0,
            metric_name_validation_scheme: NameValidation::Utf8,
            metric_name_escaping_scheme: EscapingScheme::AllowUtf8,
            extra_scrape_metrics: false,
            http: HttpClientConfig::default(),
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
            static_configs: Vec::new(),
            file: None,
            discovery_configs: Vec::new(),
        }
    }
}

impl ScrapeConfig {
    pub(crate) fn resolve_paths(&mut self, directory: &Path) {
        for discovery in &mut self.discovery_configs {
            discovery.resolve_paths(directory);
        }
        self.http.set_directory(directory);
        resolve_path(&mut self.scrape_failure_log_file, directory);
    }
}
