use std::path::Path;

use super::*;

fn read(text: &str) -> Result<HttpClientConfig, String> {
    narthex_yaml::from_str(text).map_err(|error| error.message().to_owned())
}

#[track_caller]
fn check_flaw(text: &str, expected: &str) {
    assert_eq!(read(text).unwrap_err(), expected, "{text}");
}

/// Checks that `text` is printed as itself, once its secrets are masked and defaults are added.
#[track_caller]
fn check_print(text: &str, expected: &str) {
    let printed = narthex_yaml::to_string(&read(text).unwrap()).unwrap();
    assert_eq!(printed, expected, "{text}");
}

#[test]
fn keys_that_do_not_go_together() {
    let basic = "basic_auth: {username: a, password: b}\n";
    let oauth2 = "oauth2: {client_id: a, client_secret: b, token_url: 'http://auth'}\n";
    let several = "at most one of basic_auth, oauth2 & authorization must be configured";
    let bearer =
        "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured";
    for (text, expected) in [
        (
            "bearer_token: a\nbearer_token_file: b",
            "at most one of bearer_token & bearer_token_file must be configured",
        ),
        (&format!("{basic}bearer_token: a"), bearer),
        (&format!("{oauth2}bearer_token_file: a"), bearer),
        (
            "basic_auth: {username: a, username_file: b}",
            "at most one of basic_auth username, username_file & username_ref must be configured",
        ),
        (
            "basic_auth: {password: a, password_ref: b}",
            "at most one of basic_auth password, password_file & password_ref must be configured",
        ),
        (
            "authorization: {type: APIKEY}\nbearer_token: foo",
            "authorization is not compatible with bearer_token & bearer_token_file",
        ),
        (
            "authorization: {credentials: a, credentials_file: b}",
            "at most one of authorization credentials & credentials_file must be configured",
        ),
        (
            "authorization: {type: ' BASIC '}",
            "authorization type cannot be set to \"basic\", use \"basic_auth\" instead",
        ),
        (&format!("{basic}authorization: {{credentials: a}}"), several),
        (&format!("{basic}{oauth2}"), several),
        (&format!("{oauth2}authorization: {{}}"), several),
        ("oauth2: {token_url: a}", "oauth2 client_id must be configured"),
        ("oauth2: {client_id: a}", "oauth2 token_url must be configured"),
        (
            "oauth2: {client_id: a, client_secret: b, client_secret_file: c, token_url: d}",
            "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be \
             configured using grant-type=client_credentials",
        ),
        (
            "proxy_connect_header: {a: [b]}",
            "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also \
             be configured",
        ),
        (
            "proxy_from_environment: true\nproxy_url: foo",
            "if proxy_from_environment is configured, proxy_url must not be configured",
        ),
        (
            "proxy_from_environment: true\nno_proxy: foo",
            "if proxy_from_environment is configured, no_proxy must not be configured",
        ),
        ("no_proxy: foo", "if no_proxy is configured, proxy_url must also be configured"),
        (
            "http_headers: {user-Agent: {values: [a]}}",
            "setting header \"User-Agent\" is not allowed",
        ),
    ] {
        check_flaw(text, expected);
    }
}

#[test]
fn signed_tokens_are_checked() {
    let jwt = "grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'";
    check_flaw(
        &format!("oauth2: {{client_id: a, token_url: b, {jwt}, signature_algorithm: HS256}}"),
        "valid signature algorithms are RS256, RS384 and RS512",
    );
    check_flaw(
        &format!(
            "oauth2: {{client_id: a, token_url: b, {jwt}, client_certificate_key: c, \
             client_certificate_key_file: d}}"
        ),
        "at most one of oauth2 client_certificate_key, client_certificate_key_file & \
         client_certificate_key_ref must be configured using \
         grant-type=urn:ietf:params:oauth:grant-type:jwt-bearer",
    );
}

#[test]
fn tls_is_checked() {
    for (tls, expected) in [
        ("ca: a, ca_file: b", "at most one of ca, ca_file & ca_ref must be configured"),
        ("cert: a, cert_ref: b", "at most one of cert, cert_file & cert_ref must be configured"),
        ("key: a, key_file: b", "at most one of key and key_file must be configured"),
        (
            "cert_file: a",
            "exactly one of key or key_file must be configured when a client certificate is configured",
        ),
        (
            "key: a",
            "exactly one of cert or cert_file must be configured when a client key is configured",
        ),
        ("min_version: TLS14", "unknown TLS version: TLS14"),
        (
            "min_version: TLS12, max_version: TLS11",
            "tls_config.max_version must be greater than or equal to tls_config.min_version if both \
             are specified",
        ),
    ] {
        check_flaw(&format!("tls_config: {{{tls}}}"), expected);
    }
    assert_eq!(
        read("tls_config:\nbasic_auth:\nfollow_redirects:"),
        Ok(HttpClientConfig::default())
    );
}

