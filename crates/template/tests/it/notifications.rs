//! The texts of Alertmanager's notifications, recorded from its release 0.25.

use narthex_template::{
    Environment, NotificationAlert, NotificationData, NotificationTemplates, Time,
};
use serde_json::Value;

use crate::recorded;
use crate::world::still;

/// What later releases, and the Go that they are built with, do differently.
const LATER: [(&str, &str); 7] = [
    ("trimSpace", "function \"trimSpace\" not defined"),
    ("since", "function \"since\" not defined"),
    ("date", "function \"date\" not defined"),
    ("humanizeDuration", "function \"humanizeDuration\" not defined"),
    ("range over integers", "range can't iterate over 3"),
    ("call names what is no function", "error calling call: non-function of type"),
    ("an empty value without quotes", "<p title=>"),
];

#[test]
fn recorded_notifications_give_what_was_recorded() {
    let lines = recorded::lines("alertmanager-0.25-templates.jsonl.gz");
    if lines.is_empty() {
        return;
    }
    let all_data = recorded::json("alertmanager-0.25-data.json");
    let files = ["default", "email", "custom"]
        .map(|name| (name, recorded::text(&format!("alertmanager-0.25-{name}.tmpl"))));
    let files = files.iter().map(|(name, text)| (*name, text.as_str()));
    let templates = NotificationTemplates::parse(files).unwrap();
    let mut different = Vec::new();
    let mut later_count = 0;
    for line in &lines {
        let data = data(&all_data[line["data"].as_str().unwrap()]);
        let env = Environment::new(1_700_000_000_000, &still);
        let text = line["template"].as_str().unwrap();
        let got = match line["kind"].as_str().unwrap() {
            "html" => templates.expand_html(text, &data, &env),
            _ => templates.expand_text(text, &data, &env),
        };
        let got = match got {
            Ok(text) => String::from_utf8(text).unwrap(),
            // Messages did not show the depth of braces.
            Err(error) => error.to_string().replace(" [] ", " "),
        };
        let expected = line["output"].as_str().or(line["error"].as_str()).unwrap();
        if got == expected {
            continue;
        }
        if LATER.iter().any(|(_, what)| expected.contains(what)) {
            later_count += 1;
        } else {
            different.push(format!(
                "{} {} {}\n  expected {expected:?}\n  got      {got:?}",
                line["kind"], line["data"], line["template"]
            ));
        }
    }
    let same = lines.len() - different.len() - later_count;
    println!("{same} of {} recorded notifications agree, {later_count} changed later", lines.len());
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

fn data(recorded: &Value) -> NotificationData {
    NotificationData {
        receiver: text(&recorded["receiver"]),
        status: text(&recorded["status"]),
        alerts: recorded["alerts"].as_array().unwrap().iter().map(alert).collect(),
        group_labels: pairs(&recorded["groupLabels"]),
        common_labels: pairs(&recorded["commonLabels"]),
        common_annotations: pairs(&recorded["commonAnnotations"]),
        external_url: text(&recorded["externalURL"]),
    }
}

fn alert(recorded: &Value) -> NotificationAlert {
    let time = |name: &str| Time::parse_rfc3339(recorded[name].as_str().unwrap()).unwrap();
    NotificationAlert {
        status: text(&recorded["status"]),
        labels: pairs(&recorded["labels"]),
        annotations: pairs(&recorded["annotations"]),
        starts_at: time("startsAt"),
        ends_at: time("endsAt"),
        generator_url: text(&recorded["generatorURL"]),
        fingerprint: text(&recorded["fingerprint"]),
    }
}

fn text(recorded: &Value) -> String {
    recorded.as_str().unwrap().to_owned()
}

fn pairs(recorded: &Value) -> Vec<(String, String)> {
    let pairs = recorded.as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), text(value))).collect()
}
