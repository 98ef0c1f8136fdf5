use std::fmt;

use narthex_model::duration;
use narthex_promql::Grid;

/// What came of running a script.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many `eval` commands passed.
    pub passed: usize,
    /// Those that did not, and commands that could not be run, in the order of the script. A `load`
    /// or `clear` that fails ends the script.
    pub failures: Vec<Failure>,
}

/// A command that did not go as the script says.
///
/// Prints as `5: up at 1m: expected …, but got …`, so that a file's name fits before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The line of the command, from 1.
    pub line: usize,
    /// The command that failed: as a rule a query, which may differ from that of the script in that
    /// its selectors name a time.
    pub command: Box<str>,
    /// When the query was evaluated; `None` for a command that is none.
    pub when: Option<When>,
    /// What the script expects.
    pub expected: Box<str>,
    /// What came out.
    pub got: Box<str>,
}

/// The time of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// One time.
    Instant {
        /// Milliseconds since the Unix epoch.
        time_ms: i64,
    },
    /// Steps.
    Range(Grid),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, command, when, expected, got } = self;
        write!(f, "{line}: {command}")?;
        if let Some(when) = when {
            write!(f, " {when}")?;
        }
        write!(f, ": expected {expected}, but got {got}")
    }
}

/// Prints `at 50m` or `from 0s to 1h step 5m`.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant { time_ms } => write!(f, "at {}", duration::display_ms(*time_ms)),
            Self::Range(steps) => {
                let [start, end, step] =
                    [steps.start_ms(), steps.end_ms(), steps.step_ms()].map(duration::display_ms);
                write!(f, "from {start} to {end} step {step}")
            }
        }
    }
}
