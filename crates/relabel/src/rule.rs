use narthex_model::quote::Quoted;
use narthex_model::{Regex, RegexError, is_legacy_label_name};

use crate::action::Action;
use crate::template;

/// What a rule is made of, as a configuration writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleOptions {
    /// What the rule does.
    pub action: Action,
    /// The labels whose values make the input, in this order. A list that was written counts as
    /// given even if it is empty.
    pub source_labels: Option<Vec<String>>,
    /// What stands between the values in the input: `;` unless given.
    pub separator: String,
    /// The pattern, in Go's syntax, that must match the whole input or label name: `(.*)` unless
    /// given.
    pub regex: Option<String>,
    /// What the hash of [`Action::HashMod`] is taken modulo of.
    pub modulus: u64,
    /// The label that is set or compared; empty unless given.
    pub target_label: String,
    /// The value for the target label: `$1` unless given.
    pub replacement: String,
    /// Which label names are allowed.
    pub name_validation: NameValidation,
}

const SEPARATOR_DEFAULT: &str = ";";
const REGEX_DEFAULT: &str = "(.*)";
const REPLACEMENT_DEFAULT: &str = "$1";

impl Default for RuleOptions {
    fn default() -> Self {
        Self {
            action: Action::Replace,
            source_labels: None,
            separator: SEPARATOR_DEFAULT.to_owned(),
            regex: None,
            modulus: 0,
            target_label: String::new(),
            replacement: REPLACEMENT_DEFAULT.to_owned(),
            name_validation: NameValidation::Utf8,
        }
    }
}

/// Which label names a rule may set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NameValidation {
    /// Any text but the empty one.
    #[default]
    Utf8,
    /// `[a-zA-Z_][a-zA-Z0-9_]*`.
    Legacy,
}

impl NameValidation {
    /// Returns whether `name` is allowed as a label's name.
    #[must_use]
    pub fn allows(self, name: &str) -> bool {
        match self {
            Self::Utf8 => !name.is_empty(),
            Self::Legacy => is_legacy_label_name(name),
        }
    }

    /// Returns whether `name`, in which references may stand, can become an allowed name.
    fn allows_template(self, name: &str) -> bool {
        match self {
            // A dollar sign is a legal character, so every template is a legal name.
            Self::Utf8 => self.allows(name),
            Self::Legacy => template::is_legacy_name(name),
        }
    }
}

/// Why options make no rule. The messages are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The regex is none.
    #[error(transparent)]
    Regex(#[from] RegexError),
    /// A source label has the empty name.
    #[error("{} is not a valid label name", Quoted(name))]
    SourceLabel {
        /// The name.
        name: Box<str>,
    },
    /// [`Action::HashMod`] lacks its modulus.
    #[error("relabel configuration for hashmod requires non-zero modulus")]
    ModulusMissing,
    /// An action that sets or compares a label lacks the label.
    #[error("relabel configuration for {action} action requires 'target_label' value")]
    TargetLabelMissing {
        /// The action.
        action: Action,
    },
    /// The target label is not an allowed name.
    #[error("{} is invalid 'target_label' for {action} action", Quoted(target_label))]
    TargetLabel {
        /// The name.
        target_label: Box<str>,
        /// The action.
        action: Action,
    },
    /// The replacement of [`Action::LabelMap`] is not an allowed name.
    #[error("{} is invalid 'replacement' for labelmap action", Quoted(replacement))]
    Replacement {
        /// The replacement.
        replacement: Box<str>,
    },
    /// A replacement was given to an action that does not take one.
    #[error("'replacement' can not be set for {action} action")]
    ReplacementGiven {
        /// The action.
        action: Action,
    },
    /// [`Action::KeepEqual`] or [`Action::DropEqual`] was given more than it takes.
    #[error(
        "{action} action requires only 'source_labels' and `target_label`, and no other fields"
    )]
    OnlyLabelsAllowed {
        /// The action.
        action: Action,
    },
    /// [`Action::LabelDrop`] or [`Action::LabelKeep`] was given more than it takes.
    #[error("{action} action requires only 'regex', and no other fields")]
    OnlyRegexAllowed {
        /// The action.
        action: Action,
    },
}

/// A relabelling rule that is known to be sound.
#[derive(Clone, Debug)]
pub struct Rule {
    options: RuleOptions,
    regex: Regex,
}

impl Rule {
    /// Returns the rule that `options` describe.
    ///
    /// # Errors
    ///
    /// See [`RuleError`].
    ///
    /// # Source
    ///
    /// `Config.Validate` in `model/relabel/relabel.go`, whose checks and their order these are.
    pub fn new(options: RuleOptions) -> Result<Self, RuleError> {
        let regex = Regex::new_wrapped(options.regex.as_deref().unwrap_or(REGEX_DEFAULT))?;
        for name in options.source_labels.iter().flatten() {
            if name.is_empty() {
                return Err(RuleError::SourceLabel { name: name.as_str().into() });
            }
        }
        check_target(&options)?;
        check_needless(&options)?;
        Ok(Self { options, regex })
    }

    /// Returns what the rule was made of.
    #[must_use]
    pub fn options(&self) -> &RuleOptions {
        &self.options
    }

    pub(crate) fn regex(&self) -> &Regex {
        &self.regex
    }
}

/// Rules are equal if they were made of the same options.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.options == other.options
    }
}

impl Eq for Rule {}

/// Checks that there is a modulus and a target, and that what names labels is a name.
fn check_target(options: &RuleOptions) -> Result<(), RuleError> {
    use Action::{DropEqual, HashMod, KeepEqual, LabelMap, Lowercase, Replace, Uppercase};

    let RuleOptions { action, target_label, replacement, name_validation, .. } = options;
    let action = *action;
    if action == HashMod && options.modulus == 0 {
        return Err(RuleError::ModulusMissing);
    }
    let takes_input_to_label = matches!(action, Lowercase | Uppercase | KeepEqual | DropEqual);
    let target_needed = takes_input_to_label || matches!(action, Replace | HashMod);
    if target_needed && target_label.is_empty() {
        return Err(RuleError::TargetLabelMissing { action });
    }
    let target_allowed = match action {
        Replace if template::has_reference(target_label) => {
            name_validation.allows_template(target_label)
        }
        _ => !target_needed || name_validation.allows(target_label),
    };
    if !target_allowed {
        return Err(RuleError::TargetLabel { target_label: target_label.as_str().into(), action });
    }
    if takes_input_to_label && replacement != REPLACEMENT_DEFAULT {
        return Err(RuleError::ReplacementGiven { action });
    }
    if action == LabelMap && !name_validation.allows_template(replacement) {
        return Err(RuleError::Replacement { replacement: replacement.as_str().into() });
    }
    Ok(())
}

/// Checks that nothing is given to an action that would not look at it.
fn check_needless(options: &RuleOptions) -> Result<(), RuleError> {
    let action = options.action;
    let value_given = options.modulus != 0
        || options.separator != SEPARATOR_DEFAULT
        || options.replacement != REPLACEMENT_DEFAULT;
    match action {
        Action::KeepEqual | Action::DropEqual if value_given || options.regex.is_some() => {
            Err(RuleError::OnlyLabelsAllowed { action })
        }
        Action::LabelDrop | Action::LabelKeep
            if value_given
                || options.source_labels.is_some()
                || !options.target_label.is_empty() =>
        {
            Err(RuleError::OnlyRegexAllowed { action })
        }
        _ => Ok(()),
    }
}
