//! `format_query` and `parse_query`.

use std::sync::Arc;

use narthex_promql_parser::ParseOptions;
use narthex_server::{ServerOptions, ServerState};
use narthex_storage::MemoryStore;
use serde_json::{Value, json};

use crate::client::Client;
use crate::recordings::{first_difference, folder, lines, report};

fn client(parse: ParseOptions) -> Client {
    let mut options = ServerOptions::default();
    options.parse = parse;
    Client::new(ServerState::new(Arc::new(MemoryStore::default()), options))
}

/// Returns the data of an answer, or the text of its error.
fn ask(client: &Client, endpoint: &str, query: &str) -> Result<Value, Value> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    let form = form.append_pair("query", query).finish();
    let mut answer = client.post_form(&format!("/api/v1/{endpoint}"), &form).json();
    if answer["status"] == "success" {
        Ok(answer["data"].take())
    } else {
        Err(answer["error"].take())
    }
}

#[test]
fn recorded_syntax_agrees() {
    let Some(folder) = folder() else { return };
    let client = client(ParseOptions::experimental());
    let (mut asked, mut differences) = (0, Vec::new());
    for recorded in lines(&folder.join("syntax.jsonl.gz")) {
        asked += 1;
        differences.extend(difference(&client, &recorded));
    }
    assert!(asked > 4_000, "only {asked} expressions were recorded");
    report("syntax", asked, &differences);
}

fn difference(client: &Client, recorded: &Value) -> Option<String> {
    let query = recorded["query"].as_str().unwrap();
    let recorded_as = |field: &str| match recorded.get("error") {
        Some(error) => Some(Err(error.clone())),
        // The tree is not recorded where the reference has no JSON for a number in it.
        None => recorded.get(field).map(|data| Ok(data.clone())),
    };
    [("format_query", "format"), ("parse_query", "ast")].into_iter().find_map(
        |(endpoint, field)| {
            let (got, expected) = (ask(client, endpoint, query), recorded_as(field)?);
            let text = |answer: &Result<Value, Value>| format!("{answer:?}");
            (got != expected)
                .then(|| format!("{query}\n{}", first_difference(&text(&got), &text(&expected))))
        },
    )
}

#[test]
fn trees_have_every_kind_of_node() {
    let client = client(ParseOptions::experimental());
    for (query, expected) in [
        ("-1.5", json!({"type": "numberLiteral", "val": "-1.5"})),
        ("(\"a\")", json!({"type": "parenExpr", "expr": {"type": "stringLiteral", "val": "a"}})),
        (
            "a[step()+1] @ start()",
            json!({
                "type": "matrixSelector", "name": "a", "anchored": false, "smoothed": false,
                "matchers": [{"name": "__name__", "value": "a", "type": "="}],
                "range": 0,
                "rangeExpr": {
                    "type": "durationExpr", "op": "+", "wrapped": false,
                    "lhs": {
                        "type": "durationExpr", "op": "step", "wrapped": false,
                        "lhs": null, "rhs": null,
                    },
                    "rhs": {"type": "numberLiteral", "val": "1", "duration": false},
                },
                "offset": 0, "offsetExpr": null, "timestamp": null, "startOrEnd": "start",
            }),
        ),
    ] {
        assert_eq!(ask(&client, "parse_query", query), Ok(expected), "{query}");
    }
    // JSON has no number for it.
    let tree = ask(&client, "parse_query", "a + fill_left(NaN) b").unwrap();
    assert_eq!(tree["matching"]["fillValues"], json!({"lhs": "NaN", "rhs": null}));
}

#[test]
fn deep_trees_are_written() {
    let client = client(ParseOptions::default());
    let query = "1".to_owned() + &"+1".repeat(20_000);
    let form = format!("query={}", query.replace('+', "%2B"));
    let reply = client.post_form("/api/v1/parse_query", &form);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.text().matches("binaryExpr").count(), 20_000);
    assert_eq!(reply.text().matches('{').count(), reply.text().matches('}').count());
}

#[test]
fn experimental_parts_need_their_options() {
    let query = "rate(a[5m] anchored)";
    assert!(ask(&client(ParseOptions::experimental()), "parse_query", query).is_ok());
    let refused = ask(&client(ParseOptions::default()), "parse_query", query).unwrap_err();
    assert!(refused.as_str().unwrap().contains("parse error: "), "{refused}");
}
