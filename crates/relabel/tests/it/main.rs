//! Relabelling from the outside: what rules do, which are refused, and the reference's recordings.

mod actions;
mod conformance;
mod refusals;
