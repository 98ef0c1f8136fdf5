use std::fmt;
use std::str::FromStr;

use narthex_model::quote::Quoted;

/// What a rule does. Its input is the values of the source labels, joined by the separator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Action {
    /// Sets the target label to the replacement where the regex matches the input. References such
    /// as `$1` are filled in, in the target label too; an empty result deletes the label.
    #[default]
    Replace,
    /// Drops the label set unless the regex matches the input.
    Keep,
    /// Drops the label set where the regex matches the input.
    Drop,
    /// Drops the label set unless the input equals the value of the target label.
    KeepEqual,
    /// Drops the label set where the input equals the value of the target label.
    DropEqual,
    /// Sets the target label to a hash of the input, modulo the modulus.
    HashMod,
    /// Copies each label whose name the regex matches to the name that the replacement makes of it.
    LabelMap,
    /// Deletes the labels whose names the regex matches.
    LabelDrop,
    /// Deletes the labels whose names the regex does not match.
    LabelKeep,
    /// Sets the target label to the input in lower case.
    Lowercase,
    /// Sets the target label to the input in upper case.
    Uppercase,
}

impl Action {
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

    /// Returns the action's word in configuration files.
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

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads the word of an action, in upper or lower case.
impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(word: &str) -> Result<Self, UnknownAction> {
        let mut actions = Self::ALL.into_iter();
        actions
            .find(|action| action.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| UnknownAction { word: word.into() })
    }
}

/// A word that names no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown relabel action {}", Quoted(word))]
pub struct UnknownAction {
    /// The word.
    pub word: Box<str>,
}
