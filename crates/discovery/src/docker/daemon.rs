//! Questions to a Docker daemon.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{Request, StatusCode};
use narthex_config::{DockerDiscovery, DockerFilter};
use narthex_http::{
    BodyError, ClientError, ClientOptions, HttpClientConfig, RequestError, Response,
};
use narthex_model::quote::Quoted;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::containers::{Container, Network};
use crate::client::{BODY_SIZE_MAX, LazyClient};

/// The oldest version of the API that has what is asked for here, for daemons that do not say theirs.
const OLDEST_VERSION: &str = "1.24";

/// A Docker daemon, and what is asked of it.
#[derive(Debug)]
pub(super) struct Daemon {
    way: Result<Way, DaemonError>,
    /// The query of the question for containers.
    container_query: Box<str>,
    /// How long one answer may take.
    timeout: Duration,
    /// The version of the API, once the daemon said which one it has.
    version: Option<Box<str>>,
}

/// How a daemon is reached.
#[derive(Debug)]
struct Way {
    /// The address, without a slash at its end.
    base: Box<str>,
    client: LazyClient,
}

impl Daemon {
    pub(super) fn new(config: &DockerDiscovery) -> Self {
        Self {
            way: Way::new(config),
            container_query: container_query(&config.filters),
            timeout: config.refresh_interval,
            version: None,
        }
    }

    /// Returns the containers that run and meet the filters.
    pub(super) async fn containers(&mut self) -> Result<Vec<Container>, DaemonError> {
        let path = format!("containers/json{}", self.container_query);
        self.list(&path).await
    }

    /// Returns all networks.
    pub(super) async fn networks(&mut self) -> Result<Vec<Network>, DaemonError> {
        self.list("networks").await
    }

    async fn list<T: DeserializeOwned>(&mut self, path: &str) -> Result<Vec<T>, DaemonError> {
        let answer = self.versioned(path).await.inspect_err(|_| {
            // It may be another daemon by the next time.
            self.version = None;
        })?;
        let list: Option<Vec<T>> = serde_json::from_slice(&answer)?;
        Ok(list.unwrap_or_default())
    }

    async fn versioned(&mut self, path: &str) -> Result<Vec<u8>, DaemonError> {
        let version = match &self.version {
            Some(version) => version.clone(),
            None => self.ask_for_version().await?,
        };
        let answer = self.get(&format!("/v{version}/{path}")).await?;
        self.version = Some(version);
        let (code, is_good) = (answer.status().as_u16(), answer.status() == StatusCode::OK);
        let body = tokio::time::timeout(self.timeout, answer.read(BODY_SIZE_MAX)).await;
        let body = body.map_err(|_| DaemonError::Timeout)??;
        if is_good { Ok(body) } else { Err(DaemonError::Status { code, message: message(&body) }) }
    }

    async fn ask_for_version(&mut self) -> Result<Box<str>, DaemonError> {
        let answer = self.get("/_ping").await?;
        let version = answer.headers().get("Api-Version").and_then(|value| value.to_str().ok());
        let is_number = |text: &&str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        Ok(version.filter(is_number).unwrap_or(OLDEST_VERSION).into())
    }

    async fn get(&mut self, path: &str) -> Result<Response, DaemonError> {
        let Way { base, client } = self.way.as_mut().map_err(|error| error.clone())?;
        let request = Request::get(format!("{base}{path}")).body(Bytes::new())?;
        let client = client.get()?;
        let answer = tokio::time::timeout(self.timeout, client.send(request)).await;
        Ok(answer.map_err(|_| DaemonError::Timeout)??)
    }
}

impl Way {
    fn new(config: &DockerDiscovery) -> Result<Self, DaemonError> {
        let host = config.host.expose();
        let refused = || DaemonError::Host { host: host.into() };
        let (scheme, rest) = host.split_once("://").ok_or_else(refused)?;
        // The settings are for addresses of HTTP alone, as in the reference.
        let (base, http, unix_socket) = match scheme {
            "http" | "https" => (host.to_owned(), &config.http, None),
            "tcp" => (format!("http://{rest}"), &HttpClientConfig::default(), None),
            "unix" => {
                ("http://localhost".to_owned(), &HttpClientConfig::default(), Some(rest.into()))
            }
            _ => return Err(refused()),
        };
        let options = ClientOptions { unix_socket, ..ClientOptions::default() };
        let base = base.trim_end_matches('/').into();
        Ok(Self { base, client: LazyClient::new(http, options) })
    }
}

/// Returns what the filters are in the query of a question, with its question mark.
fn container_query(filters: &[DockerFilter]) -> Box<str> {
    let mut wanted = BTreeMap::<&str, BTreeMap<&str, bool>>::new();
    for DockerFilter { name, values } in filters {
        for value in values {
            wanted.entry(name).or_default().insert(value, true);
        }
    }
    if wanted.is_empty() {
        return "".into();
    }
    let wanted = serde_json::json!(wanted).to_string();
    let query = Serializer::new(String::new()).append_pair("filters", &wanted).finish();
    format!("?{query}").into()
}

/// Returns what a daemon says of an error.
fn message(body: &[u8]) -> Box<str> {
    #[derive(Deserialize)]
    struct Message {
        message: Box<str>,
    }
    match serde_json::from_slice::<Message>(body) {
        Ok(Message { message }) => message,
        Err(_) => {
            let size = body.len().min(MESSAGE_SIZE_MAX);
            String::from_utf8_lossy(&body[..size]).trim().into()
        }
    }
}

/// The most of an error's text that is told, where the daemon does not say it in its own form.
const MESSAGE_SIZE_MAX: usize = 1_024;

/// Why a daemon gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DaemonError {
    #[error("unable to parse docker host {}", Quoted(host))]
    Host { host: Box<str> },
    #[error("no answer within the refresh interval")]
    Timeout,
    #[error("Error response from daemon: {message} (status {code})")]
    Status { code: u16, message: Box<str> },
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("{0}")]
    Other(Box<str>),
}

impl From<http::Error> for DaemonError {
    fn from(error: http::Error) -> Self {
        Self::Other(error.to_string().into())
    }
}

impl From<ClientError> for DaemonError {
    fn from(error: ClientError) -> Self {
        Self::Other(error.to_string().into())
    }
}

impl From<RequestError> for DaemonError {
    fn from(error: RequestError) -> Self {
        Self::Other(error.to_string().into())
    }
}

impl From<serde_json::Error> for DaemonError {
    fn from(error: serde_json::Error) -> Self {
        Self::Other(error.to_string().into())
    }
}
