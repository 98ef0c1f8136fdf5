//! promtool as a command: tests of what a server is told, and tools for what it stored.

mod check_web_config;
mod console;
mod test_promql;
pub mod tsdb;

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::negation::with_negations;
pub use check_web_config::check_web_config;
pub use console::Console;
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
    /// Check the resources for validity.
    #[command(subcommand)]
    Check(CheckCommand),
    /// Unit testing.
    #[command(subcommand)]
    Test(TestCommand),
    /// Run tsdb commands.
    #[command(subcommand)]
    Tsdb(tsdb::TsdbCommand),
}

/// What promtool can check.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum CheckCommand {
    /// Check if the web config files are valid or not.
    WebConfig(CheckWebConfigFlags),
}

/// The flags of `promtool check web-config`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct CheckWebConfigFlags {
    /// The config files to check.
    #[arg(required = true, value_name = "WEB-CONFIG-FILES")]
    pub files: Vec<PathBuf>,
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
    let flags = with_negations(PromtoolFlags::command())
        .try_get_matches()
        .and_then(|matches| PromtoolFlags::from_arg_matches(&matches))
        .unwrap_or_else(|error| error.exit());
    let mut out = BufWriter::new(io::stdout().lock());
    run(&flags, &mut Console::of_process(&mut out), &mut io::stderr())
}

/// Does what the command line says. What came of it goes to `console`, and why it failed to `errors`.
///
/// The exit code is 0 where all went well, and 1 where a test or the command failed, or nobody takes
/// the results.
#[must_use]
pub fn run(flags: &PromtoolFlags, console: &mut Console<'_>, errors: &mut dyn Write) -> ExitCode {
    let outcome = match &flags.command {
        PromtoolCommand::Check(CheckCommand::WebConfig(check)) => {
            check_web_config(&check.files, errors).map_err(Into::into)
        }
        PromtoolCommand::Test(TestCommand::Promql(test)) => {
            let counts = test_promql(&test.files, console.out());
            counts
                .map(|counts| counts.failed == 0)
                .map_err(|error| -> Box<dyn Error> { error.into() })
        }
        PromtoolCommand::Tsdb(command) => {
            tsdb::run(command, console).map(|()| true).map_err(Into::into)
        }
    };
    // What came before an error is told before it.
    let flushed = console.out().flush();
    match outcome {
        Ok(true) if flushed.is_ok() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing more can be done where that fails too.
            let _ = writeln!(errors, "{}", with_sources(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Returns an error with all that it came from, in one line.
fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}
