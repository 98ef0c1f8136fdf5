use narthex_model::Labels;
use narthex_yaml::{Spanned, null_as_default};
use serde::Deserialize;

use crate::error::{ConfigProblem, Flaw};
use crate::list::{List, present};
use crate::text::{self, LabelMap};

/// Targets with labels in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct StaticConfig {
    /// Addresses, `host:port`, in the file's order. Repeats are kept.
    pub targets: Vec<String>,
    /// Labels of each of these targets.
    #[serde(serialize_with = "text::write_labels", skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

/// An element of `static_configs` as a file writes it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StaticFile {
    #[serde(deserialize_with = "null_as_default")]
    targets: List<String>,
    labels: Option<LabelMap>,
}

/// Returns the groups. Where no rule can change their targets (`final_targets`), they are checked.
pub(crate) fn static_configs(
    files: List<StaticFile>,
    final_targets: bool,
) -> Result<Vec<StaticConfig>, Flaw> {
    present(files, "section in static_configs")?
        .map(|file| static_config(file.value, final_targets))
        .collect()
}

fn static_config(file: StaticFile, final_targets: bool) -> Result<StaticConfig, Flaw> {
    let mut targets = Vec::with_capacity(file.targets.len());
    for Spanned { value, position } in file.targets {
        let target = value.unwrap_or_default();
        if final_targets && target.contains('/') {
            let target = target.into();
            return Err(Flaw::new(position, ConfigProblem::Hostname { target }));
        }
        targets.push(target);
    }
    Ok(StaticConfig {
        targets,
        labels: file.labels.as_ref().map(LabelMap::labels).unwrap_or_default(),
    })
}
