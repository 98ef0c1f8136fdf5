//! The rules of a whole cluster are read, and print the same after a round trip.

use std::fs;

use narthex_promql_parser::parse;
use narthex_rules::{ReadOptions, RuleFile};
use serde::Deserialize;

#[derive(Deserialize)]
struct Manifest {
    spec: serde_json::Value,
}

#[test]
fn rules_of_a_cluster_survive_a_round_trip() {
    let Some(folder) = std::env::var_os("NARTHEX_CONFORMANCE") else {
        println!("skipped: NARTHEX_CONFORMANCE does not name the folder with the manifests");
        return;
    };
    let folder = std::path::Path::new(&folder).join("kube-prometheus/manifests");
    let mut rules = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with("rometheusRule.yaml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let manifest: Manifest = narthex_yaml::from_str(&text).unwrap();
        // JSON is YAML.
        let file = RuleFile::read(&manifest.spec.to_string(), &ReadOptions::default());
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let printed = file.to_yaml().unwrap();
        let again = RuleFile::read(&printed, &ReadOptions::default()).unwrap();
        assert_eq!(again, file);
        assert_eq!(again.to_yaml().unwrap(), printed);
        for rule in file.groups.iter().flat_map(|group| &group.rules) {
            assert_eq!(parse(&rule.expr.to_string()).unwrap(), rule.expr);
        }
        rules += file.rule_count();
    }
    assert_eq!(rules, 234);
}
