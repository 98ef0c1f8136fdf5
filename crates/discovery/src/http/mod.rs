//! Targets from an HTTP server.

mod lookup;

pub(crate) use lookup::HttpCounters;
pub use lookup::{HttpLookup, HttpLookupError};

#[cfg(test)]
mod tests;
