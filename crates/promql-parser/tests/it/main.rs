//! Tests through the public interface: tables, laws, limits, and the reference's recorded answers.

mod conformance;
mod errors;
mod laws;
mod limits;
mod printing;
mod tree;
