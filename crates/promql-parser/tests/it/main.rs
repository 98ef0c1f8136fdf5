//! Tests through the public interface: tables, laws, and the reference's recorded answers.

mod conformance;
mod tables;
mod wire;
