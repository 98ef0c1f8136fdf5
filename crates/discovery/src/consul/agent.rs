//! Questions to a Consul agent.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{Request, StatusCode};
use narthex_config::ConsulDiscovery;
use narthex_http::{BodyError, Client, ClientError, ClientOptions, RequestError};
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::group::ServiceEntry;
use crate::client::{BODY_SIZE_MAX, LazyClient};
use crate::text::path_segment;

/// How long the agent may wait for a change before it answers.
pub(super) const WAIT: Duration = Duration::from_secs(2 * 60);

/// How long an answer may take beyond that. The agent adds up to a sixteenth of the time of its own.
const GRACE: Duration = Duration::from_secs(15);

/// The most of an error's text that is told.
const MESSAGE_SIZE_MAX: usize = 1_024;

/// A Consul agent, and what each question to it says.
#[derive(Debug)]
pub(super) struct Agent {
    /// The address up to the path, which begins with `/v1/`.
    base: Result<String, AgentError>,
    config: ConsulDiscovery,
    client: Mutex<LazyClient>,
}

/// An answer, and the index of the state that it is of.
#[derive(Debug)]
pub(super) struct Indexed<T> {
    pub(super) value: T,
    /// Zero where the answer says none, which asks for the next one without waiting.
    pub(super) index: u64,
}

/// Names of services, each with the tags that any of its instances has.
pub(super) type Services = BTreeMap<String, Option<Vec<String>>>;

#[derive(Deserialize)]
struct AgentSelf {
    #[serde(rename = "Config", default)]
    config: BTreeMap<String, Value>,
}

impl Agent {
    pub(super) fn new(config: ConsulDiscovery) -> Self {
        let mut http = config.http.clone();
        // Each question that waits has a connection of its own. On one they would share, a server
        // answers a few hundred at a time, and those behind them would not even be asked.
        http.enable_http2 = false;
        let options = ClientOptions { idle_timeout: 2 * WAIT, ..ClientOptions::default() };
        let client = LazyClient::new(&http, options);
        let base = base(&config.scheme, &config.server, &config.path_prefix);
        Self { base, config, client: Mutex::new(client) }
    }

    /// Returns the datacenter of the agent.
    pub(super) async fn datacenter(&self) -> Result<String, AgentError> {
        let query = self.query().finish();
        let answer: Indexed<AgentSelf> = self.get("agent/self", &query).await?;
        match answer.value.config.get("Datacenter") {
            Some(Value::String(datacenter)) => Ok(datacenter.clone()),
            other => {
                let value = other.map_or_else(|| "<nil>".to_owned(), Value::to_string);
                Err(AgentError::Datacenter { value: value.into() })
            }
        }
    }

    /// Returns all services of the catalog, as soon as it is not any more as it was at `index`.
    pub(super) async fn services(&self, index: u64) -> Result<Indexed<Services>, AgentError> {
        let query = self.blocking_query(index, &self.config.filter, &[]);
        let answer: Indexed<Option<Services>> = self.get("catalog/services", &query).await?;
        Ok(Indexed { value: answer.value.unwrap_or_default(), index: answer.index })
    }

    /// Returns the instances of a service with their health, as soon as they are not any more as they
    /// were at `index`.
    pub(super) async fn instances(
        &self,
        service: &str,
        index: u64,
    ) -> Result<Indexed<Vec<ServiceEntry>>, AgentError> {
        let ConsulDiscovery { health_filter, tags, .. } = &self.config;
        let query = self.blocking_query(index, health_filter, tags);
        let path = format!("health/service/{}", path_segment(service));
        let answer: Indexed<Option<Vec<ServiceEntry>>> = self.get(&path, &query).await?;
        Ok(Indexed { value: answer.value.unwrap_or_default(), index: answer.index })
    }

    /// Returns what every question says.
    fn query(&self) -> Serializer<'static, String> {
        let mut query = Serializer::new(String::new());
        let ConsulDiscovery { datacenter, namespace, partition, .. } = &self.config;
        for (name, value) in [("dc", datacenter), ("ns", namespace), ("partition", partition)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query
    }

