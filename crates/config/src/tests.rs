use std::path::Path;
use std::time::Duration;

use narthex_model::Labels;

use crate::{
    BODY_SIZE_LIMIT_DEFAULT, Config, ExemplarsConfig, GlobalConfig, RetentionConfig,
    RetentionRuleConfig, ScrapeConfig, ScrapeProtocol,
};

fn load(text: &str) -> Config {
    Config::load(text, "prometheus.yml", |_| None).expect(text)
}

fn job(text: &str) -> ScrapeConfig {
    load(text).scrape_configs.remove(0)
}

/// Checks that `text` is refused with `expected` after the file's name.
fn check_refused(text: &str, expected: &str) {
    let error = Config::load(text, "prometheus.yml", |_| None).expect_err(text).to_string();
    assert_eq!(error, format!("parsing YAML file prometheus.yml: {expected}"), "{text}");
}

/// Checks that a job with these keys below its name is refused.
fn check_job_refused(keys: &str, expected: &str) {
    check_refused(&format!("scrape_configs:\n- job_name: x\n  {keys}\n"), expected);
}

#[test]
fn the_whole_file_is_checked() {
    let cases = [
        ("bogus: 1", "line 1, column 1: unknown field `bogus`"),
        (
            "scrape_configs:\nscrape_configs:",
            "line 2, column 1: field `scrape_configs` already set",
        ),
        ("rule_files: [a/*/b]", r#"line 1, column 14: invalid rule file path "a/*/b""#),
        ("rule_files: [a, '**/b']", r#"line 1, column 17: invalid rule file path "**/b""#),
        ("scrape_configs:\n-", "line 2, column 2: empty or null scrape config section"),
        ("scrape_configs: [{}]", "line 1, column 18: job_name is empty"),
        ("scrape_configs:\n- job_name: ''", "line 2, column 13: job_name is empty"),
        (
            "scrape_configs:\n- job_name: x\n- job_name: y\n- job_name: x",
            r#"line 4, column 13: found multiple scrape configs with job name "x""#,
        ),
        ("remote_write: [null]", "line 1, column 16: empty or null remote write config section"),
        ("remote_write: [{}]", "line 1, column 16: url for remote_write is empty"),
        ("remote_read: [{name: x}]", "line 1, column 15: url for remote_read is empty"),
        ("tracing: {}", "line 1, column 10: tracing endpoint must be set"),
        (
            "otlp: {translation_strategy: None}",
            "line 1, column 30: unsupported OTLP translation strategy \"None\"",
        ),
        ("tls_config: {}", "line 1, column 1: unknown field `tls_config`"),
        ("runtime: {gogc: x}", "line 1, column 17: runtime.gogc: expected a whole number"),
        ("scrape_configs: x", "line 1, column 17: scrape_configs: expected a list"),
    ];
    for (text, expected) in cases {
        check_refused(text, expected);
    }
}

#[test]
fn the_global_section_is_checked() {
    let cases = [
        ("bogus: 1", "line 2, column 3: global: unknown field `bogus`"),
        (
            "scrape_interval: 15",
            "line 2, column 20: global.scrape_interval: not a valid duration string: \"15\"",
        ),
        (
            "evaluation_interval: -1m",
            "line 2, column 24: global.evaluation_interval: \
             not a valid duration string: \"-1m\"",
        ),
        (
            "{scrape_interval: 5s, scrape_timeout: 6s}",
            "line 2, column 41: global scrape timeout greater than scrape interval",
        ),
        (
            "scrape_timeout: 2m",
            "line 2, column 19: global scrape timeout greater than scrape interval",
        ),
        (
            "external_labels: {'': x}",
            r#"line 2, column 21: global.external_labels: "" is not a valid label name"#,
        ),
        (
            "sample_limit: -1",
            "line 2, column 17: global.sample_limit: expected a whole number of at least 0",
        ),
        (
            "body_size_limit: 100",
            "line 2, column 20: global.body_size_limit: units: unknown unit  in 100",
        ),
        (
            "scrape_protocols: []",
            "line 2, column 21: scrape_protocols cannot be empty for global config",
        ),
        (
            "{metric_name_validation_scheme: legacy, external_labels: {a.b: c}}",
            "line 2, column 60: \"a.b\" is not a valid label name",
        ),
        (
            "metric_name_escaping_scheme: dot",
            "line 2, column 32: unknown global name escaping method specified, must be one of \
             'allow-utf-8', 'underscores', 'dots', or 'values', got \"dot\"",
        ),
    ];
    for (keys, expected) in cases {
        check_refused(&format!("global:\n  {keys}\n"), expected);
    }
}

#[test]
fn the_storage_section_says_how_many_exemplars_are_held() {
    for (text, expected) in [
        ("", None),
        ("storage:", None),
        ("storage: {}", Some(None)),
        ("storage: {exemplars: {}}", Some(Some(0))),
        ("storage: {exemplars: {max_exemplars: 500}}", Some(Some(500))),
        ("storage: {exemplars: {max_exemplars: -1}}", Some(Some(-1))),
    ] {
        let config = load(text);
        let found = config.storage.clone().map(|storage| storage.exemplars);
        let found = found.map(|exemplars| exemplars.map(|exemplars| exemplars.max_exemplars));
        assert_eq!(found, expected, "{text}");
        assert_eq!(load(&config.to_yaml().unwrap()), config, "{text}");
    }
    assert_eq!(ExemplarsConfig::default().max_exemplars, 100_000);
}

#[test]
fn the_storage_section_says_how_late_samples_may_be() {
    for (text, expected) in [
        ("storage: {}", None),
        ("storage: {tsdb: {}}", Some(0)),
        ("storage: {tsdb: {out_of_order_time_window: 0s}}", Some(0)),
        ("storage: {tsdb: {out_of_order_time_window: 30m}}", Some(30 * 60)),
        ("storage: {tsdb: {out_of_order_time_window: 1d2h}}", Some(26 * 60 * 60)),
    ] {
        let config = load(text);
        let tsdb = config.storage.as_ref().and_then(|storage| storage.tsdb.as_ref());
        let found = tsdb.map(|tsdb| tsdb.out_of_order_time_window.as_secs());
        assert_eq!(found, expected, "{text}");
        assert_eq!(load(&config.to_yaml().unwrap()), config, "{text}");
    }
}

#[test]
fn the_storage_section_says_how_long_samples_are_kept() {
    let retention = |text: &str| {
        let config = load(&format!("storage: {{tsdb: {text}}}"));
        assert_eq!(load(&config.to_yaml().unwrap()), config, "{text}");
        config.storage.unwrap().tsdb.unwrap().retention
    };
    assert_eq!(retention("{}"), None);
    assert_eq!(retention("{retention: {}}"), Some(RetentionConfig::default()));
    let found = retention("{retention: {time: 30d, size: 10GB, percentage: 7.5}}").unwrap();
    assert_eq!(found.time, Duration::from_secs(30 * 86_400));
    assert_eq!((found.size_bytes, found.percentage), (10 << 30, 7.5));
    let found = retention("{retention: {rules: [{selector: '{job=\"a\"}', time: 2h}]}}").unwrap();
    let selector = "{job=\"a\"}".to_owned();
    assert_eq!(found.rules, [RetentionRuleConfig { selector, time: Duration::from_secs(7_200) }]);
    for (text, expected) in [
        (
            "{percentage: 101}",
            "42: 'storage.tsdb.retention.percentage' must be in the range [0, 100], got 101",
        ),
        (
            "{percentage: -1}",
            "42: 'storage.tsdb.retention.percentage' must be in the range [0, 100], got -1",
        ),
        (
            "{size: -1MB}",
            "36: 'storage.tsdb.retention.size' must be greater than or equal to 0, got -1MiB",
        ),
        ("{size: MB}", "36: units: invalid MB"),
        ("{rules: [~]}", "38: empty or null retention rule"),
        ("{rules: [{time: 2h}]}", "39: storage.tsdb.retention.rules[0]: missing field `selector`"),
    ] {
        let text = format!("storage: {{tsdb: {{retention: {text}}}}}");
        check_refused(&text, &format!("line 1, column {expected}"));
    }
    check_refused(
        "storage: {tsdb: {chunk_encoding: {floats: XOR}}}",
        "line 1, column 43: 'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the \
         field must be omitted entirely, got \"XOR\"",
    );
}

#[test]
fn each_job_is_checked() {
    let cases = [
        ("bogus: 1", "line 3, column 3: scrape_configs[0]: unknown field `bogus`"),
        (
            "scrape_timeout: 2m",
            "line 3, column 19: scrape timeout greater than scrape interval \
             for scrape config with job name \"x\"",
        ),
        (
            "scheme: ftp",
            "line 3, column 11: scrape_configs[0].scheme: \
             unknown scheme \"ftp\", must be http or https",
        ),
        ("static_configs: [null]", "line 3, column 20: empty or null section in static_configs"),
        (
            "static_configs: [{targets: ['http://a:1']}]",
            r#"line 3, column 31: "http://a:1" is not a valid hostname"#,
        ),
        (
            "static_configs: [{target: []}]",
            "line 3, column 21: scrape_configs[0].static_configs[0]: \
             unknown field `target`, did you mean `targets`?",
        ),
        (
            "relabel_configs: [null]",
            "line 3, column 21: empty or null target relabeling rule in scrape config",
        ),
        (
            "metric_relabel_configs: [{action: drop}, null]",
            "line 3, column 44: empty or null metric relabeling rule in scrape config",
        ),
        (
            "relabel_configs: [{action: explode}]",
            "line 3, column 30: scrape_configs[0].relabel_configs[0].action: \
             unknown relabel action \"explode\"",
        ),
        (
            "relabel_configs: [{action: }]",
            "line 3, column 28: scrape_configs[0].relabel_configs[0].action: \
             relabel action cannot be empty",
        ),
        (
            "scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]",
            "line 3, column 21: duplicated protocol in scrape_protocols, got [PrometheusText0.0.4 \
             PrometheusText0.0.4] for scrape config with job name \"x\"",
        ),
        (
            "fallback_scrape_protocol: Proto",
            "line 3, column 29: invalid fallback_scrape_protocol for scrape config with job name \
             \"x\": unknown scrape protocol Proto, supported: [OpenMetricsText0.0.1 \
             OpenMetricsText1.0.0 PrometheusProto PrometheusText0.0.4 PrometheusText1.0.0]",
        ),
        (
            "kubernetes_sd_configs: [null]",
            "line 3, column 27: empty or null section in kubernetes_sd_configs",
        ),
        (
            "eureka_sd_configs: [null]",
            "line 3, column 23: scrape_configs[0].eureka_sd_configs[0]: \
             empty or null section in eureka_sd_configs",
        ),
        (
            "gce_sd_configs: [{project: p}]",
            "line 3, column 20: scrape_configs[0].gce_sd_configs[0]: \
             GCE SD configuration requires a zone",
        ),
        (
            "gce_sd_configs: [{zones: p}]",
            "line 3, column 21: scrape_configs[0].gce_sd_configs[0]: \
             unknown field `zones`, did you mean `zone`?",
        ),
        (
            "kubernete_sd_configs: []",
            "line 3, column 3: scrape_configs[0]: \
             unknown field `kubernete_sd_configs`, did you mean `kubernetes_sd_configs`?",
        ),
        (
            "tls_confg: {}",
            "line 3, column 3: scrape_configs[0]: unknown field `tls_confg`, did you mean `tls_config`?",
        ),
        (
            "any_sd_configs: []",
            "line 3, column 3: scrape_configs[0]: unknown field `any_sd_configs`, \
             did you mean `aws_sd_configs`?",
        ),
        (
            "static_configs: [{basic_auth: {}}]",
            "line 3, column 21: scrape_configs[0].static_configs[0]: unknown field `basic_auth`",
        ),
        (
            "basic_auth: {password: hunter2, password_file: f}",
            "line 2, column 3: at most one of basic_auth password, password_file & password_ref must \
             be configured",
        ),
        (
            "basic_auth: {password: hunter2, passwort: f}",
            "line 3, column 35: scrape_configs[0].basic_auth: \
             unknown field `passwort`, did you mean `password`?",
        ),
    ];
    for (keys, expected) in cases {
        check_job_refused(keys, expected);
    }
}

#[test]
fn relabelling_rules_are_checked() {
    let cases = [
        (
            "{}",
            "line 3, column 21: relabel configuration for replace action requires 'target_label' value",
        ),
        (
            "{regex: 'abc(def', target_label: a}",
            "line 3, column 29: error parsing regexp: missing closing ): `^(?s:abc(def)$`",
        ),
        (
            "{action: hashmod, target_label: a}",
            "line 3, column 21: relabel configuration for hashmod requires non-zero modulus",
        ),
        (
            "{action: keepequal, target_label: a, regex: '(.*)'}",
            "line 3, column 21: keepequal action requires only 'source_labels' and \
             `target_label`, and no other fields",
        ),
        (
            "{action: labeldrop, source_labels: []}",
            "line 3, column 21: labeldrop action requires only 'regex', and no other fields",
        ),
        (
            "{source_labels: [''], target_label: a}",
            "line 3, column 38: scrape_configs[0].relabel_configs[0].source_labels[0]: \
             \"\" is not a valid label name",
        ),
        (
            "{modulus: -1}",
            "line 3, column 31: scrape_configs[0].relabel_configs[0].modulus: \
             expected a whole number of at least 0",
        ),
    ];
    for (rule, expected) in cases {
        check_job_refused(&format!("relabel_configs: [{rule}]"), expected);
    }
}

#[test]
fn alerting_is_checked() {
    let cases = [
        ("alertmanagers: [null]", "line 2, column 19: empty or null Alertmanager section"),
        (
            "alertmanagers: [{api_version: v1}]",
            "line 2, column 33: alerting.alertmanagers[0].api_version: \
             expected Alertmanager api version to be one of [v2] but got v1",
        ),
        (
            "alertmanagers: [{sigv4: {}, basic_auth: {}}]",
            "line 2, column 19: at most one of basic_auth, authorization, oauth2, & sigv4 must be \
             configured",
        ),
        ("alert_relabel_configs: [null]", "line 2, column 27: empty or null alert relabeling rule"),
    ];
    for (keys, expected) in cases {
        check_refused(&format!("alerting:\n  {keys}\n"), expected);
    }
}

#[test]
fn a_job_inherits_what_it_does_not_set() {
    let global = "global: {scrape_interval: 30s, scrape_timeout: 20s, sample_limit: 7, \
                  label_limit: 8, extra_scrape_metrics: true, \
                  scrape_protocols: [PrometheusText0.0.4]}\n";
    let inherited = job(&format!("{global}scrape_configs: [{{job_name: x}}]"));
    assert_eq!(inherited.scrape_interval, Duration::from_secs(30));
    assert_eq!(inherited.scrape_timeout, Duration::from_secs(20));
    assert_eq!((inherited.limits.sample_limit, inherited.limits.label_limit), (7, 8));
    assert!(inherited.extra_scrape_metrics);
    assert_eq!(inherited.scrape_protocols, [ScrapeProtocol::PrometheusText0_0_4]);

    let own = "scrape_interval: 5s, sample_limit: 9, label_limit: 0, extra_scrape_metrics: false";
    let own = job(&format!("{global}scrape_configs: [{{job_name: x, {own}}}]"));
    // The timeout is cut to the interval, and a limit of 0 is none of the job's own.
    assert_eq!(own.scrape_timeout, Duration::from_secs(5));
    assert_eq!((own.limits.sample_limit, own.limits.label_limit), (9, 8));
    assert!(!own.extra_scrape_metrics);
}

#[test]
fn the_body_size_limit_can_be_lifted() {
    let limit = |text: &str| {
        let config = load(text);
        (config.global.limits.body_size_limit, config.scrape_configs[0].limits.body_size_limit)
    };
    let job = "scrape_configs: [{job_name: x}]";
    assert_eq!(limit(job), (BODY_SIZE_LIMIT_DEFAULT, BODY_SIZE_LIMIT_DEFAULT));
    assert_eq!(limit(&format!("global: {{body_size_limit: 0}}\n{job}")), (0, 0));
    assert_eq!(
        limit("scrape_configs: [{job_name: x, body_size_limit: 1KiB}]"),
        (BODY_SIZE_LIMIT_DEFAULT, 1024)
    );
}

#[test]
fn zero_durations_stand_for_the_defaults() {
    let config = load("global: {scrape_interval: 0s, scrape_timeout: 0s, evaluation_interval: 0}");
    // Who writes the section says by it that names are asked for as fits what is legal.
    let global = GlobalConfig { metric_name_escaping_scheme: None, ..GlobalConfig::default() };
    assert_eq!(config, Config { global, ..Config::default() });
    let short = load("global: {scrape_interval: 5s}");
    assert_eq!(short.global.scrape_timeout, Duration::from_secs(5));
}

#[test]
fn external_labels_take_variables() {
    let text = "global: {external_labels: {a: '${HOST}-$ZONE', b: $$x, c: $UNSET}}";
    let lookup = |name: &str| match name {
        "HOST" => Some("h".to_owned()),
        "ZONE" => Some("z".to_owned()),
        _ => None,
    };
    let config = Config::load(text, "prometheus.yml", lookup).expect("loads");
    assert_eq!(config.global.external_labels, Labels::from_pairs([("a", "h-z"), ("b", "$x")]));
}

#[test]
fn urls_are_targets_where_a_rule_may_change_them() {
    let job = job("scrape_configs: [{job_name: x, relabel_configs: [{target_label: y}], \
                   static_configs: [{targets: ['http://a/b']}]}]");
    assert_eq!(job.static_configs[0].targets, ["http://a/b"]);
}

#[test]
fn a_relabelling_rule_without_a_value_has_an_empty_one() {
    let job = job("scrape_configs:\n- job_name: x\n  relabel_configs:\n  - target_label: y\n    \
                   separator:\n    regex:\n    replacement:\n");
    let rule = job.relabel_configs[0].options();
    assert_eq!((&*rule.separator, rule.regex.as_deref(), &*rule.replacement), ("", Some(""), ""));
}

#[test]
fn relative_rule_files_move_to_the_directory() {
    let mut config = load("rule_files: [rules/*.yml, ./a.yml, /abs/b.yml, ../c.yml]");
    config.resolve_paths(Path::new("/etc/prometheus"));
    let expected = [
        "/etc/prometheus/rules/*.yml",
        "/etc/prometheus/a.yml",
        "/abs/b.yml",
        "/etc/prometheus/../c.yml",
    ];
    assert_eq!(config.rule_files, expected);
    let mut here = load("rule_files: [a.yml]");
    here.resolve_paths(Path::new("."));
    assert_eq!(here.rule_files, ["a.yml"]);
}
