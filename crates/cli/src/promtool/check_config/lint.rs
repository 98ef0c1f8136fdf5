use std::io::{self, Write};
use std::time::Duration;

use narthex_config::Config;
use narthex_model::duration;
use narthex_model::quote::Quoted;

/// What is looked at beyond what a server refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lints {
    too_long_scrape_interval: bool,
}

impl Lints {
    /// Reads a list of names, separated by commas. `none` anywhere switches all off. Of an unknown name
    /// `out` is told.
    pub(super) fn parse(list: &str, out: &mut dyn Write) -> io::Result<Self> {
        let mut lints = Self::default();
        for name in list.split(',') {
            match name {
                "all" | "too-long-scrape-interval" => lints.too_long_scrape_interval = true,
                // Rules are looked at by `promtool check rules`.
                "duplicate-rules" | "" => {}
                "none" => return Ok(Self::default()),
                other => writeln!(out, "WARNING: unknown lint option: {}", Quoted(other))?,
            }
        }
        Ok(lints)
    }

    /// Returns whether there is nothing to remark on; the first remark goes to `errors`.
    pub(super) fn check(
        self,
        config: &Config,
        lookback_delta: Duration,
        errors: &mut dyn Write,
    ) -> io::Result<bool> {
        let is_too_long = |interval: Duration| {
            self.too_long_scrape_interval && !lookback_delta.is_zero() && interval >= lookback_delta
        };
        let mut jobs = config.scrape_configs.iter();
        let Some(job) = jobs.find(|job| is_too_long(job.scrape_interval)) else { return Ok(true) };
        writeln!(
            errors,
            "  FAILED: too long scrape interval found, data point will be marked as stale - job: {}, \
             interval: {}",
            job.job_name,
            duration::display(job.scrape_interval)
        )?;
        Ok(false)
    }
}
