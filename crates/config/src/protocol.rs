use std::fmt;

use narthex_model::quote::Quoted;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use crate::error::ProtocolProblem;

/// How a URL is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http`
    #[default]
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// Returns the scheme as URLs write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A format that a scrape can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScrapeProtocol {
    /// Length-delimited protocol buffers.
    PrometheusProto,
    /// The text format, with names of the legacy charset.
    PrometheusText0_0_4,
    /// The text format, with quoted UTF-8 names.
    PrometheusText1_0_0,
    /// OpenMetrics before its release.
    OpenMetricsText0_0_1,
    /// OpenMetrics.
    OpenMetricsText1_0_0,
}

impl ScrapeProtocol {
    /// Every protocol, in order of their names.
    pub const ALL: [Self; 5] = [
        Self::OpenMetricsText0_0_1,
        Self::OpenMetricsText1_0_0,
        Self::PrometheusProto,
        Self::PrometheusText0_0_4,
        Self::PrometheusText1_0_0,
    ];

    /// What a scrape asks for when nothing is configured, most wanted first.
    pub const DEFAULT: [Self; 4] = [
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    /// What a scrape asks for when only native histograms are, most wanted first.
    pub const DEFAULT_WITH_HISTOGRAMS: [Self; 5] = [
        Self::PrometheusProto,
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    /// Returns the protocol of that name, as a configuration file writes it. Case counts.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.as_str() == name)
    }

    /// Returns the name that configuration files use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrometheusProto => "PrometheusProto",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
            Self::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            Self::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
        }
    }

    /// Returns whether this is a form of the text format.
    #[must_use]
    pub fn is_prometheus_text(self) -> bool {
        matches!(self, Self::PrometheusText0_0_4 | Self::PrometheusText1_0_0)
    }

    /// Returns the media type with its parameters, for `Accept` and `Content-Type` headers.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited"
            }
            Self::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            Self::PrometheusText1_0_0 => "text/plain;version=1.0.0",
            Self::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            Self::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
        }
    }
}

impl fmt::Display for ScrapeProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Scheme {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Scheme {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        match name.as_str() {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => Err(Error::custom(format_args!(
                "unknown scheme {}, must be http or https",
                Quoted(&name)
            ))),
        }
    }
}

impl Serialize for ScrapeProtocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Returns the formats of a list that a file writes.
pub(crate) fn protocols(
    names: Vec<Option<String>>,
) -> Result<Vec<ScrapeProtocol>, ProtocolProblem> {
    let names: Vec<String> = names.into_iter().map(Option::unwrap_or_default).collect();
    if names.is_empty() {
        return Err(ProtocolProblem::Empty);
    }
    let mut found = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if names[..index].iter().any(|other| other.eq_ignore_ascii_case(name)) {
            let protocols = names.iter().map(|name| name.as_str().into()).collect();
            return Err(ProtocolProblem::Duplicate { protocols });
        }
        let unknown = || ProtocolProblem::UnknownInList { name: name.as_str().into() };
        found.push(ScrapeProtocol::from_name(name).ok_or_else(unknown)?);
    }
    Ok(found)
}

/// Returns the format of that name, or none for an empty one.
pub(crate) fn protocol(name: &str) -> Result<Option<ScrapeProtocol>, ProtocolProblem> {
    if name.is_empty() {
        return Ok(None);
    }
    let unknown = || ProtocolProblem::Unknown { name: name.into() };
    ScrapeProtocol::from_name(name).map(Some).ok_or_else(unknown)
}
