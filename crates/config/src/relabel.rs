use std::fmt;

/// One relabelling rule, as a file writes it, with the defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelabelConfig {
    /// The labels whose values are joined to the rule's input, in this order.
    pub source_labels: Vec<String>,
    /// What stands between the joined values: `;` by default.
    pub separator: String,
    /// What the whole input must match, in Go's syntax: `(.*)` by default.
    pub regex: String,
    /// The modulus of [`RelabelAction::HashMod`]; 0 elsewhere.
    pub modulus: u64,
    /// The label that the rule sets. May hold `$1` and `${name}` for [`RelabelAction::Replace`].
    pub target_label: String,
    /// What the label is set to: `$1` by default.
    pub replacement: String,
    /// What the rule does: [`RelabelAction::Replace`] by default.
    pub action: RelabelAction,
}

impl Default for RelabelConfig {
    fn default() -> Self {
        Self {
            source_labels: Vec::new(),
            separator: ";".to_owned(),
            regex: "(.*)".to_owned(),
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
