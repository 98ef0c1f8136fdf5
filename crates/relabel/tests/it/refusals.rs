use narthex_relabel::{Action, NameValidation, Rule, RuleOptions};

/// Returns options that are sound for the action.
fn sound(action: Action) -> RuleOptions {
    let (target_label, modulus) = match action {
        Action::Replace | Action::Lowercase | Action::Uppercase => ("t", 0),
        Action::KeepEqual | Action::DropEqual => ("t", 0),
        Action::HashMod => ("t", 5),
        _ => ("", 0),
    };
    RuleOptions { action, target_label: target_label.to_owned(), modulus, ..RuleOptions::default() }
}

#[test]
fn sound_options_make_rules() {
    for action in Action::ALL {
        let options = sound(action);
        assert_eq!(Rule::new(options.clone()).unwrap().options(), &options);
        assert_eq!(action.as_str().to_uppercase().parse(), Ok(action));
    }
    let message = "nope".parse::<Action>().unwrap_err().to_string();
    assert_eq!(message, r#"unknown relabel action "nope""#);
}

#[test]
fn refuses_in_the_words_of_the_reference() {
    let legacy = |action, target_label: &str| RuleOptions {
        name_validation: NameValidation::Legacy,
        target_label: target_label.to_owned(),
        ..sound(action)
    };
    let cases = [
        (
            RuleOptions { target_label: String::new(), ..sound(Action::Replace) },
            "relabel configuration for replace action requires 'target_label' value",
        ),
        (
            RuleOptions { target_label: String::new(), ..sound(Action::KeepEqual) },
            "relabel configuration for keepequal action requires 'target_label' value",
        ),
        (
            RuleOptions { modulus: 0, ..sound(Action::HashMod) },
            "relabel configuration for hashmod requires non-zero modulus",
        ),
        (
            RuleOptions { regex: Some("(".to_owned()), ..sound(Action::Keep) },
            "error parsing regexp: missing closing ): `^(?s:()$`",
        ),
        (
            RuleOptions { source_labels: Some(vec![String::new()]), ..sound(Action::Keep) },
            r#""" is not a valid label name"#,
        ),
        (legacy(Action::Replace, "a-b"), r#""a-b" is invalid 'target_label' for replace action"#),
        (legacy(Action::Replace, "a:b"), r#""a:b" is invalid 'target_label' for replace action"#),
        (legacy(Action::Replace, "1$1"), r#""1$1" is invalid 'target_label' for replace action"#),
        (legacy(Action::Replace, "a$"), r#""a$" is invalid 'target_label' for replace action"#),
        (legacy(Action::Replace, "${1"), r#""${1" is invalid 'target_label' for replace action"#),
        (legacy(Action::HashMod, "$1"), r#""$1" is invalid 'target_label' for hashmod action"#),
        (legacy(Action::Lowercase, "é"), r#""é" is invalid 'target_label' for lowercase action"#),
        (
            RuleOptions { replacement: String::new(), ..sound(Action::Uppercase) },
            "'replacement' can not be set for uppercase action",
        ),
        (
            RuleOptions { replacement: String::new(), ..sound(Action::LabelMap) },
            r#""" is invalid 'replacement' for labelmap action"#,
        ),
        (
            RuleOptions { replacement: "a.$1".to_owned(), ..legacy(Action::LabelMap, "") },
            r#""a.$1" is invalid 'replacement' for labelmap action"#,
        ),
        (
            RuleOptions { regex: Some("(.*)".to_owned()), ..sound(Action::KeepEqual) },
            "keepequal action requires only 'source_labels' and `target_label`, \
             and no other fields",
        ),
        (
            RuleOptions { separator: ",".to_owned(), ..sound(Action::DropEqual) },
            "dropequal action requires only 'source_labels' and `target_label`, \
             and no other fields",
        ),
        (
            RuleOptions { source_labels: Some(Vec::new()), ..sound(Action::LabelDrop) },
            "labeldrop action requires only 'regex', and no other fields",
        ),
        (
            RuleOptions { modulus: 1, ..sound(Action::LabelKeep) },
            "labelkeep action requires only 'regex', and no other fields",
        ),
    ];
    for (options, message) in cases {
        assert_eq!(Rule::new(options).unwrap_err().to_string(), message);
    }
}

#[test]
fn references_may_stand_in_legacy_names() {
    for name in ["$1", "${1}", "a_$1", "a${b}c2", "${1}2", "$1$2", "_"] {
        let options = RuleOptions {
            name_validation: NameValidation::Legacy,
            target_label: name.to_owned(),
            ..RuleOptions::default()
        };
        assert!(Rule::new(options).is_ok(), "{name}");
    }
}
