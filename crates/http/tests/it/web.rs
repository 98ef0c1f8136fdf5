//! Serving as a web configuration file says.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use narthex_http::{ServeLimits, WebConfig, WebGuard, serve};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;

use crate::certificates::{Authority, Pair};
use crate::client::{client, get, page};

struct Site {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// Serves a page that says `hello`, as the file in `folder` says.
async fn start(folder: &Path, limits: ServeLimits) -> Site {
    let guard = Arc::new(WebGuard::new(Some(&folder.join("web.yml"))).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let app = tower::service_fn(|_: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
    });
    let shutdown = async {
        let _ = stopped.await;
    };
    let served = tokio::spawn(serve(vec![listener], app, guard, limits, shutdown));
    Site { address, stop, served }
}

fn put(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

/// Returns the hash of a password, cheap enough for tests.
fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

#[tokio::test]
async fn users_are_let_in_with_their_password() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "web.yml", &format!("basic_auth_users: {{me: \"{}\"}}", hash("right")));
    let site = start(folder.path(), ServeLimits::default()).await;
    let url = format!("http://{}/", site.address);
    for (yaml, status) in [
        ("basic_auth: {username: me, password: right}", 200),
        ("basic_auth: {username: me, password: wrong}", 401),
        ("basic_auth: {username: me, password: wrong}", 401),
        ("basic_auth: {username: you, password: right}", 401),
        ("basic_auth: {username: me, password: right}", 200),
        ("bearer_token: right", 401),
        ("{}", 401),
    ] {
        let response = get(&client(yaml), &url).await.unwrap();
        assert_eq!(response.status(), status, "{yaml}");
        let expected = (status == 401).then_some("Basic");
        let asked = response.headers().get("www-authenticate");
        assert_eq!(asked.map(|value| value.to_str().unwrap()), expected);
        let text = if status == 401 { "Unauthorized\n" } else { "hello" };
        assert_eq!(response.read(100).await.unwrap(), text.as_bytes());
    }
}

#[tokio::test]
async fn a_change_takes_effect_at_once() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "web.yml", "http_server_config: {headers: {X-Frame-Options: deny}}");
    let site = start(folder.path(), ServeLimits::default()).await;
    let url = format!("http://{}/", site.address);
    let client = client("{}");
    let response = get(&client, &url).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-frame-options"]),
        (200, &"deny".parse().unwrap())
    );
    for (text, expected) in [
        (format!("basic_auth_users: {{me: \"{}\"}}", hash("x")), 401),
        ("basic_auth_users: {me: plain}".to_owned(), 500),
        (String::new(), 200),
    ] {
        put(folder.path(), "web.yml", &text);
        assert_eq!(get(&client, &url).await.unwrap().status(), expected, "{text}");
    }
}

#[tokio::test]
async fn requests_may_be_limited() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "web.yml", "rate_limit: {burst: 2, interval: 1h}");
    let site = start(folder.path(), ServeLimits::default()).await;
    let client = client("{}");
    for expected in [200, 200, 429, 429] {
        let response = get(&client, &format!("http://{}/", site.address)).await.unwrap();
        assert_eq!(response.status(), expected);
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\n', "\\n"))
}

fn write_pair(folder: &Path, pair: &Pair) {
    put(folder, "cert.pem", &pair.certificate);
    put(folder, "key.pem", &pair.key);
}

