use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use narthex_server::{ServerOptions, ServerState};
use narthex_storage::MemoryStore;

use crate::client::{Client, small_store};

#[test]
fn methods_without_a_route_are_refused() {
    let client = Client::over(small_store());
    for (path, allowed) in [
        ("/api/v1/query", "GET, OPTIONS, POST"),
        ("/api/v1/label/job/values", "GET, OPTIONS"),
        ("/api/v1/write", "OPTIONS, POST"),
        ("/-/healthy", "GET, HEAD, OPTIONS"),
        ("/metrics", "GET, OPTIONS"),
        ("/query", "GET, OPTIONS"),
    ] {
        let reply = client.method("DELETE", path);
        assert_eq!(reply.status, 405, "{path}");
        assert_eq!(
            (reply.header("allow"), reply.text()),
            (allowed, "Method Not Allowed\n"),
            "{path}"
        );
        assert_eq!(client.method("OPTIONS", path).status, 204, "{path}");
    }
    assert_eq!(client.method("HEAD", "/api/v1/query").status, 405);
    assert_eq!(client.method("HEAD", "/-/healthy").status, 200);
}

#[test]
fn unknown_paths_are_not_found() {
    let client = Client::over(small_store());
    for path in ["/nosuch", "/api/v1/nosuch", "/api/v2/query"] {
        let reply = client.get(path);
        assert_eq!((reply.status.as_u16(), reply.text()), (404, "404 page not found\n"), "{path}");
    }
    assert_eq!(client.method("OPTIONS", "/api/v1/nosuch").status, 204);
}

#[test]
fn other_origins_may_read_where_the_pattern_allows() {
    let ask = |client: &Client| {
        let request = Request::get("/api/v1/labels").header("origin", "https://example.org");
        client.send(request.body(Body::empty()).unwrap())
    };
    let reply = ask(&Client::over(small_store()));
    assert_eq!(reply.header("access-control-allow-origin"), "https://example.org");
    assert_eq!(reply.header("access-control-allow-methods"), "GET, POST, OPTIONS");
    assert_eq!(reply.header("vary"), "Origin");

    let mut options = ServerOptions::default();
    options.cors_origin = narthex_model::Regex::new("https://grafana").unwrap();
    let reply = ask(&Client::new(ServerState::new(Arc::new(small_store()), options)));
    assert_eq!(reply.header("access-control-allow-origin"), "");
}

#[test]
fn a_prefix_moves_every_route() {
    let mut options = ServerOptions::default();
    options.route_prefix = "/prom/".into();
    options.external_url = "https://example.org/prom/".into();
    let client = Client::new(ServerState::new(Arc::new(MemoryStore::default()), options));
    assert_eq!(client.get("/prom/-/healthy").status, 200);
    assert_eq!(client.get("/prom/api/v1/labels").status, 200);
    assert_eq!(client.get("/prom/nosuch").status, 404);
    assert_eq!(client.get("/api/v1/labels").status, 404);
    for path in ["/", "/prom/"] {
        let reply = client.get(path);
        assert_eq!(
            (reply.status.as_u16(), reply.header("location")),
            (302, "/prom/query"),
            "{path}"
        );
    }
    let metrics = client.get("/prom/metrics");
    let counted = "prometheus_http_requests_total{code=\"200\",handler=\"/api/v1/labels\"} 1\n";
    assert!(metrics.text().contains(counted), "{}", metrics.text());
}
