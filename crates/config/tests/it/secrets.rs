//! No secret of a configuration comes out of it again, but by name.

use narthex_config::Config;

/// What stands at every secret. No other text has it within.
const CANARY: &str = "hunter2canary";

/// The keys of the reference that hold secrets, each in a section that loads with it.
fn sections() -> Vec<String> {
    let mut sections: Vec<String> = HTTP_KEYS.iter().flat_map(|keys| with_http(keys)).collect();
    sections.extend(
        DISCOVERIES.iter().map(|(kind, keys)| job(&format!("{kind}_sd_configs: [{{{keys}}}]"))),
    );
    sections
        .extend(SIGNING.iter().map(|keys| format!("remote_write: [{{url: 'http://a', {keys}}}]")));
    sections.push(format!("remote_write: [{{url: 'http://me:{CANARY}@store'}}]"));
    sections.push(format!("remote_read: [{{url: 'http://me:{CANARY}@store'}}]"));
    sections.push(format!("alerting: {{alertmanagers: [{{{}}}]}}", SIGNING[0]));
    sections.push(format!("tracing: {{endpoint: a, tls_config: {{cert: c, key: {CANARY}}}}}"));
    sections.into_iter().map(|text| text.replace("CANARY", CANARY)).collect()
}

/// The keys of an HTTP client, wherever they may stand.
fn with_http(keys: &str) -> Vec<String> {
    let mut sections = vec![
        job(keys),
        job(&format!("kubernetes_sd_configs: [{{role: pod, api_server: 'http://a', {keys}}}]")),
        format!("alerting: {{alertmanagers: [{{{keys}}}]}}"),
        format!("remote_write: [{{url: 'http://a', {keys}}}]"),
        format!("remote_read: [{{url: 'http://a', {keys}}}]"),
    ];
    let discoveries = DISCOVERIES_WITH_HTTP.iter();
    sections.extend(
        discoveries.map(|(kind, own)| job(&format!("{kind}_sd_configs: [{{{own}{keys}}}]"))),
    );
    sections
}

fn job(keys: &str) -> String {
    format!("scrape_configs: [{{job_name: x, {keys}}}]")
}

#[test]
fn no_secret_is_printed() {
    for section in sections() {
        let config = Config::load(&section, "p.yml", |_| None).expect(&section);
        let printed = config.to_yaml().expect("prints");
        assert!(!printed.contains(CANARY), "{section}\n{printed}");
        assert!(printed.contains("<secret>") || printed.contains("xxxxx"), "{section}\n{printed}");
        let debug = format!("{config:?} {config:#?}");
        assert!(!debug.contains(CANARY), "{section}");
    }
}

/// A secret of the wrong type, beside an unknown key, in a section that breaks a rule, or cut off.
#[test]
fn no_secret_is_in_an_error() {
    for section in sections() {
        let broken = [
            section.replace(CANARY, &format!("[{CANARY}]")),
            section.replace(CANARY, &format!("{{{CANARY}: {CANARY}}}")),
            section.replace(CANARY, &format!("{CANARY}, bogus: {CANARY}")),
            section.replace(CANARY, &format!("!!binary {CANARY}")),
            section.replace(CANARY, &format!("\"{CANARY}")),
            section.replace(CANARY, &format!("*{CANARY}")),
            format!("{section}\n{section}"),
            format!("rule_files: [a/*/b]\n{section}"),
        ];
        for text in broken {
            if let Err(error) = Config::load(&text, "p.yml", |_| None) {
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains(CANARY), "{text}\n{shown}");
            }
        }
    }
}

