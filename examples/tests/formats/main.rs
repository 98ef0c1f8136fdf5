//! Pages that we write, read by the real promtool and by the Python package `prometheus-client`, and
//! pages that those write, read by us.
//!
//! Which Python has the package is told by `NARTHEX_PYTHON`; otherwise it is `python3`. Where a peer
//! is missing, its tests skip with a word on standard error; with `CI=true` they fail.

mod promtool;
mod python;
