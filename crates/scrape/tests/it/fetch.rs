use std::io::Write;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use narthex_config::Config;
use narthex_http::HttpClientConfig;
use narthex_scrape::{Fetch, FetchError, HttpFetch, Page, Request};

use crate::server::{Answer, Server, page};

fn request(url: &str) -> Request {
    Request {
        url: url.into(),
        unix_socket: None,
        accept: "text/plain".into(),
        timeout: Duration::from_millis(1_500),
        compression: true,
        body_size_max: 1_000,
    }
}

/// Fetches a page and returns its uncompressed text.
async fn fetch(fetcher: &HttpFetch, request: &Request) -> Result<(Page, String), FetchError> {
    let (mut body, mut inflated) = (Vec::new(), Vec::new());
    let page = fetcher.fetch(request, &mut body).await?;
    let text = page.text(&body, request.body_size_max, &mut inflated)?;
    let text = String::from_utf8(text.to_vec()).unwrap();
    Ok((page, text))
}

/// Checks what comes of an answer after which the connection closes.
async fn check(answer: &[u8], expected: Result<&str, &str>) {
    let bytes = answer.to_vec();
    let server = Server::start(move |_| Answer::Close(bytes.clone()));
    let url = server.url();
    let fetched = fetch(&HttpFetch::default(), &request(&url)).await;
    let fetched = fetched.map(|(_, text)| text).map_err(|error| error.to_string());
    let expected = expected.map(str::to_owned).map_err(|error| error.replace("URL", &url));
    assert_eq!(fetched, expected, "{}", String::from_utf8_lossy(answer));
}

fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    let file = encoder.finish().unwrap();
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length:";
    [format!("{head} {}\r\n\r\n", file.len()).as_bytes(), &file].concat()
}

/// Two sockets behind one host name: each request goes to its own.
#[cfg(unix)]
#[tokio::test]
async fn a_socket_takes_the_place_of_the_host() {
    use std::io::Read;
    use std::os::unix::net::UnixListener;

    let folder = tempfile::tempdir().unwrap();
    let fetcher = HttpFetch::default();
    let socket = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for name in ["a", "b"] {
        let listener = UnixListener::bind(socket(name)).unwrap();
        let answer = page(&format!("{name} 1\n"));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                assert!(head.starts_with(b"GET /metrics HTTP/1.1\r\n"));
                stream.write_all(&answer).unwrap();
            }
        });
    }
    let request = |name| Request {
        unix_socket: Some(socket(name).into()),
        ..request("http://localhost/metrics")
    };
    for name in ["a", "b"] {
        let (_, text) = fetch(&fetcher, &request(name)).await.unwrap();
        assert_eq!(text, format!("{name} 1\n"));
    }
    let error = fetch(&fetcher, &request("c")).await.unwrap_err().to_string();
    assert!(error.starts_with("Get \"http://localhost/metrics\": "), "{error}");
}

#[tokio::test]
async fn answers() {
    check(&page("a 1\n"), Ok("a 1\n")).await;
    check(b"HTTP/1.0 200 OK\r\n\r\na 1\n", Ok("a 1\n")).await;
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n0\r\n\r\n";
    check(chunked, Ok("a 1\n")).await;
    check(&gzipped(b"a 1\n"), Ok("a 1\n")).await;
    check(
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        Err("server returned HTTP status 500 Internal Server Error"),
    )
    .await;
    check(
        b"HTTP/1.1 418 Tea\r\nContent-Length: 0\r\n\r\n",
        Err("server returned HTTP status 418 Tea"),
    )
    .await;
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na 1\n", Err("unexpected EOF")).await;
    check(b"", Err("Get \"URL\": EOF")).await;
}

#[tokio::test]
async fn too_large_pages_are_refused() {
    check(&page(&"#".repeat(999)), Ok(&"#".repeat(999))).await;
    check(&page(&"#".repeat(1_000)), Err("body size limit exceeded")).await;
    check(&gzipped(&[b'#'; 1_000]), Err("body size limit exceeded")).await;
    check(&gzipped(&vec![b'#'; 64 << 20]), Err("body size limit exceeded")).await;
}

