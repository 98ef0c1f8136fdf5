//! Where a redirect leads, and whether what is meant for one host may go to another.

use http::header::LOCATION;
use http::{Response, Uri};

/// Returns where a response points, if it is a redirect.
pub(crate) fn location<B>(from: &Uri, response: &Response<B>) -> Option<Result<Uri, String>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    Some(match location.to_str() {
        Ok(location) => resolve(from, location),
        Err(error) => Err(format!("failed to parse Location header: {error}")),
    })
}

/// Returns whether what belongs to the host of `origin` stays with it when it goes to `next`: to the
/// same host or one below it, and not from a secure connection to a plain one.
///
/// # Source
///
/// `isDomainOrSubdomain` of Go's client and the reference's. The second half is ours.
pub(crate) fn stays(origin: &Uri, next: &Uri) -> bool {
    let host = |uri: &Uri| uri.host().unwrap_or_default().to_ascii_lowercase();
    let (parent, sub) = (host(origin), host(next));
    let weaker = origin.scheme_str() == Some("https") && next.scheme_str() != Some("https");
    // An IPv6 address may have a zone that looks like the end of a name.
    let below = || !sub.contains([':', '%']) && sub.ends_with(&format!(".{parent}"));
    !weaker && !parent.is_empty() && (sub == parent || below())
}

/// Returns the address that `text` is, which has to have a host.
pub(crate) fn parse(text: &str) -> Result<Uri, String> {
    let uri = text.parse::<Uri>().map_err(|error| error.to_string())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(uri),
        (Some("http" | "https"), _) => Err("http: no Host in request URL".to_owned()),
        (scheme, _) => {
            Err(format!("unsupported protocol scheme \"{}\"", scheme.unwrap_or_default()))
        }
    }
}

/// Returns the address that the reference `location` means on the page `from`.
fn resolve(from: &Uri, location: &str) -> Result<Uri, String> {
    let location = location.split('#').next().unwrap_or_default();
    let scheme = from.scheme_str().unwrap_or("http");
    let authority = from.authority().map_or("", |authority| authority.as_str());
    let path = from.path();
    parse(&if location.contains("://") {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{}", without_dots(location))
    } else if location.starts_with('?') || location.is_empty() {
        format!("{scheme}://{authority}{path}{location}")
    } else {
        let folder = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
        format!("{scheme}://{authority}{}", without_dots(&format!("{folder}{location}")))
    })
}

/// Returns a path, and what is behind it, without `.` and `..`.
fn without_dots(reference: &str) -> String {
    let (path, query) = reference.split_at(reference.find('?').unwrap_or(reference.len()));
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let folder = path.ends_with("/.") || path.ends_with("/..");
    format!("/{}{}{query}", kept.join("/"), if folder && !kept.is_empty() { "/" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_resolve_against_the_page() {
        for (location, expected) in [
            ("http://other:1/x", Ok("http://other:1/x")),
            ("//other/x", Ok("http://other/x")),
            ("/x?y=1#z", Ok("http://host:9/x?y=1")),
            ("x", Ok("http://host:9/a/x")),
            ("../x", Ok("http://host:9/x")),
            ("/a/./b/../../../c/..?d=..", Ok("http://host:9/?d=..")),
            ("?y", Ok("http://host:9/a/b?y")),
            ("", Ok("http://host:9/a/b")),
            ("https://other/", Ok("https://other/")),
            ("ftp://other/x", Err("unsupported protocol scheme \"ftp\"")),
            ("file:///etc/passwd", Err("invalid format")),
        ] {
            let from = "http://host:9/a/b?c=d".parse::<Uri>().unwrap();
            let resolved = resolve(&from, location).map(|uri| uri.to_string());
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(resolved, expected, "{location}");
        }
    }

    #[test]
    fn credentials_stay_with_a_host_and_those_below_it() {
        for (origin, next, expected) in [
            ("http://a/", "http://a:1/x", true),
            ("http://a/", "http://A/", true),
            ("http://a/", "http://b.a/", true),
            ("http://a/", "http://ba/", false),
            ("http://b.a/", "http://a/", false),
            ("http://a/", "https://a/", true),
            ("https://a/", "http://a/", false),
            ("http://127.0.0.1/", "http://127.0.0.2/", false),
        ] {
            let uri = |text: &str| text.parse::<Uri>().unwrap();
            assert_eq!(stays(&uri(origin), &uri(next)), expected, "{origin} {next}");
        }
    }
}
