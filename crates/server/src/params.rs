//! The parameters of a request: those of its URL and, for a form, those of its body.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, Method};
use narthex_model::Matcher;

use crate::answer::ApiError;
use crate::time::{DurationError, parse_duration_ns, parse_time};

/// The parameters by name, in the order in which they were sent: the body's before the URL's.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(Box<str>, Box<str>)>,
    /// Whether the answer may be compressed.
    pub(crate) accepts_gzip: bool,
}

/// Some groups of rules.
#[derive(Debug)]
pub(crate) struct GroupPage {
    pub(crate) groups_max: usize,
    /// What stands for the first one; empty for the beginning.
    pub(crate) token: Box<str>,
}

impl Params {
    /// Returns the first value of `name`, or the empty string: the API treats both alike.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Returns every value of `name`.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(key, _)| **key == *name).map(|(_, value)| &**value)
    }

    /// Returns a time in milliseconds since the Unix epoch, or `default_ms`.
    pub(crate) fn time_or(&self, name: &str, default_ms: i64) -> Result<i64, ApiError> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(default_ms);
        }
        parse_time(text).ok_or_else(|| {
            let reason = format!(
                "invalid time value for '{name}': cannot parse {} to a valid timestamp",
                quoted(text)
            );
            ApiError::invalid_parameter(name, reason)
        })
    }

    /// Returns a time that must be there.
    pub(crate) fn time(&self, name: &str) -> Result<i64, ApiError> {
        let text = self.get(name);
        parse_time(text).ok_or_else(|| {
            let reason = format!("cannot parse {} to a valid timestamp", quoted(text));
            ApiError::invalid_parameter(name, reason)
        })
    }

    /// Returns a duration in nanoseconds that must be there.
    pub(crate) fn duration_ns(&self, name: &str) -> Result<i64, ApiError> {
        duration_ns(self.get(name)).map_err(|reason| ApiError::invalid_parameter(name, reason))
    }

    /// Returns how long the query may take, where the request says so. A negative time is over at
    /// once.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, ApiError> {
        if self.get("timeout").is_empty() {
            return Ok(None);
        }
        let ns = self.duration_ns("timeout")?;
        Ok(Some(Duration::from_nanos(u64::try_from(ns).unwrap_or(0))))
    }

    /// Returns the lookback delta, where the request names one that is not zero.
    pub(crate) fn lookback_delta(&self) -> Result<Option<Duration>, ApiError> {
        let text = self.get("lookback_delta");
        if text.is_empty() {
            return Ok(None);
        }
        let ns = duration_ns(text).map_err(|reason| {
            ApiError::bad_data(format!("error parsing lookback delta duration: {reason}"))
        })?;
        Ok(u64::try_from(ns).ok().filter(|ns| *ns > 0).map(Duration::from_nanos))
    }

    /// Returns how many items are wanted; `None` for all of them.
    pub(crate) fn limit(&self) -> Result<Option<usize>, ApiError> {
        let text = self.get("limit");
        if text.is_empty() {
            return Ok(None);
        }
        let limit = go_integer(text).map_err(|e| ApiError::invalid_parameter("limit", e))?;
        let limit = usize::try_from(limit)
            .map_err(|_| ApiError::invalid_parameter("limit", "limit must be non-negative"))?;
        Ok(Some(limit).filter(|limit| *limit > 0))
    }

    /// Returns which part of the groups of rules is wanted, where not all of them are.
    pub(crate) fn group_page(&self) -> Result<Option<GroupPage>, ApiError> {
        let (limit, token) = (self.get("group_limit"), self.get("group_next_token"));
        if limit.is_empty() {
            if token.is_empty() {
                return Ok(None);
            }
            let reason = "group_limit needs to be present in order to paginate over the groups";
            return Err(ApiError::invalid_parameter("group_next_token", reason));
        }
        let invalid = |reason| ApiError::invalid_parameter("group_limit", reason);
        let count = go_integer(limit).map_err(|error| {
            let error = error.replacen("Atoi", "ParseInt", 1);
            invalid(format!("group_limit needs to be a valid number: {error}"))
        })?;
        match usize::try_from(count) {
            Ok(groups_max @ 1..) => Ok(Some(GroupPage { groups_max, token: token.into() })),
            _ => Err(invalid("group_limit needs to be greater than 0".to_owned())),
        }
    }

    /// Returns a limit of the metadata endpoints, where a negative number means none.
    pub(crate) fn metadata_limit(&self, name: &str) -> Result<Option<usize>, ApiError> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(None);
        }
        match go_integer(text) {
            Ok(limit) => Ok(usize::try_from(limit).ok()),
            Err(_) => Err(ApiError::bad_data(format!("{name} must be a number"))),
        }
    }

    /// Returns the matchers of each `match[]`. A selector that would take every series is an error.
    pub(crate) fn selectors(&self) -> Result<Vec<Vec<Matcher>>, Box<str>> {
        let mut selectors = Vec::new();
        for text in self.all("match[]") {
            selectors.push(crate::engine::parse_selector(text)?);
        }
        if selectors.iter().any(|matchers| matchers.iter().all(Matcher::matches_empty)) {
            return Err("match[] must contain at least one non-empty matcher".into());
        }
        Ok(selectors)
    }

    fn extend(&mut self, encoded: &[u8]) {
        let boxed = |text: Cow<'_, str>| Box::from(&*text);
        let pairs = form_urlencoded::parse(encoded);
        self.pairs.extend(pairs.map(|(name, value)| (boxed(name), boxed(value))));
    }
}

