//! `prometheus.yml`: read strictly, checked as Prometheus checks it, with its defaults filled in.
//!
//! [`Config::load`] takes the text and returns what holds: a job's interval is the one it scrapes
//! with, wherever in the file it came from. An unknown key, a bad duration, a job name given twice
//! and whatever else Prometheus refuses is a [`ConfigError`] with file, line and column, in its
//! words. Relabelling rules come out as [`narthex_relabel::Rule`], ready to apply.
//! [`Config::to_yaml`] prints the file back with every default.
//!
//! ```
//! use narthex_config::Config;
//!
//! let text = "
//! global:
//!   scrape_interval: 15s
//! scrape_configs:
//! - job_name: node
//!   static_configs:
//!   - targets: ['localhost:9100']
//! ";
//! let config = Config::load(text, "prometheus.yml", |_| None)?;
//! assert_eq!(config.scrape_configs[0].metrics_path, "/metrics");
//! assert_eq!(config.scrape_configs[0].scrape_interval.as_secs(), 15);
//!
//! let error = Config::load("global:\n  scrape_intervall: 15s\n", "prometheus.yml", |_| None);
//! assert_eq!(
//!     error.unwrap_err().to_string(),
//!     "parsing YAML file prometheus.yml: line 2, column 3: global: \
//!      unknown field `scrape_intervall`, did you mean `scrape_interval`?"
//! );
//! # Ok::<(), narthex_config::ConfigError>(())
//! ```
//!
//! It opens no file and reads no environment: the caller reads the text, passes a lookup for the
//! variables in `external_labels`, and says with [`Config::resolve_paths`] what relative paths are
//! relative to.
//!
//! # What is not there yet
//!
//! Keys of the reference that do nothing here (most service discoveries, authentication, TLS, native
//! histograms, remote storage, …) are refused by name rather than ignored.

#![forbid(unsafe_code)]

mod alerting;
mod config;
mod discovery;
mod error;
mod expand;
mod file;
mod global;
mod limits;
mod protocol;
mod relabel;
mod resolve;
mod scrape;
mod size;
mod storage;
mod text;
mod unsupported;

pub use alerting::{AlertingConfig, AlertmanagerApiVersion, AlertmanagerConfig};
pub use config::Config;
pub use discovery::{
    DiscoveryConfig, DiscoveryProblem, DnsDiscovery, DnsRecordType, FileDiscovery,
};
pub use error::{ConfigError, ConfigProblem};
pub use global::{GlobalConfig, RuntimeConfig};
pub use limits::{BODY_SIZE_LIMIT_DEFAULT, ScrapeLimits};
pub use narthex_yaml::{Position, YamlWriteError};
pub use protocol::{Scheme, ScrapeProtocol};
pub use scrape::{ScrapeConfig, StaticConfig};
pub use size::{SizeError, display as display_size, parse as parse_size};
pub use storage::{
    ExemplarsConfig, RetentionConfig, RetentionRuleConfig, StorageConfig, TsdbConfig,
};

#[cfg(test)]
mod tests;
