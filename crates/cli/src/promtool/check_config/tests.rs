use std::fs;
use std::path::Path;

use clap::Parser as _;

use super::*;
use crate::promtool::{CheckCommand, PromtoolCommand, PromtoolFlags};

/// Checks a file with these arguments, and returns the outcome and what was written to both sides. The
/// file is written `FILE`, its folder `DIR`.
fn run(file: &Path, arguments: &[&str]) -> (Outcome, String) {
    let text = file.to_str().unwrap();
    let line = [&["promtool", "check", "config"], arguments, &[text]].concat();
    let PromtoolCommand::Check(check) = PromtoolFlags::parse_from(line).command else { panic!() };
    let CheckCommand::Config(flags) = check.command else { panic!() };
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let outcome = check_config(&flags, check.lookback_delta, &mut out, &mut errors).unwrap();
    let out = String::from_utf8(out).unwrap() + &String::from_utf8(errors).unwrap();
    let folder = file.parent().unwrap().to_str().unwrap();
    (outcome, out.replace(text, "FILE").replace(folder, "DIR"))
}

const VALID: &str = " SUCCESS: FILE is valid prometheus config file syntax\n\n";

/// Configurations with what is said of them behind `Checking FILE`.
#[test]
fn what_configurations_name_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("there", "");
    write("rules-a.yml", "groups: []");
    write("rules-b.yml", "groups: []");
    write("jobs.yml", "scrape_configs: [{job_name: other, scrape_interval: 10m}]");
    write("targets.json", "[{\"targets\": [\"a:1\"]}]");
    write("urls.yml", "- targets: ['http://bad']\n");
    write("typo.yml", "- targats: ['a:1']\n");
    let file = folder.path().join("prometheus.yml");
    let job = |rest: &str| format!("scrape_configs: [{{job_name: j, {rest}}}]");
    let failed = |error: &str| format!("\n  FAILED: {error}\n");
    let warning = |place: &str| {
        format!("  WARNING: file \"DIR/no.yml\" for file_sd in {place} does not exist\n{VALID}")
    };
    let missing = |what: &str| {
        let error = "stat DIR/no: No such file or directory (os error 2)";
        failed(&format!("error checking {what} \"DIR/no\": {error}"))
    };
    let bad_alertmanager = "static_configs: [{targets: ['http://bad']}], \
                            relabel_configs: [{target_label: x}]";
    for (config, expected) in [
        (job("authorization: {credentials_file: there}"), VALID.to_owned()),
        (
            job("authorization: {credentials_file: no}"),
            missing("authorization credentials or bearer token file"),
        ),
        (job("bearer_token_file: no"), missing("authorization credentials or bearer token file")),
        (job("tls_config: {cert_file: no, key_file: there}"), missing("client cert file")),
        (job("tls_config: {cert_file: there, key_file: no}"), missing("client key file")),
        (job("file_sd_configs: [{files: [no.yml]}]"), warning("scrape job \"j\"")),
        (job("file_sd_configs: [{files: [targets*.json]}]"), VALID.to_owned()),
        (
            job("file_sd_configs: [{files: [urls.yml]}]"),
            failed("instance 0 in group : \"http://bad\" is not a valid hostname"),
        ),
        (
            job(
                "relabel_configs: [{target_label: x}], static_configs: [{targets: ['http://bad']}]",
            ),
            failed("instance 0 in group 0: \"http://bad\" is not a valid hostname"),
        ),
        (
            format!("alerting: {{alertmanagers: [{{{bad_alertmanager}}}]}}"),
            failed("\"http://bad\" is not a valid hostname"),
        ),
        (
            "alerting: {alertmanagers: [{file_sd_configs: [{files: [no.yml]}]}]}".to_owned(),
            warning("alertmanager config"),
        ),
        (
            "rule_files: ['rules-*.yml']".to_owned(),
            format!("  SUCCESS: 2 rule files found\n{VALID}"),
        ),
        ("rule_files: ['no-*.yml']".to_owned(), VALID.to_owned()),
        (
            "rule_files: [no.yml]".to_owned(),
            failed("\"DIR/no.yml\" does not point to an existing file"),
        ),
        ("scrape_config_files: [jobs.yml]".to_owned(), VALID.to_owned()),
    ] {
        fs::write(&file, &config).unwrap();
        let (outcome, said) = run(&file, &[]);
        assert_eq!(said, format!("Checking FILE\n{expected}"), "{config}");
        assert_eq!(outcome == Outcome::Failed, expected.contains("FAILED"), "{config}");
        // Nothing of it is wrong with the file itself.
        assert_eq!(
            run(&file, &["--syntax-only"]).0 == Outcome::Good,
            !config.contains("http://bad")
        );
    }
    fs::write(&file, job("file_sd_configs: [{files: [typo.yml]}]")).unwrap();
    let (outcome, said) = run(&file, &[]);
    assert_eq!(outcome, Outcome::Failed);
    assert!(said.contains("FAILED: checking SD file \"DIR/typo.yml\": "), "{said}");
    fs::write(&file, "scrape_config_files: [typo.yml]").unwrap();
    let (_, said) = run(&file, &[]);
    assert!(said.contains("FAILED: error loading scrape configs: "), "{said}");
}

