//! Prometheus' HTTP API, page and lifecycle endpoints, as an [axum] router over any store.
//!
//! [`router()`] serves [`ServerState`]: a store, and as much as the embedder has of targets,
//! configuration, flags and metrics. It mounts under any axum application; [`serve`] runs it alone,
//! with limits on connections and headers.
//!
//! ```
//! use std::sync::Arc;
//!
//! use narthex_server::{ServeLimits, ServerOptions, ServerState, WebGuard, router, serve};
//! use narthex_storage::MemoryStore;
//! use tokio::net::TcpListener;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let store = Arc::new(MemoryStore::default());
//! let state = Arc::new(ServerState::new(store, ServerOptions::default()));
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let stop = async { /* a signal, or, here, nothing to wait for */ };
//! let everybody = Arc::new(WebGuard::default());
//! serve(vec![listener], router(state), everybody, ServeLimits::default(), stop).await
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What happens to a query
//!
//! The engine and the stores are synchronous, so a query runs on a blocking thread, twenty at a
//! time. It is told to stop when its time is over and when the client goes away. Its answer is
//! written as JSON while it is sent, 64 KiB at a time.
//!
//! # Limits
//!
//! See [`ServerOptions`] and [`ServeLimits`]. A form has at most 10 MiB, a remote write request
//! 32 MiB, and either must arrive within 30 seconds. A panic in a handler is a 500 and a log line.

#![forbid(unsafe_code)]

mod active_queries;
mod answer;
mod api;
mod blocking;
mod build_info;
mod engine;
mod layers;
mod lifecycle;
mod metrics;
mod page;
mod params;
mod routes;
mod rules;
mod state;
mod targets;
mod throttle;
mod time;
mod write;

pub use active_queries::{ActiveQueries, ActiveQuery};
pub use build_info::hostname;
pub use metrics::{
    write_discovery_stats, write_retention, write_rule_stats, write_scrape_stats, write_tsdb_stats,
};
pub use narthex_http::{ServeLimits, WebGuard, serve};
pub use routes::router;
pub use rules::RuleSource;
pub use state::{
    Collector, Lifecycle, Readiness, Reload, ServerOptions, ServerState, Status, Store, WalReplay,
};
pub use targets::TargetSource;
pub use time::parse_time;
