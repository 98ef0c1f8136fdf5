//! Which proxy lies on the way to an address.

use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Uri};

use super::ClientError;
use super::address::literal;
use crate::Secret;
use crate::config::{ProxyChoice, ProxyConfig, Url};

/// The proxies of a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// Whether this machine is reached without a proxy, as it is unless one is meant for everything.
    except_local: bool,
    exceptions: Vec<Exception>,
}

/// One proxy.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    /// Its address, without the user.
    pub(crate) uri: Uri,
    /// The user and the password.
    pub(crate) credentials: Option<(String, Secret)>,
}

impl Proxy {
    fn new(url: &Url) -> Result<Self, ClientError> {
        // The scheme may be left out, as in the environment of most machines.
        let text = url.expose();
        let whole: Url =
            if text.contains("://") { url.clone() } else { format!("http://{text}").parse()? };
        let scheme = whole.scheme().unwrap_or_default();
        if !["http", "https", "socks5", "socks5h"].contains(&&*scheme) {
            return Err(ClientError::Proxy(format!("unsupported protocol scheme {scheme}").into()));
        }
        let host = whole.host().unwrap_or_default();
        let uri = Uri::builder().scheme(&*scheme).authority(host).path_and_query("/").build();
        let uri = uri.map_err(|error| ClientError::Proxy(error.to_string().into()))?;
        let credentials = whole.user_info().map(|info| {
            let (user, password) = info.split_once(':').unwrap_or((info, ""));
            (percent_decoded(user), Secret::from(percent_decoded(password)))
        });
        Ok(Self { uri, credentials })
    }

    pub(crate) fn is_socks(&self) -> bool {
        self.uri.scheme_str().is_some_and(|scheme| scheme.starts_with("socks5"))
    }

    /// Returns the header that shows the proxy its user.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.credentials.as_ref()?;
        basic(user, password.expose())
    }
}

impl Proxies {
    pub(crate) fn new(
        config: &ProxyConfig,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ClientError> {
        match &config.choice {
            ProxyChoice::None => Ok(Self::default()),
            ProxyChoice::Environment => Self::from_environment(environment),
            ProxyChoice::Url { url, no_proxy } => {
                let proxy = Proxy::new(url)?;
                Ok(Self {
                    http: Some(proxy.clone()),
                    https: Some(proxy),
                    except_local: !no_proxy.is_empty(),
                    exceptions: exceptions(no_proxy),
                })
            }
        }
    }

    fn from_environment(environment: impl Fn(&str) -> Option<String>) -> Result<Self, ClientError> {
        let variable = |name: &str| {
            let capitals = environment(&name.to_ascii_uppercase()).filter(|text| !text.is_empty());
            capitals.or_else(|| environment(name)).filter(|text| !text.is_empty())
        };
        let proxy = |name: &str| match variable(name) {
            Some(text) if text.contains("://") => Proxy::new(&text.parse()?).map(Some),
            Some(text) => Proxy::new(&format!("http://{text}").parse()?).map(Some),
            None => Ok(None),
        };
        Ok(Self {
            http: proxy("http_proxy")?,
            https: proxy("https_proxy")?,
            except_local: true,
            exceptions: exceptions(&variable("no_proxy").unwrap_or_default()),
        })
    }

    /// Returns the proxy on the way to `uri`, if there is one.
    pub(crate) fn of(&self, uri: &Uri) -> Option<&Proxy> {
        let secure = uri.scheme_str() == Some("https");
        let proxy = if secure { self.https.as_ref() } else { self.http.as_ref() }?;
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let host = host.trim_end_matches('.');
        let address = literal(host);
        let local = host == "localhost" || address.is_some_and(|address| address.is_loopback());
        if self.except_local && local {
            return None;
        }
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let excepted = self.exceptions.iter().any(|rule| rule.covers(host, address, port));
        (!excepted).then_some(proxy)
    }
}

/// What is reached without a proxy.
///
/// # Source
///
/// `golang.org/x/net/http/httpproxy`, which the reference uses.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    Everything,
    Network {
        address: IpAddr,
        prefix: u8,
    },
    Address {
        address: IpAddr,
        port: Option<u16>,
    },
    /// A name, with a point before it, and whether the name without that point counts.
    Domain {
        suffix: String,
        itself: bool,
        port: Option<u16>,
    },
}

impl Exception {
    fn covers(&self, host: &str, address: Option<IpAddr>, at_port: u16) -> bool {
        match self {
            Self::Everything => true,
            Self::Network { address: network, prefix } => {
                address.is_some_and(|address| is_within(address, *network, *prefix))
            }
            Self::Address { address: rule, port } => {
                address == Some(*rule) && port.is_none_or(|port| port == at_port)
            }
            Self::Domain { suffix, itself, port } => {
                (host.ends_with(&**suffix) || (*itself && host == &suffix[1..]))
                    && port.is_none_or(|port| port == at_port)
            }
        }
    }
}

