//! Target groups as files and HTTP servers write them.

use std::collections::BTreeMap;

use narthex_model::Labels;
use narthex_model::quote::Quoted;
use serde::Deserialize;

use crate::group::TargetGroup;

/// A list of groups, each of which may be null as far as the syntax goes.
pub(crate) type GroupList = Option<Vec<Option<WrittenGroup>>>;

/// One group: addresses, and the labels that they share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenGroup {
    targets: Option<Vec<Option<String>>>,
    labels: Option<BTreeMap<String, Option<String>>>,
}

/// What is wrong with a list that has the right syntax. The messages are the reference's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GroupError {
    #[error("nil target group item found")]
    Null,
    #[error("{} is not a valid label name", Quoted(_0))]
    LabelName(Box<str>),
}

/// Returns the groups of `list`. Each gets the label `origin_label`, with the value `origin`, and its
/// source is `origin` with its place in the list.
pub(crate) fn groups(
    list: GroupList,
    origin_label: &str,
    origin: &str,
) -> Result<Vec<TargetGroup>, GroupError> {
    let numbered = list.into_iter().flatten().enumerate();
    numbered
        .map(|(index, group)| {
            let group = group.ok_or(GroupError::Null)?;
            let addresses = group.targets.into_iter().flatten().map(Option::unwrap_or_default);
            let mut labels = group.labels.unwrap_or_default();
            if labels.contains_key("") {
                return Err(GroupError::LabelName("".into()));
            }
            labels.insert(origin_label.to_owned(), Some(origin.to_owned()));
            let labels = labels.into_iter().map(|(name, value)| (name, value.unwrap_or_default()));
            Ok(TargetGroup::new(format!("{origin}:{index}"), addresses)
                .with_labels(Labels::from_pairs(labels)))
        })
        .collect()
}