#[test]
fn secrets_are_masked_and_the_rest_is_printed() {
    let default = "follow_redirects: true\nenable_http2: true\n";
    check_print("{}", default);
    check_print(
        "basic_auth: {username: me, password: hunter2}",
        &format!("basic_auth:\n  username: me\n  password: <secret>\n{default}"),
    );
    check_print(
        "bearer_token: hunter2",
        &format!("authorization:\n  type: Bearer\n  credentials: <secret>\n{default}"),
    );
    check_print(
        "tls_config: {cert: c, key: hunter2, min_version: TLS12}",
        &format!(
            "tls_config:\n  cert: c\n  key: <secret>\n  insecure_skip_verify: false\n  \
             min_version: TLS12\n{default}"
        ),
    );
    check_print(
        "proxy_url: http://me:hunter2@proxy:1\nno_proxy: a,b\nproxy_connect_header: {x: [hunter2]}",
        &format!(
            "{default}proxy_url: http://me:xxxxx@proxy:1\nno_proxy: a,b\nproxy_connect_header:\n  \
             x:\n  - <secret>\n"
        ),
    );
    check_print(
        "http_headers: {X: {values: [v], secrets: [hunter2], files: [f]}}",
        &format!(
            "{default}http_headers:\n  X:\n    values:\n    - v\n    secrets:\n    - <secret>\n    \
             files:\n    - f\n"
        ),
    );
    check_print(
        "oauth2: {client_id: a, client_secret: hunter2, token_url: 'http://t', scopes: [s]}",
        &format!(
            "oauth2:\n  client_id: a\n  client_secret: <secret>\n  scopes:\n  - s\n  token_url: \
             http://t\n{default}"
        ),
    );
}

#[test]
fn no_secret_is_in_debug_output() {
    let text = "
basic_auth: {username: me, password: hunter2}
tls_config: {cert: c, key: hunter2}
proxy_url: http://me:hunter2@proxy
proxy_connect_header: {a: [hunter2]}
http_headers: {a: {secrets: [hunter2]}}
";
    let config = read(text).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
}

#[test]
fn paths_start_at_the_configuration_file() {
    let mut config = read(
        "bearer_token_file: token\ntls_config: {ca_file: ../ca.pem, cert_file: /c, key_file: ./k}",
    )
    .unwrap();
    config.set_directory(Path::new("/etc/prometheus"));
    let printed = narthex_yaml::to_string(&config).unwrap();
    for line in [
        "credentials_file: /etc/prometheus/token\n",
        "ca_file: /etc/ca.pem\n",
        "cert_file: /c\n",
        "key_file: /etc/prometheus/k\n",
    ] {
        assert!(printed.contains(line), "{line} not in\n{printed}");
    }
    for (directory, path, expected) in
        [("a/b", "../../../c", "../c"), (".", "x", "x"), ("/", "../x", "/x"), ("a", "", "")]
    {
        assert_eq!(join(Path::new(directory), Path::new(path)), Path::new(expected));
    }
}

#[test]
fn addresses_are_checked_as_go_checks_them() {
    for (text, expected) in [
        ("http://h:1/p?q", None),
        ("foo", None),
        ("", None),
        ("http://[::1]:80/", None),
        ("http://h%zz/", Some("parse \"http://h%zz/\": invalid URL escape \"%zz\"")),
        ("http://h/%", Some("parse \"http://h/%\": invalid URL escape \"%\"")),
        ("h:1", None),
        (
            "1.2.3.4:80",
            Some("parse \"1.2.3.4:80\": first path segment in URL cannot contain colon"),
        ),
        (":80", Some("parse \":80\": missing protocol scheme")),
        ("http://h:a", Some("parse \"http://h:a\": invalid port \":a\" after host")),
        ("http://a b/", Some("parse \"http://a b/\": invalid character \" \" in host name")),
        ("http://[::1/", Some("parse \"http://[::1/\": missing ']' in host")),
        ("a\u{1}", Some("parse \"a\\x01\": net/url: invalid control character in URL")),
        ("http://u:p w@h/", Some("parse \"http://u:xxxxx@h/\": net/url: invalid userinfo")),
    ] {
        let result = text.parse::<Url>();
        assert_eq!(result.err().map(|error| error.to_string()).as_deref(), expected, "{text}");
    }
}

#[test]
fn passwords_in_addresses_are_masked() {
    for (text, expected) in [
        ("http://u:p@h/x@y", "http://u:xxxxx@h/x@y"),
        ("http://u@h", "http://u@h"),
        ("http://h/a:b@c", "http://h/a:b@c"),
        ("u:p@h", "u:xxxxx@h"),
        ("http://u:p/w@h", "http://u:xxxxx@h"),
    ] {
        assert_eq!(url::redacted(text), expected, "{text}");
    }
}

#[test]
fn errors_name_the_place() {
    for (text, expected) in [
        (
            "basic_auth:\n  usrname: a\n",
            "line 2, column 3: basic_auth: unknown field `usrname`, did you mean `username`?",
        ),
        (
            "bearer_tokn: 2\n",
            "line 1, column 1: unknown field `bearer_tokn`, did you mean `bearer_token`?",
        ),
        (
            "bearer_token: a\nbearer_token: a\n",
            "line 2, column 1: field `bearer_token` already set",
        ),
        ("enable_http2: 12\n", "line 1, column 15: enable_http2: expected true or false"),
        (
            "basic_auth:\n  password: [hunter2]\n",
            "line 2, column 13: basic_auth.password: expected text",
        ),
    ] {
        let error = narthex_yaml::from_str::<HttpClientConfig>(text).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
