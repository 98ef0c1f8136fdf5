//! Files to which failed scrapes are written, a JSON object a line.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};

use narthex_config::Config;
use narthex_scrape::FailureLog;
use parking_lot::Mutex;

use crate::logs;

/// The files that jobs name, open.
#[derive(Debug, Default)]
pub(super) struct FailureLogs {
    files: Mutex<BTreeMap<Box<str>, File>>,
}

impl FailureLogs {
    /// Opens the files that a configuration names, also those that are open: whoever rotates logs has
    /// moved them. One that cannot be opened is told of, and written to from the next reload on.
    pub(super) fn follow(&self, config: &Config) {
        let named = config.scrape_configs.iter().map(|job| &*job.scrape_failure_log_file);
        let mut files = BTreeMap::new();
        for name in named.filter(|name| !name.is_empty()) {
            if files.contains_key(name) {
                continue;
            }
            match open(name) {
                Ok(file) => _ = files.insert(name.into(), file),
                Err(error) => {
                    tracing::error!(file = name, %error, "Can't create the scrape failure log");
                }
            }
        }
        *self.files.lock() = files;
    }
}

impl FailureLog for FailureLogs {
    fn log(&self, file: &str, job: &str, url: &str, error: &str) {
        let line = logs::json_line("ERROR", error, &[("job_name", job), ("target", url)]);
        // A line is written in one call, so that lines of several programs do not mix.
        if let Some(mut open) = self.files.lock().get(file)
            && let Err(error) = open.write_all(line.as_bytes())
        {
            tracing::warn!(file, %error, "writing to the scrape failure log failed");
        }
    }
}

fn open(path: &str) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_opened_again_with_each_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (first, moved, missing) = (path("a.log"), path("a.log.1"), path("none/b.log"));
        let text = format!(
            "scrape_configs:\n- {{job_name: a, scrape_failure_log_file: {first}}}\n\
             - {{job_name: b, scrape_failure_log_file: {missing}}}\n- job_name: c\n"
        );
        let config = Config::load(&text, "prometheus.yml", |_| None).unwrap();
        let logs = FailureLogs::default();
        logs.log(&first, "a", "http://x/metrics", "nobody listens yet");
        logs.follow(&config);
        logs.log(&first, "a", "http://x/metrics", "a \"b\"\n");
        fs::rename(&first, &moved).unwrap();
        logs.log(&first, "a", "http://x/metrics", "still the old file");
        logs.follow(&config);
        logs.log(&first, "a", "http://y/metrics", "the new file");
        logs.log(&missing, "b", "http://x/metrics", "lost");

        let old = fs::read_to_string(&moved).unwrap();
        assert_eq!(old.lines().count(), 2, "{old}");
        let line = old.lines().next().unwrap();
        let time_end = line.find("\",\"level\"").unwrap();
        assert!(line.starts_with("{\"time\":\"2"), "{line}");
        assert_eq!(
            &line[time_end..],
            "\",\"level\":\"ERROR\",\"msg\":\"a \\\"b\\\"\\n\",\"job_name\":\"a\",\
             \"target\":\"http://x/metrics\"}"
        );
        let new = fs::read_to_string(&first).unwrap();
        assert!(new.contains("the new file") && new.lines().count() == 1, "{new}");
    }
}
