//! Gorilla-compressed chunks of samples in Prometheus' encodings, decoded by batch into columns.

#![forbid(unsafe_code)]

mod columns;

pub use columns::Columns;
