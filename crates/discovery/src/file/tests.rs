use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::glob::{PatternError, expand, matches};
use super::read::{FileCounters, Files, parse};
use crate::TargetGroup;

/// Returns `address,address{labels}` of each group, one a line.
fn show(groups: &[TargetGroup]) -> String {
    let group = |group: &TargetGroup| {
        let addresses: Vec<_> = group.targets.iter().map(|t| t.value("__address__")).collect();
        format!("{} {} {}", group.source, addresses.join(","), group.labels)
    };
    groups.iter().map(group).collect::<Vec<_>>().join("\n")
}

#[test]
fn patterns() {
    for (pattern, name, expected) in [
        ("a.yml", "a.yml", Ok(true)),
        ("a.yml", "b.yml", Ok(false)),
        ("*.yml", "a.yml", Ok(true)),
        ("*.yml", ".yml", Ok(true)),
        ("*.yml", "a.yml.tmp", Ok(false)),
        ("a*b*c", "abxbc", Ok(true)),
        ("a*b*c", "abxb", Ok(false)),
        ("?.yml", "ä.yml", Ok(true)),
        ("?.yml", ".yml", Ok(false)),
        ("[a-c].yml", "b.yml", Ok(true)),
        ("[^a-c].yml", "b.yml", Ok(false)),
        ("[^a-c].yml", "d.yml", Ok(true)),
        (r"\*.yml", "*.yml", Ok(true)),
        (r"\*.yml", "a.yml", Ok(false)),
        (r"[\]].yml", "].yml", Ok(true)),
        ("*", "", Ok(true)),
        ("", "", Ok(true)),
        ("", "a", Ok(false)),
        ("[a", "a", Err(PatternError)),
        ("b[a", "a", Err(PatternError)),
        ("[]a]", "]", Err(PatternError)),
        ("[a-]", "a", Err(PatternError)),
        (r"a\", "a", Err(PatternError)),
    ] {
        assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    }
    // Exponential in a naive matcher.
    assert_eq!(matches(&"a*".repeat(30), &"a".repeat(100)), Ok(true));
    assert_eq!(matches(&format!("{}b", "a*".repeat(30)), &"a".repeat(100)), Ok(false));
}

#[test]
fn globs_name_what_exists() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().to_str().unwrap();
    for path in ["a/1.yml", "a/2.yml", "a/2.json", "b/1.yml", "x.yml"] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    for (pattern, expected) in [
        ("x.yml", "x.yml"),
        ("y.yml", ""),
        ("a/*.yml", "a/1.yml a/2.yml"),
        ("a//*.yml", "a/1.yml a/2.yml"),
        ("[ab]/1.yml", "a/1.yml b/1.yml"),
        ("?/2.*", "a/2.json a/2.yml"),
        ("none/*.yml", ""),
    ] {
        let found = expand(&format!("{base}/{pattern}")).unwrap();
        let found: Vec<_> = found.iter().map(|path| &path[base.len() + 1..]).collect();
        assert_eq!(found.join(" "), expected, "{pattern}");
    }
    assert_eq!(expand("/tmp/[a/*.yml"), Err(PatternError));
}

