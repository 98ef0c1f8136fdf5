//! Every recorded answer to a query, asked of a database that was written to over HTTP.
//!
//! Values print as the shortest text that gives their bits back, so equal texts are equal bits.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use narthex_model::{Labels, STALE_NAN, Sample, float};
use narthex_promql_parser::{AggregateOp, Node, parse};
use narthex_remote::RequestBuilder;
use narthex_tsdb::Db;
use serde_json::{Value, json};

use crate::client::Client;
use crate::recordings::{first_difference, folder, lines, remove_examples, report};

#[test]
fn random_queries_are_answered_as_recorded() {
    check("", 5_937);
}

#[test]
fn compliance_queries_are_answered_as_recorded() {
    check("compliance", 1_065);
}

fn check(below: &str, recorded_count: usize) {
    let Some(folder) = folder().map(|folder| folder.join(below)) else { return };
    let data = tempfile::tempdir().unwrap();
    let client = Client::over(Db::open(data.path(), narthex_tsdb::Options::default()).unwrap());
    write(&client, lines(&folder.join("series.jsonl.gz")));
    let (mut asked, mut differences) = (0, Vec::new());
    for recorded in lines(&folder.join("queries.jsonl.gz")) {
        asked += 1;
        differences.extend(difference(&client, recorded));
    }
    assert_eq!(asked, recorded_count);
    report(if below.is_empty() { "random" } else { below }, asked, &differences);
}

/// Sends every series as it was sent to the reference: ten minutes of all of them in a request.
fn write(client: &Client, series: impl Iterator<Item = Value>) {
    let mut slices = BTreeMap::<i64, RequestBuilder>::new();
    for series in series {
        let pairs = series["labels"].as_object().unwrap();
        let labels = pairs.iter().map(|(name, value)| (name, value.as_str().unwrap()));
        let labels = Labels::from_pairs(labels);
        let samples: Vec<Sample> =
            series["samples"].as_array().unwrap().iter().map(sample).collect();
        let slice_of = |sample: &Sample| sample.timestamp_ms.div_euclid(SLICE_MS);
        for slice in samples.chunk_by(|left, right| slice_of(left) == slice_of(right)) {
            slices.entry(slice_of(&slice[0])).or_default().push_series(&labels, slice);
        }
    }
    for slice in slices.into_values() {
        let request = Request::post("/api/v1/write")
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy");
        let reply = client.send(request.body(Body::from(slice.compress())).unwrap());
        assert_eq!((reply.status.as_u16(), reply.text()), (204, ""));
    }
}

fn sample(pair: &Value) -> Sample {
    let value = match pair[1].as_str().unwrap() {
        "stale" => STALE_NAN,
        text => float::parse(text).unwrap(),
    };
    Sample { timestamp_ms: pair[0].as_i64().unwrap(), value }
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
    let Ok(expr) = parse(query) else { return false };
    match expr.root().without_parens().node() {
        Node::Call(call) => matches!(call.function.name, "sort" | "sort_desc"),
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

const SLICE_MS: i64 = 10 * 60 * 1_000;
