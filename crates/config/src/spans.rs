use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use narthex_http::TlsConfig;
use narthex_yaml::{Position, null_as_default};
use serde::Deserialize;

use crate::error::{ConfigProblem, Flaw};
use crate::headers::{self, HeaderMap};
use crate::text::{self, DurationText};

/// The `tracing` section: where this server sends spans of its own work.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct TracingConfig {
    /// The protocol: gRPC by default.
    pub client_type: TracingClient,
    /// The address of the collector, `host:port`. Never empty.
    pub endpoint: String,
    /// The share of requests that are traced, from 0 to 1: 0 by default.
    #[serde(skip_serializing_if = "text::is_zero_float")]
    pub sampling_fraction: f64,
    /// Whether to speak without TLS: false by default.
    #[serde(skip_serializing_if = "text::is_false")]
    pub insecure: bool,
    /// How to reach the collector by TLS.
    #[serde(skip_serializing_if = "text::is_default")]
    pub tls_config: TlsConfig,
    /// Headers of every request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: HeaderMap,
    /// Whether requests are compressed with gzip: false by default.
    #[serde(
        rename = "compression",
        serialize_with = "write_gzip",
        skip_serializing_if = "text::is_false"
    )]
    pub gzip: bool,
    /// How long a request may take; zero for the default of the client, 10s.
    #[serde(serialize_with = "text::write_duration", skip_serializing_if = "Duration::is_zero")]
    pub timeout: Duration,
}

impl TracingConfig {
    pub(crate) fn resolve_paths(&mut self, directory: &Path) {
        self.tls_config.set_directory(directory);
    }
}

/// A protocol for spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TracingClient {
    /// `grpc`
    #[default]
    Grpc,
    /// `http`
    Http,
}

impl<'de> Deserialize<'de> for TracingClient {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "grpc" => Ok(Self::Grpc),
            "http" => Ok(Self::Http),
            other => Err(serde::de::Error::custom(format_args!(
                "expected tracing client type to be to be http or grpc, but got {other}"
            ))),
        }
    }
}

/// The section as a file writes it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TracingFile {
    client_type: Option<TracingClient>,
    endpoint: Option<String>,
    sampling_fraction: Option<f64>,
    insecure: Option<bool>,
    tls_config: Option<TlsConfig>,
    #[serde(deserialize_with = "null_as_default")]
    headers: HeaderMap,
    compression: Option<String>,
    timeout: Option<DurationText>,
}

impl TracingFile {
    /// Returns what holds. The section stands at `position`.
    pub(crate) fn resolve(self, position: Position) -> Result<TracingConfig, Flaw> {
        let flaw = |problem| Flaw::new(position, problem);
        headers::check_tracing(&self.headers).map_err(flaw)?;
        let endpoint = self.endpoint.unwrap_or_default();
        if endpoint.is_empty() {
            return Err(flaw(ConfigProblem::NoTracingEndpoint));
        }
        let gzip = match self.compression.as_deref() {
            None | Some("") => false,
            Some("gzip") => true,
            Some(other) => {
                return Err(flaw(ConfigProblem::TracingCompression { compression: other.into() }));
            }
        };
        Ok(TracingConfig {
            client_type: self.client_type.unwrap_or_default(),
            endpoint,
            sampling_fraction: self.sampling_fraction.unwrap_or_default(),
            insecure: self.insecure.unwrap_or_default(),
            tls_config: self.tls_config.unwrap_or_default(),
            headers: self.headers,
            gzip,
            timeout: self.timeout.map(|timeout| timeout.0).unwrap_or_default(),
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn write_gzip<S: serde::Serializer>(_: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("gzip")
}
