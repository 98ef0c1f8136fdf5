use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use serde_json::Value;

use crate::promtool::{Console, PromtoolFlags, run};

/// What `promtool check rules` came to.
struct Run {
    exit: u64,
    out: String,
    errors: String,
}

fn check(arguments: &[&str], input: &[u8]) -> Run {
    let flags =
        PromtoolFlags::try_parse_from([&["promtool", "check", "rules"], arguments].concat());
    let flags = flags.unwrap();
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let mut console = Console::quiet(&mut out).with_input(Box::new(input));
    let exit = run(&flags, &mut console, &mut errors);
    drop(console);
    let exit = [0_u8, 1, 3].into_iter().find(|code| exit == (*code).into()).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { exit: exit.into(), out: text(out), errors: text(errors) }
}

#[test]
fn verdicts_are_those_that_were_recorded() {
    let Some(folder) = std::env::var_os("NARTHEX_CONFORMANCE").map(PathBuf::from) else {
        println!("skipped: NARTHEX_CONFORMANCE does not name the folder with recorded answers");
        return;
    };
    let packed = fs::read(folder.join("vectors/rules/check_rules.jsonl.gz")).unwrap();
    let mut recorded = String::new();
    flate2::read::GzDecoder::new(&*packed).read_to_string(&mut recorded).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in recorded.lines() {
        count += 1;
        wrong.extend(compare(&folder, &serde_json::from_str(line).unwrap()));
    }
    assert!(wrong.is_empty(), "{} of {count} differ\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(count, 653);
}

/// Returns how a run differs from what was recorded.
fn compare(folder: &Path, recorded: &Value) -> Option<String> {
    let texts = |key: &str| -> Vec<String> {
        let list = recorded[key].as_array().unwrap();
        list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let place = |file: &str| match file.strip_prefix("upstream/") {
        Some(path) => folder.join("prometheus").join(path),
        None => folder.join("vectors/rules").join(file),
    };
    let mut arguments = texts("options");
    let mut input = Vec::new();
    let files = texts("files");
    match &files[..] {
        [from, file] if from == "<" => input = fs::read(place(file)).unwrap(),
        files => arguments.extend(files.iter().map(|file| place(file).display().to_string())),
    }
    let run = check(&arguments.iter().map(|a| &**a).collect::<Vec<_>>(), &input);
    let shown = |text: &str| {
        let upstream = format!("{}/", folder.join("prometheus").display());
        let own = format!("{}/", folder.join("vectors/rules").display());
        text.replace(&upstream, "upstream/").replace(&own, "")
    };
    let (out, errors) = (shown(&run.out), shown(&run.errors));
    let expected = recorded["stderr"].as_str().unwrap();
    let agrees = recorded["exit"] == run.exit
        && recorded["stdout"] == *out
        && (errors == expected || same_causes(&errors, expected));
    (!agrees).then(|| format!("{recorded}\n  got {} {out:?} {errors:?}", run.exit))
}

/// Returns whether two texts name the same causes, in any order, at the same places as far as the
/// recorded one knows them.
fn same_causes(got: &str, expected: &str) -> bool {
    // A broken file is no file with more documents.
    let expected = match expected.contains("FAILED") {
        true => expected.lines().filter(|line| !line.starts_with("level=WARN")).collect(),
        false => expected.lines().collect::<Vec<_>>(),
    };
    let mut causes: Vec<Cause> = expected.iter().filter_map(|line| Cause::recorded(line)).collect();
    causes.dedup();
    let mut lines: Vec<&str> = got.lines().filter(|line| *line != "  FAILED:").collect();
    for cause in causes {
        let Some(index) = lines.iter().position(|line| cause.is_of(line)) else { return false };
        lines.remove(index);
    }
    lines.is_empty()
}

#[derive(Debug, PartialEq)]
struct Cause {
    /// `line:column`, or `line:`, where they are known.
    place: String,
    /// What a line must hold.
    text: String,
}

impl Cause {
    fn recorded(line: &str) -> Option<Self> {
        // Of two errors in a row the second one is told under the first.
        if line == "  FAILED:" || line.ends_with("yaml: unmarshal errors:") {
            return None;
        }
        let behind = line.split_once(".yml: ").or_else(|| line.split_once(".yaml: "));
        let text = behind.map_or(line, |(_, rest)| rest);
        if let Some(rest) = text.trim_start().strip_prefix("line ") {
            let (line, rest) = rest.split_once(": ").unwrap();
            let words: Vec<&str> = rest.split(' ').collect();
            let text = match words[..] {
                ["field", field, "not", "found", ..] => format!("unknown field {field:?}"),
                ["mapping", "key", key, ..] => format!("`{}` already set", key.trim_matches('"')),
                [.., "into", "int"] => "expected a whole number".to_owned(),
                [.., "into", kind] if kind.starts_with("[]") => "expected a list".to_owned(),
                [.., "into", "string"] => "expected text".to_owned(),
                _ => "expected a map".to_owned(),
            };
            return Some(Self { place: format!("{line}:"), text });
        }
        if let Some(problem) = text.strip_prefix("yaml: ") {
            // Readers of YAML word such errors each in their own way.
            let text = if problem.contains("anchor") { "unknown" } else { "" };
            return Some(Self { place: String::new(), text: text.to_owned() });
        }
        let mut place = String::new();
        let mut rest = text;
        while let Some((first, behind)) = rest.split_once(": ")
            && first.split_once(':').is_some_and(|(line, column)| {
                [line, column].iter().all(|part| part.parse::<u32>().is_ok())
            })
        {
            if first != "0:0" {
                place += &format!("{first}: ");
            }
            rest = behind;
        }
        // A block of text is placed where its first line is.
        if rest.contains("could not parse expression: 3:") {
            place.clear();
        }
        Some(Self { place, text: rest.to_owned() })
    }

    fn is_of(&self, line: &str) -> bool {
        let behind = line.split_once(".yml: ").or_else(|| line.split_once(".yaml: "));
        let line = behind.map_or(line, |(_, rest)| rest);
        line.starts_with(&self.place) && line.contains(&self.text)
    }
}