const HTTP_KEYS: &[&str] = &[
    "basic_auth: {username: me, password: CANARY}",
    "authorization: {credentials: CANARY}",
    "bearer_token: CANARY",
    "oauth2: {client_id: a, token_url: 'http://t', client_secret: CANARY}",
    "oauth2: {client_id: a, token_url: 'http://me:CANARY@t'}",
    "oauth2: {client_id: a, token_url: 'http://t', client_certificate_key: CANARY, \
     grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'}",
    "oauth2: {client_id: a, token_url: 'http://t', tls_config: {cert: c, key: CANARY}}",
    "tls_config: {cert: c, key: CANARY}",
    "proxy_url: 'http://me:CANARY@proxy'",
    "proxy_url: 'http://proxy', proxy_connect_header: {a: [CANARY]}",
    "http_headers: {a: {secrets: [CANARY]}}",
];

const SIGNING: &[&str] = &[
    "sigv4: {access_key: a, secret_key: CANARY}",
    "azuread: {oauth: {client_id: 00000000-0000-0000-0000-000000000001, tenant_id: t, \
     client_secret: CANARY}}",
];

/// What a discovery needs besides the keys of its HTTP client.
const DISCOVERIES_WITH_HTTP: &[(&str, &str)] = &[
    ("aws", "role: ec2, "),
    ("azure", "subscription_id: a, authentication_method: SDK, "),
    ("consul", ""),
    ("digitalocean", ""),
    ("docker", "host: 'http://a', "),
    ("dockerswarm", "host: 'http://a', role: nodes, "),
    ("ec2", ""),
    ("ecs", ""),
    ("elasticache", ""),
    ("eureka", "server: 'http://a', "),
    ("hetzner", "role: robot, "),
    ("http", "url: 'http://a', "),
    ("ionos", "datacenter_id: a, "),
    ("kuma", "server: 'http://a', "),
    ("lightsail", ""),
    ("linode", ""),
    ("marathon", "servers: [a], "),
    ("msk", ""),
    ("nomad", ""),
    ("oci", "auth: instance_principal, region: a, "),
    ("outscale", "access_key: a, secret_key_file: f, "),
    ("puppetdb", "url: 'http://a', query: q, "),
    ("rds", ""),
    ("scaleway", "role: instance, project_id: p, access_key: a, secret_key_file: f, "),
    ("stackit", ""),
    ("uyuni", "server: a, username: u, password: p, "),
    ("vultr", ""),
];

/// The secrets that discoveries have of their own.
const DISCOVERIES: &[(&str, &str)] = &[
    ("aws", "role: ec2, secret_key: CANARY"),
    ("azure", "subscription_id: a, tenant_id: t, client_id: c, client_secret: CANARY"),
    ("consul", "token: CANARY"),
    ("consul", "username: me, password: CANARY"),
    ("ec2", "secret_key: CANARY"),
    ("ecs", "secret_key: CANARY"),
    ("elasticache", "secret_key: CANARY"),
    ("lightsail", "secret_key: CANARY"),
    ("marathon", "servers: [a], auth_token: CANARY"),
    ("msk", "secret_key: CANARY"),
    ("oci", "region: r, tenancy: t, user: u, fingerprint: f, key_file: k, key_passphrase: CANARY"),
    ("openstack", "role: instance, region: r, password: CANARY"),
    ("openstack", "role: instance, region: r, application_credential_secret: CANARY"),
    ("openstack", "role: instance, region: r, tls_config: {cert: c, key: CANARY}"),
    ("outscale", "access_key: a, secret_key: CANARY"),
    ("ovhcloud", "application_key: a, application_secret: CANARY, consumer_key: c, service: vps"),
    ("ovhcloud", "application_key: a, application_secret: s, consumer_key: CANARY, service: vps"),
    ("rds", "secret_key: CANARY"),
    ("scaleway", "role: instance, project_id: p, access_key: a, secret_key: CANARY"),
    ("stackit", "service_account_key: CANARY"),
    ("stackit", "private_key: CANARY"),
    ("triton", "account: a, dns_suffix: d, endpoint: e, tls_config: {cert: c, key: CANARY}"),
    ("uyuni", "server: a, username: u, password: CANARY"),
];
