//! Redirects, and what goes along.

use http::{Method, Request, Response};

use crate::client::{client, get, ok, page};
use crate::server::{Asked, Server};

fn redirect(status: u16, to: String) -> Response<String> {
    Response::builder().status(status).header("Location", to).body(String::new()).unwrap()
}

/// Starts a server that sends everybody on to `to`, but for the page `/end`.
async fn forwarder(status: u16, to: String) -> Server {
    Server::plain(move |asked: &Asked| match asked.uri.path() {
        "/end" => ok(asked),
        _ => redirect(status, to.clone()),
    })
    .await
}

#[tokio::test]
async fn credentials_go_to_the_same_host_alone() {
    let yaml = "
bearer_token: token
http_headers: {x-key: {secrets: [key]}, x: {values: [value]}}";
    let client = client(yaml);
    let other = Server::plain(ok).await;
    // The same machine by another name is another host.
    let elsewhere = format!("http://localhost:{}/", other.address.port());
    let headers = |asked: &Asked| {
        ["authorization", "cookie", "x-key", "x"].map(|name| asked.header(name)).join(" ")
    };
    for (to, expected) in
        [("/end".to_owned(), "Bearer token crumbs key value"), (elsewhere, "   value")]
    {
        let server = forwarder(302, to.clone()).await;
        let request = Request::get(server.url("/")).header("Cookie", "crumbs");
        client.send(request.body(bytes::Bytes::new()).unwrap()).await.unwrap();
        let mut asked = server.take();
        asked.extend(other.take());
        assert_eq!(asked.len(), 2);
        assert_eq!(headers(&asked[0]), "Bearer token crumbs key value");
        assert_eq!(headers(&asked[1]), expected, "{to}");
    }
}

#[tokio::test]
async fn there_is_no_way_back_for_credentials() {
    let client = client("bearer_token: token");
    let last = Server::plain(ok).await;
    let home = last.url("/");
    let away = forwarder(302, home).await;
    let first = forwarder(302, format!("http://localhost:{}/", away.address.port())).await;
    get(&client, &first.url("/")).await.unwrap();
    assert_eq!(first.take()[0].header("authorization"), "Bearer token");
    assert_eq!(away.take()[0].header("authorization"), "");
    assert_eq!(last.take()[0].header("authorization"), "");
}

#[tokio::test]
async fn methods_and_bodies_follow_the_status() {
    let client = client("{}");
    for (status, method, body) in [
        (301, Method::GET, ""),
        (302, Method::GET, ""),
        (303, Method::GET, ""),
        (307, Method::POST, "text"),
        (308, Method::POST, "text"),
    ] {
        let server = forwarder(status, "/end".to_owned()).await;
        let request = Request::post(server.url("/")).body("text".into()).unwrap();
        client.send(request).await.unwrap();
        let asked = &server.take()[1];
        assert_eq!((&asked.method, &*asked.body), (&method, body), "{status}");
    }
}

#[tokio::test]
async fn redirects_end() {
    let server = forwarder(302, "/again".to_owned()).await;
    let error = page(&client("{}"), &server.url("/")).await.unwrap_err();
    assert_eq!(error, "stopped after 5 redirects");
    assert_eq!(server.take().len(), 6);

    let response = get(&client("follow_redirects: false"), &server.url("/")).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(server.take().len(), 1);
}

#[tokio::test]
async fn no_redirect_leads_to_the_local_link() {
    for (to, expected) in [
        ("http://169.254.1.1/", "redirect to link-local address 169.254.1.1 is refused"),
        ("http://[fe80::1]/", "redirect to link-local address [fe80::1] is refused"),
        (
            "http://100.100.100.200/",
            "address 100.100.100.200 is refused: it belongs to a metadata service",
        ),
        ("file:///etc/passwd", "invalid format"),
    ] {
        let server = forwarder(302, to.to_owned()).await;
        assert_eq!(page(&client("{}"), &server.url("/")).await.unwrap_err(), expected);
    }
}
