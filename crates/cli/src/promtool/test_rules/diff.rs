//! The difference between alerts that were expected and those that came, in colours.

use std::collections::BTreeMap;

use narthex_model::Labels;

/// Returns both lists as one JSON text: green is what was not expected, red what did not come, yellow what
/// came otherwise.
pub(super) fn diff(expected: &[(Labels, Labels)], got: &[(Labels, Labels)]) -> String {
    // Of nothing at all the reference shows an alert without anything.
    let nothing = [(Labels::empty(), Labels::empty())];
    let expected = if expected.is_empty() { &nothing } else { expected };
    let got = if got.is_empty() { &nothing } else { got };
    let count = expected.len().max(got.len());
    let alerts = (0..count).map(|index| match (expected.get(index), got.get(index)) {
        (Some(expected), Some(got)) => alert(Some(expected), Some(got)),
        (Some(gone), None) => coloured(RED, &alert(Some(gone), Some(gone))),
        (None, Some(new)) => coloured(GREEN, &alert(Some(new), Some(new))),
        (None, None) => String::new(),
    });
    let alerts: Vec<_> = alerts.map(|alert| format!("    {}", deeper(&alert))).collect();
    format!("[\n{}\n]", alerts.join(",\n"))
}

type Pair = (Labels, Labels);

fn alert(expected: Option<&Pair>, got: Option<&Pair>) -> String {
    let annotations = set(expected.map(|pair| &pair.1), got.map(|pair| &pair.1));
    let labels = set(expected.map(|pair| &pair.0), got.map(|pair| &pair.0));
    let (annotations, labels) = (deeper(&annotations), deeper(&labels));
    format!("{{\n    \"Annotations\": {annotations},\n    \"Labels\": {labels}\n}}")
}

fn set(expected: Option<&Labels>, got: Option<&Labels>) -> String {
    let mut all: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for (name, value) in expected.into_iter().flat_map(Labels::iter) {
        all.entry(name).or_default().0 = Some(value);
    }
    for (name, value) in got.into_iter().flat_map(Labels::iter) {
        all.entry(name).or_default().1 = Some(value);
    }
    if all.is_empty() {
        return "{}".to_owned();
    }
    let lines = all.into_iter().map(|(name, values)| {
        let name = json(name);
        let line = match values {
            (Some(expected), Some(got)) if expected == got => format!("{name}: {}", json(got)),
            (Some(expected), Some(got)) => {
                let changed = format!("{} => {}", json(expected), json(got));
                format!("{name}: {}", coloured(YELLOW, &changed))
            }
            (gone, new) => {
                let (colour, value) = if gone.is_some() { (RED, gone) } else { (GREEN, new) };
                coloured(colour, &format!("{name}: {}", json(value.unwrap_or_default())))
            }
        };
        format!("    {line}")
    });
    format!("{{\n{}\n}}", lines.collect::<Vec<_>>().join(",\n"))
}

fn deeper(text: &str) -> String {
    text.replace('\n', "\n    ")
}

fn coloured(colour: &str, text: &str) -> String {
    format!("\u{1b}[0;{colour}m{text}\u{1b}[0m")
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
