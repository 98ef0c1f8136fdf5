use std::fs;
use std::path::Path;

use narthex_config::Config;
use serde_json::Value;

use super::*;

/// Returns what the first address of the only job comes to.
fn build_first(job: &str) -> Result<Built, TargetError> {
    let text = format!("scrape_configs: [{{job_name: j, {job}}}]");
    let config = Config::load(&text, "test.yml", |_| None).unwrap();
    let job = &config.scrape_configs[0];
    let group = &job.static_configs[0];
    let mut found = LabelsBuilder::default();
    found.reset(&group.labels);
    found.set(ADDRESS_LABEL, &group.targets[0]);
    Target::build(job, &found.build())
}

fn target(job: &str) -> Target {
    match build_first(job) {
        Ok(Built::Target(target)) => *target,
        other => panic!("{job}: {other:?}"),
    }
}

#[test]
fn a_target_gets_job_and_instance() {
    let target = target("static_configs: [{targets: ['h:1'], labels: {env: dev, __meta_x: y}}]");
    let expected = Labels::from_pairs([("env", "dev"), ("instance", "h:1"), ("job", "j")]);
    assert_eq!(target.labels, expected);
    assert_eq!(target.discovered.get("__meta_x"), Some("y"));
    assert_eq!(target.discovered.get("__scrape_interval__"), Some("1m"));
    assert_eq!(target.interval, Duration::from_secs(60));
    assert_eq!(target.timeout, Duration::from_secs(10));
}

#[test]
fn urls() {
    for (job, expected) in [
        ("", "http://h/metrics"),
        ("metrics_path: 'a b?c'", "http://h/a%20b%3Fc"),
        ("relabel_configs: [{target_label: __scheme__, replacement: https}]", "https://h/metrics"),
        ("params: {b: ['1', '2 3'], a: ['ä&=']}", "http://h/metrics?a=%C3%A4%26%3D&b=1&b=2+3"),
        (
            "params: {b: ['1', '2']}, relabel_configs: [{target_label: __param_b, replacement: x}, \
             {target_label: __param_c, replacement: y}]",
            "http://h/metrics?b=x&b=2&c=y",
        ),
        (
            "relabel_configs: [{target_label: __address__, replacement: 'o:1'}]",
            "http://o:1/metrics",
        ),
    ] {
        let job = format!("static_configs: [{{targets: [h]}}], {job}");
        assert_eq!(&*target(&job).url, expected, "{job}");
    }
}

#[test]
fn the_hash_covers_hidden_labels() {
    let plain = target("static_configs: [{targets: [h]}]");
    let slow = target("static_configs: [{targets: [h]}], scrape_interval: 2m");
    assert_eq!(plain.labels, slow.labels);
    assert_ne!(plain.hash, slow.hash);
    assert_eq!(plain, target("static_configs: [{targets: [h]}]"));
}

/// What the recorded answers of Prometheus 3.14 say, see `vectors/scrape/README.md` there.
#[test]
fn targets_are_those_of_the_reference() {
    let Some(folder) = std::env::var_os("NARTHEX_CONFORMANCE") else {
        eprintln!("skipped: NARTHEX_CONFORMANCE names no folder of recorded answers");
        return;
    };
    let path = Path::new(&folder).join("vectors/scrape/relabel.jsonl");
    let (mut checked, mut left_out) = (0, 0);
    for line in fs::read_to_string(path).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        // The others are about rules that are refused, and about names of the legacy charset.
        let Some(results) = case["results"].as_array().filter(|_| case["scrape_config"].is_null())
        else {
            left_out += 1;
            continue;
        };
        let job = serde_json::json!({"scrape_configs": [{
            "job_name": "j",
            "scrape_interval": "1y",
            "scrape_timeout": "10s",
            "relabel_configs": case["relabel_configs"],
        }]});
        let config = match Config::load(&job.to_string(), "test.yml", |_| None) {
            Ok(config) => config,
            // Go reads some numbers that are whole only at second sight.
            Err(error) => {
                assert!(case["name"].as_str().unwrap().contains("modulus"), "{error}");
                left_out += 1;
                continue;
            }
        };
        for result in results.iter().filter(|result| result["unstable"].is_null()) {
            let built = Target::build(&config.scrape_configs[0], &labels(&result["input"]));
            check_result(&case["name"], result, built);
            checked += 1;
        }
    }
    println!("{checked} label sets as recorded, {left_out} lists of rules left out");
    assert!(checked > 1_000);
}

#[track_caller]
fn check_result(name: &Value, result: &Value, built: Result<Built, TargetError>) {
    let context = format!("{name} {}", result["input"]);
    let discovered = labels(&result["discovered"]);
    match built {
        Ok(Built::Target(target)) => {
            assert_eq!(target.discovered, discovered, "{context}");
            let mut expected = LabelsBuilder::default();
            expected.reset(&labels(&result["labels"]));
            expected.retain(|name, _| !name.starts_with("__"));
            assert_eq!(target.labels, expected.build(), "{context}");
            // Of targets that came out equal, one alone has its address recorded.
            if let Some(url) = result["url"].as_str() {
                assert_eq!(*target.url, *url, "{context}");
            }
        }
        Ok(Built::Dropped(dropped)) => {
            assert_eq!(dropped, discovered, "{context}");
            assert_eq!(result["dropped"], true, "{context}");
        }
        Err(error) => assert_eq!(result["error"], error.to_string(), "{context}"),
    }
}

fn labels(object: &Value) -> Labels {
    let pairs = object.as_object().into_iter().flatten();
    Labels::from_pairs(pairs.map(|(name, value)| (name, value.as_str().unwrap_or_default())))
}
