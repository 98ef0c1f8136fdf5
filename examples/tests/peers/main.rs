//! The example server against the real programs it has to get on with: Prometheus, promtool and the
//! node exporter, as Debian packages them.
//!
//! A missing program skips its test with a word on standard error; with `CI=true` it fails it.
//! Every program listens on a loopback port of its own and is ended by its own process id.

mod dataset;
mod kill;
mod node_exporter;
mod promtool;
mod round_trips;
mod same_answers;
mod same_scrapes;
mod scraped_by_prometheus;
