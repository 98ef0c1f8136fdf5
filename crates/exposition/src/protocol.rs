use std::fmt;
use std::str::FromStr;

use crate::page::PageFormat;

/// A format in which a page can be asked for and written, by the names of the reference's
/// `scrape_protocols`.
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

    /// Returns the name in a configuration, such as `PrometheusText0.0.4`.
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

    /// Returns which reader a page in this protocol needs.
    #[must_use]
    pub fn format(self) -> PageFormat {
        match self {
            Self::PrometheusProto => PageFormat::Protobuf,
            Self::PrometheusText0_0_4 | Self::PrometheusText1_0_0 => PageFormat::Text,
            Self::OpenMetricsText0_0_1 | Self::OpenMetricsText1_0_0 => PageFormat::OpenMetrics,
        }
    }

    /// Returns whether this is a form of the text format.
    #[must_use]
    pub fn is_prometheus_text(self) -> bool {
        self.format() == PageFormat::Text
    }

    /// Returns the media type with the parameters by which it is known.
    pub(crate) fn media_type(self) -> (&'static str, &'static [(&'static str, &'static str)]) {
        match self {
            Self::PrometheusProto => (
                "application/vnd.google.protobuf",
                &[("proto", "io.prometheus.client.MetricFamily"), ("encoding", "delimited")],
            ),
            Self::PrometheusText0_0_4 => ("text/plain", &[("version", "0.0.4")]),
            Self::PrometheusText1_0_0 => ("text/plain", &[("version", "1.0.0")]),
            Self::OpenMetricsText0_0_1 => ("application/openmetrics-text", &[("version", "0.0.1")]),
            Self::OpenMetricsText1_0_0 => ("application/openmetrics-text", &[("version", "1.0.0")]),
        }
    }
}

impl fmt::Display for ScrapeProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ScrapeProtocol {
    type Err = UnknownScrapeProtocol;

    fn from_str(name: &str) -> Result<Self, UnknownScrapeProtocol> {
        let known = Self::ALL.into_iter().find(|protocol| protocol.as_str() == name);
        known.ok_or_else(|| UnknownScrapeProtocol { name: name.into() })
    }
}

/// A name of no scrape protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scrape protocol {name}")]
pub struct UnknownScrapeProtocol {
    /// The name.
    pub name: Box<str>,
}
