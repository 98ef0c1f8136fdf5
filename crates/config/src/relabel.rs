use std::fmt;

use narthex_model::quote::Quoted;
use narthex_yaml::null_as_default;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use crate::text;

/// One relabelling rule, as a file writes it, with the defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelabelConfig {
    /// The labels whose values are joined to the rule's input, in this order.
    #[serde(deserialize_with = "text::label_names", skip_serializing_if = "Vec::is_empty")]
    pub source_labels: Vec<String>,
    /// What stands between the joined values: `;` by default.
    #[serde(deserialize_with = "null_as_default")]
    pub separator: String,
    /// What the whole input must match, in Go's syntax: `(.*)` by default.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default_regex")]
    pub regex: String,
    /// The modulus of [`RelabelAction::HashMod`]; 0 elsewhere.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "text::is_zero")]
    pub modulus: u64,
    /// The label that the rule sets. May hold `$1` and `${name}` for [`RelabelAction::Replace`].
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub target_label: String,
    /// What the label is set to: `$1` by default.
    #[serde(deserialize_with = "null_as_default")]
    pub replacement: String,
    /// What the rule does: [`RelabelAction::Replace`] by default.
    pub action: RelabelAction,
}

impl Default for RelabelConfig {
    fn default() -> Self {
        Self {
            source_labels: Vec::new(),
            separator: ";".to_owned(),
            regex: REGEX_DEFAULT.to_owned(),
            modulus: 0,
            target_label: String::new(),
            replacement: "$1".to_owned(),
            action: RelabelAction::Replace,
        }
    }
}

/// What a relabelling rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RelabelAction {
    /// Sets the target label to the replacement if the regex matches.
    #[default]
    Replace,
    /// Drops what the regex does not match.
    Keep,
    /// Drops what the regex matches.
    Drop,
    /// Drops what differs from the target label's value.
    KeepEqual,
    /// Drops what equals the target label's value.
    DropEqual,
    /// Sets the target label to the modulus of a hash.
    HashMod,
    /// Copies labels whose names match to names made by the replacement.
    LabelMap,
    /// Deletes labels whose names match.
    LabelDrop,
    /// Deletes labels whose names do not match.
    LabelKeep,
    /// Sets the target label to the input in lower case.
    Lowercase,
    /// Sets the target label to the input in upper case.
    Uppercase,
}

impl RelabelAction {
    /// Every action.
    pub const ALL: [Self; 11] = [
        Self::Replace,
        Self::Keep,
        Self::Drop,
        Self::KeepEqual,
        Self::DropEqual,
        Self::HashMod,
        Self::LabelMap,
        Self::LabelDrop,
        Self::LabelKeep,
        Self::Lowercase,
        Self::Uppercase,
    ];

    /// Returns the action of that name, in upper or lower case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str().eq_ignore_ascii_case(name))
    }

    /// Returns the name that configuration files use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }
}

impl fmt::Display for RelabelAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RelabelAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RelabelAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        if name.is_empty() {
            return Err(Error::custom("relabel action cannot be empty"));
        }
        Self::from_name(&name)
            .ok_or_else(|| Error::custom(format_args!("unknown relabel action {}", Quoted(&name))))
    }
}

fn is_default_regex(regex: &str) -> bool {
    regex == REGEX_DEFAULT
}

const REGEX_DEFAULT: &str = "(.*)";
