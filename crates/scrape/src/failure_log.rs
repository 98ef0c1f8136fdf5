use std::fmt::Debug;

/// Takes note of scrapes that failed, for jobs that ask for it with `scrape_failure_log_file`.
///
/// Pages that could not be had are told, and not those that came and could not be read: the page is
/// there for everybody to see.
pub trait FailureLog: Debug + Send + Sync {
    /// Notes that the page at `url`, of a target of the job `job`, could not be had. `file` is what
    /// the job names. It is called on a thread that may wait.
    fn log(&self, file: &str, job: &str, url: &str, error: &str);
}
