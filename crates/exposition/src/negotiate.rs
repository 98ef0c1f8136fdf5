//! How scraper and target agree on a format.

use std::fmt;

use crate::escaping::EscapingScheme;
use crate::page::PageFormat;
use crate::protocol::ScrapeProtocol;

/// The `Content-Type` of a page that [`TextWriter`](crate::TextWriter) wrote.
pub const TEXT_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The most media ranges of an `Accept` header that are looked at.
pub const ACCEPT_RANGES_MAX: usize = 64;

/// Returns the `Accept` header with which a scraper asks for `protocols`, best first, and for
/// anything else last. Names may be escaped as `escaping` says.
///
/// ```
/// use narthex_exposition::{EscapingScheme, ScrapeProtocol, accept_header};
///
/// let protocols = [ScrapeProtocol::PrometheusText1_0_0, ScrapeProtocol::PrometheusText0_0_4];
/// assert_eq!(
///     accept_header(&protocols, EscapingScheme::AllowUtf8),
///     "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,\
///      */*;q=0.4"
/// );
/// ```
///
/// # Source
///
/// `acceptHeader` in Prometheus `scrape/scrape.go`.
#[must_use]
pub fn accept_header(protocols: &[ScrapeProtocol], escaping: EscapingScheme) -> String {
    let mut header = String::new();
    let mut weight = FIRST_WEIGHT;
    for protocol in protocols {
        let (media_type, params) = protocol.media_type();
        header.push_str(media_type);
        for (name, value) in params {
            header.push_str(&format!(";{name}={value}"));
        }
        if knows_escaping(*protocol) {
            header.push_str(&format!(";escaping={escaping}"));
        }
        header.push_str(&format!(";q=0.{weight},"));
        weight = weight.saturating_sub(1);
    }
    header.push_str(&format!("*/*;q=0.{weight}"));
    header
}

/// The weight of the best protocol, in tenths: one more than the five protocols that the reference
/// knows, however many are asked for.
const FIRST_WEIGHT: u8 = 6;

/// Returns whether a scraper may say how it wants names escaped in that protocol.
fn knows_escaping(protocol: ScrapeProtocol) -> bool {
    use ScrapeProtocol::{OpenMetricsText1_0_0, PrometheusText1_0_0};
    matches!(protocol, PrometheusText1_0_0 | OpenMetricsText1_0_0)
}

/// The format in which a page is written. It prints as the header `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentType {
    /// The format.
    pub protocol: ScrapeProtocol,
    /// What becomes of names outside the legacy charset.
    pub escaping: EscapingScheme,
}

impl ContentType {
    /// Returns the best format for a scraper that sent the header `accept`, which may be empty, out
    /// of those `offered`, best first. Where it wants none of them, it gets the text format if that is
    /// offered, and the best one otherwise. Names are escaped as the scraper says, by
    /// [`EscapingScheme::Underscores`] where it does not.
    ///
    /// ```
    /// use narthex_exposition::{ContentType, ScrapeProtocol};
    ///
    /// let offered = [ScrapeProtocol::OpenMetricsText1_0_0, ScrapeProtocol::PrometheusText0_0_4];
    /// let accept = "text/plain;version=0.0.4;q=0.3,\
    ///               application/openmetrics-text;version=1.0.0;escaping=values;q=0.6";
    /// assert_eq!(
    ///     ContentType::negotiate(accept, &offered).to_string(),
    ///     "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values"
    /// );
    /// ```
    ///
    /// # Source
    ///
    /// `NegotiateAccept` in prometheus/common `expfmt/encode.go`.
    #[must_use]
    pub fn negotiate(accept: &str, offered: &[ScrapeProtocol]) -> Self {
        let mut escaping = EscapingScheme::default();
        let mut ranges: Vec<MediaRange<'_>> =
            accept.split(',').take(ACCEPT_RANGES_MAX).map(MediaRange::parse).collect();
        // Stable: of two that are wanted alike, the first.
        ranges.sort_by(|left, right| {
            let specific = |range: &MediaRange<'_>| range.media_type.matches('*').count();
            right.weight.total_cmp(&left.weight).then(specific(left).cmp(&specific(right)))
        });
        for range in &ranges {
            if let Some(scheme) = range.param("escaping").and_then(|name| name.parse().ok()) {
                escaping = scheme;
            }
            if let Some(protocol) = offered.iter().find(|protocol| range.takes(**protocol)) {
                return Self { protocol: *protocol, escaping };
            }
        }
        let text = ScrapeProtocol::PrometheusText0_0_4;
        let protocol = if offered.contains(&text) { Some(&text) } else { offered.first() };
        Self { protocol: protocol.copied().unwrap_or(text), escaping }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (media_type, params) = self.protocol.media_type();
        f.write_str(media_type)?;
        for (name, value) in params {
            write!(f, "; {name}={value}")?;
        }
        if self.protocol.format() != PageFormat::Protobuf {
            f.write_str("; charset=utf-8")?;
        }
        write!(f, "; escaping={}", self.escaping)
    }
}

