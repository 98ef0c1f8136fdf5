use std::path::Path;

use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::source::{self, Inline};
use super::{HttpConfigError, OAuth2, SecretSource};
use crate::Secret;

/// How a client says who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// By name and password: `basic_auth`.
    Basic(BasicAuth),
    /// By a header: `authorization`, and the older `bearer_token` and `bearer_token_file`.
    Authorization(Authorization),
    /// By tokens that another server hands out: `oauth2`.
    OAuth2(Box<OAuth2>),
}

impl Auth {
    /// Lets relative paths start at `directory`.
    pub fn set_directory(&mut self, directory: &Path) {
        match self {
            Self::Basic(auth) => {
                source::set_directory(&mut auth.username, directory);
                source::set_directory(&mut auth.password, directory);
            }
            Self::Authorization(auth) => source::set_directory(&mut auth.credentials, directory),
            Self::OAuth2(auth) => auth.set_directory(directory),
        }
    }
}

/// A name and a password: RFC 7617.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasicAuth {
    /// The name; none stands for the empty one.
    pub username: Option<SecretSource>,
    /// The password; none stands for the empty one.
    pub password: Option<SecretSource>,
}

impl Serialize for BasicAuth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        source::write(&mut map, "username", self.username.as_ref(), Inline::Shown)?;
        source::write(&mut map, "password", self.password.as_ref(), Inline::Masked)?;
        map.end()
    }
}

/// The header `Authorization: <kind> <credentials>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The scheme: `Bearer` by default. Never empty, never `basic`.
    pub kind: Box<str>,
    /// The credentials; none stands for the empty text.
    pub credentials: Option<SecretSource>,
}

impl Authorization {
    /// Returns the header for a bearer token.
    #[must_use]
    pub fn bearer(credentials: SecretSource) -> Self {
        Self { kind: BEARER.into(), credentials: Some(credentials) }
    }
}

impl Serialize for Authorization {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &self.kind)?;
        source::write(&mut map, "credentials", self.credentials.as_ref(), Inline::Masked)?;
        map.end()
    }
}

/// `basic_auth` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BasicAuthFile {
    username: Option<Secret>,
    username_file: Option<String>,
    username_ref: Option<String>,
    password: Option<Secret>,
    password_file: Option<String>,
    password_ref: Option<String>,
}

impl BasicAuthFile {
    pub(super) fn new(username: Option<Secret>, password: Option<Secret>) -> Self {
        Self { username, password, ..Self::default() }
    }
}

impl TryFrom<BasicAuthFile> for BasicAuth {
    type Error = HttpConfigError;

    fn try_from(file: BasicAuthFile) -> Result<Self, HttpConfigError> {
        Ok(Self {
            username: SecretSource::one_of(file.username, file.username_file, file.username_ref)
                .map_err(|_| HttpConfigError::Usernames)?,
            password: SecretSource::one_of(file.password, file.password_file, file.password_ref)
                .map_err(|_| HttpConfigError::Passwords)?,
        })
    }
}

/// `authorization` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuthorizationFile {
    r#type: Option<String>,
    credentials: Option<Secret>,
    credentials_file: Option<String>,
    credentials_ref: Option<String>,
}

impl TryFrom<AuthorizationFile> for Authorization {
    type Error = HttpConfigError;

    fn try_from(file: AuthorizationFile) -> Result<Self, HttpConfigError> {
        let credentials =
            SecretSource::one_of(file.credentials, file.credentials_file, file.credentials_ref)
                .map_err(|_| HttpConfigError::Credentials)?;
        let kind = match file.r#type.as_deref().map_or("", str::trim) {
            "" => BEARER,
            kind if kind.eq_ignore_ascii_case("basic") => {
                return Err(HttpConfigError::AuthorizationBasic);
            }
            kind => kind,
        };
        Ok(Self { kind: kind.into(), credentials })
    }
}

const BEARER: &str = "Bearer";
