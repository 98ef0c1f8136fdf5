//! Runs test scripts in the language of Prometheus's own: `load` puts series into a store, `eval`
//! runs a query and says what must come out.
//!
//! ```
//! use narthex_promqltest::{EngineSubject, Script, run};
//! use narthex_storage::MemoryStore;
//!
//! let script = Script::parse(
//!     r#"
//! load 1m
//!   requests_total{job="api"} 0+60x5
//!   requests_total{job="web"} 0+30x5
//!
//! eval instant at 5m sum(rate(requests_total[5m]))
//!   {} 1.5
//!
//! eval range from 4m to 5m step 1m requests_total
//!   requests_total{job="api"} 240 300
//!   requests_total{job="web"} 120 151
//! "#,
//! )?;
//! let mut subject = EngineSubject::new(|| Ok(MemoryStore::default()))?;
//! let report = run(&script, &mut subject);
//! assert_eq!(report.passed, 1);
//! assert_eq!(
//!     report.failures[0].to_string(),
//!     "9: requests_total from 4m to 5m step 1m: \
//!      expected requests_total{job=\"web\"} 151 @5m, but got 150 @5m"
//! );
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! - [`Script::parse`] reads a script, whole: a script with a mistake does not run at all.
//! - [`run`] runs it against a [`Subject`]: [`EngineSubject`] is a store below our evaluator, and an
//!   implementation for something else has four methods.
//! - A [`Report`] counts what passed and holds every [`Failure`] with its line, what was expected
//!   and what came out.
//!
//! # The language
//!
//! Lines are trimmed; an empty line or a comment (`# …`) ends a command. Times and steps are
//! durations since the Unix epoch.
//!
//! | command | what it does |
//! |---|---|
//! | `load 5m` | adds the series below it, one a line, as [`parse_series_description`] reads them, with so long between samples |
//! | `load_with_nhcb 5m` | adds also the native histograms with custom buckets that classic ones below it make |
//! | `clear` | forgets all series |
//! | `eval instant at 50m QUERY` | runs a query at one time |
//! | `eval range from 0 to 1h step 5m QUERY` | runs a query at steps |
//!
//! Within a load, a line `series@st -1m 0s+10sx3`, directly above the line of the same series, gives
//! each sample its start timestamp, relative to its own time.
//!
//! Below an `eval` stand lines of expectations and of results, as series with their values or as one
//! number for a scalar:
//!
//! | line | what it expects |
//! |---|---|
//! | `expect fail`, `expect fail msg: TEXT`, `expect fail regex: PATTERN` | an error |
//! | `expect warn`, `expect info`, each also with `msg:` or `regex:` | such annotations, each once at least, and no other of the kind |
//! | `expect no_warn`, `expect no_info` | no such annotation |
//! | `expect ordered` | the results in the order of the lines |
//! | `expect string "TEXT"` | a string |
//! | `expect range vector from 10s to 1m step 10s` | that the values of the lines stand at those times |
//!
//! The older forms `eval_fail`, `eval_warn`, `eval_info` and `eval_ordered`, and below them
//! `expected_fail_message` and `expected_fail_regexp`, are read too.
//!
//! Floats pass within a relative difference of 10⁻⁶.
//!
//! # Each instant query runs often
//!
//! As in the reference's runner, each instant query also runs as the middle step of a range query,
//! and, where the functions in it allow that, with every selector pinned by `@` to its time and
//! evaluated at other times, all with the same result.
//!
//! # Source
//!
//! `promql/promqltest` in Prometheus.
//!
//! [`parse_series_description`]: narthex_promql_parser::parse_series_description

#![forbid(unsafe_code)]

mod compare;
mod engine;
mod pin;
mod report;
mod run;
mod script;
mod subject;
mod value;

pub use engine::EngineSubject;
pub use report::{Failure, Report, When};
pub use run::run;
pub use script::{Script, ScriptError, ScriptProblem};
pub use subject::{LoadedSample, LoadedSeries, Outcome, Subject, SubjectError};
pub use value::{Point, ResultSeries, Value};
