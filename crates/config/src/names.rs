//! Which names are legal, and how those that a peer cannot read are written.

use std::fmt;

use narthex_model::quote::Quoted;
use narthex_relabel::NameValidation;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

/// How to ask a target to write names outside the legacy charset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EscapingScheme {
    /// `allow-utf-8`: as they are, in quotes.
    #[default]
    AllowUtf8,
    /// `underscores`: with an underscore for each character that is not legal.
    Underscores,
    /// `dots`: so that dots can be told from underscores afterwards.
    Dots,
    /// `values`: so that the name can be restored.
    Values,
}

impl EscapingScheme {
    const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// Returns the name that configuration files and `Accept` headers use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    /// Returns the scheme of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == name)
    }

    /// Returns the scheme for who only says which names are legal.
    pub(crate) fn for_names(validation: NameValidation) -> Self {
        match validation {
            NameValidation::Utf8 => Self::AllowUtf8,
            NameValidation::Legacy => Self::Underscores,
        }
    }
}

impl fmt::Display for EscapingScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for EscapingScheme {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// `metric_name_validation_scheme` of a file; empty for an absent one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValidationText(pub(crate) Option<NameValidation>);

impl<'de> Deserialize<'de> for ValidationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "" => Ok(Self(None)),
            "utf8" => Ok(Self(Some(NameValidation::Utf8))),
            "legacy" => Ok(Self(Some(NameValidation::Legacy))),
            other => Err(D::Error::custom(format_args!(
                "unrecognized ValidationScheme: {}",
                Quoted(other)
            ))),
        }
    }
}

pub(crate) fn write_validation<S: Serializer>(
    value: &NameValidation,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match value {
        NameValidation::Utf8 => "utf8",
        NameValidation::Legacy => "legacy",
    })
}
