use std::path::Path;

use narthex_config::Config;

/// A file that uses every key.
pub(crate) const FULL: &str = include_str!("../data/full.yml");

fn full() -> Config {
    let replica = |name: &str| (name == "REPLICA").then(|| "a".to_owned());
    Config::load(FULL, "full.yml", replica).expect("the file loads")
}

#[test]
fn every_key_prints_with_what_holds() {
    let printed = full().to_yaml().expect("prints");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/full.resolved.yml");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, &printed).expect("writes the expected output");
    }
    assert_eq!(printed, include_str!("../data/full.resolved.yml"));
}

#[test]
fn what_prints_loads_as_the_same() {
    let mut config = full();
    // The printed dollar would be taken for a variable again, as in the reference.
    config.global.external_labels = narthex_model::Labels::from_pairs([("a", "b")]);
    let printed = config.to_yaml().expect("prints");
    let again = Config::load(&printed, "printed.yml", |_| None).expect(&printed);
    // Secrets do not survive, so that the texts are compared.
    assert_eq!(again.to_yaml().expect("prints"), printed);
}

#[test]
fn an_empty_file_is_the_default() {
    for text in ["", "# nothing\n", "global:\n", "scrape_configs: []\nrule_files:\n"] {
        assert_eq!(Config::load(text, "empty.yml", |_| None), Ok(Config::default()), "{text:?}");
    }
    let printed = Config::default().to_yaml().expect("prints");
    let expected = "\
global:
  scrape_interval: 1m
  scrape_timeout: 10s
  evaluation_interval: 1m
  body_size_limit: 64MiB
  metric_name_validation_scheme: utf8
  metric_name_escaping_scheme: allow-utf-8
  scrape_native_histograms: false
  extra_scrape_metrics: false
runtime:
  gogc: 75
otlp:
  translation_strategy: UnderscoreEscapingWithSuffixes
  label_name_underscore_sanitization: true
  label_name_preserve_multiple_underscores: true
";
    assert_eq!(printed, expected);
}
