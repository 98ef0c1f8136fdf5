//! Pages, written.
//!
//! [`TextWriter`] writes the text format as it goes. [`write_page`] writes [`Family`]s in whichever
//! format was negotiated.

mod family;
mod line;
mod openmetrics;
mod page;
mod protobuf;
mod text;
mod text_writer;

pub use family::{
    ClassicBucket, Family, HistogramPoint, Metric, NativeHistogram, Point, SummaryPoint,
};
pub(crate) use line::push_name;
pub use page::write_page;
pub use text_writer::{Bucket, FamilyWriter, Quantile, TextWriter};