#[tokio::test]
async fn it_speaks_tls_and_http2() {
    let (authority, next) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    write_pair(folder.path(), &authority.sign(&["localhost"]));
    put(folder.path(), "web.yml", "tls_server_config: {cert_file: cert.pem, key_file: key.pem}");
    let site = start(folder.path(), ServeLimits::default()).await;
    let url = format!("https://localhost:{}/", site.address.port());
    let of =
        |authority: &Authority| client(&format!("tls_config: {{ca: {}}}", quoted(&authority.pem)));
    let response = get(&of(&authority), &url).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    assert_eq!(response.read(100).await.unwrap(), b"hello");

    // The next connection gets the next certificate.
    write_pair(folder.path(), &next.sign(&["localhost"]));
    assert_eq!(page(&of(&next), &url).await.unwrap(), "hello");
    assert!(page(&of(&authority), &url).await.is_err());

    put(
        folder.path(),
        "web.yml",
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem, max_version: TLS12}\n\
         http_server_config: {http2: false}",
    );
    let response = get(&of(&next), &url).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
    let ca = quoted(&next.pem);
    let new = client(&format!("tls_config: {{ca: {ca}, min_version: TLS13}}"));
    let error = page(&new, &url).await.unwrap_err();
    assert_eq!(error, "remote error: tls: protocol version not supported");
}

/// Streams that are opened and given up at once, as fast as a client can: the connection is ended long
/// before all are sent, and others do not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hasty_streams_end_their_connection() {
    const STREAMS: u32 = 100_000;
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    write_pair(folder.path(), &authority.sign(&["localhost"]));
    put(folder.path(), "web.yml", "tls_server_config: {cert_file: cert.pem, key_file: key.pem}");
    let site = start(folder.path(), ServeLimits::default()).await;
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(authority.pem.as_bytes());
    roots.add_parsable_certificates(certificates.map(Result::unwrap));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let tcp = TcpStream::connect(site.address).await.unwrap();
    let mut hasty = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();

    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let preface = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat();
    hasty.write_all(&preface).await.unwrap();
    let mut sent = 0;
    while sent < STREAMS {
        let id = (2 * sent + 1).to_be_bytes();
        // GET / of a host x, whole in one frame; and the reset, with the code of a change of mind.
        let headers = [&[0, 0, 6, 1, 5][..], &id, &[0x82, 0x86, 0x84, 0x41, 1, b'x']].concat();
        let reset = [&[0, 0, 4, 3, 0][..], &id, &[0, 0, 0, 8]].concat();
        if hasty.write_all(&[headers, reset].concat()).await.is_err() {
            break;
        }
        sent += 1;
    }
    println!("the connection ended after {sent} streams at most");
    assert!(sent < STREAMS);
    let url = format!("https://localhost:{}/", site.address.port());
    let ours = client(&format!("tls_config: {{ca: {}}}", quoted(&authority.pem)));
    assert_eq!(page(&ours, &url).await.unwrap(), "hello");
}

#[tokio::test]
async fn clients_show_certificates_as_the_policy_says() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    write_pair(folder.path(), &authority.sign(&["localhost"]));
    put(folder.path(), "ca.pem", &authority.pem);
    let with = |pair: Option<Pair>| {
        let identity = pair.map(|pair| {
            format!(", cert: {}, key: {}", quoted(&pair.certificate), quoted(&pair.key))
        });
        let identity = identity.unwrap_or_default();
        client(&format!("tls_config: {{ca: {}{identity}}}", quoted(&authority.pem)))
    };
    for (policy, nobody, ours, other_name, strange) in [
        ("client_auth_type: NoClientCert", true, true, true, true),
        ("client_auth_type: RequestClientCert", true, true, true, true),
        ("client_auth_type: RequireAnyClientCert", false, true, true, true),
        (
            "client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem",
            true,
            true,
            true,
            false,
        ),
        (
            "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem",
            false,
            true,
            true,
            false,
        ),
        (
            "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, \
             client_allowed_sans: [us]",
            false,
            true,
            false,
            false,
        ),
    ] {
        put(
            folder.path(),
            "web.yml",
            &format!("tls_server_config: {{cert_file: cert.pem, key_file: key.pem, {policy}}}"),
        );
        let site = start(folder.path(), ServeLimits::default()).await;
        let url = format!("https://localhost:{}/", site.address.port());
        for (pair, expected) in [
            (None, nobody),
            (Some(authority.sign(&["us"])), ours),
            (Some(authority.sign(&["them"])), other_name),
            (Some(stranger.sign(&["us"])), strange),
        ] {
            let answer = page(&with(pair), &url).await;
            assert_eq!(answer.is_ok(), expected, "{policy}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn connections_are_limited() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "web.yml", "");
    let mut limits = ServeLimits::default();
    limits.connections_max = 1;
    limits.head_timeout = Duration::from_millis(300);
    let site = start(folder.path(), limits).await;
    let mut slow = TcpStream::connect(site.address).await.unwrap();
    slow.write_all(b"GET / HT").await.unwrap();
    // The other one waits for its turn, which comes when the slow one's time is over.
    let url = format!("http://{}/", site.address);
    assert_eq!(page(&client("{}"), &url).await.unwrap(), "hello");
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest).await;
    assert!(!String::from_utf8_lossy(&rest).contains("hello"));
}

#[tokio::test]
async fn a_shutdown_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "web.yml", "");
    let site = start(folder.path(), ServeLimits::default()).await;
    let url = format!("http://{}/", site.address);
    let client = client("{}");
    assert_eq!(page(&client, &url).await.unwrap(), "hello");
    site.stop.send(()).unwrap();
    site.served.await.unwrap().unwrap();
    assert!(page(&client, &url).await.is_err());
}

