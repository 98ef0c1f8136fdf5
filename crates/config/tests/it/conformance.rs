//! The reference's own test files, with what the reference said about them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use narthex_config::{Config, ConfigError, ConfigProblem};

/// What `promtool check config` of the reference said about one file.
#[derive(serde::Deserialize)]
struct Verdict {
    file: String,
    exit: Option<i32>,
    message: Option<String>,
}

#[test]
fn the_references_files_get_the_references_verdicts() {
    let Some(root) = conformance() else { return };
    let folder = root.join("prometheus/config/testdata");
    let mut counts = BTreeMap::<&str, usize>::new();
    for verdict in verdicts(&root) {
        let text = std::fs::read_to_string(folder.join(&verdict.file)).expect(&verdict.file);
        let ours = Config::load(&text, &verdict.file, |_| None);
        *counts.entry(compare(&verdict, ours.as_ref().err())).or_default() += 1;
    }
    println!("files of the reference: {counts:?}");
    assert!(counts["loads in both"] >= 17, "{counts:?}");
    assert!(counts["refused in the same words"] >= 30, "{counts:?}");
}

/// Says how our verdict stands to the reference's, and fails where it must not.
fn compare(verdict: &Verdict, ours: Option<&ConfigError>) -> &'static str {
    let Verdict { file, exit, message } = verdict;
    let Some(error) = ours else {
        // Without a record, the file's name tells.
        let loads = exit.map_or(!file.contains(".bad."), |exit| exit == 0);
        assert!(loads, "{file} loads, but must be refused: {message:?}");
        return "loads in both";
    };
    assert!(error.position().line > 0, "{error}");
    match (error.problem(), exit, message) {
        (ConfigProblem::UnsupportedField { .. } | ConfigProblem::UnsupportedValue { .. }, ..) => {
            "not supported yet"
        }
        (_, Some(0), _) => panic!("refused, but must load: {error}"),
        (ConfigProblem::Yaml { message: ours, .. }, _, Some(theirs)) => {
            if theirs.contains(&**ours) { "refused in the same words" } else { "refused" }
        }
        (problem, _, Some(theirs)) => {
            assert!(theirs.contains(&problem.to_string()), "{file}: {problem}\n{theirs}");
            "refused in the same words"
        }
        (_, _, None) => "refused",
    }
}

fn verdicts(root: &Path) -> Vec<Verdict> {
    let file = root.join("vectors/scrape/config.jsonl");
    let lines = std::fs::read_to_string(file).expect("the recorded verdicts");
    lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// The folder of the conformance data, or `None` with a word about it.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn conformance() -> Option<PathBuf> {
    let root = std::env::var_os("NARTHEX_CONFORMANCE").map(PathBuf::from);
    if root.is_none() {
        println!("skipped: NARTHEX_CONFORMANCE does not name the conformance data");
    }
    root
}
