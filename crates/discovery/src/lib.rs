//! Who the targets are: a trait for finding them, the manager that runs what implements it, and the
//! kinds of discovery that Prometheus has.
//!
//! - [`Discovery`] is the trait; its example is a whole discovery. [`Refresh`] with [`Refreshing`] is
//!   for those that look every so often.
//! - [`Updates`] takes what a discovery finds: [`TargetGroup`]s, whole or only those that changed.
//! - [`Manager`] runs the discoveries of a configuration and tells its watchers what they find.
//!
//! ```
//! use narthex_config::Config;
//! use narthex_discovery::{Job, Manager, Options, TargetGroup};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let text = "scrape_configs: [{job_name: node, static_configs: [{targets: ['localhost:1']}]}]";
//! let config = Config::load(text, "prometheus.yml", |_| None)?;
//! let manager = Manager::new(tokio::runtime::Handle::current(), Options::default());
//! manager.apply(Job::of_config(&config))?;
//! assert_eq!(manager.stats().jobs["node"].targets, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

#[cfg(any(feature = "consul", feature = "docker", feature = "http"))]
mod client;
#[cfg(feature = "consul")]
mod consul;
mod discovery;
#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "docker")]
mod docker;
mod error;
#[cfg(feature = "file")]
mod file;
mod group;
#[cfg(feature = "http")]
mod http;
mod kinds;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod manager;
mod provider;
mod refresh;
mod stats;
#[cfg(feature = "_text")]
mod text;
mod throttle;
mod updates;
#[cfg(feature = "_wire")]
mod wire;

#[cfg(feature = "http")]
pub use crate::http::{HttpLookup, HttpLookupError};
#[cfg(feature = "consul")]
pub use consul::{ConsulCallStats, ConsulStats};
pub use discovery::Discovery;
#[cfg(feature = "dns")]
pub use dns::{DnsLookup, DnsStats, NameServers};
pub use error::StartError;
#[cfg(feature = "file")]
pub use file::{FileStats, TargetFileError, read_target_file};
pub use group::{ADDRESS_LABEL, TargetGroup};
#[cfg(feature = "kubernetes")]
pub use kubernetes::{KubernetesRequestStats, KubernetesStats};
pub use manager::{Groups, Job, Manager, Options, TargetSets, check};
pub use refresh::{Refresh, Refreshing};
pub use stats::{JobStats, REFRESH_DURATION_BUCKETS, RefreshStats, Stats};
pub use updates::Updates;
