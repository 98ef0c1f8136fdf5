//! Tokens of an OAuth2 server.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::Response;

use crate::client::{client, ok, page, seen};
use crate::server::{Asked, Server};

fn json(status: u16, text: &str) -> Response<String> {
    Response::builder().status(status).body(text.to_owned()).unwrap()
}

/// Starts a server whose tokens are numbered and live for `lifetime_s`.
async fn issuer(lifetime_s: u32) -> Server {
    let count = AtomicUsize::new(0);
    Server::plain(move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let text = format!("{{\"access_token\": \"t{number}\", \"expires_in\": {lifetime_s}}}");
        json(200, &text)
    })
    .await
}

fn config(issuer: &Server, more: &str) -> String {
    let url = issuer.url("/token");
    format!("oauth2: {{client_id: 'my id', client_secret: 'a&b', token_url: '{url}', {more}}}")
}

#[tokio::test]
async fn a_token_is_used_until_it_expires() {
    let server = Server::plain(ok).await;
    for (lifetime_s, second) in [(3600, "Bearer t0"), (10, "Bearer t1"), (0, "Bearer t0")] {
        let issuer = issuer(lifetime_s).await;
        let client = client(&config(&issuer, "scopes: [a, b], endpoint_params: {x: y}"));
        assert_eq!(seen(&client, &server).await.header("authorization"), "Bearer t0");
        assert_eq!(seen(&client, &server).await.header("authorization"), second, "{lifetime_s}");
        let asked = issuer.take().remove(0);
        assert_eq!(asked.body, "grant_type=client_credentials&scope=a+b&x=y");
        // `my+id:a%26b`
        assert_eq!(asked.header("authorization"), "Basic bXkraWQ6YSUyNmI=");
        assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    }
}

#[tokio::test]
async fn the_secret_may_have_to_go_in_the_body() {
    let server = Server::plain(ok).await;
    let issuer = Server::plain(|asked: &Asked| match asked.header("authorization").is_empty() {
        true => {
            json(200, "{\"access_token\": \"t\", \"token_type\": \"bearer\", \"expires_in\": 1}")
        }
        false => json(401, "{}"),
    })
    .await;
    let client = client(&config(&issuer, ""));
    for tries in [2, 1] {
        assert_eq!(seen(&client, &server).await.header("authorization"), "Bearer t");
        let asked = issuer.take();
        assert_eq!(asked.len(), tries, "what the server wants is known after the first time");
        let expected = "grant_type=client_credentials&client_id=my+id&client_secret=a%26b";
        assert_eq!(asked[tries - 1].body, expected);
    }
}

#[tokio::test]
async fn a_new_secret_gets_a_new_token() {
    let server = Server::plain(ok).await;
    let issuer = issuer(3600).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "one").unwrap();
    let (path, url) = (file.path().display(), issuer.url("/"));
    let client = client(&format!(
        "oauth2: {{client_id: a, client_secret_file: {path}, token_url: '{url}'}}"
    ));
    assert_eq!(seen(&client, &server).await.header("authorization"), "Bearer t0");
    std::fs::write(file.path(), "two").unwrap();
    assert_eq!(seen(&client, &server).await.header("authorization"), "Bearer t1");
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    let server = Server::plain(ok).await;
    for (status, answer, expected) in [
        (403, "hunter2", "oauth2: cannot fetch token: 403 Forbidden"),
        (200, "{}", "oauth2: server response missing access_token"),
        (200, "x", "oauth2: cannot parse json: expected value at line 1 column 1"),
    ] {
        let issuer = Server::plain(move |_| json(status, answer)).await;
        let client = client(&config(&issuer, ""));
        assert_eq!(page(&client, &server.url("/")).await.unwrap_err(), expected);
    }
    assert!(server.take().is_empty());
}

#[tokio::test]
async fn a_client_may_sign_a_token_itself() {
    let server = Server::plain(ok).await;
    let issuer = issuer(3600).await;
    let key = include_str!("data/rsa.pem").replace('\n', "\\n");
    let url = issuer.url("/token");
    let client = client(&format!(
        "oauth2: {{client_id: me, token_url: '{url}', audience: them, scopes: [s],
  grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', client_certificate_key: \"{key}\",
  client_certificate_key_id: k, claims: {{x: 1}}}}"
    ));
    assert_eq!(seen(&client, &server).await.header("authorization"), "Bearer t0");
    let body = issuer.take().remove(0).body;
    let form: std::collections::HashMap<_, _> =
        form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(form["scope"], "s");
    let parts: Vec<Vec<u8>> = form["assertion"]
        .split('.')
        .map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap())
        .collect();
    let read = |part: &[u8]| serde_json::from_slice::<serde_json::Value>(part).unwrap();
    let (header, claims) = (read(&parts[0]), read(&parts[1]));
    assert_eq!(header.to_string(), r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#);
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"]),
        (&"me".into(), &"me".into(), &"them".into())
    );
    assert_eq!(claims["x"], 1);

    let signed = &form["assertion"][..form["assertion"].rfind('.').unwrap()];
    let public = BASE64_URL_SAFE_NO_PAD.decode(include_str!("data/rsa.pub").trim()).unwrap();
    ring::signature::UnparsedPublicKey::new(&ring::signature::RSA_PKCS1_2048_8192_SHA256, public)
        .verify(signed.as_bytes(), &parts[2])
        .unwrap();
}
