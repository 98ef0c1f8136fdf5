//! Secure connections: whom a client trusts, what it shows, and when it looks anew.

use std::fs;
use std::path::Path;

use http::Version;
use narthex_http::Client;

use crate::certificates::{Authority, Demands, Pair, self_signed, server};
use crate::client::{client, get, page};
use crate::server::Server;

/// Writes a YAML text over several lines as one scalar.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\n', "\\n"))
}

fn trusting(authority: &Authority, more: &str) -> Client {
    client(&format!("tls_config: {{ca: {}, {more}}}", quoted(&authority.pem)))
}

async fn start(pair: &Pair, demands: &Demands<'_>) -> Server {
    Server::secure(server(pair, demands)).await
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority_and_name() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = start(&authority.sign(&["localhost"]), &Demands::default()).await;
    let url = server.secure_url("/");
    let insecure = client("tls_config: {insecure_skip_verify: true}");
    let mistrust =
        "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    for (client, expected) in [
        (trusting(&authority, ""), Ok("ok".to_owned())),
        (trusting(&stranger, ""), Err(mistrust.to_owned())),
        (client("{}"), Err(mistrust.to_owned())),
        (insecure, Ok("ok".to_owned())),
        (trusting(&stranger, "insecure_skip_verify: true"), Ok("ok".to_owned())),
    ] {
        assert_eq!(page(&client, &url).await, expected);
    }

    let by_address = format!("https://{}/", server.address);
    let error = page(&trusting(&authority, ""), &by_address).await.unwrap_err();
    assert!(error.contains("x509: certificate is not valid for this name"), "{error}");
    let named = trusting(&authority, "server_name: localhost");
    assert_eq!(page(&named, &by_address).await.unwrap(), "ok");
    let misnamed = trusting(&authority, "server_name: elsewhere");
    assert!(page(&misnamed, &url).await.is_err());
}

#[tokio::test]
async fn a_server_may_be_its_own_authority() {
    let pair = self_signed("localhost");
    let server = start(&pair, &Demands::default()).await;
    let own = client(&format!("tls_config: {{ca: {}}}", quoted(&pair.certificate)));
    assert_eq!(page(&own, &server.secure_url("/")).await.unwrap(), "ok");
    let by_address = format!("https://{}/", server.address);
    assert!(page(&own, &by_address).await.is_err(), "its name still counts");
    let other = self_signed("localhost");
    let other = client(&format!("tls_config: {{ca: {}}}", quoted(&other.certificate)));
    assert!(page(&other, &server.secure_url("/")).await.is_err());
}

#[tokio::test]
async fn a_plain_server_is_told_from_a_secure_one() {
    let plain = Server::plain(crate::client::ok).await;
    let insecure = client("tls_config: {insecure_skip_verify: true}");
    let error = page(&insecure, &plain.secure_url("/")).await.unwrap_err();
    assert_eq!(error, "http: server gave HTTP response to HTTPS client");
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let demands = Demands { clients_of: Some(&authority), ..Demands::default() };
    let server = start(&authority.sign(&["localhost"]), &demands).await;
    let identity = |authority: &Authority| {
        let Pair { certificate, key } = authority.sign(&["client"]);
        format!("cert: {}, key: {}", quoted(&certificate), quoted(&key))
    };
    let known = trusting(&authority, &identity(&authority));
    assert_eq!(page(&known, &server.secure_url("/")).await.unwrap(), "ok");
    for more in [String::new(), identity(&stranger)] {
        let error = page(&trusting(&authority, &more), &server.secure_url("/")).await.unwrap_err();
        assert!(error.starts_with("remote error: tls: "), "{error}");
    }
}

#[tokio::test]
async fn versions_have_bounds() {
    let authority = Authority::new();
    let pair = authority.sign(&["localhost"]);
    let both = start(&pair, &Demands::default()).await;
    let old = start(&pair, &Demands { only_tls12: true, ..Demands::default() }).await;
    for (server, bounds, expected) in [
        (&both, "", Ok("ok")),
        (&both, "max_version: TLS12", Ok("ok")),
        (&both, "min_version: TLS13", Ok("ok")),
        (&old, "min_version: TLS10", Ok("ok")),
        (&old, "min_version: TLS13", Err("remote error: tls: protocol version not supported")),
    ] {
        let answer = page(&trusting(&authority, bounds), &server.secure_url("/")).await;
        assert_eq!(answer.as_deref().map_err(|error| &**error), expected, "{bounds}");
    }
}

#[tokio::test]
async fn http2_is_agreed_on() {
    let authority = Authority::new();
    let pair = authority.sign(&["localhost"]);
    for (offered, yaml, expected) in [
        (true, "enable_http2: true", Version::HTTP_2),
        (true, "enable_http2: false", Version::HTTP_11),
        (false, "enable_http2: true", Version::HTTP_11),
    ] {
        let server = start(&pair, &Demands { http2: offered, ..Demands::default() }).await;
        let ca = quoted(&authority.pem);
        let client = client(&format!("{yaml}\ntls_config: {{ca: {ca}}}\nbearer_token: t"));
        let response = get(&client, &server.secure_url("/")).await.unwrap();
        assert_eq!(response.version(), expected, "{offered} {yaml}");
        let asked = server.take().pop().unwrap();
        assert_eq!(
            (asked.version, asked.header("authorization")),
            (expected, "Bearer t".to_owned())
        );
    }
}

fn put(folder: &Path, name: &str, text: &str) {
    // As certificate managers do: nobody sees half of it.
    let temporary = folder.join("temporary");
    fs::write(&temporary, text).unwrap();
    fs::rename(&temporary, folder.join(name)).unwrap();
}

#[tokio::test]
async fn certificates_are_read_anew_when_they_change() {
    let (old, new) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let write = |authority: &Authority| {
        let Pair { certificate, key } = authority.sign(&["client"]);
        put(folder.path(), "ca.pem", &authority.pem);
        put(folder.path(), "cert.pem", &certificate);
        put(folder.path(), "key.pem", &key);
    };
    let demanding = async |authority: &Authority| {
        let demands = Demands { clients_of: Some(authority), ..Demands::default() };
        start(&authority.sign(&["localhost"]), &demands).await
    };
    write(&old);
    let mut config: narthex_http::HttpClientConfig = narthex_yaml::from_str(
        "tls_config: {ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem}",
    )
    .unwrap();
    config.set_directory(folder.path());
    let client = Client::new(&config, narthex_http::ClientOptions::default()).unwrap();
    let (at_old, at_new) = (demanding(&old).await, demanding(&new).await);
    assert_eq!(page(&client, &at_old.secure_url("/")).await.unwrap(), "ok");
    assert!(page(&client, &at_new.secure_url("/")).await.is_err());

    write(&new);
    assert_eq!(page(&client, &at_new.secure_url("/")).await.unwrap(), "ok");
    assert!(page(&client, &at_old.secure_url("/")).await.is_err());

    put(folder.path(), "ca.pem", "damaged");
    let error = page(&client, &at_new.secure_url("/")).await.unwrap_err();
    let path = folder.path().join("ca.pem");
    assert_eq!(error, format!("unable to use specified CA cert file {}", path.display()));
    put(folder.path(), "ca.pem", &new.pem);
    assert_eq!(page(&client, &at_new.secure_url("/")).await.unwrap(), "ok");
}
