//! Aggregations: series folded into groups.

mod fold;
mod group;
mod quantile;
mod select;
mod values;

pub(crate) use fold::fold;
pub(crate) use quantile::quantile_of_groups;
pub(crate) use select::{Choice, select};
pub(crate) use values::count_values;
