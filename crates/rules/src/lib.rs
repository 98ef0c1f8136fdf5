//! Recording and alerting rules: rule files, and the engine that evaluates them.
//!
//! ```
//! use std::time::Duration;
//!
//! use narthex_promql_parser::parse_series_description;
//! use narthex_rules::{ReadOptions, RuleFile, RuleTest, TestOptions};
//!
//! let text = r#"
//! groups:
//! - name: api
//!   rules:
//!   - record: job:up:min
//!     expr: min by (job) (up)
//!   - alert: Down
//!     expr: job:up:min == 0
//!     for: 2m
//!     annotations: {summary: "{{ $labels.job }} is down"}
//! "#;
//! let file = RuleFile::read(text, &ReadOptions::default())?;
//! let mut test = RuleTest::new(&[("rules.yml", file)], TestOptions::default());
//! test.load(parse_series_description(r#"up{job="api"} 1 0 0 0"#)?, Duration::from_mins(1));
//! test.run(Duration::from_mins(3))?;
//! assert_eq!(test.firing("Down")[0].annotations.value("summary"), "api is down");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`RuleFile::read`] reads and checks a file, [`RuleFile::to_yaml`] prints it, and
//!   [`RuleFile::duplicates`] is a lint;
//! - a [`Manager`] evaluates groups, each at its own times, with the [`Parts`] that whoever embeds it
//!   brings: something to query, something to write to, a [`Notify`] that is told of alerts, a clock;
//! - a [`RuleTest`] tests rules over series that are made up.
//!
//! # What it leaves to others
//!
//! It opens no file and no connection. [`Manager::work`] runs on threads that are lent to it. What alerts
//! are sent to is behind [`Notify`]. Templates are those of `narthex-template`, with its limits.

#![forbid(unsafe_code)]

mod alert;
mod dependencies;
mod environment;
mod file;
mod group;
mod manager;
mod notify;
mod rule;
mod sample;
mod stats;
mod template;
mod testing;
mod timeline;

pub use alert::{Alert, AlertState};
pub use environment::{EvalError, Options, Parts, Settings};
pub use file::{
    DuplicateRule, ForbiddenField, ReadOptions, Rule, RuleError, RuleFile, RuleFileError,
    RuleGroup, RuleKind, RulePlace, RuleProblem, TemplateOwner,
};
pub use group::{GroupStats, GroupStatus};
pub use manager::Manager;
pub use notify::{Notification, Notify};
pub use rule::{Health, RuleStatus};
pub use stats::{NamedGroupStats, Stats, TIMING_BOUNDS_S, TimingStats};
pub use testing::{RuleFailure, RuleTest, RuleTestError, TestOptions, TestSample};
