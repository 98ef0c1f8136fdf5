//! Rules against what Prometheus 3.14 was seen to do.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that fails tells where")]

mod conformance;
mod kube_prometheus;
mod live;
mod restart;
mod simulated;
mod state;
