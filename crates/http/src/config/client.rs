use std::path::Path;

use narthex_yaml::{Inline, deserialize_inline};
use serde::de::{Deserialize, Deserializer, Error, MapAccess};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::auth::{AuthorizationFile, BasicAuthFile};
use super::headers;
use super::oauth2::OAuth2File;
use super::proxy::ProxyHeaders;
use super::{
    Auth, Authorization, Headers, HttpConfigError, OAuth2, ProxyConfig, SecretSource, TlsConfig,
    Url,
};
use crate::Secret;

/// How an HTTP client reaches a server: the keys that sections such as a scrape job, a discovery or a
/// remote write have among their own.
///
/// It can be read for itself. [`HttpClientKeys`] reads it from among a section's other keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpClientConfig {
    /// How the client says who it is, if it does.
    pub auth: Option<Auth>,
    /// How to reach servers whose address begins with `https`.
    pub tls: TlsConfig,
    /// Whether to go where a redirect points: true by default.
    pub follow_redirects: bool,
    /// Whether to speak HTTP/2 with servers that offer it by TLS: true by default.
    pub enable_http2: bool,
    /// The proxy on the way.
    pub proxy: ProxyConfig,
    /// Headers of every request.
    pub http_headers: Headers,
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        Self {
            auth: None,
            tls: TlsConfig::default(),
            follow_redirects: true,
            enable_http2: true,
            proxy: ProxyConfig::default(),
            http_headers: Headers::new(),
        }
    }
}

impl HttpClientConfig {
    /// Lets relative paths start at `directory`, that of the configuration file.
    pub fn set_directory(&mut self, directory: &Path) {
        self.tls.set_directory(directory);
        if let Some(auth) = &mut self.auth {
            auth.set_directory(directory);
        }
        for header in self.http_headers.values_mut() {
            header.set_directory(directory);
        }
    }
}

impl Serialize for HttpClientConfig {
    /// Writes the keys as the reference does, secrets as `<secret>`. `#[serde(flatten)]` puts them among
    /// those of a section.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.auth {
            None => {}
            Some(Auth::Basic(auth)) => map.serialize_entry("basic_auth", auth)?,
            Some(Auth::Authorization(auth)) => map.serialize_entry("authorization", auth)?,
            Some(Auth::OAuth2(auth)) => map.serialize_entry("oauth2", auth)?,
        }
        if self.tls != TlsConfig::default() {
            map.serialize_entry("tls_config", &self.tls)?;
        }
        map.serialize_entry("follow_redirects", &self.follow_redirects)?;
        map.serialize_entry("enable_http2", &self.enable_http2)?;
        self.proxy.write(&mut map)?;
        if !self.http_headers.is_empty() {
            map.serialize_entry("http_headers", &self.http_headers)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for HttpClientConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = HttpClientKeys::default();
        let NoOtherKeys {} = deserialize_inline(deserializer, &mut keys)?;
        Self::try_from(keys).map_err(D::Error::custom)
    }
}

/// The keys of an HTTP client as they are written, for sections that have them among their own.
///
/// ```
/// use narthex_http::{HttpClientConfig, HttpClientKeys};
/// use serde::de::{Deserialize, Deserializer, Error};
///
/// struct Discovery {
///     own: OwnKeys,
///     http: HttpClientConfig,
/// }
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct OwnKeys {
///     url: String,
/// }
///
/// impl<'de> Deserialize<'de> for Discovery {
///     fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
///         let mut keys = HttpClientKeys::default();
///         let own = narthex_yaml::deserialize_inline(deserializer, &mut keys)?;
///         let http = HttpClientConfig::try_from(keys).map_err(D::Error::custom)?;
///         Ok(Self { own, http })
///     }
/// }
///
/// let section: Discovery = narthex_yaml::from_str("url: http://sd\nfollow_redirects: false\n")?;
/// assert_eq!(section.own.url, "http://sd");
/// assert!(!section.http.follow_redirects);
/// # Ok::<(), narthex_yaml::YamlError>(())
/// ```
#[derive(Debug, Default)]
pub struct HttpClientKeys {
    basic_auth: Option<BasicAuthFile>,
    authorization: Option<AuthorizationFile>,
    oauth2: Option<OAuth2File>,
    bearer_token: Option<Secret>,
    bearer_token_file: Option<String>,
    tls_config: Option<TlsConfig>,
    follow_redirects: Option<bool>,
    enable_http2: Option<bool>,
    proxy_url: Option<Url>,
    no_proxy: Option<String>,
    proxy_from_environment: Option<bool>,
    proxy_connect_header: Option<ProxyHeaders>,
    http_headers: Option<Headers>,
}

/// A section without keys of its own.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoOtherKeys {}

impl HttpClientKeys {
    /// Every key, for sections with more blocks than this one.
    pub const NAMES: &'static [&'static str] = &[
        "basic_auth",
        "authorization",
        "oauth2",
        "bearer_token",
        "bearer_token_file",
        "tls_config",
        "follow_redirects",
        "enable_http2",
        "proxy_url",
        "no_proxy",
        "proxy_from_environment",
        "proxy_connect_header",
        "http_headers",
    ];

    /// Sets whether to speak HTTP/2 where the section does not say, for sections whose default is not
    /// that of [`HttpClientConfig`].
    pub fn set_http2_default(&mut self, enable_http2: bool) {
        self.enable_http2.get_or_insert(enable_http2);
    }

    /// Makes a user that the section gives by keys of its own that of `basic_auth`. Returns whether
    /// there was none yet.
    pub fn set_basic_auth(&mut self, username: Option<Secret>, password: Option<Secret>) -> bool {
        let is_new = self.basic_auth.is_none();
        self.basic_auth.get_or_insert_with(|| BasicAuthFile::new(username, password));
        is_new
    }

    /// Returns whether the section has `authorization` or `oauth2`.
    #[must_use]
    pub fn has_authorization(&self) -> bool {
        self.authorization.is_some() || self.oauth2.is_some()
    }
}

