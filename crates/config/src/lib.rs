//! `prometheus.yml`: read strictly, checked as Prometheus checks it, defaults resolved.

#![forbid(unsafe_code)]

mod alerting;
mod global;
mod limits;
mod protocol;
mod relabel;
mod scrape;

pub use alerting::{AlertingConfig, AlertmanagerConfig};
pub use global::{GlobalConfig, RuntimeConfig};
pub use limits::{BODY_SIZE_LIMIT_DEFAULT, ScrapeLimits};
pub use protocol::{Scheme, ScrapeProtocol};
pub use relabel::{RelabelAction, RelabelConfig};
pub use scrape::{ScrapeConfig, StaticConfig};

/// A whole configuration file, with every default filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// What holds for all jobs and rules.
    pub global: GlobalConfig,
    /// Process settings.
    pub runtime: RuntimeConfig,
    /// Where alerts go.
    pub alerting: AlertingConfig,
    /// Globs that name rule files. Only the last element of a path may hold a `*`.
    pub rule_files: Vec<String>,
    /// The jobs, with distinct names, in the file's order.
    pub scrape_configs: Vec<ScrapeConfig>,
}
