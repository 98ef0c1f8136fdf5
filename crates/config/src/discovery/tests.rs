use std::path::Path;

use narthex_http::{Auth, SecretSource};

use crate::Config;

use super::DiscoveryConfig;

fn load(section: &str) -> Result<Config, String> {
    let text = format!("scrape_configs:\n- job_name: x\n  {section}\n");
    Config::load(&text, "p.yml", |_| None).map_err(|error| {
        let text = error.to_string();
        text.strip_prefix("parsing YAML file p.yml: line 3, column ").unwrap_or(&text).to_owned()
    })
}

/// Checks that `section` prints as `expected`, with all defaults, and reads back as it was.
#[track_caller]
fn check(section: &str, expected: &str) {
    let config = load(section).expect(section);
    let yaml = config.to_yaml().unwrap();
    let printed = yaml.split_once("_sd_configs:\n").expect(&yaml).1;
    let printed = printed.split("\notlp:").next().unwrap();
    let printed: Vec<_> = printed.lines().map(str::trim).collect();
    assert_eq!(printed.join("; "), expected, "{section}");
    assert_eq!(Config::load(&yaml, "p.yml", |_| None), Ok(config), "{section}");
}

#[track_caller]
fn check_refused(section: &str, expected: &str) {
    assert_eq!(load(section), Err(expected.to_owned()), "{section}");
}

#[test]
fn defaults_are_filled_in() {
    for (section, expected) in [
        ("file_sd_configs: [{files: [a.json]}]", "- files:; - a.json; refresh_interval: 5m"),
        (
            "file_sd_configs: [{files: ['b/*a*.yml', c.YAML], refresh_interval: 1h}]",
            "- files:; - b/*a*.yml; - c.YAML; refresh_interval: 1h",
        ),
        (
            "dns_sd_configs: [{names: [a.example]}]",
            "- names:; - a.example; refresh_interval: 30s; type: SRV; port: 0",
        ),
        (
            "dns_sd_configs: [{names: [a], type: aaaa, port: 80, refresh_interval: 0s}]",
            "- names:; - a; refresh_interval: 30s; type: AAAA; port: 80",
        ),
        (
            "consul_sd_configs: [{}]",
            "- server: localhost:8500; tag_separator: \",\"; scheme: http; allow_stale: true; \
             refresh_interval: 30s; follow_redirects: true; enable_http2: true",
        ),
        (
            "consul_sd_configs: [{server: 'https://a/x', services: [b], tags: [c], node_meta: {d: e}, \
             tag_separator: '', allow_stale: false, filter: f, health_filter: g, datacenter: h, \
             namespace: i, partition: j, path_prefix: k}]",
            "- server: https://a/x; path_prefix: k; datacenter: h; namespace: i; partition: j; \
             tag_separator: \"\"; scheme: http; allow_stale: false; refresh_interval: 30s; services:; - b; tags:; - c; \
             node_meta:; d: e; filter: f; health_filter: g; follow_redirects: true; \
             enable_http2: true",
        ),
        (
            "docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]",
            "- follow_redirects: true; enable_http2: true; host: unix:///var/run/docker.sock; \
             port: 80; host_networking_host: localhost; refresh_interval: 1m; \
             match_first_network: true",
        ),
        (
            "docker_sd_configs: [{host: a, filters: [{name: label, values: [b]}], port: 1, \
             match_first_network: false}]",
            "- follow_redirects: true; enable_http2: true; host: a; port: 1; filters:; - name: label; \
             values:; - b; host_networking_host: localhost; refresh_interval: 1m; \
             match_first_network: false",
        ),
    ] {
        check(section, expected);
    }
}

#[test]
fn sections_are_checked() {
    for (section, expected) in [
        ("file_sd_configs: [null]", "21: empty or null section in file_sd_configs"),
        (
            "file_sd_configs: [{}]",
            "21: file service discovery config must contain at least one path name",
        ),
        (
            "file_sd_configs: [{files: [a.json, 'x/*/a.yml']}]",
            r#"38: path name "x/*/a.yml" is not valid for file discovery"#,
        ),
        (
            "file_sd_configs: [{files: [a.txt]}]",
            r#"30: path name "a.txt" is not valid for file discovery"#,
        ),
        (
            "file_sd_configs: [{file: a}]",
            "22: scrape_configs[0].file_sd_configs[0]: unknown field `file`, did you mean `files`?",
        ),
        (
            "dns_sd_configs: [{port: 1}]",
            "20: DNS-SD config must contain at least one SRV record name",
        ),
        (
            "dns_sd_configs: [{names: [a], type: a}]",
            "20: a port is required in DNS-SD configs for all record types except SRV",
        ),
        ("dns_sd_configs: [{names: [a], type: PTR}]", "39: invalid DNS-SD records type PTR"),
        (
            "consul_sd_configs: [{server: ' '}]",
            "23: consul SD configuration requires a server address",
        ),
        (
            "consul_sd_configs: [{username: a, basic_auth: {username: b}}]",
            "23: at most one of consul SD configuration username and password and basic auth can be \
             configured",
        ),
        (
            "consul_sd_configs: [{token: a, oauth2: {client_id: b, token_url: c}}]",
            "23: at most one of consul SD token, authorization, or oauth2 can be configured",
        ),
        (
            "consul_sd_configs: [{password: a, authorization: {credentials: b}}]",
            "23: at most one of basic_auth, oauth2 & authorization must be configured",
        ),
        ("docker_sd_configs: [{port: 1}]", "23: host missing"),
    ] {
        check_refused(section, expected);
    }
}

/// Consul's own way to name a user is printed as the one that all clients have.
#[test]
fn users_of_consul_are_basic_authentication() {
    for (section, username, password) in [
        ("{username: me, password: secret}", "me", "secret"),
        ("{username: me, bearer_token: ''}", "me", ""),
        ("{token: a, bearer_token: b}", "", ""),
    ] {
        let config = load(&format!("consul_sd_configs: [{section}]")).expect(section);
        let DiscoveryConfig::Consul(consul) = &config.scrape_configs[0].discovery_configs[0] else {
            panic!("{config:?}")
        };
        let text = |source: &Option<SecretSource>| match source {
            Some(SecretSource::Inline(secret)) => secret.expose().to_owned(),
            _ => String::new(),
        };
        let found = match &consul.http.auth {
            Some(Auth::Basic(user)) => (text(&user.username), text(&user.password)),
            _ => Default::default(),
        };
        assert_eq!(found, (username.to_owned(), password.to_owned()), "{section}");
    }
}

#[test]
fn paths_are_relative_to_the_file() {
    let mut config = load("file_sd_configs: [{files: [a.json, /b.json, './c/*.yml']}]").unwrap();
    config.resolve_paths(Path::new("/etc/narthex"));
    let DiscoveryConfig::File(file) = &config.scrape_configs[0].discovery_configs[0] else {
        panic!("{config:?}")
    };
    assert_eq!(file.files, ["/etc/narthex/a.json", "/b.json", "/etc/narthex/c/*.yml"]);
}

#[test]
fn alertmanagers_are_discovered_too() {
    let text = "alerting: {alertmanagers: [{dns_sd_configs: [{names: [a]}]}]}";
    let config = Config::load(text, "p.yml", |_| None).unwrap();
    let discovery = &config.alerting.alertmanagers[0].discovery_configs;
    assert_eq!(discovery.iter().map(DiscoveryConfig::kind).collect::<Vec<_>>(), ["dns"]);
    assert_eq!(Config::load(&config.to_yaml().unwrap(), "p.yml", |_| None), Ok(config));
}
