use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::proxy::ProxyHeaders;
use super::source::{self, Inline};
use super::{HttpConfigError, ProxyConfig, SecretSource, TlsConfig, Url};
use crate::Secret;

/// Tokens from an OAuth2 server, without a user: RFC 6749, section 4.4, or RFC 7523.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2 {
    /// The client's name. Never empty.
    pub client_id: Box<str>,
    /// How the client shows that it is the one.
    pub grant: Grant,
    /// What the token is to be good for.
    pub scopes: Vec<String>,
    /// The server's address. Never empty.
    pub token_url: Url,
    /// More parameters of the request for a token.
    pub endpoint_params: BTreeMap<String, String>,
    /// How to reach the server by TLS.
    pub tls: TlsConfig,
    /// The proxy on the way to the server.
    pub proxy: ProxyConfig,
}

/// How an OAuth2 client shows that it is the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// By a secret that it shares with the server: `client_credentials`.
    ClientCredentials {
        /// The secret; none stands for the empty one.
        secret: Option<SecretSource>,
    },
    /// By a token that it signs itself: `urn:ietf:params:oauth:grant-type:jwt-bearer`.
    JwtBearer(JwtBearer),
}

/// The token that an OAuth2 client signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwtBearer {
    /// The private RSA key, as PEM.
    pub key: Option<SecretSource>,
    /// What names the key to the server; may be empty.
    pub key_id: Box<str>,
    /// How the token is signed.
    pub algorithm: SignatureAlgorithm,
    /// Who issues the token: the client's name where it is empty.
    pub issuer: Box<str>,
    /// Whom the token is for: the server's address where it is empty.
    pub audience: Box<str>,
    /// More claims of the token.
    pub claims: BTreeMap<String, Value>,
}

/// How a token is signed: RSA with PKCS #1 padding over a hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// Over SHA-256.
    #[default]
    Rs256,
    /// Over SHA-384.
    Rs384,
    /// Over SHA-512.
    Rs512,
}

impl SignatureAlgorithm {
    /// Returns the name, such as `RS256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    fn from_name(name: &str) -> Result<Self, HttpConfigError> {
        match name {
            "" | "RS256" => Ok(Self::Rs256),
            "RS384" => Ok(Self::Rs384),
            "RS512" => Ok(Self::Rs512),
            _ => Err(HttpConfigError::SignatureAlgorithm),
        }
    }
}

impl OAuth2 {
    /// Lets relative paths start at `directory`.
    pub fn set_directory(&mut self, directory: &Path) {
        match &mut self.grant {
            Grant::ClientCredentials { secret } => source::set_directory(secret, directory),
            Grant::JwtBearer(jwt) => source::set_directory(&mut jwt.key, directory),
        }
        self.tls.set_directory(directory);
    }
}

impl Serialize for OAuth2 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("client_id", &self.client_id)?;
        match &self.grant {
            Grant::ClientCredentials { secret } => {
                source::write(&mut map, "client_secret", secret.as_ref(), Inline::Masked)?;
            }
            Grant::JwtBearer(jwt) => write_jwt(&mut map, jwt)?,
        }
        if !self.scopes.is_empty() {
            map.serialize_entry("scopes", &self.scopes)?;
        }
        map.serialize_entry("token_url", &self.token_url)?;
        if !self.endpoint_params.is_empty() {
            map.serialize_entry("endpoint_params", &self.endpoint_params)?;
        }
        if self.tls != TlsConfig::default() {
            map.serialize_entry("tls_config", &self.tls)?;
        }
        self.proxy.write(&mut map)?;
        map.end()
    }
}

fn write_jwt<M: SerializeMap>(map: &mut M, jwt: &JwtBearer) -> Result<(), M::Error> {
    if !jwt.key_id.is_empty() {
        map.serialize_entry("client_certificate_key_id", &jwt.key_id)?;
    }
    source::write(map, "client_certificate_key", jwt.key.as_ref(), Inline::Masked)?;
    map.serialize_entry("grant_type", GRANT_JWT_BEARER)?;
    map.serialize_entry("signature_algorithm", jwt.algorithm.name())?;
    for (key, value) in [("iss", &jwt.issuer), ("audience", &jwt.audience)] {
        if !value.is_empty() {
            map.serialize_entry(key, value)?;
        }
    }
    if !jwt.claims.is_empty() {
        map.serialize_entry("claims", &jwt.claims)?;
    }
    Ok(())
}

/// `oauth2` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OAuth2File {
    client_id: Option<String>,
    client_secret: Option<Secret>,
    client_secret_file: Option<String>,
    client_secret_ref: Option<String>,
    client_certificate_key_id: Option<String>,
    client_certificate_key: Option<Secret>,
    client_certificate_key_file: Option<String>,
    client_certificate_key_ref: Option<String>,
    grant_type: Option<String>,
    signature_algorithm: Option<String>,
    iss: Option<String>,
    audience: Option<String>,
    claims: Option<BTreeMap<String, Value>>,
    scopes: Option<Vec<String>>,
    token_url: Option<Url>,
    endpoint_params: Option<BTreeMap<String, String>>,
    tls_config: Option<TlsConfig>,
    proxy_url: Option<Url>,
    no_proxy: Option<String>,
    proxy_from_environment: Option<bool>,
    proxy_connect_header: Option<ProxyHeaders>,
}

impl TryFrom<OAuth2File> for OAuth2 {
    type Error = HttpConfigError;

    fn try_from(mut file: OAuth2File) -> Result<Self, HttpConfigError> {
        let proxy = ProxyConfig::checked(
            file.proxy_url.take(),
            file.no_proxy.take(),
            file.proxy_from_environment,
            file.proxy_connect_header.take(),
        )?;
        let client_id = file.client_id.take().filter(|id| !id.is_empty());
        let token_url = file.token_url.take().filter(|url| !url.is_empty());
        Ok(Self {
            client_id: client_id.ok_or(HttpConfigError::NoClientId)?.into(),
            token_url: token_url.ok_or(HttpConfigError::NoTokenUrl)?,
            scopes: file.scopes.take().unwrap_or_default(),
            endpoint_params: file.endpoint_params.take().unwrap_or_default(),
            tls: file.tls_config.take().unwrap_or_default(),
            proxy,
            grant: grant(file)?,
        })
    }
}

fn grant(file: OAuth2File) -> Result<Grant, HttpConfigError> {
    if file.grant_type.as_deref() != Some(GRANT_JWT_BEARER) {
        // Any other grant is taken for this one, as in the reference.
        let secret = SecretSource::one_of(
            file.client_secret,
            file.client_secret_file,
            file.client_secret_ref,
        );
        let secret = secret.map_err(|_| HttpConfigError::ClientSecrets)?;
        return Ok(Grant::ClientCredentials { secret });
    }
    let key = SecretSource::one_of(
        file.client_certificate_key,
        file.client_certificate_key_file,
        file.client_certificate_key_ref,
    );
    Ok(Grant::JwtBearer(JwtBearer {
        key: key.map_err(|_| HttpConfigError::ClientKeys)?,
        key_id: file.client_certificate_key_id.unwrap_or_default().into(),
        algorithm: SignatureAlgorithm::from_name(
            file.signature_algorithm.as_deref().unwrap_or_default(),
        )?,
        issuer: file.iss.unwrap_or_default().into(),
        audience: file.audience.unwrap_or_default().into(),
        claims: file.claims.unwrap_or_default(),
    }))
}

/// The name of the grant by a signed token.
pub(crate) const GRANT_JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
