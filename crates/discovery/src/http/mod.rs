//! Targets from an HTTP server.

mod lookup;

pub use lookup::{HttpLookup, HttpLookupError};

#[cfg(test)]
mod tests;
