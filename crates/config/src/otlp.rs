use std::collections::BTreeSet;

use narthex_model::quote::Quoted;
use narthex_relabel::NameValidation;
use narthex_yaml::{Position, Spanned, null_as_default};
use serde::Deserialize;

use crate::error::{ConfigProblem, Flaw};
use crate::text::is_false;

/// The `otlp` section: how metrics that are pushed by OpenTelemetry become series.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OtlpConfig {
    /// Whether all attributes of a resource become labels: false by default.
    #[serde(skip_serializing_if = "is_false")]
    pub promote_all_resource_attributes: bool,
    /// The attributes of a resource that become labels, without repeats.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub promote_resource_attributes: Vec<String>,
    /// The attributes that do not, where all others do, without repeats.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_resource_attributes: Vec<String>,
    /// How names are turned into those of Prometheus.
    pub translation_strategy: TranslationStrategy,
    /// Whether `target_info` keeps the attributes that name the instance and the job: false by default.
    #[serde(skip_serializing_if = "is_false")]
    pub keep_identifying_resource_attributes: bool,
    /// Whether histograms with explicit bounds become native ones: false by default.
    #[serde(skip_serializing_if = "is_false")]
    pub convert_histograms_to_nhcb: bool,
    /// Whether the name, version and attributes of a scope become labels: false by default.
    #[serde(skip_serializing_if = "is_false")]
    pub promote_scope_metadata: bool,
    /// Whether labels that begin with one underscore get `key_` in front: true by default.
    pub label_name_underscore_sanitization: bool,
    /// Whether several underscores in a row stay several in labels: true by default.
    pub label_name_preserve_multiple_underscores: bool,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            promote_all_resource_attributes: false,
            promote_resource_attributes: Vec::new(),
            ignore_resource_attributes: Vec::new(),
            translation_strategy: TranslationStrategy::default(),
            keep_identifying_resource_attributes: false,
            convert_histograms_to_nhcb: false,
            promote_scope_metadata: false,
            label_name_underscore_sanitization: true,
            label_name_preserve_multiple_underscores: true,
        }
    }
}

/// How the names of OpenTelemetry are turned into those of Prometheus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
pub enum TranslationStrategy {
    /// Characters that are not legal become underscores, and unit and type are put behind.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// Characters that are not legal become underscores.
    UnderscoreEscapingWithoutSuffixes,
    /// Unit and type are put behind.
    #[serde(rename = "NoUTF8EscapingWithSuffixes")]
    NoUtf8EscapingWithSuffixes,
    /// Names stay as they are.
    NoTranslation,
}

impl TranslationStrategy {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "" | "UnderscoreEscapingWithSuffixes" => Self::UnderscoreEscapingWithSuffixes,
            "UnderscoreEscapingWithoutSuffixes" => Self::UnderscoreEscapingWithoutSuffixes,
            "NoUTF8EscapingWithSuffixes" => Self::NoUtf8EscapingWithSuffixes,
            "NoTranslation" => Self::NoTranslation,
            _ => return None,
        })
    }

    fn needs_utf8(self) -> bool {
        matches!(self, Self::NoUtf8EscapingWithSuffixes | Self::NoTranslation)
    }
}

/// The section as a file writes it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OtlpFile {
    promote_all_resource_attributes: Option<bool>,
    #[serde(deserialize_with = "null_as_default")]
    promote_resource_attributes: Spanned<Vec<Option<String>>>,
    #[serde(deserialize_with = "null_as_default")]
    ignore_resource_attributes: Spanned<Vec<Option<String>>>,
    translation_strategy: Option<Spanned<String>>,
    keep_identifying_resource_attributes: Option<bool>,
    convert_histograms_to_nhcb: Option<bool>,
    promote_scope_metadata: Option<bool>,
    label_name_underscore_sanitization: Option<bool>,
    label_name_preserve_multiple_underscores: Option<bool>,
}

impl OtlpFile {
    /// Returns what holds beside the global choice of legal names.
    pub(crate) fn resolve(self, names: NameValidation) -> Result<OtlpConfig, Flaw> {
        let default = OtlpConfig::default();
        let all = self.promote_all_resource_attributes.unwrap_or_default();
        let (promoted, ignored) =
            (self.promote_resource_attributes, self.ignore_resource_attributes);
        if all && !promoted.value.is_empty() {
            return Err(Flaw::new(promoted.position, ConfigProblem::PromoteAllAndSome));
        }
        if !all && !ignored.value.is_empty() {
            return Err(Flaw::new(ignored.position, ConfigProblem::IgnoreWithoutPromoteAll));
        }
        Ok(OtlpConfig {
            promote_all_resource_attributes: all,
            promote_resource_attributes: attributes(promoted, "promote", "promoted")?,
            ignore_resource_attributes: attributes(ignored, "ignore", "ignored")?,
            translation_strategy: match self.translation_strategy {
                None => default.translation_strategy,
                Some(strategy) => translation(&strategy.value, names)
                    .map_err(|problem| Flaw::new(strategy.position, problem))?,
            },
            keep_identifying_resource_attributes: self
                .keep_identifying_resource_attributes
                .unwrap_or_default(),
            convert_histograms_to_nhcb: self.convert_histograms_to_nhcb.unwrap_or_default(),
            promote_scope_metadata: self.promote_scope_metadata.unwrap_or_default(),
            label_name_underscore_sanitization: self
                .label_name_underscore_sanitization
                .unwrap_or(default.label_name_underscore_sanitization),
            label_name_preserve_multiple_underscores: self
                .label_name_preserve_multiple_underscores
                .unwrap_or(default.label_name_preserve_multiple_underscores),
        })
    }
}

fn translation(name: &str, names: NameValidation) -> Result<TranslationStrategy, ConfigProblem> {
    let strategy = || name.into();
    match TranslationStrategy::from_name(name) {
        None => Err(ConfigProblem::UnknownTranslation { strategy: strategy() }),
        Some(found) if found.needs_utf8() && names == NameValidation::Legacy => {
            Err(ConfigProblem::TranslationNeedsUtf8 { strategy: strategy() })
        }
        Some(found) => Ok(found),
    }
}

/// Returns the attributes without the space around them, or all that is wrong with the list.
fn attributes(
    list: Spanned<Vec<Option<String>>>,
    verb: &str,
    adjective: &str,
) -> Result<Vec<String>, Flaw> {
    let mut seen = BTreeSet::new();
    let mut flaws = Vec::new();
    let mut attributes = Vec::with_capacity(list.value.len());
    for attribute in list.value {
        let attribute = attribute.unwrap_or_default().trim().to_owned();
        if attribute.is_empty() {
            flaws.push(format!("empty {adjective} OTel resource attribute"));
        } else if !seen.insert(attribute.clone()) {
            let name = Quoted(&attribute);
            flaws.push(format!("duplicated {adjective} OTel resource attribute {name}"));
        } else {
            attributes.push(attribute);
        }
    }
    if flaws.is_empty() {
        return Ok(attributes);
    }
    let (list_name, flaws) = (format!("{verb}_resource_attributes"), flaws.join("\n"));
    Err(refusal(list.position, list_name, flaws))
}

fn refusal(position: Position, list: String, flaws: String) -> Flaw {
    let problem = ConfigProblem::ResourceAttributes { list: list.into(), flaws: flaws.into() };
    Flaw::new(position, problem)
}
