use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use narthex_promqltest::{EngineSubject, Script, run};
use narthex_storage::MemoryStore;

/// How many `eval` commands of test scripts passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptCounts {
    /// Those that passed.
    pub passed: usize,
    /// Those that failed. A script that cannot be read or run to its end fails once more.
    pub failed: usize,
}

/// Runs test scripts one by one, each against a store of its own in memory.
///
/// Writes a line for each failure, one for each script, and at the end `N passed, N failed`.
///
/// # Errors
///
/// Where `out` cannot be written to.
pub fn test_promql(files: &[PathBuf], out: &mut dyn Write) -> io::Result<ScriptCounts> {
    let mut total = ScriptCounts::default();
    for file in files {
        let ScriptCounts { passed, failed } = test_file(file, out)?;
        writeln!(out, "{}: {passed} passed, {failed} failed", file.display())?;
        total.passed += passed;
        total.failed += failed;
    }
    writeln!(out, "{} passed, {} failed", total.passed, total.failed)?;
    Ok(total)
}

fn test_file(file: &Path, out: &mut dyn Write) -> io::Result<ScriptCounts> {
    const UNREADABLE: ScriptCounts = ScriptCounts { passed: 0, failed: 1 };
    let path = file.display();
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            writeln!(out, "{path}: {error}")?;
            return Ok(UNREADABLE);
        }
    };
    let script = match Script::parse(&text) {
        Ok(script) => script,
        Err(error) => {
            writeln!(out, "{path}:{error}")?;
            return Ok(UNREADABLE);
        }
    };
    let mut subject = match EngineSubject::new(|| Ok(MemoryStore::default())) {
        Ok(subject) => subject,
        Err(error) => {
            writeln!(out, "{path}: {error}")?;
            return Ok(UNREADABLE);
        }
    };
    let report = run(&script, &mut subject);
    for failure in &report.failures {
        writeln!(out, "{path}:{failure}")?;
    }
    Ok(ScriptCounts { passed: report.passed, failed: report.failures.len() })
}

#[cfg(test)]
mod tests {
    use super::{ScriptCounts, test_promql};

    #[test]
    fn failures_and_counts() {
        let directory = tempfile::tempdir().unwrap();
        let script = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let load = "load 1m\n up 1 1 0\n";
        let files = [
            script("good.test", &format!("{load}\neval instant at 2m up\n up 0\n")),
            script("bad.test", &format!("{load}\neval instant at 2m up\n up 1\n")),
            script("broken.test", "evaluate up\n"),
            directory.path().join("missing.test"),
        ];
        let mut out = Vec::new();
        let counts = test_promql(&files, &mut out).unwrap();
        assert_eq!(counts, ScriptCounts { passed: 1, failed: 3 });
        let out = String::from_utf8(out).unwrap();
        let out = out.replace(&format!("{}/", directory.path().display()), "");
        let (known, last) = out.split_once("missing.test: ").unwrap();
        assert_eq!(
            known,
            "good.test: 1 passed, 0 failed\n\
             bad.test:4: up at 2m: expected up 1, but got up 0\n\
             bad.test: 0 passed, 1 failed\n\
             broken.test:1: invalid evaluation command. Must be either \
             'eval[_fail|_warn|_info|_ordered] instant at <offset:duration> <query>' or \
             'eval[_fail|_warn|_info] range from <from> to <to> step <step> <query>'\n\
             broken.test: 0 passed, 1 failed\n"
        );
        assert!(last.ends_with("1 passed, 3 failed\n"), "{last}");
    }
}
