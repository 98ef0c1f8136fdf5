//! Requests and answers: the router in process, over the in-memory store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "tests say why they skip")]

mod answers;
mod client;
mod conformance;
mod exemplars;
mod labels;
mod lifecycle;
mod limits;
mod loading;
mod metrics;
mod out_of_order;
mod page;
mod properties;
mod query;
mod recorded_series;
mod recordings;
mod routes;
mod rules;
mod scripts;
mod serve;
mod status;
mod syntax;
mod write;
