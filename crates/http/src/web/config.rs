use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use narthex_model::quote::Quoted;
use narthex_yaml::{Spanned, YamlError, null_as_default};
use rustls::{CipherSuite, NamedGroup};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::tls;
use crate::Secret;
use crate::config::{SecretSource, TlsVersion};

/// The web configuration file: how a server listens, and to whom.
///
/// # Source
///
/// `web/tls_config.go` of `github.com/prometheus/exporter-toolkit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// TLS, where the server speaks it.
    pub tls: Option<WebTlsConfig>,
    /// Whether to offer HTTP/2 by TLS: true by default.
    pub http2: bool,
    /// Headers of every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How many requests are answered.
    pub rate_limit: Option<RateLimit>,
    /// The users by name, with the bcrypt hashes of their passwords. Where there is none, everybody may
    /// ask.
    pub users: BTreeMap<String, Secret>,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            tls: None,
            http2: true,
            headers: Vec::new(),
            rate_limit: None,
            users: BTreeMap::new(),
        }
    }
}

/// How a server speaks TLS: `tls_server_config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebTlsConfig {
    /// The server's certificate, and those between it and an authority, as PEM.
    pub certificate: SecretSource,
    /// The certificate's private key, as PEM.
    pub key: SecretSource,
    /// What is asked of clients.
    pub client_auth: ClientAuth,
    /// The authorities that vouch for clients, as PEM.
    pub client_ca: Option<SecretSource>,
    /// Names of which a client's certificate must have one, if there are any.
    pub client_allowed_sans: Vec<String>,
    /// The suites of TLS 1.2 to speak; all good ones where there is none.
    pub(crate) cipher_suites: Vec<CipherSuite>,
    /// The curves to agree on keys with; all good ones where there is none.
    pub(crate) curves: Vec<NamedGroup>,
    /// The oldest version to speak: 1.2 by default.
    pub min_version: TlsVersion,
    /// The newest version to speak: 1.3 by default.
    pub max_version: TlsVersion,
}

/// What a server asks of a client's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nothing.
    #[default]
    NoClientCert,
    /// It may be shown, and is not checked.
    RequestClientCert,
    /// It must be shown, and is not checked.
    RequireAnyClientCert,
    /// It may be shown, and is checked then.
    VerifyClientCertIfGiven,
    /// It must be shown, and is checked.
    RequireAndVerifyClientCert,
}

impl ClientAuth {
    /// Returns whether only clients are let in whose certificate was checked.
    #[must_use]
    pub fn is_verified(self) -> bool {
        self == Self::RequireAndVerifyClientCert
    }
}

/// How many requests are answered: `burst` at once, then one each `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The most requests at once.
    pub burst: u32,
    /// The time until there may be one more. Never zero.
    pub interval: Duration,
}

/// Why a web configuration file is refused. The texts are the reference's where it has one; none
/// repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebConfigError {
    /// The file could not be read.
    #[error("open {path}: {cause}")]
    Read {
        /// The file.
        path: Box<str>,
        /// Why not.
        cause: Box<str>,
    },
    /// The text is no YAML, has an unknown key, or a value that does not fit its key.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A header may not be set.
    #[error("HTTP header {} can not be configured", Quoted(name))]
    Header {
        /// Its name.
        name: Box<str>,
    },
    /// A header may not have this value.
    #[error("invalid value for {name}. Expected one of: {expected}, but got: {}", Quoted(value))]
    HeaderValue {
        /// Its name.
        name: Box<str>,
        /// The values that it may have.
        expected: Box<str>,
        /// What was written.
        value: Box<str>,
    },
    /// A user's password is not hashed, or not by bcrypt.
    #[error("the password of user {} is no bcrypt hash: {cause}", Quoted(user))]
    Hash {
        /// The user.
        user: Box<str>,
        /// What is wrong.
        cause: Box<str>,
    },
    /// TLS without a certificate.
    #[error("missing one of cert or cert_file")]
    NoCertificate,
    /// TLS without a key.
    #[error("missing one of key or key_file")]
    NoKey,
    /// The policy for clients is none.
    #[error("invalid ClientAuth: {0}")]
    ClientAuth(Box<str>),
    /// Authorities for clients of whom nothing is asked.
    #[error("client CA's have been configured without a Client Auth Policy")]
    UnusedClientCa,
    /// A certificate or a key could not be used.
    #[error("{0}")]
    Tls(Box<str>),
}

