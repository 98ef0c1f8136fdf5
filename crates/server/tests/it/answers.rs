//! Every recorded answer to a query, asked of a store that was written to over HTTP.
//!
//! Values print as the shortest text that gives their bits back, so equal texts are equal bits.

use std::path::Path;
use std::sync::Arc;

use narthex_promql_parser::{AggregateOp, Node, ParseOptions, parse_with};
use narthex_server::{ServerOptions, ServerState};
use narthex_tsdb::Db;
use serde_json::{Value, json};

use crate::client::Client;
use crate::recorded_series::{RecordedSeries, write};
use crate::recordings::{first_difference, folder, lines, remove_examples, report};

#[test]
fn random_queries_are_answered_as_recorded() {
    check("", ParseOptions::default(), 5_937);
}

#[test]
fn compliance_queries_are_answered_as_recorded() {
    check("compliance", ParseOptions::default(), 1_065);
}

#[test]
fn experimental_queries_are_answered_as_recorded() {
    check("experimental", ParseOptions::experimental(), 7_825);
}

/// Asks a database all queries of a folder of recordings, of which there are `count`.
fn check(below: &str, parse: ParseOptions, count: usize) {
    let Some(folder) = folder().map(|folder| folder.join(below)) else { return };
    let data = tempfile::tempdir().unwrap();
    let server = server(data.path(), parse);
    let series = folder.join("series.jsonl.gz");
    write(&server, &lines(&series).map(|line| RecordedSeries::parse(&line)).collect::<Vec<_>>());
    let (mut asked, mut differences) = (0, Vec::new());
    for recorded in lines(&folder.join("queries.jsonl.gz")) {
        asked += 1;
        differences.extend(difference(&server, recorded));
    }
    assert_eq!(asked, count);
    report(if below.is_empty() { "random" } else { below }, asked, &differences);
}

fn server(data: &Path, parse: ParseOptions) -> Client {
    let database = Db::open(data, narthex_tsdb::Options::default()).unwrap();
    let mut options = ServerOptions::default();
    options.remote_write_receiver = true;
    options.parse = parse;
    Client::new(ServerState::new(Arc::new(database), options))
}

/// Asks one recorded request. Returns how the answer differs, if it does.
fn difference(client: &Client, mut recorded: Value) -> Option<String> {
    let query = recorded["query"].as_str().unwrap().to_owned();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("query", &query);
    for (name, value) in recorded["params"].as_object().unwrap() {
        form.append_pair(name, value.as_str().unwrap());
    }
    let reply = client.post_form(recorded["path"].as_str().unwrap(), &form.finish());
    let keeps_order = has_order(&query);
    let got = (json!(reply.status.as_u16()), comparable(reply.json(), keeps_order));
    let expected = (recorded["http"].clone(), comparable(recorded["answer"].take(), keeps_order));
    let text = |(status, answer): &(Value, Value)| format!("{status} {answer}");
    (got != expected).then(|| {
        let params = &recorded["params"];
        format!("{query} {params}\n{}", first_difference(&text(&got), &text(&expected)))
    })
}

/// Returns whether the query gives its answer an order.
fn has_order(query: &str) -> bool {
    let Ok(expr) = parse_with(query, &ParseOptions::experimental()) else { return false };
    match expr.root().without_parens().node() {
        Node::Call(call) => matches!(
            call.function.name,
            "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc"
        ),
        Node::Aggregate(aggregate) => {
            matches!(aggregate.op, AggregateOp::Topk | AggregateOp::Bottomk)
        }
        _ => false,
    }
}

/// Returns an answer without what the reference leaves to chance.
fn comparable(mut answer: Value, keeps_order: bool) -> Value {
    remove_examples(&mut answer);
    if answer["data"]["resultType"] == "vector" && !keeps_order {
        let series = answer["data"]["result"].as_array_mut().unwrap();
        series.sort_by_cached_key(|series| series["metric"].to_string());
    }
    for field in ["warnings", "infos"] {
        let Some(Value::Array(texts)) = answer.get_mut(field) else { continue };
        texts.sort_by_cached_key(Value::to_string);
        // Where there are too many, some are left out.
        if texts.iter().any(|text| text.as_str().unwrap().ends_with("annotations omitted")) {
            answer[field] = json!(texts.len());
        }
    }
    answer
}
