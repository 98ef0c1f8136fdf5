//! The scraper against servers on this machine and recorded answers of the reference.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod fetch;
mod manager;
mod recorded;
mod server;
