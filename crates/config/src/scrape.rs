use std::collections::BTreeMap;
use std::time::Duration;

use narthex_model::Labels;
use narthex_relabel::Rule;

use crate::discovery::{self, DiscoveryConfig};
use crate::limits::ScrapeLimits;
use crate::protocol::{Scheme, ScrapeProtocol};
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
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// The format of a body whose `Content-Type` is missing or unknown. `None` fails such a scrape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// The path of the URL: `/metrics` by default.
    pub metrics_path: String,
    /// The scheme of the URL: `http` by default.
    pub scheme: Scheme,
    /// Whether to ask for compressed bodies: true by default.
    pub enable_compression: bool,
    /// What a scrape may hold.
    #[serde(flatten)]
    pub limits: ScrapeLimits,
    /// Whether to store the timeout, the sample limit and the body size as series.
    pub extra_scrape_metrics: bool,
    /// Rules for the labels of a target, before it is scraped.
    #[serde(serialize_with = "relabel::write", skip_serializing_if = "Vec::is_empty")]
    pub relabel_configs: Vec<Rule>,
    /// Rules for the labels of a sample, before it is stored.
    #[serde(serialize_with = "relabel::write", skip_serializing_if = "Vec::is_empty")]
    pub metric_relabel_configs: Vec<Rule>,
    /// The targets that the file itself names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub static_configs: Vec<StaticConfig>,
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
            metrics_path: "/metrics".to_owned(),
            scheme: Scheme::Http,
            enable_compression: true,
            limits: ScrapeLimits::default(),
            extra_scrape_metrics: false,
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
            static_configs: Vec::new(),
            discovery_configs: Vec::new(),
        }
    }
}

/// Targets with labels in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct StaticConfig {
    /// Addresses, `host:port`, in the file's order. Repeats are kept.
    pub targets: Vec<String>,
    /// Labels of each of these targets.
    #[serde(serialize_with = "text::write_labels", skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}
