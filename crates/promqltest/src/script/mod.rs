//! Reads scripts.

mod error;
mod eval;
mod expect;
mod load;
mod nhcb;
mod start_timestamps;

use std::time::Duration;

use narthex_model::duration;

use crate::LoadedSeries;
pub use error::{ScriptError, ScriptProblem};
pub(crate) use eval::{Eval, ExpectedResult, ExpectedSeries};
pub(crate) use expect::{ExpectedTexts, TextMatch};

/// A test script, read and checked.
#[derive(Clone, Debug)]
pub struct Script {
    pub(crate) commands: Vec<Command>,
}

#[derive(Clone, Debug)]
pub(crate) enum Command {
    Load { line: usize, series: Vec<LoadedSeries> },
    Clear { line: usize },
    Eval(Box<Eval>),
}

impl Script {
    /// How many values the series of one script may have together, repetitions written out.
    pub const VALUES_MAX: usize = 1 << 23;

    /// Returns the script that `text` is.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it, and the line.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut lines = Lines::new(text);
        let mut commands = Vec::new();
        while let Some((line, text)) = lines.next() {
            if text.is_empty() {
                continue;
            }
            let word = text.split([' ', '\t']).next().unwrap_or_default().to_ascii_lowercase();
            let command = if word == "clear" {
                Command::Clear { line }
            } else if word.starts_with("load") {
                Command::Load { line, series: load::read(line, text, &mut lines)? }
            } else if word.starts_with("eval") {
                Command::Eval(Box::new(eval::read(line, text, &mut lines)?))
            } else {
                return Err(ScriptProblem::UnknownCommand { text: text.into() }.at(line));
            };
            commands.push(command);
        }
        Ok(Self { commands })
    }

    /// Returns how many `eval` commands there are.
    #[must_use]
    pub fn evals(&self) -> usize {
        self.commands.iter().filter(|command| matches!(command, Command::Eval(_))).count()
    }
}

/// The lines of a script, trimmed, comments left empty.
struct Lines<'a> {
    rest: std::iter::Enumerate<std::str::Split<'a, char>>,
    /// How many values the series that follow may have.
    values_left: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.split('\n').enumerate(), values_left: Script::VALUES_MAX }
    }

    /// Returns the next line of the same command and its number, from 1.
    fn next_of_command(&mut self) -> Option<(usize, &'a str)> {
        self.next().filter(|(_, text)| !text.is_empty())
    }

    /// Notes that a series has so many values.
    fn count_values(&mut self, count: usize) -> Result<(), ScriptProblem> {
        let problem = ScriptProblem::TooManyValues { values_max: Script::VALUES_MAX };
        self.values_left = self.values_left.checked_sub(count).ok_or(problem)?;
        Ok(())
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a str);

    /// Returns the next line and its number, from 1.
    fn next(&mut self) -> Option<Self::Item> {
        let (index, line) = self.rest.next()?;
        let line = line.trim();
        Some((index + 1, if line.starts_with('#') { "" } else { line }))
    }
}

/// Takes the next word of a line, and the spaces behind it.
fn take_word<'a>(rest: &mut &'a str) -> &'a str {
    let (word, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    *rest = behind.trim_start();
    word
}

/// Takes the next word where it is `word`.
fn take_if(rest: &mut &str, word: &str) -> bool {
    let mut behind = *rest;
    let found = take_word(&mut behind) == word;
    if found {
        *rest = behind;
    }
    found
}

/// Reads a time or a distance in milliseconds. `what` names it in the error.
fn time_ms(what: &'static str, text: &str) -> Result<i64, ScriptProblem> {
    match duration::parse(text) {
        Ok(duration) => Ok(milliseconds(duration)),
        Err(source) => Err(ScriptProblem::Time { what, text: text.into(), source }),
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
