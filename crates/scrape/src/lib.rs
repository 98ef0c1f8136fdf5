//! From a configuration to samples: targets, their schedule, the fetch, and what becomes of a page.
//!
//! [`Manager`] scrapes the targets of a `prometheus.yml` into any store. Each target has a task of
//! its own and slots of its own, fixed in absolute time, so that a slow target delays nobody and a
//! restart keeps the rhythm. [`Scraper`] is its core without network, clock and runtime: pages in,
//! samples and staleness markers out.
//!
//! ```
//! use std::sync::Arc;
//!
//! use narthex_config::Config;
//! use narthex_scrape::{HttpFetch, Manager, Options};
//! use narthex_storage::MemoryStore;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let text = "scrape_configs: [{job_name: node, static_configs: [{targets: ['localhost:1']}]}]";
//! let config = Config::load(text, "prometheus.yml", |_| None)?;
//! let store = Arc::new(MemoryStore::default());
//! let runtime = tokio::runtime::Handle::current();
//! let manager = Manager::new(store, HttpFetch::for_job, runtime, Options::default());
//! manager.apply(&config);
//! assert_eq!(&*manager.targets().active[0].url, "http://localhost:1/metrics");
//! manager.shutdown().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a page becomes samples
//!
//! The text of a series, as it stands on the page, is looked up in a cache of the target, which
//! expects each line where the last page had it. In steady state no label is parsed, relabelled or
//! hashed and nothing is allocated. A page is stored as a whole or not at all.
//!
//! # Limits
//!
//! Pages have at most a gigabyte, and less where the job says so; what a target's metadata may take
//! and how far failing pages may grow its cache is bounded too.

#![forbid(unsafe_code)]

mod cache;
mod content_type;
mod error;
mod failure_log;
mod fetch;
mod manager;
mod metadata;
mod pool;
mod schedule;
mod scraper;
mod series_limit;
mod stats;
mod status;
mod target;
mod task;

pub use content_type::ContentTypeError;
pub use error::ScrapeError;
pub use failure_log::FailureLog;
pub use fetch::{Fetch, FetchError, Fetching, HttpFetch, Page, Request};
pub use manager::{Manager, Options, TARGET_SERIES_MAX_DEFAULT};
pub use scraper::{Body, Features, Scraped, Scraper};
pub use stats::{IntervalLength, JobStats, Stats};
pub use status::{ActiveTarget, DroppedTarget, Health, LastScrape, Targets};
pub use target::{Built, Target, TargetError};
