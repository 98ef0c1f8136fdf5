//! Prometheus' relabelling rules: edit label sets or drop them, with an explanation of each step.
//!
//! A [`Rule`] is checked once, when it is made, so that applying it cannot fail. [`process`] applies
//! a list of rules to the labels in a builder; [`explain`] also tells what each of them did.
//!
//! ```
//! use narthex_model::{Labels, LabelsBuilder};
//! use narthex_relabel::{Action, Rule, RuleOptions, Verdict, process};
//!
//! let rules = [
//!     Rule::new(RuleOptions {
//!         source_labels: Some(vec!["__address__".to_owned()]),
//!         regex: Some("([^:]+):.*".to_owned()),
//!         target_label: "host".to_owned(),
//!         ..RuleOptions::default()
//!     })?,
//!     Rule::new(RuleOptions {
//!         action: Action::LabelDrop,
//!         regex: Some("__meta_.*".to_owned()),
//!         ..RuleOptions::default()
//!     })?,
//! ];
//! let mut labels = LabelsBuilder::default();
//! labels.set("__address__", "db-1:9100").set("__meta_rack", "7");
//! assert_eq!(process(&rules, &mut labels), Verdict::Keep);
//! let expected = Labels::from_pairs([("__address__", "db-1:9100"), ("host", "db-1")]);
//! assert_eq!(labels.build(), expected);
//! # Ok::<(), narthex_relabel::RuleError>(())
//! ```

#![forbid(unsafe_code)]

mod action;
mod apply;
mod case;
mod explain;
mod rule;
mod template;

pub use action::{Action, UnknownAction};
pub use apply::{Verdict, process};
pub use explain::{Step, explain};
pub use rule::{NameValidation, Rule, RuleError, RuleOptions};
