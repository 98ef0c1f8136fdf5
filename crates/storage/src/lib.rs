//! What a query engine asks of a store, and what a store asks of nobody.
//!
//! The contract is *batch decode over an indexed selection*: one call per series, never one per
//! sample; the series of a [`Selection`] can be read by several threads in any order; labels are
//! produced on demand, so that an engine groups before anything is decoded.
//!
//! - reading: [`Queryable`] → [`Querier`] → [`Selection`] → [`Columns`];
//! - writing: [`Appendable`] → [`Appender`], which commits or rolls back as a whole;
//! - [`ExemplarQueryable`] for stores that keep exemplars;
//! - [`QueryContext`] carries cancellation, the byte budget and warnings through every phase;
//! - [`MemoryStore`] is a whole store for tests and embedders.
//!
//! ```
//! use narthex_model::Labels;
//! use narthex_storage::{Appendable, MemoryStore, SampleValue, SeriesKey};
//!
//! let store = MemoryStore::default();
//! let mut appender = store.appender();
//! let series = Labels::from_pairs([("__name__", "up")]);
//! appender.append(SeriesKey::Labels(&series), 1_000, SampleValue::Float(1.0))?;
//! assert_eq!(appender.commit()?.samples, 1);
//! # Ok::<(), narthex_storage::AppendError>(())
//! ```

#![forbid(unsafe_code)]

mod append;
mod budget;
mod context;
mod exemplars;
mod memory;
mod read;
mod shard;

pub use append::{
    AppendError, Appendable, Appender, Committed, ExemplarError, SampleValue, SeriesKey, SeriesRef,
};
pub use budget::ByteBudget;
pub use context::{Interrupt, QueryContext};
pub use exemplars::{ExemplarQueryable, SeriesExemplars};
pub use memory::MemoryStore;
pub use narthex_chunk::Columns;
pub use narthex_model::SampleTime;
pub use read::{Projection, Querier, Queryable, SelectHints, Selection, StorageError, TimeRange};
pub use shard::{Shard, stable_hash};
