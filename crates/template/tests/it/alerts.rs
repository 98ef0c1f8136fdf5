//! The templates of alerting rules.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use narthex_template::{AlertData, AlertTemplate, Environment};
use serde_json::Value;

use crate::recorded;
use crate::world::{World, labels, still, value};

#[test]
fn recorded_templates_give_what_was_recorded() {
    let lines = recorded::lines("templates.jsonl.gz");
    if lines.is_empty() {
        return;
    }
    let contexts = recorded::json("contexts.json");
    let world = World::new(&contexts);
    let mut different = Vec::new();
    for line in &lines {
        let expected = match (line["parse_error"].as_str(), line["output_base64"].as_str()) {
            (Some(error), _) => error.as_bytes().to_vec(),
            (_, Some(bytes)) => STANDARD.decode(bytes).unwrap(),
            _ => line["output"].as_str().unwrap().as_bytes().to_vec(),
        };
        let got = expand(&contexts, &world, line);
        if got != expected {
            let [expected, got] =
                [expected, got].map(|text| String::from_utf8_lossy(&text).into_owned());
            different
                .push(format!("{}\n  expected {expected:?}\n  got      {got:?}", line["template"]));
        }
    }
    println!("{} of {} recorded templates agree", lines.len() - different.len(), lines.len());
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

fn expand(contexts: &Value, world: &World, line: &Value) -> Vec<u8> {
    let text = line["template"].as_str().unwrap();
    let template = match AlertTemplate::parse("T", text) {
        Ok(template) => template,
        Err(error) => return error.to_string().into_bytes(),
    };
    let context = &contexts["contexts"][line["context"].as_str().unwrap_or("main")];
    let mut alert_labels = labels(&context["labels"]);
    let mut alert_value = &context["value"];
    if let Some(index) = line["n"].as_u64() {
        let index = usize::try_from(index).unwrap();
        alert_value = &context["values"][index];
        let name = index.to_string();
        alert_labels = narthex_model::Labels::from_pairs([("__name__", "val"), ("n", &*name)]);
    }
    let query = |query: &str| world.query(query);
    let external_url = contexts["external_url"].as_str().unwrap();
    let data = AlertData {
        labels: &alert_labels,
        external_labels: &labels(&contexts["external_labels"]),
        external_url,
        value: value(alert_value).into(),
    };
    let env = Environment::new(1_700_000_000_000, &still)
        .with_external_url(external_url)
        .with_queries(&query);
    match template.expand_bytes(&data, &env) {
        Ok(text) => text,
        Err(error) => error.placeholder().into_bytes(),
    }
}
