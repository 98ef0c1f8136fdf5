//! Functions over instant vectors.

mod absent;
mod date;
mod histogram;
mod label;
mod map;
mod native;
mod sort;

pub(crate) use absent::absent;
pub(crate) use histogram::{HistogramSpans, Statistic, histogram, histogram_quantiles};
pub(crate) use label::{label_join, label_replace};
pub(crate) use map::{Map, degrees, radians, sign};
pub(crate) use native::Summary;
pub(crate) use sort::{sort, sort_by_label};
