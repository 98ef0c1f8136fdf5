//! Every recorded answer to a query, asked of a store that was written to over HTTP.
//!
//! Values print as the shortest text that gives their bits back, so equal texts are equal bits.

use std::path::Path;
use std::sync::Arc;

use narthex_promql_parser::{AggregateOp, Expr, ExprRef, Node, ParseOptions, Visitor, parse_with};
use narthex_server::{ServerOptions, ServerState, Store};
use narthex_storage::MemoryStore;
use narthex_tsdb::Db;
use serde_json::{Value, json};

use crate::client::Client;
use crate::recorded_series::{RecordedSeries, write};
use crate::recordings::{first_difference, folder, lines, remove_examples, report};

#[test]
fn random_queries_are_answered_as_recorded() {
    let data = tempfile::tempdir().unwrap();
    let server = server(database(data.path()), ParseOptions::default());
    check("", &Answers { server, count: 5_937, of_floats: false });
}

#[test]
fn compliance_queries_are_answered_as_recorded() {
    let data = tempfile::tempdir().unwrap();
    let server = server(database(data.path()), ParseOptions::default());
    check("compliance", &Answers { server, count: 1_065, of_floats: false });
}

#[test]
fn experimental_queries_are_answered_as_recorded() {
    let server = server(MemoryStore::default(), ParseOptions::experimental());
    check("experimental", &Answers { server, count: 7_825, of_floats: false });
}

#[test]
fn the_database_answers_experimental_queries_of_floats_as_recorded() {
    let data = tempfile::tempdir().unwrap();
    let server = server(database(data.path()), ParseOptions::experimental());
    check("experimental", &Answers { server, count: 4_765, of_floats: true });
}

/// Recorded answers, and who is to give them.
struct Answers {
    server: Client,
    /// How many there are.
    count: usize,
    /// Whether only those count that look at no series with histograms, which are not sent then.
    of_floats: bool,
}

fn server(store: impl Store + 'static, parse: ParseOptions) -> Client {
    let mut options = ServerOptions::default();
    options.remote_write_receiver = true;
    options.parse = parse;
    Client::new(ServerState::new(Arc::new(store), options))
}

fn database(directory: &Path) -> Db {
    Db::open(directory, narthex_tsdb::Options::default()).unwrap()
}

fn check(below: &str, answers: &Answers) {
    let Some(folder) = folder().map(|folder| folder.join(below)) else { return };
    let series = folder.join("series.jsonl.gz");
    let (left_out, sent): (Vec<_>, Vec<_>) = lines(&series)
        .map(|line| RecordedSeries::parse(&line))
        .partition(|series| answers.of_floats && series.has_histograms());
    write(&answers.server, &sent);
    let (mut asked, mut differences) = (0, Vec::new());
    for recorded in lines(&folder.join("queries.jsonl.gz")) {
        if !looks_at(recorded["query"].as_str().unwrap(), &left_out) {
            asked += 1;
            differences.extend(difference(&answers.server, recorded));
        }
    }
    assert_eq!(asked, answers.count);
    report(if below.is_empty() { "random" } else { below }, asked, &differences);
}

/// Returns whether a selector of the query matches any of `series`.
fn looks_at(query: &str, series: &[RecordedSeries]) -> bool {
    struct Search<'a> {
        series: &'a [RecordedSeries],
        found: bool,
    }
    impl Visitor for Search<'_> {
        fn enter(&mut self, expr: ExprRef<'_>) -> bool {
            if let Node::VectorSelector(selector) = expr.node() {
                self.found |= self.series.iter().any(|RecordedSeries { labels, .. }| {
                    let matchers = selector.to_matchers();
                    matchers.iter().all(|matcher| matcher.matches(labels.value(matcher.name())))
                });
            }
            true
        }
    }
    let mut search = Search { series, found: false };
    if let Some(expr) = read(query) {
        expr.visit(&mut search);
    }
    search.found
}

fn read(query: &str) -> Option<Expr> {
    parse_with(query, &ParseOptions::experimental()).ok()
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
    let Some(expr) = read(query) else { return false };
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
