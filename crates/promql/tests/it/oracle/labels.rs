use narthex_model::Labels;
use narthex_promql_parser::LabelNames;

/// The labels that tell what a metric is, which a change of its values makes untrue.
const METADATA: [&str; 3] = ["__name__", "__type__", "__unit__"];

pub(super) fn without_name(labels: &Labels) -> Labels {
    retain(labels, |name| !METADATA.contains(&name))
}

pub(super) fn retain(labels: &Labels, keep: impl Fn(&str) -> bool) -> Labels {
    Labels::from_pairs(labels.iter().filter(|(name, _)| keep(name)))
}

/// Returns the labels with `name` set, or deleted where `value` is empty.
pub(super) fn with(labels: &Labels, name: &str, value: &str) -> Labels {
    let others = labels.iter().filter(|(other, _)| *other != name);
    Labels::from_pairs(others.chain((!value.is_empty()).then_some((name, value))))
}

/// Returns the labels that all series of a group share.
pub(super) fn of_group(labels: &Labels, grouping: LabelNames<'_>, without: bool) -> Labels {
    let named = |name: &str| grouping.contains(name);
    match without {
        true => retain(labels, |name| name != "__name__" && !named(name)),
        false => retain(labels, named),
    }
}

/// Returns what must be equal for two series to match.
pub(super) fn signature(labels: &Labels, names: LabelNames<'_>, on: bool) -> Labels {
    of_group(labels, names, !on)
}
