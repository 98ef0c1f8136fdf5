use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use clap::Parser as _;
use serde_json::Value;

use crate::promtool::{Console, PromtoolFlags, run};

#[test]
fn verdicts_are_those_that_were_recorded() {
    let Some(folder) = std::env::var_os("NARTHEX_CONFORMANCE").map(PathBuf::from) else {
        println!("skipped: NARTHEX_CONFORMANCE does not name the folder with recorded answers");
        return;
    };
    let packed = fs::read(folder.join("vectors/rules/test_rules.jsonl.gz")).unwrap();
    let mut recorded = String::new();
    flate2::read::GzDecoder::new(&*packed).read_to_string(&mut recorded).unwrap();
    let data = folder.join("prometheus/cmd/promtool/testdata");
    let prefix = format!("{}/", data.display());
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in recorded.lines() {
        count += 1;
        let recorded: Value = serde_json::from_str(line).unwrap();
        let texts =
            |key: &str| recorded[key].as_array().unwrap().iter().map(|t| t.as_str().unwrap());
        let mut arguments: Vec<String> = ["promtool", "test", "rules"]
            .into_iter()
            .chain(texts("options"))
            .map(Into::into)
            .collect();
        arguments.extend(texts("files").map(|file| data.join(file).display().to_string()));
        let flags = PromtoolFlags::try_parse_from(&arguments).unwrap();
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let exit = run(&flags, &mut Console::quiet(&mut out), &mut errors);
        let out = String::from_utf8(out).unwrap();
        let errors = unnamed_places(&String::from_utf8(errors).unwrap().replace(&prefix, ""));
        let exit = u64::from(exit != 0.into());
        let expected = unnamed_places(recorded["stderr"].as_str().unwrap());
        if recorded["exit"] != exit || recorded["stdout"] != *out || expected != errors {
            wrong.push(format!("{recorded}\n  got {exit} {out:?} {errors:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(count, 58);
}

/// Words what is no rule file as ours are worded, and the reference's too.
fn unnamed_places(errors: &str) -> String {
    let mut lines = Vec::new();
    let mut file = "";
    for line in errors.lines() {
        if let Some(name) = line.strip_suffix("yaml: unmarshal errors:") {
            file = name;
            continue;
        }
        let field = line.strip_prefix("  line ").and_then(|rest| rest.split_once(": field "));
        if let Some((number, rest)) = field {
            let field = rest.split(' ').next().unwrap_or_default();
            lines.push(format!("{file}{number}: unknown field {field:?}"));
            continue;
        }
        match line.split_once(": unknown field ") {
            // Ours have columns, too, and the group.
            Some((place, field)) => match place.split_once(": ") {
                Some((name, place)) => {
                    let number = place.split(':').next().unwrap();
                    lines.push(format!("{name}: {number}: unknown field {field}"));
                }
                // A file of tests, and no rule file.
                None => {
                    let number = place.trim_start_matches("line ").split(',').next().unwrap();
                    let field = field.split('`').nth(1).unwrap();
                    lines.push(format!("{number}: unknown field {field:?}"));
                }
            },
            None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}
