//! Clients of tests, and what has no subject of its own.

use http::{Request, StatusCode};
use narthex_http::{BodyError, Client, ClientOptions, HttpClientConfig, RequestError, Response};

use crate::server::{Asked, Server};

/// Returns a client that is configured by this YAML.
pub(crate) fn client(yaml: &str) -> Client {
    let config: HttpClientConfig = narthex_yaml::from_str(yaml).unwrap();
    Client::new(&config, ClientOptions::default()).unwrap()
}

pub(crate) async fn get(client: &Client, url: &str) -> Result<Response, RequestError> {
    client.send(Request::get(url).body(bytes::Bytes::new()).unwrap()).await
}

/// Returns a page, or why there is none, and not the address that was asked.
pub(crate) async fn page(client: &Client, url: &str) -> Result<String, String> {
    let response = get(client, url).await.map_err(|error| error.cause().to_owned())?;
    let body = response.read(1 << 20).await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(body).unwrap())
}

/// Asks for a page and returns what the server saw.
pub(crate) async fn seen(client: &Client, server: &Server) -> Asked {
    get(client, &server.url("/")).await.unwrap();
    server.take().pop().unwrap()
}

pub(crate) fn ok(_: &Asked) -> http::Response<String> {
    http::Response::new("ok".to_owned())
}

#[tokio::test]
async fn a_body_comes_up_to_its_limit() {
    let server = Server::plain(|_| http::Response::new("x".repeat(1000))).await;
    let client = client("{}");
    let response = get(&client, &server.url("/")).await.unwrap();
    assert_eq!((response.status(), response.reason()), (StatusCode::OK, "OK".to_owned()));
    assert_eq!(response.read(1000).await.unwrap().len(), 1000);
    let response = get(&client, &server.url("/")).await.unwrap();
    assert_eq!(response.read(999).await, Err(BodyError::TooLarge { size_max: 999 }));
}

#[tokio::test]
async fn heads_have_to_fit_a_buffer() {
    let client = client("{}");
    for (size, is_taken) in [(24 << 10, true), (100 << 10, false)] {
        let server = Server::plain(move |_| {
            http::Response::builder().header("x", "a".repeat(size)).body(String::new()).unwrap()
        });
        let response = get(&client, &server.await.url("/")).await;
        assert_eq!(response.is_ok(), is_taken, "{size}");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_in_the_words_of_go() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = client("{}");
    let url = format!("http://user:hunter2@{closed}/metrics");
    let error = get(&client, &url).await.unwrap_err();
    let dial = format!("dial tcp {closed}: connect: connection refused");
    assert_eq!(error.to_string(), format!("Get \"http://{closed}/metrics\": {dial}"));

    for (url, expected) in [
        ("ftp://a/", "unsupported protocol scheme \"ftp\""),
        (
            "http://169.254.169.254/",
            "address 169.254.169.254 is refused: it belongs to a metadata service",
        ),
        (
            "http://[::ffff:a9fe:a9fe]/",
            "address ::ffff:169.254.169.254 is refused: it belongs to a metadata service",
        ),
        (
            "http://[fd00:ec2::254]/",
            "address fd00:ec2::254 is refused: it belongs to a metadata service",
        ),
    ] {
        assert_eq!(page(&client, url).await.unwrap_err(), expected, "{url}");
    }
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = Server::plain(ok).await;
    let client = client("{}");
    let first = seen(&client, &server).await;
    assert_eq!(first.header("user-agent"), format!("narthex/{}", env!("CARGO_PKG_VERSION")));
    for _ in 0..3 {
        assert_eq!(page(&client, &server.url("/")).await.unwrap(), "ok");
    }
    assert_eq!(server.take().len(), 3);
}
