use crate::client::{Client, small_store};

#[test]
fn the_page_needs_nothing_but_its_own_files() {
    let client = Client::over(small_store());
    for (path, content_type, marker) in [
        ("/query", "text/html; charset=utf-8", "<title>narthex</title>"),
        ("/targets", "text/html; charset=utf-8", "<title>narthex</title>"),
        ("/status", "text/html; charset=utf-8", "<title>narthex</title>"),
        ("/assets/page.js", "text/javascript; charset=utf-8", "\"use strict\""),
        ("/assets/page.css", "text/css; charset=utf-8", "prefers-color-scheme: dark"),
        ("/favicon.svg", "image/svg+xml", "<svg"),
    ] {
        let reply = client.get(path);
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-type"), content_type, "{path}");
        assert!(reply.header("content-security-policy").starts_with("default-src 'self';"));
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert!(reply.text().contains(marker), "{path}");
    }
}

#[test]
fn no_script_or_style_is_in_the_page_itself() {
    let client = Client::over(small_store());
    let page = client.get("/query").text().to_owned();
    for forbidden in ["style=", "<style", "onclick", "javascript:", "http://", "https://"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert_eq!(page.matches("<script").count(), 1);
    let script = client.get("/assets/page.js").text().to_owned();
    for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!script.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn old_addresses_lead_to_the_page() {
    let client = Client::over(small_store());
    let reply = client.get("/");
    assert_eq!((reply.status.as_u16(), reply.header("location")), (302, "/query"));
    assert_eq!(reply.text(), "<a href=\"/query\">Found</a>.\n\n");
    let reply = client.get("/graph?g0.expr=up");
    assert_eq!((reply.status.as_u16(), reply.header("location")), (302, "/query?g0.expr=up"));
}
