//! Aggregations: series folded into groups.

mod accumulator;
mod fold;
mod group;
mod histograms;
mod quantile;
mod ratio;
mod select;
mod states;
mod values;

pub(crate) use fold::{Fold, fold, states};
pub(crate) use quantile::quantile_of_groups;
pub(crate) use ratio::limit_ratio;
pub(crate) use select::{Choice, select};
pub(crate) use values::count_values;