impl WebConfig {
    /// Reads a file and everything that it names.
    ///
    /// # Errors
    ///
    /// [`WebConfigError`].
    pub fn load(path: &Path) -> Result<Self, WebConfigError> {
        let text = fs::read_to_string(path).map_err(|error| WebConfigError::Read {
            path: path.display().to_string().into(),
            cause: error.to_string().into(),
        })?;
        let config = Self::parse(&text, path.parent().unwrap_or(Path::new("")))?;
        if let Some(tls) = &config.tls {
            tls::server_config(tls, config.http2)?;
        }
        Ok(config)
    }

    /// Reads the text of a file. Relative paths in it start at `directory`.
    ///
    /// # Errors
    ///
    /// [`WebConfigError`], but for what is in the files that it names.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, WebConfigError> {
        // An empty file configures nothing.
        let file: Option<WebFile> = narthex_yaml::from_str(text)?;
        let file = file.unwrap_or_default();
        let http = file.http_server_config.unwrap_or_default();
        let users = file.basic_auth_users;
        for (user, hash) in &users {
            bcrypt::HashParts::from_str(hash.expose()).map_err(|error| WebConfigError::Hash {
                user: user.as_str().into(),
                cause: error.to_string().into(),
            })?;
        }
        let limit = file.rate_limit.unwrap_or_default();
        let interval = limit.interval.map_or(Duration::ZERO, |interval| interval.0);
        Ok(Self {
            tls: tls_config(file.tls_server_config.unwrap_or_default(), directory)?,
            http2: http.http2.unwrap_or(true),
            headers: headers(&http.headers)?,
            rate_limit: (!interval.is_zero()).then_some(RateLimit { burst: limit.burst, interval }),
            users,
        })
    }
}

fn tls_config(file: TlsFile, directory: &Path) -> Result<Option<WebTlsConfig>, WebConfigError> {
    let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let source = |inline: Option<Secret>, path: Option<String>| {
        let path = path.filter(|path| !path.is_empty());
        let file = path.map(|path| {
            let mut source = SecretSource::File(path.into());
            source.set_directory(directory);
            source
        });
        file.or_else(|| inline.filter(|text| !text.is_empty()).map(SecretSource::Inline))
    };
    let client_auth_given = given(&file.client_auth_type);
    let certificate = source(file.cert, file.cert_file);
    let key = source(file.key, file.key_file);
    let client_ca = source(file.client_ca, file.client_ca_file);
    if certificate.is_none() && key.is_none() && client_ca.is_none() && !client_auth_given {
        return Ok(None);
    }
    let client_auth = match file.client_auth_type.as_deref().unwrap_or_default() {
        "" | "NoClientCert" => ClientAuth::NoClientCert,
        "RequestClientCert" => ClientAuth::RequestClientCert,
        "RequireAnyClientCert" | "RequireClientCert" => ClientAuth::RequireAnyClientCert,
        "VerifyClientCertIfGiven" => ClientAuth::VerifyClientCertIfGiven,
        "RequireAndVerifyClientCert" => ClientAuth::RequireAndVerifyClientCert,
        other => return Err(WebConfigError::ClientAuth(other.into())),
    };
    let certificate = certificate.ok_or(WebConfigError::NoCertificate)?;
    let key = key.ok_or(WebConfigError::NoKey)?;
    if client_ca.is_some() && client_auth == ClientAuth::NoClientCert {
        return Err(WebConfigError::UnusedClientCa);
    }
    Ok(Some(WebTlsConfig {
        certificate,
        key,
        client_auth,
        client_ca,
        client_allowed_sans: file.client_allowed_sans,
        cipher_suites: file.cipher_suites.into_iter().filter_map(|cipher| cipher.value.0).collect(),
        curves: file.curve_preferences.into_iter().map(|curve| curve.value.0).collect(),
        min_version: file.min_version.unwrap_or(TlsVersion::Tls12),
        max_version: file.max_version.unwrap_or(TlsVersion::Tls13),
    }))
}

