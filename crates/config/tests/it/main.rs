//! Whole files: what loads, what prints, and what the reference says about its own test files.

mod mutation;
mod print;
