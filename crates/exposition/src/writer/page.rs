use super::family::Family;
use super::{openmetrics, protobuf, text};
use crate::negotiate::ContentType;
use crate::page::PageFormat;

/// Writes a page of `families` in the format `content_type`.
///
/// What a format cannot hold is left out: native histograms in text, exemplars and start timestamps
/// in Prometheus' text format. Names are not checked, and a family that comes twice stands there
/// twice.
///
/// ```
/// use narthex_exposition::{ContentType, EscapingScheme, Family, ScrapeProtocol, write_page};
/// use narthex_model::MetricType;
///
/// let mut family = Family::new("http.requests_total", MetricType::Counter, "Requests answered.");
/// family.number(&[("code", "200")], 1027.0);
/// let content_type = ContentType {
///     protocol: ScrapeProtocol::OpenMetricsText1_0_0,
///     escaping: EscapingScheme::Underscores,
/// };
/// let page = write_page(&[family], content_type);
/// assert_eq!(
///     String::from_utf8_lossy(&page).lines().collect::<Vec<_>>(),
///     [
///         "# HELP http_requests Requests answered.",
///         "# TYPE http_requests counter",
///         "http_requests_total{code=\"200\"} 1027.0",
///         "# EOF",
///     ]
/// );
/// ```
///
/// # Source
///
/// prometheus/common `expfmt`. Unlike it, gauge histograms in OpenMetrics have the suffixes that the
/// specification asks for, and histograms may count in floats.
#[must_use]
pub fn write_page(families: &[Family], content_type: ContentType) -> Vec<u8> {
    let escaping = content_type.escaping;
    match content_type.protocol.format() {
        PageFormat::Text => {
            let mut page = String::new();
            families.iter().for_each(|family| text::write(&mut page, family, escaping));
            page.into_bytes()
        }
        PageFormat::OpenMetrics => {
            let mut page = String::new();
            families.iter().for_each(|family| openmetrics::write(&mut page, family, escaping));
            page.push_str("# EOF\n");
            page.into_bytes()
        }
        PageFormat::Protobuf => {
            let mut page = Vec::new();
            families.iter().for_each(|family| protobuf::write(&mut page, family, escaping));
            page
        }
    }
}
