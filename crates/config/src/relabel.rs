//! Relabelling rules as a file writes them.

use narthex_relabel::{Action, NameValidation, Rule, RuleError, RuleOptions};
use narthex_yaml::{Position, Spanned, null_as_default};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::error::{ConfigProblem, Flaw};
use crate::list::{List, present};
use crate::text::LabelName;

/// One rule of a file.
#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuleFile {
    source_labels: Option<Vec<LabelName>>,
    #[serde(deserialize_with = "null_as_default")]
    separator: String,
    // A regex of null is the empty one, and even the default is one that was given.
    #[serde(deserialize_with = "given")]
    regex: Option<Spanned<Option<String>>>,
    #[serde(deserialize_with = "null_as_default")]
    modulus: u64,
    #[serde(deserialize_with = "null_as_default")]
    target_label: Spanned<String>,
    #[serde(deserialize_with = "null_as_default")]
    replacement: String,
    action: ActionFile,
}

impl Default for RuleFile {
    fn default() -> Self {
        let options = RuleOptions::default();
        Self {
            source_labels: None,
            separator: options.separator,
            regex: None,
            modulus: options.modulus,
            target_label: Spanned::default(),
            replacement: options.replacement,
            action: ActionFile(options.action),
        }
    }
}

impl RuleFile {
    /// Returns the rule, which stands at `position`.
    ///
    /// # Errors
    ///
    /// Where the keys do not go together. The error points at the key that is wrong, or at the rule
    /// where a key is missing or too many.
    fn rule(self, position: Position, names: NameValidation) -> Result<Rule, Flaw> {
        let regex_position = self.regex.as_ref().map_or(position, |regex| regex.position);
        let target_position = self.target_label.position;
        let source_labels = self.source_labels;
        let options = RuleOptions {
            action: self.action.0,
            source_labels: source_labels
                .map(|names| names.into_iter().map(|name| name.0).collect()),
            separator: self.separator,
            regex: self.regex.map(|regex| regex.value.unwrap_or_default()),
            modulus: self.modulus,
            target_label: self.target_label.value,
            replacement: self.replacement,
            name_validation: names,
        };
        Rule::new(options).map_err(|error| {
            let position = match &error {
                RuleError::Regex(_) => regex_position,
                RuleError::TargetLabel { .. } => target_position,
                _ => position,
            };
            Flaw::new(position, ConfigProblem::Relabel(error))
        })
    }
}

/// Returns the rules of a list, none of which may be null; `element` says what one is.
pub(crate) fn relabelling(
    files: List<RuleFile>,
    names: NameValidation,
    element: &'static str,
) -> Result<Vec<Rule>, Flaw> {
    present(files, element)?.map(|file| file.value.rule(file.position, names)).collect()
}

/// Writes rules, each with the keys that the reference prints.
pub(crate) fn write<S: Serializer>(rules: &[Rule], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(rules.iter().map(|rule| RuleText(rule.options())))
}

struct RuleText<'a>(&'a RuleOptions);

impl Serialize for RuleText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let options = self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(names) = options.source_labels.as_ref().filter(|names| !names.is_empty()) {
            map.serialize_entry("source_labels", names)?;
        }
        map.serialize_entry("separator", &options.separator)?;
        if let Some(regex) = &options.regex {
            map.serialize_entry("regex", regex)?;
        }
        if options.modulus != 0 {
            map.serialize_entry("modulus", &options.modulus)?;
        }
        if !options.target_label.is_empty() {
            map.serialize_entry("target_label", &options.target_label)?;
        }
        map.serialize_entry("replacement", &options.replacement)?;
        map.serialize_entry("action", options.action.as_str())?;
        map.end()
    }
}

struct ActionFile(Action);

impl<'de> Deserialize<'de> for ActionFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        if word.is_empty() {
            return Err(D::Error::custom("relabel action cannot be empty"));
        }
        word.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Reads a value that was given, be it null, where an absent one is `None`.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
