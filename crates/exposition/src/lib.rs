//! The formats in which targets expose their metrics.
//!
//! - [`PageReader`] reads a page of any format: [`TextReader`] the text format (0.0.4, and 1.0.0, which
//!   has the same grammar), [`OpenMetricsReader`] OpenMetrics, [`ProtobufReader`] delimited protobuf
//!   messages. [`ReadOptions`] say what becomes of histograms.
//! - [`StrictReader`] says whether a page of OpenMetrics keeps to the specification.
//! - [`write_page`] writes [`Family`]s in any format, [`read_families`] reads them, [`TextWriter`] writes
//!   text without them.
//! - [`accept_header`] is what a scraper asks for, [`ContentType::negotiate`] what it gets.
//!   [`EscapingScheme`] makes legacy names of others.
//!
//! All readers yield one shape of [`Entry`]. A sample comes with its *series text* as it stands on the
//! page, so that a scraper can look the series up without parsing a label; [`SampleEntry::labels`] parses
//! them on demand.
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
//! The readers of lines keep no state that a page could grow; that of protobuf keeps one metric, of at
//! most [`METRIC_PARTS_MAX`] parts of each kind, and the strict one the names on the page. An error quotes
//! at most [`EXCERPT_SIZE_MAX`] bytes. How large a page may be is for the caller to say.

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
