use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hashbrown::HashMap;
use http::StatusCode;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use narthex_config::ScrapeConfig;
use narthex_http::{Client, ClientError, ClientOptions, HttpClientConfig, Response};
use parking_lot::Mutex;

use super::{Fetch, FetchError, Fetching, Page, Request};

/// Fetches pages by HTTP, as the settings of a job say, and keeps connections open from one scrape to
/// the next.
#[derive(Debug, Default)]
pub struct HttpFetch {
    config: HttpClientConfig,
    options: ClientOptions,
    /// Made with the first request, and again with the next one where that failed: a certificate that
    /// cannot be read fails scrapes, which say so, until it can.
    client: OnceLock<Client>,
    /// Those for targets behind Unix sockets, by path. A client keeps connections by host, and the hosts of
    /// such targets say nothing of where they are.
    socket_clients: Mutex<HashMap<Box<str>, Client>>,
}

impl HttpFetch {
    /// Returns what fetches pages with these settings.
    #[must_use]
    pub fn new(config: HttpClientConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Returns what fetches the pages of a job. It is what a [`Manager`](crate::Manager) asks for.
    #[must_use]
    pub fn for_job(job: &ScrapeConfig) -> Arc<dyn Fetch> {
        Self::for_job_with(job, ClientOptions::default())
    }

    /// Returns what fetches the pages of a job, with a client that does what `options` say beside.
    #[must_use]
    pub fn for_job_with(job: &ScrapeConfig, options: ClientOptions) -> Arc<dyn Fetch> {
        Arc::new(Self { config: job.http.clone(), options, ..Self::default() })
    }

    fn client(&self) -> Result<&Client, ClientError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(&self.config, self.options.clone())?;
        Ok(self.client.get_or_init(|| client))
    }

    fn socket_client(&self, path: &str) -> Result<Client, ClientError> {
        let mut clients = self.socket_clients.lock();
        if let Some(client) = clients.get(path) {
            return Ok(client.clone());
        }
        let options =
            ClientOptions { unix_socket: Some(PathBuf::from(path)), ..self.options.clone() };
        let client = Client::new(&self.config, options)?;
        if clients.len() >= SOCKET_CLIENTS_MAX {
            // Some are of targets that are gone. Those of the others are soon made again.
            clients.clear();
        }
        clients.insert(path.into(), client.clone());
        Ok(client)
    }

    async fn get(&self, request: &Request, body: &mut Vec<u8>) -> Result<Page, FetchError> {
        let failed =
            |cause: String| FetchError::Request { url: request.url.clone(), cause: cause.into() };
        let message = http::Request::get(&*request.url)
            .header(ACCEPT, &*request.accept)
            .header(ACCEPT_ENCODING, if request.compression { "gzip" } else { "identity" })
            .header(TIMEOUT_HEADER, request.timeout.as_secs_f64().to_string())
            .body(Bytes::new())
            .map_err(|error| failed(error.to_string()))?;
        let client = match &request.unix_socket {
            None => self.client().cloned(),
            Some(path) => self.socket_client(path),
        };
        let client = client.map_err(|error| failed(error.to_string()))?;
        let response = client.send(message).await.map_err(|error| FetchError::Request {
            url: error.url().into(),
            cause: error.cause().into(),
        })?;
        read(response, request.body_size_max, body).await
    }
}

impl Fetch for HttpFetch {
    fn fetch<'a>(&'a self, request: &'a Request, body: &'a mut Vec<u8>) -> Fetching<'a> {
        Box::pin(self.get(request, body))
    }
}

async fn read(
    mut response: Response,
    size_max: usize,
    body: &mut Vec<u8>,
) -> Result<Page, FetchError> {
    if response.status() != StatusCode::OK {
        let status = response.status().as_u16();
        return Err(FetchError::Status { status, reason: response.reason().into() });
    }
    let page = Page {
        content_type: header(&response, &CONTENT_TYPE).into(),
        gzip: header(&response, &CONTENT_ENCODING) == "gzip",
    };
    // Compressing what cannot be compressed makes it a little longer.
    let size_max = if page.gzip { size_max.saturating_add(size_max / 64 + 1024) } else { size_max };
    let broken = |error: narthex_http::BodyError| FetchError::Body(error.to_string().into());
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len().saturating_add(chunk.len()) >= size_max {
            return Err(FetchError::BodySizeLimit);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(page)
}

fn header<'a>(response: &'a Response, name: &HeaderName) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The most clients for Unix sockets that are kept.
const SOCKET_CLIENTS_MAX: usize = 1_000;

const TIMEOUT_HEADER: &str = "X-Prometheus-Scrape-Timeout-Seconds";
