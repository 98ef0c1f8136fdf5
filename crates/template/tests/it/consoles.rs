//! Console pages.

use narthex_template::{ConsoleData, ConsolePage, Environment};
use serde_json::Value;

use crate::recorded;
use crate::world::{World, labels, still};

#[test]
fn recorded_pages_give_what_was_recorded() {
    let mut lines = recorded::lines("consoles.jsonl.gz");
    // The others ask for files that are none.
    lines.retain(|line| line["template"].is_string());
    if lines.is_empty() {
        return;
    }
    let contexts = recorded::json("contexts.json");
    let world = World::new(&contexts);
    let library = recorded::text("console.lib");
    let mut different = Vec::new();
    for line in &lines {
        let expected = line["body"].as_str().unwrap();
        let got = render(&contexts, &world, &library, line);
        if got.trim_end_matches('\n') != expected.trim_end_matches('\n') {
            different
                .push(format!("{}\n  expected {expected:?}\n  got      {got:?}", line["template"]));
        }
    }
    println!("{} of {} recorded pages agree", lines.len() - different.len(), lines.len());
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

fn render(contexts: &Value, world: &World, library: &str, line: &Value) -> String {
    let path = line["path"].as_str().unwrap();
    let text = line["template"].as_str().unwrap();
    let page = match ConsolePage::parse(path, text, [("x.lib", library)]) {
        Ok(page) => page,
        Err(error) => return error.to_string(),
    };
    // The only query that was asked.
    let parameters: Vec<(String, String)> = match line["query"].as_str().unwrap() {
        "" => Vec::new(),
        query => {
            assert_eq!(query, "?a=1&a=2&b=%3Cx%3E");
            [("a", "1"), ("a", "2"), ("b", "<x>")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec()
        }
    };
    let query = |query: &str| world.query(query);
    let env = Environment::new(1_700_000_000_000, &still)
        .with_external_url(contexts["external_url"].as_str().unwrap())
        .with_queries(&query);
    let data = ConsoleData {
        path,
        parameters: &parameters,
        external_labels: &labels(&contexts["external_labels"]),
    };
    match page.render(&data, &env) {
        Ok(page) => String::from_utf8(page).unwrap(),
        Err(error) => error.to_string(),
    }
}
