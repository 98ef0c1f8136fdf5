//! The client and the server of this crate against local ones, on the loopback interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod auth;
mod certificates;
mod client;
mod oauth2;
mod proxy;
mod redirect;
mod server;
mod tls;
mod web;