/// One of the things that a scraper takes.
#[derive(Debug)]
struct MediaRange<'a> {
    media_type: &'a str,
    params: &'a str,
    weight: f64,
}

impl<'a> MediaRange<'a> {
    fn parse(text: &'a str) -> Self {
        let (media_type, params) = text.split_once(';').unwrap_or((text, ""));
        let range = Self { media_type: media_type.trim(), params, weight: 1.0 };
        match range.param("q") {
            Some(weight) => Self { weight: weight.parse().unwrap_or(0.0), ..range },
            None => range,
        }
    }

    /// Returns the value of a parameter.
    fn param(&self, name: &str) -> Option<&'a str> {
        let params = self.params.split(';').filter_map(|param| param.split_once('='));
        let mut values = params.filter(|(key, _)| key.trim() == name);
        values.next().map(|(_, value)| value.trim())
    }

    fn takes(&self, protocol: ScrapeProtocol) -> bool {
        let (media_type, params) = protocol.media_type();
        let (main, _) = media_type.split_once('/').unwrap_or((media_type, ""));
        if self.media_type == "*/*" {
            return true;
        }
        if self.media_type != media_type && self.media_type.strip_suffix("/*") != Some(main) {
            return false;
        }
        params.iter().all(|(name, value)| {
            let default = match (*name, media_type) {
                ("version", "application/openmetrics-text") => "0.0.1",
                ("version", "text/plain") => "0.0.4",
                _ => "",
            };
            self.param(name).unwrap_or(default) == *value
        })
    }
}

#[cfg(test)]
mod tests {
    use ScrapeProtocol::{
        OpenMetricsText0_0_1, OpenMetricsText1_0_0, PrometheusProto, PrometheusText0_0_4,
        PrometheusText1_0_0,
    };

    use super::*;

    #[test]
    fn accept_header_weighs_in_order() {
        for (protocols, escaping, header) in [
            (
                &ScrapeProtocol::DEFAULT[..],
                EscapingScheme::AllowUtf8,
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            ),
            (
                &[PrometheusText1_0_0, PrometheusProto],
                EscapingScheme::Underscores,
                "text/plain;version=1.0.0;escaping=underscores;q=0.6,\
                 application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited;q=0.5,*/*;q=0.4",
            ),
            (
                &[PrometheusText0_0_4],
                EscapingScheme::AllowUtf8,
                "text/plain;version=0.0.4;q=0.6,*/*;q=0.5",
            ),
        ] {
            assert_eq!(accept_header(protocols, escaping), header);
        }
    }

    #[test]
    fn names_read_back() {
        for protocol in ScrapeProtocol::ALL {
            assert_eq!(protocol.as_str().parse(), Ok(protocol));
        }
        assert!("prometheustext0.0.4".parse::<ScrapeProtocol>().is_err());
    }

    #[test]
    fn what_is_asked_for_is_found() {
        let all = [
            OpenMetricsText1_0_0,
            OpenMetricsText0_0_1,
            PrometheusProto,
            PrometheusText1_0_0,
            PrometheusText0_0_4,
        ];
        let text = PrometheusText0_0_4;
        let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily";
        for (accept, offered, protocol) in [
            ("", &all[..], text),
            ("", &all[..2], OpenMetricsText1_0_0),
            ("image/png", &all, text),
            ("image/png", &[], text),
            ("text/plain", &all, text),
            ("text/plain;version=1.0.0", &all, PrometheusText1_0_0),
            ("text/plain;version=1.0.0", &[text], text),
            ("*/*", &[text, OpenMetricsText1_0_0], text),
            ("application/openmetrics-text", &all, OpenMetricsText0_0_1),
            ("application/openmetrics-text; version=1.0.0 ;q=0.1", &all, OpenMetricsText1_0_0),
            ("text/plain;q=0.5,application/openmetrics-text;q=0.6", &all, OpenMetricsText0_0_1),
            ("*/*,text/plain", &all, text),
            (
                &format!("{protobuf};encoding=delimited;q=0.7,text/plain;q=0.3"),
                &all,
                PrometheusProto,
            ),
            (&format!("{protobuf};encoding=text,text/plain;q=0.3"), &all, text),
        ] {
            assert_eq!(ContentType::negotiate(accept, offered).protocol, protocol, "{accept}");
        }
    }

    #[test]
    fn escaping_is_as_asked_for() {
        for (accept, escaping) in [
            ("text/plain", EscapingScheme::Underscores),
            ("text/plain;escaping=dots", EscapingScheme::Dots),
            ("text/plain;escaping=none", EscapingScheme::Underscores),
            ("image/png;escaping=values,text/plain;q=0.5", EscapingScheme::Values),
        ] {
            let found = ContentType::negotiate(accept, &[PrometheusText0_0_4]);
            assert_eq!(found.escaping, escaping, "{accept}");
        }
    }
}
