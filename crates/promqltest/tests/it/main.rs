//! Scripts: those that must fail, our own corpus, and the reference's.

#![expect(clippy::unwrap_used, reason = "a test that fails tells where")]

mod conformance;
mod corpus;
mod failures;
mod reading;

use narthex_promqltest::{EngineSubject, Report, Script, run};
use narthex_storage::MemoryStore;

fn run_script(script: &Script) -> Report {
    let mut subject = EngineSubject::new(|| Ok(MemoryStore::default())).unwrap();
    run(script, &mut subject)
}
