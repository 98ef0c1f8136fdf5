use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use narthex_model::quote::Quoted;
use narthex_promql_parser::ParseOptions;
use narthex_rules::{ReadOptions, RuleFile};

use super::Outcome;

/// The flags of `promtool check rules`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct CheckRulesFlags {
    /// The rule files to check; standard input where there is none.
    #[arg(value_name = "RULE-FILES")]
    pub files: Vec<PathBuf>,

    /// Linting checks to apply: all, duplicate-rules, none, separated by commas.
    #[arg(long = "lint", value_name = "CHECKS", default_value = "duplicate-rules")]
    pub lint: Box<str>,

    /// Make lint errors exit with exit code 3.
    #[arg(long = "lint-fatal")]
    pub lint_fatal: bool,

    /// Ignore unknown fields in the rule files. This is useful when you want to extend rule files with
    /// custom metadata. Ensure that those fields are removed before loading them into the Prometheus
    /// server as it performs strict checks by default.
    #[arg(long = "ignore-unknown-fields")]
    pub ignore_unknown_fields: bool,
}

/// Checks rule files, or what `input` holds where none is named. What is well goes to `out`, what is wrong
/// to `errors`.
///
/// # Errors
///
/// Where nobody takes the lines, or nothing can be read from `input`.
pub fn check_rules(
    flags: &CheckRulesFlags,
    parse: ParseOptions,
    input: &mut dyn Read,
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> io::Result<Outcome> {
    if let Some(problem) = flags.files.iter().find_map(|file| missing(file)) {
        writeln!(errors, "promtool: error: {problem}, try --help")?;
        return Ok(Outcome::Failed);
    }
    let mut options = ReadOptions::default();
    options.parse = parse;
    options.ignore_unknown_fields = flags.ignore_unknown_fields;
    let finds_duplicates = finds_duplicates(&flags.lint, out)?;
    let mut checker =
        Checker { options, finds_duplicates, out, errors, failed: false, remarked: false };
    if flags.files.is_empty() {
        writeln!(checker.out, "Checking standard input")?;
        let mut text = String::new();
        input.read_to_string(&mut text)?;
        checker.check("", &text)?;
    }
    for file in &flags.files {
        writeln!(checker.out, "Checking {}", file.display())?;
        let prefix = format!("{}: ", file.display());
        match fs::read_to_string(file) {
            Ok(text) => checker.check(&prefix, &text)?,
            Err(error) => {
                writeln!(checker.errors, "  FAILED:\n{prefix}{error}")?;
                checker.failed = true;
            }
        }
    }
    let (failed, remarked) = (checker.failed, checker.remarked);
    Ok(Outcome::good_if(!failed).or_lint(remarked && flags.lint_fatal))
}

/// Returns what is wrong with a name on the command line.
pub(super) fn missing(file: &Path) -> Option<String> {
    match fs::metadata(file) {
        Err(_) => Some(format!("path '{}' does not exist", file.display())),
        Ok(metadata) if metadata.is_dir() => Some(format!("'{}' is a directory", file.display())),
        Ok(_) => None,
    }
}

/// Reads a list of names of lints. Of an unknown name `out` is told.
fn finds_duplicates(list: &str, out: &mut dyn Write) -> io::Result<bool> {
    let mut finds_duplicates = false;
    for name in list.split(',') {
        match name {
            "all" | "duplicate-rules" => finds_duplicates = true,
            "none" | "" => {}
            other => writeln!(out, "WARNING: unknown lint option: {}", Quoted(other))?,
        }
    }
    Ok(finds_duplicates)
}

struct Checker<'a> {
    options: ReadOptions,
    finds_duplicates: bool,
    out: &'a mut dyn Write,
    errors: &'a mut dyn Write,
    failed: bool,
    remarked: bool,
}

impl Checker<'_> {
    fn check(&mut self, prefix: &str, text: &str) -> io::Result<()> {
        let file = match RuleFile::read(text, &self.options) {
            Ok(file) => file,
            Err(error) => {
                self.failed = true;
                writeln!(self.errors, "  FAILED:")?;
                for error in error.errors {
                    writeln!(self.errors, "{prefix}{error}")?;
                }
                return Ok(());
            }
        };
        if file.has_more_documents {
            writeln!(
                self.errors,
                "level=WARN msg=\"Multiple document yaml rules files are not supported, only the first \
                 document is processed\""
            )?;
        }
        let duplicates = if self.finds_duplicates { file.duplicates() } else { Vec::new() };
        if duplicates.is_empty() {
            writeln!(self.out, "  SUCCESS: {} rules found", file.rule_count())?;
        } else {
            self.remarked = true;
            writeln!(
                self.errors,
                "  FAILED:\nlint error {} duplicate rule(s) found.",
                duplicates.len()
            )?;
            for duplicate in duplicates {
                writeln!(self.errors, "Metric: {}\nLabel(s):", duplicate.name)?;
                for (name, value) in &duplicate.labels {
                    writeln!(self.errors, "\t{name}: {value}")?;
                }
            }
            writeln!(self.errors, "Might cause inconsistency while recording expressions")?;
        }
        writeln!(self.out)
    }
}

#[cfg(test)]
mod tests;
