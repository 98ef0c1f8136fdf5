//! PromQL, evaluated over any store.
//!
//! An [`Engine`] takes an expression of [`narthex_promql_parser`] and a
//! [`Queryable`](narthex_storage::Queryable) and returns an [`Answer`], whose digits are those of
//! Prometheus. It evaluates **series by series**: a series is decoded once, slid over by all steps
//! in one pass, and folded into columns that are as wide as the query has steps.
//!
//! - [`Engine::instant`] evaluates at one time, [`Engine::range`] at the steps of a [`Grid`];
//! - a [`Value`] hands out labels and samples, native histograms beside the floats
//!   ([`Vector::histogram`], [`MatrixSeries::histograms`]), and [`Annotations`] remark on them;
//! - an [`Explanation`] tells how a query is evaluated, a [`Profile`] what that took;
//! - [`kernel`] has the loops over columns by themselves, without query and store;
//! - a [`QueryError`] says why there is no answer; the limits are those of [`EngineOptions`] and of
//!   the [`QueryContext`](narthex_storage::QueryContext), which also stops a query.
//!
//! ```
//! use narthex_model::Labels;
//! use narthex_promql::{Engine, Value};
//! use narthex_storage::{Appendable, MemoryStore, QueryContext, SampleValue, SeriesKey};
//!
//! let store = MemoryStore::default();
//! let mut appender = store.appender();
//! let series = Labels::from_pairs([("__name__", "requests_total"), ("job", "api")]);
//! for (minute, count) in [0.0, 60.0, 180.0].into_iter().enumerate() {
//!     let timestamp_ms = minute as i64 * 60_000;
//!     appender.append(SeriesKey::Labels(&series), timestamp_ms, SampleValue::Float(count))?;
//! }
//! appender.commit()?;
//!
//! let expr = narthex_promql_parser::parse("sum by (job) (increase(requests_total[2m]))")?;
//! let answer = Engine::default().instant(&QueryContext::default(), &store, &expr, 120_000)?;
//! let Value::Vector(vector) = answer.value else { panic!("a sum is a vector") };
//! let (labels, sample) = vector.iter().next().unwrap();
//! assert_eq!(labels.to_string(), r#"{job="api"}"#);
//! // The window is open on the left: it holds the last two samples, extrapolated to its start.
//! assert_eq!(sample.value, 180.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod aggregate;
mod annotations;
mod binary;
mod bits;
mod block;
mod date;
mod engine;
mod error;
mod exec;
mod explain;
mod go_sort;
mod gomath;
mod grid;
mod instant_fn;
pub mod kernel;
mod merge_sort;
mod natural;
mod neumaier;
mod options;
mod plan;
mod profile;
mod quantile;
mod range_fn;
mod scalar;
mod stats;
mod value;
mod window;
mod window_counts;

pub use annotations::{Annotation, Annotations, Severity};
pub use engine::Engine;
pub use error::{ErrorKind, QueryError};
pub use explain::{Explanation, PlanNode, PlanSelection};
pub use grid::Grid;
pub use options::{Counting, EngineOptions};
pub use profile::{NodeCost, Profile};
pub use stats::{SampleStats, StepStats, Timings};
pub use value::{Answer, Matrix, MatrixSeries, Value, Vector};
