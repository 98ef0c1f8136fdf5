use std::error::Error;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::ext::ReasonPhrase;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION,
    USER_AGENT,
};
use hyper::{Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Fetch, FetchError, Fetching, Page, Request};

/// Fetches pages by plain HTTP/1.1 and keeps connections open from one scrape to the next.
#[derive(Clone, Debug)]
pub struct HttpFetch {
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Default for HttpFetch {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector);
        Self { client }
    }
}

impl Fetch for HttpFetch {
    fn fetch<'a>(&'a self, request: &'a Request, body: &'a mut Vec<u8>) -> Fetching<'a> {
        Box::pin(self.get(request, body))
    }
}

impl HttpFetch {
    async fn get(&self, request: &Request, body: &mut Vec<u8>) -> Result<Page, FetchError> {
        let mut uri = parse_uri(&request.url).map_err(|cause| failed(&request.url, cause))?;
        for _ in 0..=REDIRECTS_MAX {
            let response = self.send(&uri, request).await?;
            match redirect(&uri, &response) {
                Some(next) if request.follow_redirects => {
                    uri = next.map_err(|cause| failed(&request.url, cause))?;
                }
                _ => return read(response, request.body_size_max, body).await,
            }
        }
        Err(failed(&uri.to_string(), format!("stopped after {REDIRECTS_MAX} redirects")))
    }

    /// Asks once more where the connection broke before an answer: it may have been one from the
    /// last scrape, which the target closed at that moment.
    async fn send(&self, uri: &Uri, request: &Request) -> Result<Response<Incoming>, FetchError> {
        let answer = match self.client.request(message(uri, request)?).await {
            Err(error) if is_broken(&error) => self.client.request(message(uri, request)?).await,
            answer => answer,
        };
        answer.map_err(|error| failed(&uri.to_string(), describe(&error, uri)))
    }
}

fn message(uri: &Uri, request: &Request) -> Result<hyper::Request<Empty<Bytes>>, FetchError> {
    hyper::Request::get(uri)
        .header(USER_AGENT, USER_AGENT_VALUE)
        .header(ACCEPT, &*request.accept)
        .header(ACCEPT_ENCODING, if request.compression { "gzip" } else { "identity" })
        .header(TIMEOUT_HEADER, request.timeout.as_secs_f64().to_string())
        .body(Empty::new())
        .map_err(|error| failed(&request.url, error.to_string()))
}

/// Returns whether a connection ended that had been good.
fn is_broken(error: &hyper_util::client::legacy::Error) -> bool {
    let reset = |cause: &io::Error| {
        matches!(cause.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
    };
    let ended = |cause: &hyper::Error| cause.is_incomplete_message() || cause.is_closed();
    !error.is_connect()
        && (find::<io::Error>(error).is_some_and(reset)
            || find::<hyper::Error>(error).is_some_and(ended))
}

fn parse_uri(url: &str) -> Result<Uri, String> {
    let uri = url.parse::<Uri>().map_err(|error| error.to_string())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http"), Some(_)) => Ok(uri),
        (Some("http"), None) => Err("http: no Host in request URL".to_owned()),
        (scheme, _) => {
            Err(format!("unsupported protocol scheme \"{}\"", scheme.unwrap_or_default()))
        }
    }
}

/// Returns where a response points, if it is a redirect.
fn redirect(from: &Uri, response: &Response<Incoming>) -> Option<Result<Uri, String>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    Some(match location.to_str() {
        Ok(location) => resolve(from, location),
        Err(error) => Err(format!("failed to parse Location header: {error}")),
    })
}

/// Returns the address that the reference `location` means on the page `from`.
fn resolve(from: &Uri, location: &str) -> Result<Uri, String> {
    let location = location.split('#').next().unwrap_or_default();
    let scheme = from.scheme_str().unwrap_or("http");
    let authority = from.authority().map_or("", |authority| authority.as_str());
    let path = from.path();
    parse_uri(&if location.contains("://") {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') || location.is_empty() {
        format!("{scheme}://{authority}{path}{location}")
    } else {
        let folder = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
        format!("{scheme}://{authority}{folder}{location}")
    })
}

