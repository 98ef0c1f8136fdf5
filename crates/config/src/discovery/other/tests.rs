use narthex_http::Secret;

use super::kind::{Kind, Section};
use super::{KEYS, KINDS, OtherDiscovery, Value};

/// A section of a kind in which everything is given.
fn filled(kind: &'static Kind) -> Section {
    let values = kind.keys.iter().map(|key| match key.default.value() {
        Value::Text(text) if text.is_empty() => Value::Text("http://a".to_owned()),
        Value::Secret(_) => Value::Secret(Secret::from("canary")),
        Value::Texts(_) => Value::Texts(vec!["/a".to_owned()]),
        value => value,
    });
    Section { kind, values: values.collect(), written: Vec::new() }
}

#[test]
fn kinds_stand_in_order_and_have_distinct_keys() {
    assert!(KEYS.is_sorted_by(|a, b| a < b), "{KEYS:?}");
    for kind in KINDS {
        assert!(kind.key.ends_with("_sd_configs"), "{}", kind.key);
        let mut names: Vec<_> = kind.keys.iter().map(|key| key.name).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "{}: {names:?}", kind.key);
    }
}

/// The checks look keys up by name: this trips over a name that the kind does not have.
#[test]
fn checks_name_keys_that_there_are() {
    for kind in KINDS {
        let values = kind.keys.iter().map(|key| key.default.value()).collect();
        let _ = (kind.check)(&mut Section { kind, values, written: Vec::new() });
        let _ = (kind.check)(&mut filled(kind));
        for index in 0..kind.keys.len() {
            let mut section = filled(kind);
            section.values[index] = kind.keys[index].default.value();
            let _ = (kind.check)(&mut section);
        }
    }
}

#[test]
fn secrets_of_no_kind_are_shown() {
    for kind in KINDS {
        let values = filled(kind).values;
        let secrets = values.iter().filter(|value| matches!(value, Value::Secret(_))).count();
        let discovery = OtherDiscovery { kind, values, http: None };
        let printed = narthex_yaml::to_string(&discovery).unwrap();
        let debug = format!("{discovery:?}");
        assert!(!printed.contains("canary") && !debug.contains("canary"), "{printed}\n{debug}");
        assert_eq!(printed.matches("<secret>").count(), secrets, "{printed}");
    }
}
