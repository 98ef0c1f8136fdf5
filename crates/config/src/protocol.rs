use std::fmt;

use narthex_exposition::ScrapeProtocol;
use narthex_model::quote::Quoted;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use crate::error::ProtocolProblem;

/// How a URL is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http`
    #[default]
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// Returns the scheme as URLs write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Scheme {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Scheme {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        match name.as_str() {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => Err(Error::custom(format_args!(
                "unknown scheme {}, must be http or https",
                Quoted(&name)
            ))),
        }
    }
}

/// Returns the formats of a list that a file writes.
pub(crate) fn protocols(
    names: Vec<Option<String>>,
) -> Result<Vec<ScrapeProtocol>, ProtocolProblem> {
    let names: Vec<String> = names.into_iter().map(Option::unwrap_or_default).collect();
    if names.is_empty() {
        return Err(ProtocolProblem::Empty);
    }
    let mut found = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if names[..index].iter().any(|other| other.eq_ignore_ascii_case(name)) {
            let protocols = names.iter().map(|name| name.as_str().into()).collect();
            return Err(ProtocolProblem::Duplicate { protocols });
        }
        let unknown = || ProtocolProblem::UnknownInList { name: name.as_str().into() };
        found.push(name.parse().map_err(|_| unknown())?);
    }
    Ok(found)
}

/// Returns the format of that name, or none for an empty one.
pub(crate) fn protocol(name: &str) -> Result<Option<ScrapeProtocol>, ProtocolProblem> {
    if name.is_empty() {
        return Ok(None);
    }
    let unknown = || ProtocolProblem::Unknown { name: name.into() };
    name.parse().map(Some).map_err(|_| unknown())
}
