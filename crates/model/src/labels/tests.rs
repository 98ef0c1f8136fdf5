use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

use proptest::prelude::*;

use super::{Labels, LabelsBuilder};

#[test]
fn prints_as_the_reference_does() {
    let labels = Labels::from_pairs([("job", "node"), ("__name__", "up"), ("a.b", "c")]);
    assert_eq!(labels.to_string(), r#"{__name__="up", "a.b"="c", job="node"}"#);
    assert_eq!(labels.as_series().to_string(), r#"up{"a.b"="c", job="node"}"#);
    assert_eq!(Labels::empty().as_series().to_string(), "{}");
    assert_eq!(Labels::from_pairs([("__name__", "up")]).as_series().to_string(), "up");
    assert_eq!(Labels::from_pairs([("__name__", "a.b")]).as_series().to_string(), r#"{"a.b"}"#);
}

#[test]
fn long_texts_survive() {
    for size in [0, 1, 126, 127, 128, 16_383, 16_384, 3_000_000] {
        let value = "é".repeat(size);
        let labels = Labels::from_pairs([("a", value.as_str()), ("b", "x")]);
        assert_eq!(labels.value("a"), value);
        assert_eq!(labels.value("b"), "x");
    }
}

#[test]
fn setting_and_deleting() {
    let mut builder = LabelsBuilder::default();
    builder.set("b", "1").set("a", "2").set("b", "3").set("c", "").set("a", "");
    assert_eq!(builder.build(), Labels::from_pairs([("b", "3")]));
    builder.clear();
    assert!(builder.build().is_empty());
}

#[test]
fn the_order_of_setting_is_told() {
    let mut builder = LabelsBuilder::default();
    builder.reset(&Labels::from_pairs([("z", "1"), ("m", "2")]));
    builder.set("x", "3").set("a", "4").set("m", "5").delete("x").set("x", "6");
    let set_order: Vec<_> = builder.iter_in_set_order().collect();
    assert_eq!(set_order, [("m", "5"), ("z", "1"), ("a", "4"), ("x", "6")]);
}

/// One edit: `None` deletes, and so does the empty value.
type Edit = (String, Option<String>);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec(("[a-c_é]{0,2}", prop::option::of("[a-b]{0,2}|.{120,140}")), 0..24)
}

fn apply(edits: &[Edit], builder: &mut LabelsBuilder, oracle: &mut BTreeMap<String, String>) {
    for (name, value) in edits {
        match value {
            Some(value) => builder.set(name, value),
            None => builder.delete(name),
        };
        match value.as_deref() {
            None | Some("") => oracle.remove(name),
            Some(value) => oracle.insert(name.clone(), value.to_owned()),
        };
    }
}

fn labels_and_map(edits: &[Edit]) -> (Labels, BTreeMap<String, String>) {
    let (mut builder, mut oracle) = (LabelsBuilder::default(), BTreeMap::new());
    apply(edits, &mut builder, &mut oracle);
    (builder.build(), oracle)
}

proptest! {
    #[test]
    fn a_builder_is_a_sorted_map(first in edits(), second in edits(), probe in "[a-c_é]{0,2}") {
        let (mut builder, mut oracle) = (LabelsBuilder::default(), BTreeMap::new());
        apply(&first, &mut builder, &mut oracle);
        // A builder goes on after a set is built, and another goes on from that set.
        let built = builder.build();
        let mut other = LabelsBuilder::default();
        other.set("left", "over").reset(&built);
        let mut other_oracle = oracle.clone();
        apply(&second, &mut builder, &mut oracle);
        apply(&second, &mut other, &mut other_oracle);
        for builder in [&mut builder, &mut other] {
            prop_assert_eq!(builder.get(&probe), oracle.get(&probe).map(String::as_str));
            prop_assert_eq!(builder.is_empty(), oracle.is_empty());
            let pairs: Vec<_> = oracle.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            prop_assert_eq!(builder.iter().collect::<Vec<_>>(), pairs.clone());
            let labels = builder.build();
            prop_assert_eq!(labels.iter().collect::<Vec<_>>(), pairs);
            prop_assert_eq!(labels.len(), oracle.len());
            prop_assert_eq!(labels.get(&probe), oracle.get(&probe).map(String::as_str));
        }
        builder.retain(|name, _| name < probe.as_str());
        oracle.retain(|name, _| *name < probe);
        prop_assert_eq!(builder.build(), oracle.iter().collect());
    }

    #[test]
    fn sets_compare_and_hash_as_maps_of_their_labels(a in edits(), b in edits()) {
        let ((a, a_map), (b, b_map)) = (labels_and_map(&a), labels_and_map(&b));
        prop_assert_eq!(a == b, a_map == b_map);
        prop_assert_eq!(a.as_bytes() == b.as_bytes(), a_map == b_map);
        prop_assert_eq!(a.cmp(&b), a_map.iter().cmp(b_map.iter()));
        let hasher = RandomState::new();
        let same = Labels::from_pairs(&a_map);
        prop_assert_eq!(hasher.hash_one(&same), hasher.hash_one(&a));
        let mut map = HashMap::from([(same, 1)]);
        *map.entry(a).or_default() += 1;
        prop_assert_eq!(map.len(), 1);
    }
}
