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
//! Sections that nothing here carries out yet are read and checked all the same, so that a file that
//! Prometheus takes is taken: [`Config::not_carried_out`] names those that a file has.

#![forbid(unsafe_code)]

mod alerting;
mod config;
mod discovery;
mod error;
mod expand;
mod global;
mod headers;
mod list;
mod names;
mod otlp;
mod protocol;
mod relabel;
mod remote_read;
mod remote_write;
mod runtime;
mod scrape;
mod size;
mod spans;
mod storage;
mod text;
mod unfinished;

pub use alerting::{AlertingConfig, AlertmanagerApiVersion, AlertmanagerConfig};
pub use config::{Config, ConfigDefaults};
pub use discovery::{
    ConsulDiscovery, DiscoveryConfig, DiscoveryProblem, DnsDiscovery, DnsRecordType,
    DockerDiscovery, DockerFilter, FileDiscovery, HttpDiscovery, KubernetesAttachMetadata,
    KubernetesDiscovery, KubernetesNamespaces, KubernetesRole, KubernetesSelector, OtherDiscovery,
};
pub use error::{ConfigError, ConfigProblem, ProtocolProblem};
pub use global::GlobalConfig;
pub use headers::HeaderMap;
pub use narthex_exposition::{EscapingScheme, ScrapeProtocol};
pub use narthex_relabel::NameValidation;
pub use narthex_yaml::{Position, YamlWriteError};
pub use otlp::{OtlpConfig, TranslationStrategy};
pub use protocol::Scheme;
pub use remote_read::RemoteReadConfig;
pub use remote_write::{
    AzureAdConfig, AzureCertificate, AzureManagedIdentity, AzureOAuth, AzureSdk,
    AzureWorkloadIdentity, GoogleIamConfig, MetadataConfig, QueueConfig, RemoteWriteConfig,
    RemoteWriteMessage, SigV4Config,
};
pub use runtime::RuntimeConfig;
pub use scrape::{BODY_SIZE_LIMIT_DEFAULT, ScrapeConfig, ScrapeLimits, StaticConfig};
pub use size::{SizeError, display as display_size, parse as parse_size};
pub use spans::{TracingClient, TracingConfig};
pub use storage::{
    ChunkEncodingConfig, ExemplarsConfig, FloatChunkEncoding, RetentionConfig, RetentionRuleConfig,
    StorageConfig, TsdbConfig,
};

#[cfg(test)]
mod tests;
