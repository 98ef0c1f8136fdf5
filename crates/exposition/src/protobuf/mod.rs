//! Messages `io.prometheus.client.MetricFamily`, each behind its length.
//!
//! [`wire`] reads the fields of any message, [`family`], [`metric`] and [`label`] those of the format,
//! [`histogram`] makes native histograms of them, and [`reader`] takes all that apart into entries.

mod family;
mod histogram;
mod label;
mod metric;
mod reader;
mod wire;

pub(crate) use label::exemplar_labels;
pub use metric::METRIC_PARTS_MAX;
pub use reader::ProtobufReader;
pub use wire::WireProblem;
