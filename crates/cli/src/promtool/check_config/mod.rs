//! `promtool check config`: whether a server would take configurations, and the files that they name.

mod files;
mod lint;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use narthex_config::{Config, ConfigDefaults};

use super::Outcome;
use crate::config_file;

use files::{CheckError, Checker};
use lint::Lints;

/// The flags of `promtool check config`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct CheckConfigFlags {
    /// The config files to check.
    #[arg(required = true, value_name = "CONFIG-FILES")]
    pub files: Vec<PathBuf>,

    /// Only check the config file syntax, ignoring file and content validation referenced in the config.
    #[arg(long = "syntax-only")]
    pub syntax_only: bool,

    /// Linting checks to apply to the rules/scrape configs specified in the config: all,
    /// duplicate-rules, none, too-long-scrape-interval, separated by commas.
    #[arg(long = "lint", value_name = "CHECKS", default_value = "duplicate-rules")]
    pub lint: Box<str>,

    /// Make lint errors exit with exit code 3.
    #[arg(long = "lint-fatal")]
    pub lint_fatal: bool,

    /// Check config file for Prometheus in Agent mode.
    #[arg(long = "agent")]
    pub agent: bool,
}

/// Checks configuration files, and unless only their syntax counts also what they name: files of jobs,
/// of targets, of credentials and certificates, and that rule files are there. What is well goes to
/// `out`, and what is not to `errors`.
///
/// # Errors
///
/// Where nobody takes the lines.
///
/// # Source
///
/// `CheckConfig` in Prometheus `cmd/promtool/main.go`.
pub fn check_config(
    flags: &CheckConfigFlags,
    lookback_delta: Duration,
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> io::Result<Outcome> {
    let lints = Lints::parse(&flags.lint, out)?;
    let mut outcome = Outcome::Good;
    for file in &flags.files {
        let file = &*file.to_string_lossy();
        writeln!(out, "Checking {file}")?;
        let checked = match check(file, flags, out)? {
            Ok(checked) => {
                if !checked.rule_files.is_empty() {
                    writeln!(out, "  SUCCESS: {} rule files found", checked.rule_files.len())?;
                }
                writeln!(out, " SUCCESS: {file} is valid prometheus config file syntax")?;
                checked
            }
            Err(error) => {
                // What came before is told before it, wherever the two go.
                out.flush()?;
                writeln!(errors, "  FAILED: {error}")?;
                outcome = Outcome::Failed;
                Checked::default()
            }
        };
        writeln!(out)?;
        if !flags.syntax_only && !lints.check(&checked.config, lookback_delta, errors)? {
            outcome = outcome.or_lint(flags.lint_fatal);
        }
    }
    Ok(outcome)
}

/// A configuration that is well.
#[derive(Default)]
struct Checked {
    config: Config,
    rule_files: Vec<PathBuf>,
}

fn check(
    file: &str,
    flags: &CheckConfigFlags,
    out: &mut dyn Write,
) -> io::Result<Result<Checked, CheckError>> {
    let mut config = match config_file::read(file, &ConfigDefaults::default()) {
        Ok(config) => config,
        Err(error) => return Ok(Err(error.into())),
    };
    if flags.agent
        && let Err(problem) = config.check_agent()
    {
        return Ok(Err(problem.into()));
    }
    let mut rule_files = Vec::new();
    if !flags.syntax_only {
        match files::rule_files(&config) {
            Ok(files) => rule_files = files,
            Err(error) => return Ok(Err(error)),
        }
        if let Err(error) = config_file::add_scrape_config_files(&mut config) {
            return Ok(Err(CheckError::ScrapeConfigs(error)));
        }
    }
    let checked = Checker::new(out, flags.syntax_only).check(&config)?;
    Ok(checked.map(|()| Checked { config, rule_files }))
}

#[cfg(test)]
mod tests;