async fn read(
    response: Response<Incoming>,
    size_max: usize,
    body: &mut Vec<u8>,
) -> Result<Page, FetchError> {
    let status = response.status();
    if status != hyper::StatusCode::OK {
        let reason = match response.extensions().get::<ReasonPhrase>() {
            Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
            None => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        return Err(FetchError::Status { status: status.as_u16(), reason: reason.into() });
    }
    let page = Page {
        content_type: header(response.headers(), &CONTENT_TYPE).into(),
        gzip: header(response.headers(), &CONTENT_ENCODING) == "gzip",
    };
    // Compressing what cannot be compressed makes it a little longer.
    let size_max = if page.gzip { size_max.saturating_add(size_max / 64 + 1024) } else { size_max };
    let mut incoming = response.into_body();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| FetchError::Body(describe_body(&error).into()))?;
        let Some(data) = frame.data_ref() else { continue };
        if body.len().saturating_add(data.len()) >= size_max {
            return Err(FetchError::BodySizeLimit);
        }
        body.extend_from_slice(data);
    }
    Ok(page)
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn failed(url: &str, cause: impl Into<Box<str>>) -> FetchError {
    FetchError::Request { url: url.into(), cause: cause.into() }
}

/// Returns why there was no answer, in the words of Go's client for what people look for in them.
fn describe(error: &hyper_util::client::legacy::Error, uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(80);
    if let Some(cause) = find::<io::Error>(error).filter(|_| error.is_connect()) {
        return match cause.kind() {
            io::ErrorKind::ConnectionRefused => {
                format!("dial tcp {host}:{port}: connect: connection refused")
            }
            io::ErrorKind::TimedOut => format!("dial tcp {host}:{port}: i/o timeout"),
            _ if cause.raw_os_error().is_none() => format!("dial tcp: lookup {host}: {cause}"),
            _ => format!("dial tcp {host}:{port}: {cause}"),
        };
    }
    match find::<hyper::Error>(error) {
        Some(cause) if cause.is_incomplete_message() || cause.is_closed() => "EOF".to_owned(),
        Some(cause) if cause.is_parse() => {
            format!(
                "net/http: HTTP/1.x transport connection broken: malformed HTTP response ({cause})"
            )
        }
        _ => find::<io::Error>(error).map_or_else(|| error.to_string(), ToString::to_string),
    }
}

fn describe_body(error: &hyper::Error) -> String {
    let cut =
        find::<io::Error>(error).is_some_and(|cause| cause.kind() == io::ErrorKind::UnexpectedEof);
    if cut || error.is_incomplete_message() || error.is_body_write_aborted() {
        "unexpected EOF".to_owned()
    } else {
        error.source().map_or_else(|| error.to_string(), ToString::to_string)
    }
}

/// Returns the innermost `E` among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.filter_map(|error| error.downcast_ref()).last()
}

/// How often a page may point elsewhere. The reference follows as many.
const REDIRECTS_MAX: usize = 10;

/// How long an unused connection stays open: longer than most intervals.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The most unused connections to one host: as many targets may share it.
const IDLE_CONNECTIONS_MAX: usize = 1_000;

const USER_AGENT_VALUE: &str = concat!("narthex/", env!("CARGO_PKG_VERSION"));
const TIMEOUT_HEADER: &str = "X-Prometheus-Scrape-Timeout-Seconds";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_resolve_against_the_page() {
        for (location, expected) in [
            ("http://other:1/x", Ok("http://other:1/x")),
            ("//other/x", Ok("http://other/x")),
            ("/x?y=1#z", Ok("http://host:9/x?y=1")),
            ("x", Ok("http://host:9/a/x")),
            ("?y", Ok("http://host:9/a/b?y")),
            ("", Ok("http://host:9/a/b")),
            ("https://other/", Err("unsupported protocol scheme \"https\"")),
            ("ftp://other/x", Err("unsupported protocol scheme \"ftp\"")),
            ("file:///etc/passwd", Err("invalid format")),
        ] {
            let from = "http://host:9/a/b?c=d".parse::<Uri>().unwrap();
            let resolved = resolve(&from, location).map(|uri| uri.to_string());
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(resolved, expected, "{location}");
        }
    }
}
