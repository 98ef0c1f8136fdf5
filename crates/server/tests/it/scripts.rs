//! Test scripts, with the data in the database and the queries sent to the API.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use form_urlencoded::Serializer;
use narthex_host::Simulation;
use narthex_model::{Labels, float};
use narthex_promql::Grid;
use narthex_promqltest::{
    Failure, LoadedSeries, Outcome, Point, ResultSeries, Script, Subject, SubjectError, Value, run,
};
use narthex_server::{ServerOptions, ServerState};
use narthex_storage::{Appendable as _, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options};
use serde_json::Value as Json;

use crate::client::Client;

#[test]
fn our_scripts_pass_over_the_api() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    run_scripts(&workspace.join("promqltest/tests/data"), &[]);
}

#[test]
fn the_references_scripts_pass_over_the_api() {
    match std::env::var_os("NARTHEX_CONFORMANCE") {
        Some(data) => {
            let directory = Path::new(&data).join("prometheus/promql/promqltest/testdata");
            run_scripts(&directory, &NEED_LATE_NAMES);
        }
        None => println!("skipped: NARTHEX_CONFORMANCE does not name the reference's test data"),
    }
}

/// Scripts that need metric names which are dropped at the end of a query alone.
const NEED_LATE_NAMES: [&str; 2] = ["name_label_dropping.test", "type_and_unit.test"];

/// Runs the scripts of a folder whose data the database keeps: neither histograms nor start
/// timestamps yet. The server refuses what the reference offers behind feature flags.
fn run_scripts(directory: &Path, skipped: &[&str]) {
    let mut passed = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let needs_more = ["{{", "load_with_nhcb", "@st "].iter().any(|part| text.contains(part));
        if needs_more || skipped.contains(&&*name) {
            continue;
        }
        let script = Script::parse(&text).unwrap_or_else(|error| panic!("{name}:{error}"));
        let report = run(&script, &mut Api::new());
        let refused = |failure: &&Failure| failure.got.contains("not enabled");
        let failures = report.failures.iter().filter(|failure| !refused(failure));
        let failures: Vec<String> = failures.map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{name}: {failures:#?}");
        passed += report.passed;
    }
    assert!(passed > 0, "scripts in {}", directory.display());
}

/// A database behind the API, in process.
struct Api {
    store: Arc<Db>,
    client: Client,
}

impl Api {
    fn new() -> Self {
        let mut options = Options::default();
        // Scripts load one series after the other, each over all of its time.
        options.block_range_ms = 366 * 24 * 60 * 60 * 1_000;
        let store = Db::open_with(Simulation::new(0).host(), "/data", options).unwrap();
        let store = Arc::new(store);
        let mut options = ServerOptions::default();
        options.query_samples_max = 10_000;
        // As the scripts expect, and the runner of the reference sets it.
        options.delayed_name_removal = true;
        options.unreleased_changes = true;
        let client = Client::new(ServerState::new(Arc::clone(&store) as _, options));
        Self { store, client }
    }

    fn query(&self, path: &str, parameters: &[(&str, String)]) -> Result<Outcome, SubjectError> {
        let form = Serializer::new(String::new()).extend_pairs(parameters).finish();
        let answer = self.client.post_form(path, &form).json();
        if answer["status"] != "success" {
            return Err(answer["error"].as_str().unwrap().into());
        }
        let texts = |key: &str| {
            let texts = answer[key].as_array().into_iter().flatten();
            texts.map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let value = value(&answer["data"]);
        Ok(Outcome { value, warnings: texts("warnings"), infos: texts("infos") })
    }
}

impl Subject for Api {
    fn clear(&mut self) -> Result<(), SubjectError> {
        *self = Self::new();
        Ok(())
    }

    fn load(&mut self, series: &[LoadedSeries]) -> Result<(), SubjectError> {
        let mut appender = self.store.appender();
        for LoadedSeries { labels, samples } in series {
            for sample in samples {
                let Point::Float(value) = sample.point else { return Err("a histogram".into()) };
                let value = SampleValue::Float(value);
                appender.append(SeriesKey::Labels(labels), sample.timestamp_ms, value)?;
            }
        }
        appender.commit()?;
        Ok(())
    }

    fn instant(&mut self, query: &str, time_ms: i64) -> Result<Outcome, SubjectError> {
        self.query("/api/v1/query", &[("query", query.to_owned()), ("time", seconds(time_ms))])
    }

    fn range(&mut self, query: &str, steps: Grid) -> Result<Outcome, SubjectError> {
        let [start, end, step] = [steps.start_ms(), steps.end_ms(), steps.step_ms()].map(seconds);
        let parameters =
            [("query", query.to_owned()), ("start", start), ("end", end), ("step", step)];
        self.query("/api/v1/query_range", &parameters)
    }
}

fn seconds(milliseconds: i64) -> String {
    (milliseconds as f64 / 1000.0).to_string()
}

/// Reads the `data` of an answer.
fn value(data: &Json) -> Value {
    let result = &data["result"];
    match data["resultType"].as_str().unwrap() {
        "scalar" => Value::Scalar(number(&result[1])),
        "string" => Value::String(result[1].as_str().unwrap().into()),
        "vector" => {
            let series = result.as_array().unwrap().iter();
            Value::Vector(
                series.map(|series| (labels(series), point(&series["value"]).1)).collect(),
            )
        }
        "matrix" => {
            let series = result.as_array().unwrap().iter().map(|series| ResultSeries {
                labels: labels(series),
                points: series["values"].as_array().unwrap().iter().map(point).collect(),
            });
            Value::Matrix(series.collect())
        }
        other => panic!("{other} is no type of a result"),
    }
}

fn labels(series: &Json) -> Labels {
    let labels = series["metric"].as_object().unwrap();
    labels.iter().map(|(name, value)| (name, value.as_str().unwrap())).collect()
}

/// Reads `[seconds, "value"]`.
fn point(pair: &Json) -> (i64, Point) {
    #[expect(clippy::cast_possible_truncation, reason = "times of scripts are small")]
    let timestamp_ms = (pair[0].as_f64().unwrap() * 1000.0).round() as i64;
    (timestamp_ms, Point::Float(number(&pair[1])))
}

fn number(text: &Json) -> f64 {
    float::parse(text.as_str().unwrap()).unwrap()
}