#[tokio::test]
async fn requests_say_what_is_understood() {
    let server = Server::start(|_| Answer::Keep(page("")));
    let fetcher = HttpFetch::default();
    fetch(&fetcher, &request(&server.url())).await.unwrap();
    let head = server.requests.recv().unwrap().to_ascii_lowercase();
    for line in [
        "get /metrics http/1.1",
        "accept: text/plain",
        "accept-encoding: gzip",
        "x-prometheus-scrape-timeout-seconds: 1.5",
        concat!("user-agent: narthex/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(head.lines().any(|found| found == line), "{line} in {head}");
    }
    let plain = Request { compression: false, ..request(&server.url()) };
    fetch(&fetcher, &plain).await.unwrap();
    assert!(server.requests.recv().unwrap().contains("identity"));
}

#[tokio::test]
async fn requests_are_sent_as_the_job_says() {
    let server = Server::start(|_| Answer::Keep(page("")));
    let text = "scrape_configs: [{job_name: j, basic_auth: {username: u, password: p}}]";
    let config = Config::load(text, "test.yml", |_| None).unwrap();
    let fetcher = HttpFetch::for_job(&config.scrape_configs[0]);
    request(&server.url()).send(&*fetcher, &mut Vec::new()).await.unwrap();
    let head = server.requests.recv().unwrap().to_ascii_lowercase();
    assert!(head.lines().any(|line| line == "authorization: basic dtpw"), "{head}");
}

#[tokio::test]
async fn what_keeps_a_client_from_being_made_fails_scrapes_until_it_is_mended() {
    let server = Server::start(|_| Answer::Keep(page("a 1\n")));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    let text = format!(
        "scrape_configs: [{{job_name: j, basic_auth: {{username: u, password_file: '{}'}}}}]",
        path.display()
    );
    let config = Config::load(&text, "test.yml", |_| None).unwrap();
    let fetcher = HttpFetch::for_job(&config.scrape_configs[0]);
    let request = request(&server.url());
    let error = request.send(&*fetcher, &mut Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("password"), "{error}");
    std::fs::write(&path, "p").unwrap();
    request.send(&*fetcher, &mut Vec::new()).await.unwrap();
}

#[tokio::test]
async fn redirects_are_followed_a_few_times() {
    let server = Server::start(|head| {
        let location = match head.split(' ').nth(1) {
            Some("/metrics") => "/elsewhere",
            Some("/elsewhere") => return Answer::Close(page("elsewhere 1\n")),
            _ => "/loop",
        };
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0");
        Answer::Close(format!("{head}\r\n\r\n").into_bytes())
    });
    let fetcher = HttpFetch::default();
    let url = server.url();
    let (_, text) = fetch(&fetcher, &request(&url)).await.unwrap();
    assert_eq!(text, "elsewhere 1\n");

    let stays = HttpClientConfig { follow_redirects: false, ..HttpClientConfig::default() };
    let error = fetch(&HttpFetch::new(stays), &request(&url)).await.unwrap_err();
    assert_eq!(error.to_string(), "server returned HTTP status 302 Found");

    let circle = format!("http://{}/loop", server.address);
    let error = fetch(&fetcher, &request(&circle)).await.unwrap_err();
    assert!(error.to_string().ends_with("stopped after 5 redirects"), "{error}");
}

#[tokio::test]
async fn unreachable_targets() {
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    for (url, expected) in [
        (
            format!("http://{closed}/metrics"),
            format!("dial tcp {closed}: connect: connection refused"),
        ),
        ("ftp://h/".to_owned(), "unsupported protocol scheme \"ftp\"".to_owned()),
    ] {
        let error = fetch(&HttpFetch::default(), &request(&url)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("Get \"{url}\": {expected}"));
    }
}
