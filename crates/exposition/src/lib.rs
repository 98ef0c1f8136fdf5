//! The formats in which targets expose their metrics.
//!
//! [`TextReader`] turns a page in Prometheus' text format (0.0.4, and 1.0.0, which has the same
//! grammar) into an iterator of [`Entry`]s that borrow from the page. A sample comes with its
//! *series text* as it stands on the page, so that a scraper can look the series up without parsing
//! a label; [`SampleEntry::labels`] parses them on demand. [`OpenMetricsReader`] does the same for
//! OpenMetrics 1.0. [`TextWriter`] writes a page in the text format.
//!
//! ```
//! use narthex_exposition::{Entry, TextReader};
//! use narthex_model::LabelsBuilder;
//!
//! let page = b"# TYPE http_requests_total counter\nhttp_requests_total{code=\"200\"} 1027\n";
//! let mut labels = LabelsBuilder::default();
//! for entry in TextReader::new(page) {
//!     if let Entry::Sample(sample) = entry? {
//!         assert_eq!(sample.series, r#"http_requests_total{code="200"}"#);
//!         assert_eq!(sample.value, 1027.0);
//!         sample.labels(&mut labels)?;
//!         assert_eq!(labels.get("code"), Some("200"));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A page is read up to its first error, as the reference does: an [error](ParseError) says where it
//! is and what was expected, in the reference's words. Timestamps are milliseconds since the Unix
//! epoch.
//!
//! # Limits
//!
//! The reader keeps no state that a page could grow, and quotes at most [`EXCERPT_SIZE_MAX`] bytes
//! of it in an error. How large a page may be is for the caller to say.

#![forbid(unsafe_code)]

mod entry;
mod error;
mod escape;
mod escaping;
mod exemplar;
mod native;
mod negotiate;
mod number;
mod openmetrics;
mod options;
mod page;
mod protobuf;
mod protocol;
mod read_families;
mod series_text;
mod text;
mod writer;

pub use entry::{DuplicateLabel, Entry, HelpText, SampleEntry, Value};
pub use error::{EXCERPT_SIZE_MAX, Excerpt, ParseError, ParseErrorKind, Place};
pub use escaping::{EscapingScheme, UnknownEscapingScheme};
pub use exemplar::ExemplarEntry;
pub use negotiate::{ACCEPT_RANGES_MAX, ContentType, TEXT_CONTENT_TYPE, accept_header};
pub use openmetrics::{OpenMetricsReader, StrictReader};
pub use options::ReadOptions;
pub use page::{PageFormat, PageReader};
pub use protobuf::{METRIC_PARTS_MAX, ProtobufReader, WireProblem};
pub use protocol::{ScrapeProtocol, UnknownScrapeProtocol};
pub use read_families::{ReadFamiliesError, read_families};
pub use text::TextReader;
pub use writer::{
    Bucket, ClassicBucket, Family, FamilyWriter, HistogramPoint, Metric, NativeHistogram, Point,
    Quantile, SummaryPoint, TextWriter, write_page,
};
