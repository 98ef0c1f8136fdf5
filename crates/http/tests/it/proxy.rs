//! Proxies: whole addresses for plain requests, tunnels for secure ones.

use http::Method;

use crate::certificates::{Authority, Demands, server};
use crate::client::{client, ok, page};
use crate::server::{Server, tunnels};

#[tokio::test]
async fn a_plain_request_goes_to_the_proxy_whole() {
    let proxy = Server::plain(ok).await;
    let client = client(&format!("proxy_url: http://user:hunter2@{}", proxy.address));
    assert_eq!(page(&client, "http://nowhere.invalid:99/metrics").await.unwrap(), "ok");
    let asked = proxy.take().pop().unwrap();
    assert_eq!(asked.uri, "http://nowhere.invalid:99/metrics");
    assert_eq!(asked.header("host"), "nowhere.invalid:99");
    assert_eq!(asked.header("proxy-authorization"), "Basic dXNlcjpodW50ZXIy");
}

#[tokio::test]
async fn a_secure_request_goes_through_a_tunnel() {
    let authority = Authority::new();
    let target =
        Server::secure(server(&authority.sign(&["target.invalid"]), &Demands::default())).await;
    let proxy = tunnels(target.address, 200).await;
    let client = client(&format!(
        "proxy_url: http://user:hunter2@{}\nproxy_connect_header: {{x-key: [a, b]}}\nbearer_token: t\n\
         tls_config: {{ca: \"{}\"}}",
        proxy.address,
        authority.pem.replace('\n', "\\n")
    ));
    assert_eq!(page(&client, "https://target.invalid/").await.unwrap(), "ok");
    let opened = proxy.take().pop().unwrap();
    assert_eq!(
        (&opened.method, opened.uri.to_string()),
        (&Method::CONNECT, "target.invalid:443".to_owned())
    );
    assert_eq!(opened.header("x-key"), "a,b");
    assert_eq!(opened.header("proxy-authorization"), "Basic dXNlcjpodW50ZXIy");
    assert_eq!(opened.header("authorization"), "");
    let asked = target.take().pop().unwrap();
    assert_eq!(asked.header("authorization"), "Bearer t");
    assert_eq!(asked.header("proxy-authorization") + &asked.header("x-key"), "");
}

#[tokio::test]
async fn a_proxy_may_refuse() {
    let proxy = tunnels("127.0.0.1:1".parse().unwrap(), 407).await;
    let client = client(&format!("proxy_url: http://{}", proxy.address));
    let error = page(&client, "https://target.invalid/").await.unwrap_err();
    assert_eq!(error, "Proxy Authentication Required");
}

#[tokio::test]
async fn exceptions_go_straight() {
    let (proxy, target) = (Server::plain(ok).await, Server::plain(ok).await);
    let client = client(&format!("proxy_url: http://{}\nno_proxy: 127.0.0.0/8", proxy.address));
    page(&client, &target.url("/")).await.unwrap();
    assert_eq!((proxy.take().len(), target.take().len()), (0, 1));
}
