use std::fmt;
use std::str::FromStr;

/// The `Content-Type` of a page that [`TextWriter`](crate::TextWriter) wrote.
pub const TEXT_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A format that a scraper offers to read, by the names of the reference's `scrape_protocols`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScrapeProtocol {
    /// The text format with UTF-8 names negotiated.
    PrometheusText1_0_0,
    /// The text format.
    PrometheusText0_0_4,
}

impl ScrapeProtocol {
    /// What this crate reads, best first.
    pub const ALL: &'static [Self] = &[Self::PrometheusText1_0_0, Self::PrometheusText0_0_4];

    /// Returns the name in a configuration, such as `PrometheusText0.0.4`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
        }
    }

    /// Returns the media range of an `Accept` header, without a weight.
    fn media_range(self) -> &'static str {
        match self {
            Self::PrometheusText1_0_0 => "text/plain;version=1.0.0;escaping=allow-utf-8",
            Self::PrometheusText0_0_4 => "text/plain;version=0.0.4",
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
        let known = Self::ALL.iter().find(|protocol| protocol.as_str() == name);
        known.copied().ok_or_else(|| UnknownScrapeProtocol { name: name.into() })
    }
}

/// A name of no scrape protocol that this crate reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scrape protocol {name}")]
pub struct UnknownScrapeProtocol {
    /// The name.
    pub name: Box<str>,
}

/// Returns the `Accept` header with which a scraper asks for `protocols`, best first, and for
/// anything else last.
///
/// # Source
///
/// `acceptHeader` in Prometheus `scrape/scrape.go`.
#[must_use]
pub fn accept_header(protocols: &[ScrapeProtocol]) -> String {
    let mut header = String::new();
    let mut weight = FIRST_WEIGHT;
    for protocol in protocols {
        header.push_str(protocol.media_range());
        header.push_str(&format!(";q=0.{weight},"));
        weight = weight.saturating_sub(1);
    }
    header.push_str(&format!("*/*;q=0.{weight}"));
    header
}

/// The weight of the best protocol, in tenths: one more than the five protocols that the reference
/// knows, however many are asked for.
const FIRST_WEIGHT: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_header_weighs_in_order() {
        assert_eq!(
            accept_header(ScrapeProtocol::ALL),
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,\
             */*;q=0.4"
        );
        assert_eq!(
            accept_header(&[ScrapeProtocol::PrometheusText0_0_4]),
            "text/plain;version=0.0.4;q=0.6,*/*;q=0.5"
        );
    }

    #[test]
    fn names_read_back() {
        for protocol in ScrapeProtocol::ALL {
            assert_eq!(protocol.as_str().parse(), Ok(*protocol));
        }
        assert!("prometheustext0.0.4".parse::<ScrapeProtocol>().is_err());
    }
}
