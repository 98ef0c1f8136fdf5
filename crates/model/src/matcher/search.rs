use std::fmt;
use std::ops::ControlFlow;

use regex_automata::Input;
use regex_automata::meta;

use super::go_pattern::{self, RegexError};
use super::regex::{self, Captures, Groups};

/// A regular expression in Go's syntax that is looked for anywhere in a text, as templates do.
///
/// ```
/// use narthex_model::SearchRegex;
///
/// let regex = SearchRegex::new(r"(\w+)@")?;
/// assert!(regex.is_match("to ann@home"));
/// assert_eq!(regex.replace_all("ann@home", "$1 at ", 100).as_deref(), Some("ann at home"));
/// # Ok::<(), narthex_model::RegexError>(())
/// ```
pub struct SearchRegex {
    automaton: meta::Regex,
    groups: Groups,
}

impl SearchRegex {
    /// Returns the compiled `pattern`, whose dot matches no newline unless it says so.
    ///
    /// # Errors
    ///
    /// As [`Regex::new`](super::Regex::new).
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        let parsed = go_pattern::parse(pattern, false)?;
        let automaton = regex::compile(pattern, &parsed.hir)?;
        let groups = Groups { hold_all: false, names: parsed.capture_names.into_boxed_slice() };
        Ok(Self { automaton, groups })
    }

    /// Returns whether the pattern matches somewhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.automaton.is_match(text)
    }

    /// Returns `text` with each match replaced by `template`, whose references are filled in as
    /// [`Regex::expand`](super::Regex::expand) does. `None` where that is longer than `size_max`
    /// bytes.
    ///
    /// # Source
    ///
    /// `Regexp.ReplaceAllString` of Go.
    #[must_use]
    pub fn replace_all(&self, text: &str, template: &str, size_max: usize) -> Option<String> {
        let mut replaced = String::new();
        let mut copied = 0;
        let flow = self.automaton.captures_iter(Input::new(text)).try_for_each(|found| {
            let range = found.get_match().map_or(copied..copied, |found| found.range());
            replaced.push_str(&text[copied..range.start]);
            Captures::of_match(text, found, &self.groups).expand(template, &mut replaced);
            copied = range.end;
            if replaced.len() > size_max {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if flow.is_break() {
            return None;
        }
        replaced.push_str(&text[copied..]);
        (replaced.len() <= size_max).then_some(replaced)
    }
}

impl fmt::Debug for SearchRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchRegex").finish_non_exhaustive()
    }
}
