//! Prometheus remote write 1.0, without HTTP and without an async runtime.
//!
//! - [`receive`] applies a request to a store, and says what was refused and why;
//! - [`decompress`] and [`WriteRequest`] are its halves: the message is read in place and borrows
//!   from the decompressed body, so a request costs one allocation for each series that is new;
//! - [`RequestBuilder`] writes a request, for senders and tests;
//! - [`check_encoding`] and [`check_content_type`] tell whether headers fit the protocol.
//!
//! ```
//! use narthex_model::{Labels, Sample};
//! use narthex_remote::{RequestBuilder, WriteRequest};
//!
//! let up = Labels::from_pairs([("__name__", "up")]);
//! let message = RequestBuilder::default()
//!     .series(&up, &[Sample { timestamp_ms: 1_000, value: 1.0 }])
//!     .into_message();
//!
//! let request = WriteRequest::new(&message);
//! let series = request.series().next().expect("one was written")?;
//! let sample = series.samples().next().expect("one was written")?;
//! assert_eq!((sample.timestamp_ms, sample.value), (1_000, 1.0));
//! # Ok::<(), narthex_remote::DecodeError>(())
//! ```
//!
//! Limits hold before memory is taken: see [`ReceiveLimits`]. A store that holds no native
//! histograms refuses them by name; metadata is read and left aside.

#![forbid(unsafe_code)]

mod encode;
mod headers;
mod histogram;
mod receive;
mod request;
mod snappy;
mod wire;

pub use encode::RequestBuilder;
pub use headers::{HeaderError, check_content_type, check_encoding};
pub use histogram::{HistogramSample, HistogramValue};
pub use receive::{Post, ReceiveLimits, Received, Rejection, Rejections, WriteError, receive};
pub use request::{Label, MetricMetadata, TimeSeries, WriteRequest};
pub use snappy::{SnappyError, decompress};
pub use wire::DecodeError;
