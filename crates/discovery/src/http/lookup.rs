use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, StatusCode};
use narthex_config::HttpDiscovery;
use narthex_http::{BodyError, Client, ClientError, ClientOptions, RequestError};
use narthex_model::quote::Quoted;

use crate::client::{BODY_SIZE_MAX, LazyClient};
use crate::group::TargetGroup;
use crate::refresh::{Refresh, Refreshing};
use crate::updates::Updates;
use crate::wire::{self, GroupError};

/// The label that holds the address of a target's list.
const URL_LABEL: &str = "__meta_url";

/// Asks a server for a list of target groups in JSON.
///
/// A look without a list keeps the targets of the last one.
///
/// # Source
///
/// `discovery/http/http.go` of Prometheus. Unlike it, a list has at most 64 MiB.
#[derive(Debug)]
pub struct HttpLookup {
    url: Box<str>,
    interval: Duration,
    client: LazyClient,
    counters: Arc<HttpCounters>,
}

/// What all such discoveries of a manager count.
#[derive(Debug, Default)]
pub(crate) struct HttpCounters(AtomicU64);

impl HttpCounters {
    /// Returns how many looks gave no list.
    pub(crate) fn failures(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl HttpLookup {
    /// Returns the discovery that asks for `url` every `interval`, which is also how long an answer may
    /// take.
    #[must_use]
    pub fn new(url: &str, interval: Duration, client: Client) -> Refreshing<Self> {
        let client = LazyClient::Made(client);
        let counters = Arc::default();
        Refreshing::new(Self { url: url.into(), interval, client, counters }, interval)
    }

    /// Returns the discovery that a configuration describes.
    pub(crate) fn counting(
        config: &HttpDiscovery,
        counters: Arc<HttpCounters>,
    ) -> Refreshing<Self> {
        let interval = config.refresh_interval;
        let client = LazyClient::new(&config.http, ClientOptions::default());
        let url = config.url.expose().into();
        Refreshing::new(Self { url, interval, client, counters }, interval)
    }

    async fn groups(&mut self) -> Result<Vec<TargetGroup>, HttpLookupError> {
        let client = self.client.get()?;
        let request = Request::get(&*self.url)
            .header(ACCEPT, "application/json")
            .header(
                "X-Prometheus-Refresh-Interval-Seconds",
                self.interval.as_secs_f64().to_string(),
            )
            .body(Bytes::new())?;
        let response = client.send(request).await?;
        if response.status() != StatusCode::OK {
            let (code, reason) = (response.status().as_u16(), response.reason().into());
            return Err(HttpLookupError::Status { code, reason });
        }
        let content_type = response.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
        let content_type = String::from_utf8_lossy(content_type.unwrap_or_default());
        if !is_json(&content_type) {
            return Err(HttpLookupError::ContentType { content_type: content_type.into() });
        }
        let list = serde_json::from_slice(&response.read(BODY_SIZE_MAX).await?)?;
        wire::groups(list, URL_LABEL, &self.url).map_err(HttpLookupError::from)
    }
}

impl Refresh for HttpLookup {
    type Error = HttpLookupError;

    async fn refresh(&mut self, updates: &Updates) -> Result<(), HttpLookupError> {
        let groups = tokio::time::timeout(self.interval, self.groups()).await;
        let groups = groups.unwrap_or(Err(HttpLookupError::Timeout)).inspect_err(|_| {
            self.counters.0.fetch_add(1, Ordering::Relaxed);
        })?;
        updates.replace(groups);
        Ok(())
    }
}

/// Returns whether a header `Content-Type` says JSON, in UTF-8 if it says that too.
pub(super) fn is_json(content_type: &str) -> bool {
    let content_type = content_type.trim().to_ascii_lowercase();
    match content_type.strip_prefix("application/json") {
        Some("") => true,
        Some(rest) => rest.strip_prefix(';').is_some_and(|charset| {
            matches!(charset.trim_start(), "charset=utf-8" | "charset=\"utf-8\"")
        }),
        None => false,
    }
}

/// Why a server gave no list of targets. The messages are the reference's, where it has one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpLookupError {
    /// The address cannot be asked.
    #[error(transparent)]
    Address(#[from] http::Error),
    /// No client can be made of the settings: a certificate is none, or cannot be read.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There was no answer.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// There was no answer within the interval.
    #[error("no answer within the refresh interval")]
    Timeout,
    /// The answer is not 200.
    #[error("server returned HTTP status {code} {reason}")]
    Status {
        /// The status.
        code: u16,
        /// What the server said of it.
        reason: Box<str>,
    },
    /// The answer is of another type.
    #[error("unsupported content type {}", Quoted(content_type))]
    ContentType {
        /// What it says it is.
        content_type: Box<str>,
    },
    /// The answer could not be read to its end.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The answer is no list of target groups.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A group is null, or has a label without a name.
    #[error("{0}")]
    Group(Box<str>),
}

impl From<GroupError> for HttpLookupError {
    fn from(error: GroupError) -> Self {
        Self::Group(error.to_string().into())
    }
}
