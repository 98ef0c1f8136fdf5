//! Chunks as their users see them.

#![cfg(test)]

mod reference;