impl Inline for HttpClientKeys {
    fn keys(&self) -> &'static [&'static [&'static str]] {
        &[Self::NAMES]
    }

    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "basic_auth" => self.basic_auth = map.next_value()?,
            "authorization" => self.authorization = map.next_value()?,
            "oauth2" => self.oauth2 = map.next_value()?,
            "bearer_token" => self.bearer_token = map.next_value()?,
            "bearer_token_file" => self.bearer_token_file = map.next_value()?,
            "tls_config" => self.tls_config = map.next_value()?,
            "follow_redirects" => self.follow_redirects = map.next_value()?,
            "enable_http2" => self.enable_http2 = map.next_value()?,
            "proxy_url" => self.proxy_url = map.next_value()?,
            "no_proxy" => self.no_proxy = map.next_value()?,
            "proxy_from_environment" => self.proxy_from_environment = map.next_value()?,
            "proxy_connect_header" => self.proxy_connect_header = map.next_value()?,
            _ => self.http_headers = map.next_value()?,
        }
        Ok(())
    }
}

impl TryFrom<HttpClientKeys> for HttpClientConfig {
    type Error = HttpConfigError;

    fn try_from(mut file: HttpClientKeys) -> Result<Self, HttpConfigError> {
        let auth = auth(&mut file)?;
        let proxy = ProxyConfig::checked(
            file.proxy_url,
            file.no_proxy,
            file.proxy_from_environment,
            file.proxy_connect_header,
        )?;
        let http_headers = file.http_headers.unwrap_or_default();
        headers::check(&http_headers)?;
        Ok(Self {
            auth,
            tls: file.tls_config.unwrap_or_default(),
            follow_redirects: file.follow_redirects.unwrap_or(true),
            enable_http2: file.enable_http2.unwrap_or(true),
            proxy,
            http_headers,
        })
    }
}

/// The checks come in the reference's order, so that of two flaws the same one is reported.
fn auth(file: &mut HttpClientKeys) -> Result<Option<Auth>, HttpConfigError> {
    let bearer =
        SecretSource::one_of(file.bearer_token.take(), file.bearer_token_file.take(), None)
            .map_err(|_| HttpConfigError::BearerTokens)?;
    let (basic, oauth2) = (file.basic_auth.take(), file.oauth2.take());
    if bearer.is_some() && (basic.is_some() || oauth2.is_some()) {
        return Err(HttpConfigError::BearerAndOther);
    }
    let basic = basic.map(super::BasicAuth::try_from).transpose()?;
    let authorization = match (file.authorization.take(), bearer) {
        (Some(_), Some(_)) => return Err(HttpConfigError::BearerAndAuthorization),
        (Some(written), None) => Some(Authorization::try_from(written)?),
        (None, bearer) => bearer.map(Authorization::bearer),
    };
    match (basic, authorization, oauth2) {
        (None, None, None) => Ok(None),
        (Some(basic), None, None) => Ok(Some(Auth::Basic(basic))),
        (None, Some(authorization), None) => Ok(Some(Auth::Authorization(authorization))),
        (None, None, Some(oauth2)) => Ok(Some(Auth::OAuth2(Box::new(OAuth2::try_from(oauth2)?)))),
        _ => Err(HttpConfigError::SeveralAuths),
    }
}
