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
    let mut wrong = Vec::new();
    for verdict in verdicts(&root) {
        let text = std::fs::read_to_string(folder.join(&verdict.file)).expect(&verdict.file);
        let ours = Config::load(&text, &verdict.file, |_| None);
        match compare(&verdict, ours.as_ref().err()) {
            Ok(kind) => *counts.entry(kind).or_default() += 1,
            Err(difference) => wrong.push(format!("{}: {difference}", verdict.file)),
        }
    }
    assert!(wrong.is_empty(), "{} files differ:\n{}", wrong.len(), wrong.join("\n"));
    println!("files of the reference: {counts:?}");
    assert!(counts["loads in both"] >= 70, "{counts:?}");
    assert!(counts["refused with the same cause"] >= 80, "{counts:?}");
    assert!(counts["refused by name"] >= 40, "{counts:?}");
}

/// Says how our verdict stands to the reference's, or how it differs.
fn compare(verdict: &Verdict, ours: Option<&ConfigError>) -> Result<&'static str, String> {
    let Verdict { file, exit, message } = verdict;
    let message = message.as_deref().unwrap_or_default();
    // Without a record, the file's name tells.
    let loads = exit.map_or(!file.contains(".bad."), |exit| exit == 0);
    match ours {
        None if loads => Ok("loads in both"),
        None => Err(format!("loads, but must be refused: {message}")),
        Some(error) if loads => Err(format!("refused, but must load: {error}")),
        Some(error) if error.position().line == 0 => Err(format!("without a place: {error}")),
        Some(_) if exit.is_none() => Ok("refused by name"),
        Some(error) if same_cause(message, error) => Ok("refused with the same cause"),
        Some(error) => Err(format!("{error}\n  not {message}")),
    }
}

/// Returns whether an error says what the reference's message says. Of the errors that its YAML reader
/// lists, ours is one, with its line and key; any other text of it ends with ours.
fn same_cause(theirs: &str, ours: &ConfigError) -> bool {
    let Some((_, list)) = theirs.split_once("yaml: unmarshal errors:\n") else {
        let text = match ours.problem() {
            ConfigProblem::Yaml { message, .. } => message.to_string(),
            problem => problem.to_string(),
        };
        // Their texts can be any bytes, and these two are refused once they become labels.
        let not_utf8 = theirs.contains(r#""\xff" is not a valid label"#);
        return theirs.ends_with(&text) || (not_utf8 && text.ends_with("is not UTF-8 text"));
    };
    let line = format!("line {}: ", ours.position().line);
    let text = ours.to_string();
    list.lines().filter_map(|flaw| flaw.trim().strip_prefix(&line)).any(|flaw| {
        let words: Vec<&str> = flaw.split(' ').collect();
        match words.as_slice() {
            ["field", key, "not", "found", ..] => text.contains(&format!("unknown field `{key}`")),
            ["field", key, "already", "set", ..] => {
                text.contains(&format!("field `{key}` already set"))
            }
            ["cannot", "unmarshal", ..] => text.contains("expected "),
            _ => false,
        }
    })
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
