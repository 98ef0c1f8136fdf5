//! promtool as a command: tests of what a server is told.

mod test_promql;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use test_promql::{ScriptCounts, test_promql};

/// The command line of promtool.
#[derive(Clone, Debug, Parser)]
#[command(name = "promtool", version, about = "Tooling for the Prometheus monitoring system.")]
#[non_exhaustive]
pub struct PromtoolFlags {
    /// What to do.
    #[command(subcommand)]
    pub command: PromtoolCommand,
}

/// What promtool can do.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum PromtoolCommand {
    /// Unit testing.
    #[command(subcommand)]
    Test(TestCommand),
}

/// What promtool can test.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum TestCommand {
    /// Test PromQL with scripts that load series and evaluate queries.
    Promql(TestPromqlFlags),
}

/// The flags of `promtool test promql`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct TestPromqlFlags {
    /// The test scripts.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Reads the command line of this process and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    run(&PromtoolFlags::parse(), &mut io::stdout().lock())
}

/// Does what the command line says, and writes what came of it to `out`.
///
/// The exit code is 0 where all tests passed, and 1 where one failed or `out` takes no more.
#[must_use]
pub fn run(flags: &PromtoolFlags, out: &mut dyn Write) -> ExitCode {
    let PromtoolCommand::Test(TestCommand::Promql(test)) = &flags.command;
    match test_promql(&test.files, out).and_then(|counts| out.flush().map(|()| counts)) {
        Ok(ScriptCounts { failed: 0, .. }) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
