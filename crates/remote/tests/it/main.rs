//! Requests of every kind, against the in-memory store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod properties;
mod receiver;
