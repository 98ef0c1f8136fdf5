use std::time::Duration;

use narthex_config::ScrapeConfig;
use narthex_exposition::{ScrapeProtocol, accept_header};
use tokio::time::timeout;

use super::{Fetch, FetchError, Page};
use crate::scraper::Features;
use crate::target::Target;

/// What to ask a target for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The page's address.
    pub url: Box<str>,
    /// The path of the Unix socket to send the request to, in place of the host that the address names.
    pub unix_socket: Option<Box<str>>,
    /// The formats that are understood, as the header `Accept` lists them.
    pub accept: Box<str>,
    /// How long the target may take; it learns of it from a header.
    pub timeout: Duration,
    /// Whether the target may compress the page.
    pub compression: bool,
    /// Bytes of the body that are too many.
    pub body_size_max: usize,
}

impl Request {
    /// Returns what the job `config` asks `target` for. Start timestamps are best told by protobuf,
    /// which then comes first unless the job lists what it wants.
    #[must_use]
    pub fn new(config: &ScrapeConfig, target: &Target, features: Features) -> Self {
        let is_default = config.scrape_protocols == ScrapeProtocol::DEFAULT;
        let first =
            (features.start_timestamps && is_default).then_some(&ScrapeProtocol::PrometheusProto);
        let wanted = first.into_iter().chain(&config.scrape_protocols);
        let protocols: Vec<ScrapeProtocol> = wanted.copied().collect();
        let body_size_max = match config.limits.body_size_limit {
            0 => BODY_SIZE_MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX).min(BODY_SIZE_MAX),
        };
        Self {
            url: target.url.clone(),
            unix_socket: target.unix_socket.clone(),
            accept: accept_header(&protocols, config.metric_name_escaping_scheme).into(),
            timeout: target.timeout,
            compression: config.enable_compression,
            body_size_max,
        }
    }

    /// Asks for the page and puts its body, as it was sent, into `body`, which the caller cleared and
    /// reuses. It must be called on a tokio runtime with timers.
    ///
    /// # Errors
    ///
    /// [`FetchError`], also where the target takes too long.
    pub async fn send(&self, fetch: &dyn Fetch, body: &mut Vec<u8>) -> Result<Page, FetchError> {
        match timeout(self.timeout, fetch.fetch(self, body)).await {
            Ok(fetched) => fetched,
            Err(_) if body.is_empty() => {
                let (url, cause) = (self.url.clone(), "context deadline exceeded".into());
                Err(FetchError::Request { url, cause })
            }
            Err(_) => Err(FetchError::BodyTimeout),
        }
    }
}

/// Bytes that no page may have, whatever the configuration says.
const BODY_SIZE_MAX: usize = 1 << 30;
