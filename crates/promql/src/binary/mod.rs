//! Binary operators.

mod element;
mod histogram;
mod matching;
mod set;
mod vectors;

pub(crate) use element::{ElementOp, Kept};
pub(crate) use histogram::{Made, MixedOp, Side};
pub(crate) use set::set_operation;
pub(crate) use vectors::{VectorOp, vector_operation};
