//! What Prometheus 3.14 did with the targets of scrape jobs. The recordings lie outside of the
//! project, in the folder that `NARTHEX_CONFORMANCE` names.

use std::fs;
use std::path::Path;

use narthex_model::{Labels, LabelsBuilder};
use narthex_relabel::{NameValidation, Rule, RuleOptions, Verdict, explain, process};
use serde_json::{Map, Value};

/// What the scraper adds to each target, in its order.
const SCRAPER_LABELS: [&str; 8] = [
    "job",
    "__scrape_interval__",
    "__scrape_timeout__",
    "__metrics_path__",
    "__scheme__",
    "__convert_classic_histograms_to_nhcb__",
    "__always_scrape_classic_histograms__",
    "__scrape_native_histograms__",
];

#[test]
fn agrees_with_the_recordings() {
    let Some(folder) = std::env::var_os("NARTHEX_CONFORMANCE") else {
        println!("skipped: NARTHEX_CONFORMANCE does not name the folder of the recordings");
        return;
    };
    let path = Path::new(&folder).join("vectors/scrape/relabel.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let (mut result_count, mut refusal_count) = (0, 0);
    for line in text.lines() {
        let case: Map<String, Value> = serde_json::from_str(line).unwrap();
        let Some(rules) = rules(&case) else { continue };
        match (rules, case.get("error").and_then(Value::as_str)) {
            (Err(message), Some(recorded)) => {
                assert!(recorded.ends_with(&message), "{}: {message} / {recorded}", case["name"]);
                refusal_count += 1;
            }
            (Err(message), None) => panic!("{} is refused: {message}", case["name"]),
            (Ok(_), Some(recorded)) => panic!("{} is accepted: {recorded}", case["name"]),
            (Ok(rules), None) => {
                for result in case["results"].as_array().unwrap() {
                    check_result(&case["name"], &rules, result);
                    result_count += 1;
                }
            }
        }
    }
    println!("{result_count} label sets and {refusal_count} refusals agree");
    assert!(result_count > 1000 && refusal_count > 50);
}

fn check_result(name: &Value, rules: &[Rule], result: &Value) {
    if result.get("unstable").is_some() {
        return;
    }
    let discovered: Labels = texts(&result["discovered"]).collect();
    // The scraper sets its own labels after those of the target, which shows where several labels
    // are mapped to one name.
    let mut labels = LabelsBuilder::default();
    for (name, value) in discovered.iter().filter(|(name, _)| !SCRAPER_LABELS.contains(name)) {
        labels.set(name, value);
    }
    for name in SCRAPER_LABELS {
        labels.set(name, discovered.value(name));
    }
    let steps = explain(rules, &mut labels.clone());
    let verdict = process(rules, &mut labels);
    if let Some(last) = steps.last() {
        assert_eq!(last.verdict, verdict, "{name}: {discovered}");
        if verdict == Verdict::Keep {
            assert_eq!(last.output, labels.clone().build(), "{name}: {discovered}");
        }
    }
    let dropped = result.get("dropped").is_some();
    assert_eq!(verdict == Verdict::Drop, dropped, "{name}: {discovered}");
    if let Some(expected) = result.get("labels") {
        // What the scraper adds and removes after the rules.
        labels.retain(|name, _| !name.starts_with("__meta_"));
        if labels.get("instance").is_none() {
            let address = labels.get("__address__").unwrap_or_default().to_owned();
            labels.set("instance", &address);
        }
        assert_eq!(labels.build(), texts(expected).collect(), "{name}: {discovered}");
    }
}

fn texts(labels: &Value) -> impl Iterator<Item = (&str, &str)> {
    let labels = labels.as_object().expect("an object of labels");
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("a text")))
}

/// Returns the rules of a case, or the message that refuses one; `None` for what the reader of the
/// file refuses or converts before it is a rule.
fn rules(case: &Map<String, Value>) -> Option<Result<Vec<Rule>, String>> {
    let scheme =
        &case.get("scrape_config").unwrap_or(&Value::Null)["metric_name_validation_scheme"];
    let name_validation = match scheme.as_str() {
        Some("legacy") => NameValidation::Legacy,
        _ => NameValidation::Utf8,
    };
    let mut rules = Vec::new();
    for fields in case["relabel_configs"].as_array()? {
        let mut options = RuleOptions { name_validation, ..RuleOptions::default() };
        for (name, value) in fields.as_object()? {
            match name.as_str() {
                "source_labels" => options.source_labels = Some(names(value)?),
                "separator" => options.separator = value.as_str()?.to_owned(),
                "regex" => options.regex = Some(value.as_str()?.to_owned()),
                "modulus" => options.modulus = value.as_u64()?,
                "target_label" => options.target_label = value.as_str()?.to_owned(),
                "replacement" => options.replacement = value.as_str()?.to_owned(),
                "action" => match value.as_str()?.parse() {
                    Ok(action) => options.action = action,
                    Err(error) => return Some(Err(error.to_string())),
                },
                _ => return None,
            }
        }
        match Rule::new(options) {
            Ok(rule) => rules.push(rule),
            Err(error) => return Some(Err(error.to_string())),
        }
    }
    Some(Ok(rules))
}

fn names(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|name| Some(name.as_str()?.to_owned())).collect()
}
