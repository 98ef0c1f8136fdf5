//! Whole files: what loads, what prints, and what the reference says about its own test files.

mod conformance;
mod mutation;
mod print;
mod secrets;
