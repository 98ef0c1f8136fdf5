//! Labels that objects of all kinds have.

use std::collections::BTreeMap;

use kube::api::ObjectMeta;
use narthex_model::LabelsBuilder;

use crate::text::sanitize_label_name;

/// What the names of all labels begin with.
const PREFIX: &str = "__meta_kubernetes_";

/// Sets `__meta_kubernetes_<name>`.
pub(super) fn set(labels: &mut LabelsBuilder, name: &str, value: &str) {
    labels.set(&format!("{PREFIX}{name}"), value);
}

/// Sets `__meta_kubernetes_<name>` where there is a value.
pub(super) fn set_given(labels: &mut LabelsBuilder, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        set(labels, name, value);
    }
}

/// Sets a label for the name of an object, and those for its labels and annotations.
pub(super) fn set_meta(labels: &mut LabelsBuilder, kind: &str, meta: &ObjectMeta) {
    set(labels, &format!("{kind}_name"), meta.name.as_deref().unwrap_or_default());
    set_maps(labels, kind, meta);
}

/// Sets the labels for the labels and annotations of an object.
pub(super) fn set_maps(labels: &mut LabelsBuilder, kind: &str, meta: &ObjectMeta) {
    for (what, map) in [("label", &meta.labels), ("annotation", &meta.annotations)] {
        for (key, value) in map.iter().flatten() {
            let key = sanitize_label_name(key);
            set(labels, &format!("{kind}_{what}_{key}"), value);
            set(labels, &format!("{kind}_{what}present_{key}"), "true");
        }
    }
}

/// Sets two labels for each pair: what it is, and that it is there.
pub(super) fn set_topology(labels: &mut LabelsBuilder, topology: &BTreeMap<String, String>) {
    for (key, value) in topology {
        let key = sanitize_label_name(key);
        set(labels, &format!("endpointslice_endpoint_topology_{key}"), value);
        set(labels, &format!("endpointslice_endpoint_topology_present_{key}"), "true");
    }
}
