use std::io::{self, IsTerminal, Read, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where a command reads from, where it writes its results, and where it shows how far it is.
///
/// Progress is shown on standard error, where that is a terminal, and never among results.
pub struct Console<'a> {
    input: Box<dyn Read + 'a>,
    out: &'a mut dyn Write,
    shows_progress: bool,
    /// Whether results go to a terminal too, where a bar would stand between them.
    is_interactive: bool,
}

impl<'a> Console<'a> {
    /// Returns a console that reads nothing, writes results to `out` and shows no progress.
    pub fn quiet(out: &'a mut dyn Write) -> Self {
        Self { input: Box::new(io::empty()), out, shows_progress: false, is_interactive: false }
    }

    /// Returns the console of this process, whose standard output is `out`.
    pub fn of_process(out: &'a mut dyn Write) -> Self {
        let shows_progress = io::stderr().is_terminal();
        let is_interactive = io::stdout().is_terminal();
        Self { input: Box::new(io::stdin()), out, shows_progress, is_interactive }
    }

    /// Reads from `input`.
    #[must_use]
    pub fn with_input(mut self, input: Box<dyn Read + 'a>) -> Self {
        self.input = input;
        self
    }

    /// Returns where to read from, and where results go.
    pub fn input_and_out(&mut self) -> (&mut dyn Read, &mut dyn Write) {
        (&mut *self.input, self.out)
    }

    /// Returns where results go.
    pub fn out(&mut self) -> &mut dyn Write {
        self.out
    }

    /// Starts to show how many of `count` items are done, for a command that writes little.
    pub(super) fn progress(&self, count: u64, what: &'static str) -> Progress {
        Progress::new(count, what, self.shows_progress)
    }

    /// As [`Console::progress`], for a command that writes all the time: there is no bar where its
    /// results are on the terminal.
    pub(super) fn progress_beside(&self, count: u64, what: &'static str) -> Progress {
        Progress::new(count, what, self.shows_progress && !self.is_interactive)
    }
}

impl std::fmt::Debug for Console<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console")
            .field("shows_progress", &self.shows_progress)
            .finish_non_exhaustive()
    }
}

/// How far a command is. It goes from the terminal when it is dropped.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn new(count: u64, what: &'static str, is_shown: bool) -> Self {
        let target = match is_shown {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(count), target).with_message(what);
        let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well formed");
        Self { bar: bar.with_style(style) }
    }

    /// Takes note that `count` more items are done.
    pub(super) fn advance(&self, count: u64) {
        self.bar.inc(count);
    }

    /// Lets `write` write where the bar is.
    pub(super) fn pause<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

const TEMPLATE: &str = "{msg} [{bar:40}] {pos}/{len} {percent}% {eta}";
