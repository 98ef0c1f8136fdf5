//! Which names are legal, and how those that a peer cannot read are written.

use narthex_exposition::EscapingScheme;
use narthex_model::quote::Quoted;
use narthex_relabel::NameValidation;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

/// Returns the scheme for who only says which names are legal.
pub(crate) fn escaping_for(validation: NameValidation) -> EscapingScheme {
    match validation {
        NameValidation::Utf8 => EscapingScheme::AllowUtf8,
        NameValidation::Legacy => EscapingScheme::Underscores,
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
