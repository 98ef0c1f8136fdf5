//! `promtool test rules`: unit tests of rules.

mod diff;
mod file;
mod one;

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use narthex_model::SearchRegex;
use narthex_promql_parser::ParseOptions;
use narthex_rules::ReadOptions;

use super::Outcome;
use super::check_rules::missing;
use crate::config_file::glob;
use file::TestFile;
use one::{Context, run_test};

/// The flags of `promtool test rules`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct TestRulesFlags {
    /// The unit test files.
    #[arg(required = true, value_name = "TEST-RULE-FILE")]
    pub files: Vec<PathBuf>,

    /// If set, will only run test groups whose names match the regular expression. Can be specified
    /// multiple times.
    #[arg(long = "run", value_name = "REGEX")]
    pub run: Vec<Box<str>>,

    /// Print colored differential output between expected & received output.
    #[arg(long = "diff")]
    pub diff: bool,

    /// Ignore unknown fields in the rule files.
    #[arg(long = "ignore-unknown-fields")]
    pub ignore_unknown_fields: bool,
}

/// Runs tests of rules, file by file. Verdicts go to `out`, and what failed to `errors`.
///
/// # Errors
///
/// Where nobody takes the lines.
pub fn test_rules(
    flags: &TestRulesFlags,
    parse: ParseOptions,
    delayed_name_removal: bool,
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> io::Result<Outcome> {
    if let Some(problem) = flags.files.iter().find_map(|file| missing(file)) {
        writeln!(errors, "promtool: error: {problem}, try --help")?;
        return Ok(Outcome::Failed);
    }
    let chosen = match flags.run.is_empty() {
        true => None,
        false => match SearchRegex::new(&flags.run.join("|")) {
            Ok(regex) => Some(regex),
            Err(error) => {
                writeln!(errors, "promtool: error: {error}, try --help")?;
                return Ok(Outcome::Failed);
            }
        },
    };
    let mut read = ReadOptions::default();
    read.parse = parse;
    read.ignore_unknown_fields = flags.ignore_unknown_fields;
    let mut all_passed = true;
    for file in &flags.files {
        let tests =
            Tests { chosen: chosen.as_ref(), read: &read, delayed_name_removal, diff: flags.diff };
        let failures = tests.run(file, errors)?;
        if failures.is_empty() {
            writeln!(out, "  SUCCESS")?;
        } else {
            all_passed = false;
            writeln!(errors, "  FAILED:")?;
            for failure in failures {
                writeln!(errors, "{failure}")?;
                writeln!(out)?;
            }
        }
        writeln!(out)?;
    }
    Ok(Outcome::good_if(all_passed))
}

/// How files of tests are run.
struct Tests<'a> {
    chosen: Option<&'a SearchRegex>,
    read: &'a ReadOptions,
    delayed_name_removal: bool,
    diff: bool,
}

impl Tests<'_> {
    /// Returns what failed.
    fn run(&self, path: &Path, errors: &mut dyn Write) -> io::Result<Vec<String>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return Ok(vec![format!("open {}: {error}", path.display())]),
        };
        let file: TestFile = match narthex_yaml::from_str(&text) {
            Ok(file) => file,
            Err(error) => return Ok(vec![error.to_string()]),
        };
        let rule_files = rule_files(path, &file, errors)?;
        let mut seen = HashSet::new();
        if let Some(name) = file.group_eval_order.iter().find(|name| !seen.insert(&***name)) {
            return Ok(vec![format!("group name repeated in evaluation order: {name}")]);
        }
        let context = Context {
            rule_files: &rule_files,
            read: self.read,
            interval: file.evaluation_interval.or(EVALUATION_INTERVAL_DEFAULT),
            group_order: &file.group_eval_order,
            fuzzy: file.fuzzy_compare,
            delayed_name_removal: self.delayed_name_removal,
            diff: self.diff,
        };
        let is_chosen = |name: &str| self.chosen.is_none_or(|regex| regex.is_match(name));
        let tests = file.tests.iter().filter(|test| is_chosen(&test.name));
        Ok(tests.flat_map(|test| run_test(&context, test)).collect())
    }
}

/// Returns the rule files that a file of tests names, relative to its folder.
fn rule_files(path: &Path, file: &TestFile, errors: &mut dyn Write) -> io::Result<Vec<PathBuf>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    for pattern in &file.rule_files {
        let pattern = folder.join(pattern);
        let files = glob(&pattern.to_string_lossy());
        if files.is_empty() {
            writeln!(errors, "  WARNING: no file match pattern {}", pattern.display())?;
        }
        found.extend(files);
    }
    Ok(found)
}

const EVALUATION_INTERVAL_DEFAULT: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
