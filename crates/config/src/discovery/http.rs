use std::path::Path;
use std::time::Duration;

use narthex_http::{HttpClientConfig, HttpClientKeys, Url};
use narthex_yaml::{Position, deserialize_inline};
use serde::{Deserialize, Deserializer};

use super::{DiscoveryConfig, DiscoveryProblem, DiscoverySection};
use crate::error::{ConfigProblem, Flaw};
use crate::text::{self, DurationText};

/// Targets from a server that lists them in JSON.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct HttpDiscovery {
    /// How to reach the server.
    #[serde(flatten)]
    pub http: HttpClientConfig,
    /// How often to ask: 60s by default. Never zero.
    #[serde(serialize_with = "text::write_duration")]
    pub refresh_interval: Duration,
    /// The address of the list, by `http` or `https`.
    pub url: Url,
}

impl HttpDiscovery {
    pub(super) fn resolve_paths(&mut self, directory: &Path) {
        self.http.set_directory(directory);
    }
}

/// The section as a file writes it, with the keys of an HTTP client among its own.
pub(crate) struct HttpSection {
    own: OwnKeys,
    http: HttpClientKeys,
}

impl<'de> Deserialize<'de> for HttpSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut http = HttpClientKeys::default();
        Ok(Self { own: deserialize_inline(deserializer, &mut http)?, http })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OwnKeys {
    refresh_interval: Option<DurationText>,
    url: Option<String>,
}

impl DiscoverySection for HttpSection {
    fn resolve(self, position: Position) -> Result<DiscoveryConfig, Flaw> {
        let Self { own, http } = self;
        let url = address(&own.url.unwrap_or_default()).map_err(|it| Flaw::new(position, it))?;
        let http = HttpClientConfig::try_from(http)
            .map_err(|error| Flaw::new(position, ConfigProblem::Http(error)))?;
        Ok(DiscoveryConfig::Http(Box::new(HttpDiscovery {
            http,
            refresh_interval: text::nonzero(own.refresh_interval).unwrap_or(REFRESH_INTERVAL),
            url,
        })))
    }
}

fn address(text: &str) -> Result<Url, DiscoveryProblem> {
    if text.is_empty() {
        return Err(DiscoveryProblem::NoUrl);
    }
    let url = text.parse::<Url>().map_err(|error| DiscoveryProblem::Url { error })?;
    if !matches!(url.scheme().as_deref(), Some("http" | "https")) {
        return Err(DiscoveryProblem::UrlScheme);
    }
    match url.host() {
        Some(host) if !host.is_empty() => Ok(url),
        _ => Err(DiscoveryProblem::UrlHost),
    }
}

const REFRESH_INTERVAL: Duration = Duration::from_secs(60);
