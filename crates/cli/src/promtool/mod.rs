//! promtool as a command: tests of what a server is told, and tools for what it stored.

mod check_config;
mod check_rules;
mod check_service_discovery;
mod check_web_config;
mod console;
mod test_promql;
mod test_rules;
pub mod tsdb;

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use narthex_model::duration;
use narthex_promql_parser::ParseOptions;

use crate::negation::with_negations;
pub use check_config::{CheckConfigFlags, check_config};
pub use check_rules::{CheckRulesFlags, check_rules};
pub use check_service_discovery::{CheckServiceDiscoveryFlags, check_service_discovery};
pub use check_web_config::check_web_config;
pub use console::Console;
pub use test_promql::{ScriptCounts, test_promql};
pub use test_rules::{TestRulesFlags, test_rules};

/// The command line of promtool.
#[derive(Clone, Debug, Parser)]
#[command(name = "promtool", version, about = "Tooling for the Prometheus monitoring system.")]
#[non_exhaustive]
pub struct PromtoolFlags {
    /// Comma separated feature names to enable: promql-experimental-functions,
    /// promql-delayed-name-removal, promql-extended-range-selectors, promql-binop-fill-modifiers.
    #[arg(long = "enable-feature", value_name = "NAMES", global = true)]
    pub enable_feature: Vec<Box<str>>,

    /// What to do.
    #[command(subcommand)]
    pub command: PromtoolCommand,
}

/// What promtool can do.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum PromtoolCommand {
    /// Check the resources for validity.
    Check(CheckFlags),
    /// Unit testing.
    #[command(subcommand)]
    Test(TestCommand),
    /// Run tsdb commands.
    #[command(subcommand)]
    Tsdb(tsdb::TsdbCommand),
}

/// The flags of `promtool check`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct CheckFlags {
    /// The server's maximum query lookback duration.
    #[arg(
        long = "query.lookback-delta",
        value_name = "DURATION",
        value_parser = duration::parse,
        default_value = "5m",
        global = true
    )]
    pub lookback_delta: Duration,

    /// What to check.
    #[command(subcommand)]
    pub command: CheckCommand,
}

/// What promtool can check.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum CheckCommand {
    /// Check if the config files are valid or not.
    Config(CheckConfigFlags),
    /// Check if the rule files are valid or not.
    Rules(CheckRulesFlags),
    /// Perform service discovery for the given job name and report the results, including relabeling.
    ServiceDiscovery(CheckServiceDiscoveryFlags),
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
    /// Unit tests for rules.
    Rules(TestRulesFlags),
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
/// The exit code is 0 where all went well, 1 where a test or the command failed, or nobody takes the
/// results, and 3 where there is something to remark on and that is to count as a failure.
#[must_use]
pub fn run(flags: &PromtoolFlags, console: &mut Console<'_>, errors: &mut dyn Write) -> ExitCode {
    let outcome = match &flags.command {
        PromtoolCommand::Check(check) => {
            run_check(check, features(&flags.enable_feature), console, errors)
        }
        PromtoolCommand::Test(TestCommand::Rules(test)) => {
            let Features { parse, delayed_name_removal } = features(&flags.enable_feature);
            test_rules(test, parse, delayed_name_removal, console.out(), errors).map_err(Into::into)
        }
        PromtoolCommand::Test(TestCommand::Promql(test)) => {
            let counts = test_promql(&test.files, console.out());
            counts
                .map(|counts| Outcome::good_if(counts.failed == 0))
                .map_err(|error| -> Box<dyn Error> { error.into() })
        }
        PromtoolCommand::Tsdb(command) => {
            tsdb::run(command, console).map(|()| Outcome::Good).map_err(Into::into)
        }
    };
    // What came before an error is told before it.
    let flushed = console.out().flush();
    match outcome {
        Ok(outcome) if flushed.is_ok() => outcome.exit_code(),
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing more can be done where that fails too.
            let _ = writeln!(errors, "{}", with_sources(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run_check(
    flags: &CheckFlags,
    features: Features,
    console: &mut Console<'_>,
    errors: &mut dyn Write,
) -> Result<Outcome, Box<dyn Error>> {
    Ok(match &flags.command {
        CheckCommand::Config(check) => {
            check_config(check, flags.lookback_delta, console.out(), errors)?
        }
        CheckCommand::Rules(check) => {
            let (input, out) = console.input_and_out();
            check_rules(check, features.parse, input, out, errors)?
        }
        CheckCommand::ServiceDiscovery(check) => {
            check_service_discovery(check, console.out(), errors)?
        }
        CheckCommand::WebConfig(check) => Outcome::good_if(check_web_config(&check.files, errors)?),
    })
}

/// What features say of the query language.
#[derive(Clone, Copy, Debug, Default)]
struct Features {
    parse: ParseOptions,
    delayed_name_removal: bool,
}

/// Returns what lists of features switch on. Names of others mean nothing here.
fn features(lists: &[Box<str>]) -> Features {
    let mut features = Features::default();
    for name in lists.iter().flat_map(|list| list.split(',')) {
        match name {
            "promql-experimental-functions" => features.parse.experimental_functions = true,
            "promql-extended-range-selectors" => features.parse.extended_range_selectors = true,
            "promql-binop-fill-modifiers" => features.parse.fill_modifiers = true,
            "promql-delayed-name-removal" => features.delayed_name_removal = true,
            _ => {}
        }
    }
    features
}

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All went well.
    Good,
    /// Something is wrong.
    Failed,
    /// Nothing is wrong, and there is something to remark on that counts as a failure.
    Lint,
}

impl Outcome {
    fn good_if(is_good: bool) -> Self {
        if is_good { Self::Good } else { Self::Failed }
    }

    /// Returns the outcome with a remark, which changes it where remarks count and nothing is wrong.
    fn or_lint(self, counts: bool) -> Self {
        if counts && self == Self::Good { Self::Lint } else { self }
    }

    /// Returns the exit code of a process with this outcome.
    #[must_use]
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Good => ExitCode::SUCCESS,
            Self::Failed => ExitCode::FAILURE,
            Self::Lint => ExitCode::from(3),
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
