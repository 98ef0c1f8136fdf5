//! How a client says who it is.

use std::fs;

use narthex_http::{Client, ClientOptions, HttpClientConfig};

use crate::client::{client, get, ok, page, seen};
use crate::server::Server;

#[tokio::test]
async fn each_kind_has_its_header() {
    let server = Server::plain(ok).await;
    for (yaml, expected) in [
        ("{}", ""),
        (
            "basic_auth: {username: Aladdin, password: open sesame}",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        ("basic_auth: {username: a}", "Basic YTo="),
        ("authorization: {credentials: t}", "Bearer t"),
        ("authorization: {type: Token, credentials: t}", "Token t"),
        ("bearer_token: t", "Bearer t"),
    ] {
        assert_eq!(seen(&client(yaml), &server).await.header("authorization"), expected, "{yaml}");
    }
}

#[tokio::test]
async fn a_header_of_the_request_wins_and_so_does_its_address() {
    let server = Server::plain(ok).await;
    let client = client("bearer_token: t");
    let request = http::Request::get(server.url("/")).header("Authorization", "mine");
    client.send(request.body(bytes::Bytes::new()).unwrap()).await.unwrap();
    assert_eq!(server.take()[0].header("authorization"), "mine");

    let url = format!("http://Aladdin:open%20sesame@{}/", server.address);
    get(&client, &url).await.unwrap();
    let asked = server.take().pop().unwrap();
    assert_eq!(asked.header("authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(asked.header("host"), server.address.to_string());
}

#[tokio::test]
async fn secrets_in_files_are_read_each_time() {
    let server = Server::plain(ok).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    for yaml in [
        format!("bearer_token_file: {}", path.display()),
        format!("authorization: {{credentials_file: {}}}", path.display()),
        format!("http_headers: {{authorisation: {{files: [{}]}}}}", path.display()),
        format!("basic_auth: {{username_file: {0}, password_file: {0}}}", path.display()),
    ] {
        let client = client(&yaml);
        for (text, expected) in [("one\n", "one"), (" two ", "two")] {
            fs::write(&path, text).unwrap();
            let asked = seen(&client, &server).await;
            let basic = if expected == "one" { "Basic b25lOm9uZQ==" } else { "Basic dHdvOnR3bw==" };
            let found = asked.header("authorization") + &asked.header("authorisation");
            assert!(
                [expected, &format!("Bearer {expected}"), basic].contains(&&*found),
                "{yaml}: {found}"
            );
        }
        fs::remove_file(&path).unwrap();
        let error = page(&client, &server.url("/")).await.unwrap_err();
        let missing = format!("open {}: no such file or directory", path.display());
        assert!(error.ends_with(&missing), "{error}");
        assert!(error.starts_with("unable to read "), "{error}");
    }
    assert!(server.take().is_empty());
}

#[tokio::test]
async fn headers_are_added() {
    let server = Server::plain(ok).await;
    let client = client("http_headers: {X-A: {values: [a, b], secrets: [c]}, x-b: {values: [d]}}");
    let asked = seen(&client, &server).await;
    assert_eq!((asked.header("x-a"), asked.header("x-b")), ("a,b,c".to_owned(), "d".to_owned()));
}

#[test]
fn what_cannot_be_sent_is_refused_at_once() {
    for (yaml, expected) in [
        ("http_headers: {'a b': {values: [c]}}", "invalid header \"a b\""),
        ("http_headers: {a: {values: [\"b\\nc\"]}}", "invalid header \"a\""),
        (
            "basic_auth: {password_ref: x}",
            "unable to use password: cannot use secret ref without manager",
        ),
        (
            "tls_config: {ca_file: /nowhere}",
            "unable to read CA cert: unable to read file /nowhere: open /nowhere: no such file or directory",
        ),
        ("tls_config: {ca: x}", "unable to use specified CA cert inline"),
        (
            "tls_config: {cert: x, key: y}",
            "unable to use specified client cert (inline) & key (inline): tls: failed to find any PEM data in certificate input",
        ),
        ("tls_config: {max_version: TLS11}", "TLS before version 1.2 is not supported"),
        ("proxy_url: ftp://a", "proxy: unsupported protocol scheme ftp"),
    ] {
        let config: HttpClientConfig = narthex_yaml::from_str(yaml).unwrap();
        let error = Client::new(&config, ClientOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{yaml}");
    }
}