#[test]
fn groups_are_read_from_json_and_yaml() {
    for (text, expected) in [
        ("[]", ""),
        (r#"[{"targets": ["a:1", "b"]}]"#, r#"f:0 a:1,b {__meta_filepath="f"}"#),
        (
            r#"[{"targets": ["a"], "labels": {"x": "y"}}, {"targets": []}]"#,
            "f:0 a {__meta_filepath=\"f\", x=\"y\"}\nf:1  {__meta_filepath=\"f\"}",
        ),
        (r#"[{"labels": {"__meta_filepath": "z"}}]"#, r#"f:0  {__meta_filepath="f"}"#),
        ("null", ""),
        ("[null]", "nil target group item found"),
        (r#"[{"labels": {"": "y"}}]"#, r#""" is not a valid label name"#),
    ] {
        for ending in ["json", "yml", "YAML"] {
            let path = format!("f.{ending}");
            let found = match parse(&path, text) {
                Ok(groups) => show(&groups),
                Err(error) => error.to_string(),
            };
            assert_eq!(found.replace(&path, "f"), expected, "{path} {text}");
        }
    }
    for (path, text, expected) in [
        ("f.json", "", "EOF while parsing a value at line 1 column 0"),
        ("f.yml", "", ""),
        ("f.yml", "- targets: [a:1]", r#"f.yml:0 a:1 {__meta_filepath="f.yml"}"#),
        ("f.yml", "- targets: [1]", r#"f.yml:0 1 {__meta_filepath="f.yml"}"#),
        (
            "f.yml",
            "- target: [a]",
            "line 1, column 3: [0]: unknown field `target`, did you mean `targets`?",
        ),
    ] {
        let found = match parse(path, text) {
            Ok(groups) => show(&groups),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{path} {text}");
    }
    assert!(parse("f.json", r#"[{"targets": ["a"], "more": 1}]"#).is_err());
    assert!(parse("f.json", r#"[] []"#).is_err());
}

#[test]
fn a_bad_file_keeps_its_groups_and_a_vanished_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().to_str().unwrap();
    let path = |name: &str| format!("{base}/{name}");
    let counters = Arc::<FileCounters>::default();
    let mut files = Files::new(vec![path("*.yml"), path("a.*")], Arc::clone(&counters));
    let mut read = || show(&files.read()).replace(base, "").replace("__meta_filepath", "p");
    assert_eq!(read(), "");

    fs::write(path("a.yml"), "- targets: [a:1]\n- targets: [a:2]").unwrap();
    fs::write(path("b.yml"), "- targets: [b:1]").unwrap();
    let both =
        "/a.yml:0 a:1 {p=\"/a.yml\"}\n/a.yml:1 a:2 {p=\"/a.yml\"}\n/b.yml:0 b:1 {p=\"/b.yml\"}";
    assert_eq!(read(), both);

    fs::write(path("a.yml"), "- targets: [").unwrap();
    assert_eq!(read(), both);
    fs::write(path("a.yml"), "- targets: [a:3]").unwrap();
    assert_eq!(read(), "/a.yml:0 a:3 {p=\"/a.yml\"}\n/b.yml:0 b:1 {p=\"/b.yml\"}");

    fs::remove_file(path("b.yml")).unwrap();
    fs::write(path("c.yml"), "nonsense").unwrap();
    assert_eq!(read(), "/a.yml:0 a:3 {p=\"/a.yml\"}");

    let stats = counters.snapshot();
    assert_eq!((stats.read_errors, stats.scans), (2, 5));
    let changed: Vec<_> = stats.changed.keys().map(|path| path.replace(base, "")).collect();
    assert_eq!(changed, ["/a.yml"]);
    drop(files);
    assert!(counters.snapshot().changed.is_empty());
}

/// What Prometheus' own tests read.
#[test]
fn files_of_the_reference() {
    let Some(folder) = std::env::var_os("NARTHEX_CONFORMANCE") else {
        eprintln!("skipped: NARTHEX_CONFORMANCE names no folder of recorded answers");
        return;
    };
    let folder = Path::new(&folder).join("prometheus/discovery/file/fixtures");
    for (name, expected) in [
        ("valid.json", Ok("localhost:9090,example.org:443 foo=bar; my.domain ")),
        ("valid.yml", Ok("localhost:9090,example.org:443 foo=bar; my.domain ")),
        (
            "valid2.yml",
            Ok("my.domain ; localhost:9090 foo=bar,fred=baz; example.org:443 scheme=https"),
        ),
        ("valid3.yml", Ok("localhost:9090,example.org:443 foo=bar; my.domain ")),
        ("invalid_nil.json", Err("nil target group item found".to_owned())),
        ("invalid_nil.yml", Err("nil target group item found".to_owned())),
    ] {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let group = |group: &TargetGroup| {
            let addresses: Vec<_> = group.targets.iter().map(|t| t.value("__address__")).collect();
            let labels = group.labels.iter().filter(|(name, _)| !name.starts_with("__"));
            let labels: Vec<_> = labels.map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {}", addresses.join(","), labels.join(","))
        };
        let found = parse(name, &text).map_err(|error| error.to_string());
        let found = found.map(|groups| groups.iter().map(group).collect::<Vec<_>>().join("; "));
        assert_eq!(found.as_deref().map_err(Clone::clone), expected, "{name}");
    }
}