    fn blocking_query(&self, index: u64, filter: &str, tags: &[String]) -> String {
        let mut query = self.query();
        if self.config.allow_stale {
            query.append_pair("stale", "");
        }
        if index != 0 {
            query.append_pair("index", &index.to_string());
        }
        query.append_pair("wait", &format!("{}ms", WAIT.as_millis()));
        let node_meta = self.config.node_meta.iter();
        query.extend_pairs(node_meta.map(|(key, value)| ("node-meta", format!("{key}:{value}"))));
        if !filter.is_empty() {
            query.append_pair("filter", filter);
        }
        query.extend_pairs(tags.iter().map(|tag| ("tag", tag))).finish()
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
    ) -> Result<Indexed<T>, AgentError> {
        let base = self.base.as_ref().map_err(Clone::clone)?;
        let client = self.client.lock().get().map_err(AgentError::client)?;
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = Request::get(format!("{base}/v1/{path}{mark}{query}"));
        if !self.config.token.is_empty() {
            request = request.header("X-Consul-Token", self.config.token.expose());
        }
        let request = request.body(Bytes::new()).map_err(AgentError::address)?;
        let answer = tokio::time::timeout(WAIT + GRACE, answer(&client, request)).await;
        answer.unwrap_or(Err(AgentError::Timeout))
    }
}

async fn answer<T: DeserializeOwned>(
    client: &Client,
    request: Request<Bytes>,
) -> Result<Indexed<T>, AgentError> {
    let response = client.send(request).await?;
    let status = response.status();
    if status != StatusCode::OK {
        let body = response.read(MESSAGE_SIZE_MAX).await.unwrap_or_default();
        let message = String::from_utf8_lossy(&body).trim().into();
        return Err(AgentError::Status { code: status.as_u16(), message });
    }
    let index = match response.headers().get("X-Consul-Index") {
        None => 0,
        Some(index) => {
            let index = String::from_utf8_lossy(index.as_bytes());
            index.parse().map_err(|_| AgentError::Index { index: (*index).into() })?
        }
    };
    let body = response.read(BODY_SIZE_MAX).await?;
    let value = serde_json::from_slice(&body).map_err(AgentError::json)?;
    Ok(Indexed { value, index })
}

/// Returns where the agent is: `server` may bring a scheme, and a path which counts instead of `prefix`.
pub(super) fn base(scheme: &str, server: &str, prefix: &str) -> Result<String, AgentError> {
    let (scheme, server, prefix) = match server.split_once("://") {
        None => (scheme, server, prefix),
        Some((given @ ("http" | "https"), rest)) => {
            // What asks for TLS does not get less.
            let scheme = if given == "https" { given } else { scheme };
            let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
            (scheme, server, if path.is_empty() { prefix } else { path })
        }
        Some((other, _)) => return Err(AgentError::Scheme { scheme: other.into() }),
    };
    let prefix = prefix.trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    Ok(format!("{scheme}://{server}{slash}{prefix}"))
}

/// Why an agent gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AgentError {
    #[error("Unknown protocol scheme: {scheme}")]
    Scheme { scheme: Box<str> },
    #[error("{0}")]
    Address(Box<str>),
    #[error("{0}")]
    Client(Box<str>),
    #[error("{0}")]
    Request(Box<str>),
    #[error("no answer within {} seconds", (WAIT + GRACE).as_secs())]
    Timeout,
    #[error("Unexpected response code: {code} ({message})")]
    Status { code: u16, message: Box<str> },
    #[error("Failed to parse X-Consul-Index: {index:?}")]
    Index { index: Box<str> },
    #[error("{0}")]
    Body(#[from] BodyError),
    #[error("{0}")]
    Json(Box<str>),
    #[error("invalid value '{value}' for Config.Datacenter")]
    Datacenter { value: Box<str> },
}

impl AgentError {
    fn address(error: http::Error) -> Self {
        Self::Address(error.to_string().into())
    }

    fn client(error: ClientError) -> Self {
        Self::Client(error.to_string().into())
    }

    fn json(error: serde_json::Error) -> Self {
        Self::Json(error.to_string().into())
    }
}

impl From<RequestError> for AgentError {
    fn from(error: RequestError) -> Self {
        Self::Request(error.to_string().into())
    }
}