#[test]
fn files_are_refused_with_their_reason() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    write_pair(folder.path(), &authority.sign(&["localhost"]));
    put(folder.path(), "empty.pem", "");
    let path = folder.path().join("web.yml");
    let in_folder = |text: &str| text.replace("FOLDER", &folder.path().display().to_string());
    for (text, expected) in [
        (
            "hTTP_server_config: {}",
            "line 1, column 1: unknown field `hTTP_server_config`, did you mean `http_server_config`?",
        ),
        (
            "tls_server_config: {cert: a, cert_fil: b}",
            "line 1, column 30: tls_server_config: unknown field `cert_fil`, did you mean `cert_file`?",
        ),
        (
            "tls_server_config: {min_version: TLS111}",
            "line 1, column 34: tls_server_config.min_version: unknown TLS version: TLS111",
        ),
        (
            "tls_server_config: {cipher_suites: [TLS_X]}",
            "line 1, column 37: tls_server_config.cipher_suites[0]: unknown cipher: TLS_X",
        ),
        (
            "tls_server_config: {curve_preferences: [CurveP257]}",
            "line 1, column 41: tls_server_config.curve_preferences[0]: unknown curve: CurveP257",
        ),
        ("tls_server_config: {key_file: key.pem}", "missing one of cert or cert_file"),
        ("tls_server_config: {cert_file: cert.pem}", "missing one of key or key_file"),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: Ask}",
            "invalid ClientAuth: Ask",
        ),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: cert.pem}",
            "client CA's have been configured without a Client Auth Policy",
        ),
        (
            "tls_server_config: {cert_file: none.pem, key_file: key.pem}",
            "failed to read cert_file (FOLDER/none.pem): No such file or directory (os error 2)",
        ),
        (
            "tls_server_config: {cert_file: empty.pem, key_file: key.pem}",
            "failed to load X509KeyPair: tls: failed to find any PEM data in certificate input",
        ),
        (
            "http_server_config: {headers: {X-Own: a}}",
            "HTTP header \"X-Own\" can not be configured",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: x}}",
            "invalid value for X-Frame-Options. Expected one of: [\"deny\" \"sameorigin\"], but got: \"x\"",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let error = WebConfig::load(&path).unwrap_err();
        assert_eq!(error.to_string(), in_folder(expected), "{text}");
    }
    fs::write(&path, "basic_auth_users: {me: hunter2}").unwrap();
    let error = WebConfig::load(&path).unwrap_err().to_string();
    assert!(error.starts_with("the password of user \"me\" is no bcrypt hash: "), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}