fn exceptions(list: &str) -> Vec<Exception> {
    list.split(',').filter_map(|item| exception(&item.trim().to_ascii_lowercase())).collect()
}

fn exception(item: &str) -> Option<Exception> {
    if item == "*" {
        return Some(Exception::Everything);
    }
    if let Some((address, prefix)) = item.split_once('/')
        && let (Ok(address), Ok(prefix)) = (address.parse::<IpAddr>(), prefix.parse::<u8>())
        && prefix <= if address.is_ipv4() { 32 } else { 128 }
    {
        return Some(Exception::Network { address, prefix });
    }
    if let Ok(address) = item.parse() {
        return Some(Exception::Address { address, port: None });
    }
    let (host, port) = match item.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (item, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse() {
        return Some(Exception::Address { address, port });
    }
    let name = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
    if name.is_empty() {
        return None;
    }
    Some(match name.strip_prefix('.') {
        Some(_) => Exception::Domain { suffix: name.to_owned(), itself: false, port },
        None => Exception::Domain { suffix: format!(".{name}"), itself: true, port },
    })
}

/// Returns whether the first `prefix` bits of two addresses of one kind agree.
fn is_within(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, true),
        IpAddr::V6(address) => (address.to_bits(), false),
    };
    let ((address, kind), (network, network_kind)) = (bits(address), bits(network));
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    kind == network_kind && address & mask == network & mask
}

/// Returns the header value for a name and a password, unless they cannot be sent.
pub(crate) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {pair}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns what a part of an address stands for. A `%` that is no escape stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(no_proxy: &str) -> Proxies {
        let url = "http://proxy:3128".parse().unwrap();
        let choice = ProxyChoice::Url { url, no_proxy: no_proxy.into() };
        Proxies::new(&ProxyConfig { choice, ..ProxyConfig::default() }, |_| None).unwrap()
    }

    #[test]
    fn exceptions_are_those_of_go() {
        for (no_proxy, url, expected) in [
            ("", "http://localhost/", true),
            ("a", "http://localhost/", false),
            ("a", "http://127.0.0.9/", false),
            ("a", "http://a/", false),
            ("a", "http://b.a/", false),
            ("a", "http://ba/", true),
            (".a", "http://a/", true),
            (".a", "http://b.a/", false),
            ("*.a", "http://b.a/", false),
            ("*.a", "http://a/", true),
            ("a:80", "http://a/", false),
            ("a:80", "https://a/", true),
            ("10.0.0.0/8", "http://10.1.2.3:9/", false),
            ("10.0.0.0/8", "http://11.1.2.3/", true),
            ("10.0.0.0/0", "http://11.1.2.3/", false),
            ("fd00::/8", "http://[fd12::1]/", false),
            ("::1/128", "http://10.0.0.1/", true),
            ("10.0.0.1", "http://10.0.0.1/", false),
            ("10.0.0.1:80", "https://10.0.0.1/", true),
            ("[fd00::1]:80", "http://[fd00::1]/", false),
            ("x, *", "http://anything/", false),
            (" A ,,", "http://a/", false),
            ("a:b", "http://a/", true),
        ] {
            let uri: Uri = url.parse().unwrap();
            assert_eq!(proxies(no_proxy).of(&uri).is_some(), expected, "{no_proxy} {url}");
        }
    }

    #[test]
    fn the_environment_is_read_where_it_is_asked_for() {
        let config = ProxyConfig { choice: ProxyChoice::Environment, ..ProxyConfig::default() };
        let environment = |name: &str| match name {
            "HTTP_PROXY" => Some("u:p%20w@plain:1".to_owned()),
            "https_proxy" => Some("https://secure:2".to_owned()),
            "no_proxy" => Some("direct".to_owned()),
            _ => None,
        };
        let proxies = Proxies::new(&config, environment).unwrap();
        let of = |url: &str| proxies.of(&url.parse().unwrap()).map(|proxy| proxy.uri.to_string());
        assert_eq!(of("http://a/").as_deref(), Some("http://plain:1/"));
        assert_eq!(of("https://a/").as_deref(), Some("https://secure:2/"));
        assert_eq!(of("https://direct/"), None);
        let plain = proxies.of(&"http://a/".parse().unwrap()).unwrap();
        assert_eq!(plain.credentials, Some(("u".to_owned(), Secret::from("p w"))));
        let none = Proxies::new(&ProxyConfig::default(), environment).unwrap();
        assert!(none.of(&"http://a/".parse().unwrap()).is_none());
    }
}
