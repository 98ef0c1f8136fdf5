use std::time::Duration;

use narthex_model::Labels;

use crate::limits::ScrapeLimits;
use crate::protocol::ScrapeProtocol;
use crate::text;

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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// How often to evaluate rules: 1m by default.
    #[serde(serialize_with = "text::write_duration")]
    pub evaluation_interval: Duration,
    /// How far in the past rules are evaluated, so that late samples are seen: 0s by default.
    #[serde(serialize_with = "text::write_duration", skip_serializing_if = "Duration::is_zero")]
    pub rule_query_offset: Duration,
    /// Labels that tell this server from others, for alerts, federation and remote storage.
    #[serde(serialize_with = "text::write_labels", skip_serializing_if = "Labels::is_empty")]
    pub external_labels: Labels,
    /// What a scrape may hold.
    #[serde(flatten)]
    pub limits: ScrapeLimits,
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
            external_labels: Labels::empty(),
            limits: ScrapeLimits::default(),
            extra_scrape_metrics: false,
        }
    }
}

/// The `runtime` section.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RuntimeConfig {
    /// The target of Go's garbage collector, in percent. Kept so that files with it load; there is
    /// no such collector here.
    pub gogc: i64,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self { gogc: GOGC_DEFAULT }
    }
}

pub(crate) const SCRAPE_INTERVAL_DEFAULT: Duration = Duration::from_secs(60);
pub(crate) const SCRAPE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
pub(crate) const EVALUATION_INTERVAL_DEFAULT: Duration = Duration::from_secs(60);
pub(crate) const GOGC_DEFAULT: i64 = 75;