#[test]
fn lint_and_agent_flags() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    let jobs = folder.path().join("jobs.yml");
    fs::write(&jobs, "scrape_configs: [{job_name: slow, scrape_interval: 10m}]").unwrap();
    fs::write(&file, "{scrape_config_files: [jobs.yml], rule_files: ['*.rules']}").unwrap();
    let too_long = "  FAILED: too long scrape interval found, data point will be marked as stale - \
                    job: slow, interval: 10m\n";
    for (arguments, outcome, lint) in [
        (&[][..], Outcome::Good, false),
        (&["--lint=all"], Outcome::Good, true),
        (&["--lint=all", "--lint-fatal"], Outcome::Lint, true),
        (&["--lint=too-long-scrape-interval", "--lint-fatal"], Outcome::Lint, true),
        (&["--lint=all,none", "--lint-fatal"], Outcome::Good, false),
        (&["--lint=all", "--lint-fatal", "--syntax-only"], Outcome::Good, false),
        (&["--lint=all", "--lint-fatal", "--query.lookback-delta=1h"], Outcome::Good, false),
    ] {
        let (happened, said) = run(&file, arguments);
        assert_eq!(happened, outcome, "{arguments:?}: {said}");
        assert_eq!(said, format!("Checking FILE\n{VALID}{}", if lint { too_long } else { "" }));
    }
    let (outcome, said) = run(&file, &["--lint=odd"]);
    assert_eq!(outcome, Outcome::Good);
    assert!(said.starts_with("WARNING: unknown lint option: \"odd\"\n"), "{said}");
    let (outcome, said) = run(&file, &["--agent"]);
    assert_eq!(outcome, Outcome::Failed);
    assert!(said.ends_with("FAILED: field rule_files is not allowed in agent mode\n"), "{said}");
}

/// What Prometheus 3.14 said of its own test files.
#[test]
fn recorded_checks_agree() {
    let Some(data) = std::env::var_os("NARTHEX_CONFORMANCE") else {
        println!("skipped: NARTHEX_CONFORMANCE names no folder with the conformance data");
        return;
    };
    let data = Path::new(&data);
    let recorded = fs::read_to_string(data.join("vectors/scrape/config.jsonl")).unwrap();
    let mut count = 0;
    for line in recorded.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let Some(exit) = case["exit"].as_i64() else { continue };
        let name = case["file"].as_str().unwrap();
        let file = data.join("prometheus/config/testdata").join(name);
        let (outcome, said) = run(&file, &["--syntax-only"]);
        // Behind it, the recording has lines of a log.
        let message = case["message"].as_str().unwrap().split("\n\nlevel=").next().unwrap();
        assert_eq!(outcome == Outcome::Good, exit == 0, "{name}: {said}");
        if exit == 0 {
            assert_eq!(said.trim_end(), message, "{name}");
        }
        count += 1;
    }
    assert!(count > 100, "{count} cases");
    println!("{count} recorded checks agree");
}
