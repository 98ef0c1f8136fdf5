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