fn headers(
    written: &BTreeMap<String, String>,
) -> Result<Vec<(HeaderName, HeaderValue)>, WebConfigError> {
    let check = |(name, value): (&String, &String)| {
        let refused = || WebConfigError::Header { name: name.as_str().into() };
        let (_, expected) = HEADERS.iter().find(|(known, _)| known == name).ok_or_else(refused)?;
        if !expected.is_empty() && !expected.contains(&value.as_str()) {
            let quoted: Vec<_> = expected.iter().map(|value| format!("\"{value}\"")).collect();
            return Err(WebConfigError::HeaderValue {
                name: name.as_str().into(),
                expected: format!("[{}]", quoted.join(" ")).into(),
                value: value.as_str().into(),
            });
        }
        let parsed = HeaderName::try_from(name).ok().zip(HeaderValue::from_str(value).ok());
        parsed.ok_or_else(refused)
    };
    written.iter().map(check).collect()
}

/// The headers that may be set, with the values that they may have; any where there is none.
const HEADERS: &[(&str, &[&str])] = &[
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// The file as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WebFile {
    tls_server_config: Option<TlsFile>,
    http_server_config: Option<HttpFile>,
    rate_limit: Option<RateLimitFile>,
    #[serde(deserialize_with = "null_as_default")]
    basic_auth_users: BTreeMap<String, Secret>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TlsFile {
    cert: Option<Secret>,
    key: Option<Secret>,
    client_ca: Option<Secret>,
    cert_file: Option<String>,
    key_file: Option<String>,
    client_auth_type: Option<String>,
    client_ca_file: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    cipher_suites: Vec<Spanned<Cipher>>,
    #[serde(deserialize_with = "null_as_default")]
    curve_preferences: Vec<Spanned<Curve>>,
    min_version: Option<TlsVersion>,
    max_version: Option<TlsVersion>,
    /// The server's order always wins here.
    prefer_server_cipher_suites: Option<bool>,
    #[serde(deserialize_with = "null_as_default")]
    client_allowed_sans: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HttpFile {
    http2: Option<bool>,
    #[serde(deserialize_with = "null_as_default")]
    headers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RateLimitFile {
    burst: u32,
    interval: Option<Interval>,
}

struct Interval(Duration);

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        narthex_model::duration::parse(&text).map(Self).map_err(D::Error::custom)
    }
}

/// A suite, or one that Go speaks and nothing here does.
#[derive(Clone, Copy)]
struct Cipher(Option<CipherSuite>);

impl<'de> Deserialize<'de> for Cipher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = CIPHERS.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, suite)| Self(*suite))
            .ok_or_else(|| D::Error::custom(format_args!("unknown cipher: {name}")))
    }
}

/// The suites that Go knows. Those of TLS 1.3 cannot be chosen, and those without authenticated
/// encryption are not spoken here.
const CIPHERS: &[(&str, Option<CipherSuite>)] = &[
    ("TLS_AES_128_GCM_SHA256", None),
    ("TLS_AES_256_GCM_SHA384", None),
    ("TLS_CHACHA20_POLY1305_SHA256", None),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", None),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", None),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
];

#[derive(Clone, Copy)]
struct Curve(NamedGroup);

impl<'de> Deserialize<'de> for Curve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        match &*name {
            "CurveP256" => Ok(Self(NamedGroup::secp256r1)),
            "CurveP384" => Ok(Self(NamedGroup::secp384r1)),
            "CurveP521" => Ok(Self(NamedGroup::secp521r1)),
            "X25519" => Ok(Self(NamedGroup::X25519)),
            _ => Err(D::Error::custom(format_args!("unknown curve: {name}"))),
        }
    }
}
