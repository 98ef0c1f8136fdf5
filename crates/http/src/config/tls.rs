use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::source::{self, Inline};
use super::{HttpConfigError, SecretSource};
use crate::Secret;

/// How a client reaches a server by TLS: `tls_config`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "TlsFile")]
pub struct TlsConfig {
    /// The certificates, as PEM, that vouch for the server: those of the operating system by default.
    pub ca: Option<SecretSource>,
    /// What the client shows of itself, if anything.
    pub identity: Option<TlsIdentity>,
    /// The name that the server's certificate must have: that of the address where it is empty.
    pub server_name: Box<str>,
    /// Whether any certificate will do.
    pub insecure_skip_verify: bool,
    /// The oldest version to speak: 1.2 by default.
    pub min_version: Option<TlsVersion>,
    /// The newest version to speak: 1.3 by default.
    pub max_version: Option<TlsVersion>,
}

/// A certificate and its key, both as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsIdentity {
    /// The certificate, and those between it and an authority.
    pub certificate: SecretSource,
    /// The certificate's private key.
    pub key: SecretSource,
}

impl TlsConfig {
    /// Lets relative paths start at `directory`.
    pub fn set_directory(&mut self, directory: &Path) {
        source::set_directory(&mut self.ca, directory);
        if let Some(identity) = &mut self.identity {
            identity.certificate.set_directory(directory);
            identity.key.set_directory(directory);
        }
    }
}

impl Serialize for TlsConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        source::write(&mut map, "ca", self.ca.as_ref(), Inline::Shown)?;
        if let Some(TlsIdentity { certificate, key }) = &self.identity {
            source::write(&mut map, "cert", Some(certificate), Inline::Shown)?;
            source::write(&mut map, "key", Some(key), Inline::Masked)?;
        }
        if !self.server_name.is_empty() {
            map.serialize_entry("server_name", &self.server_name)?;
        }
        map.serialize_entry("insecure_skip_verify", &self.insecure_skip_verify)?;
        for (key, version) in [("min_version", self.min_version), ("max_version", self.max_version)]
        {
            if let Some(version) = version {
                map.serialize_entry(key, version.name())?;
            }
        }
        map.end()
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.0, of 1999. It can be configured, but nothing here speaks it.
    Tls10,
    /// TLS 1.1, of 2006. It can be configured, but nothing here speaks it.
    Tls11,
    /// TLS 1.2, of 2008.
    Tls12,
    /// TLS 1.3, of 2018.
    Tls13,
}

impl TlsVersion {
    /// Returns the name that configurations use, such as `TLS12`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls10 => "TLS10",
            Self::Tls11 => "TLS11",
            Self::Tls12 => "TLS12",
            Self::Tls13 => "TLS13",
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'de> Deserialize<'de> for TlsVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        [Self::Tls10, Self::Tls11, Self::Tls12, Self::Tls13]
            .into_iter()
            .find(|version| version.name() == name)
            .ok_or_else(|| D::Error::custom(format_args!("unknown TLS version: {name}")))
    }
}

/// `tls_config` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TlsFile {
    ca: Option<Secret>,
    cert: Option<Secret>,
    key: Option<Secret>,
    ca_file: Option<String>,
    cert_file: Option<String>,
    key_file: Option<String>,
    ca_ref: Option<String>,
    cert_ref: Option<String>,
    key_ref: Option<String>,
    server_name: Option<String>,
    insecure_skip_verify: Option<bool>,
    min_version: Option<TlsVersion>,
    max_version: Option<TlsVersion>,
}

impl TryFrom<TlsFile> for TlsConfig {
    type Error = HttpConfigError;

    fn try_from(file: TlsFile) -> Result<Self, HttpConfigError> {
        let ca = SecretSource::one_of(file.ca, file.ca_file, file.ca_ref)
            .map_err(|_| HttpConfigError::Authorities)?;
        let certificate = SecretSource::one_of(file.cert, file.cert_file, file.cert_ref)
            .map_err(|_| HttpConfigError::Certificates)?;
        let key = SecretSource::one_of(file.key, file.key_file, file.key_ref)
            .map_err(|_| HttpConfigError::Keys)?;
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(TlsIdentity { certificate, key }),
            (None, None) => None,
            (Some(_), None) => return Err(HttpConfigError::CertificateWithoutKey),
            (None, Some(_)) => return Err(HttpConfigError::KeyWithoutCertificate),
        };
        if let (Some(min), Some(max)) = (file.min_version, file.max_version)
            && max < min
        {
            return Err(HttpConfigError::TlsVersions);
        }
        Ok(Self {
            ca,
            identity,
            server_name: file.server_name.unwrap_or_default().into(),
            insecure_skip_verify: file.insecure_skip_verify.unwrap_or_default(),
            min_version: file.min_version,
            max_version: file.max_version,
        })
    }
}