impl<S: Sync> FromRequest<S> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let mut params = Self { accepts_gzip: accepts_gzip(request.headers()), pairs: Vec::new() };
        let query = request.uri().query().unwrap_or_default().to_owned();
        if request.method() == Method::POST && is_form(request.headers()) {
            let body = read_form(request).await?;
            params.extend(&body);
        }
        params.extend(query.as_bytes());
        Ok(params)
    }
}

async fn read_form(request: Request) -> Result<bytes::Bytes, ApiError> {
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), FORM_SIZE_MAX));
    match read.await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => Err(ApiError::bad_data(format!("error parsing form values: {error}"))),
        Err(_) => Err(ApiError::bad_data("error parsing form values: the body took too long")),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Returns whether an `Accept-Encoding` header lists gzip, and not to refuse it.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00"))
    })
}

fn duration_ns(text: &str) -> Result<i64, String> {
    parse_duration_ns(text).map_err(|error| {
        let overflow = match error {
            DurationError::Syntax => "",
            DurationError::Overflow => ". It overflows int64",
        };
        format!("cannot parse {} to a valid duration{overflow}", quoted(text))
    })
}

/// Reads what Go's `strconv.Atoi` reads, with its errors.
fn go_integer(text: &str) -> Result<i64, String> {
    text.parse::<i64>().map_err(|error| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let reason = match error.kind() {
            PosOverflow | NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.Atoi: parsing {}: {reason}", quoted(text))
    })
}

pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = narthex_model::quote::write_quoted(&mut out, text);
    out
}

/// The largest form, as in Go's `net/http`.
const FORM_SIZE_MAX: usize = 10 << 20;
/// How long a client may take to send a body.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn params(encoded: &str) -> Params {
        let mut params = Params::default();
        params.extend(encoded.as_bytes());
        params
    }

    #[test]
    fn parameters_are_decoded() {
        let params = params("query=up%7Bjob%3D%22a+b%22%7D&match[]=x&match%5B%5D=y&empty=");
        assert_eq!(params.get("query"), "up{job=\"a b\"}");
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!((params.get("empty"), params.get("missing")), ("", ""));
    }

    #[test]
    fn gzip_is_negotiated() {
        for (header, expected) in [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("br, gzip; q=0", false),
            ("identity", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, header.parse().unwrap());
            assert_eq!(accepts_gzip(&headers), expected, "{header}");
        }
    }

    #[test]
    fn errors_have_the_words_of_the_reference() {
        let text = |error: ApiError| error.to_string();
        let bad = params("time=x&limit=x&timeout=y&lookback_delta=z");
        assert_eq!(
            bad.time_or("time", 0).map_err(text),
            Err("invalid parameter \"time\": invalid time value for 'time': \
                 cannot parse \"x\" to a valid timestamp"
                .to_owned())
        );
        assert_eq!(
            bad.limit().map_err(text),
            Err("invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax"
                .to_owned())
        );
        assert_eq!(
            bad.timeout().map_err(text),
            Err("invalid parameter \"timeout\": cannot parse \"y\" to a valid duration".to_owned())
        );
        assert_eq!(
            bad.lookback_delta().map_err(text),
            Err("error parsing lookback delta duration: \
                 cannot parse \"z\" to a valid duration"
                .to_owned())
        );
        assert_eq!(
            params("limit=-1").limit().map_err(text),
            Err("invalid parameter \"limit\": limit must be non-negative".to_owned())
        );
    }
}
