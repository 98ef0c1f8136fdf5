//! Test scripts, with the data in the database and the queries sent to the API.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use form_urlencoded::Serializer;
use narthex_host::Simulation;
use narthex_model::{Labels, float};
use narthex_promql::Grid;
use narthex_promql_parser::ParseOptions;
use narthex_promqltest::{
    LoadedSeries, Outcome, Point, ResultSeries, Script, Subject, SubjectError, Value, run,
};
use narthex_server::{ServerOptions, ServerState};
use narthex_storage::{Appendable as _, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options};
use serde_json::Value as Json;

use crate::client::Client;

#[test]
fn our_scripts_pass_over_the_api() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    assert!(run_scripts(&workspace.join("promqltest/tests/data")) >= 271);
}

#[test]
fn the_references_scripts_pass_over_the_api() {
    match std::env::var_os("NARTHEX_CONFORMANCE") {
        Some(data) => {
            let directory = Path::new(&data).join("prometheus/promql/promqltest/testdata");
            assert_eq!(run_scripts(&directory), 881);
        }
        None => println!("skipped: NARTHEX_CONFORMANCE does not name the reference's test data"),
    }
}

/// Runs the scripts of a folder as far as the database keeps their data. Returns how many queries
/// passed, where none failed.
fn run_scripts(directory: &Path) -> usize {
    let (mut passed, mut left_out) = (0, 0);
    for entry in std::fs::read_dir(directory).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        for section in sections(&text) {
            if !is_kept(&section) {
                left_out += section.lines().filter(|line| line.starts_with("eval")).count();
                continue;
            }
            let script = Script::parse(&section).unwrap_or_else(|error| panic!("{name}:{error}"));
            let report = run(&script, &mut Api::new());
            let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
            assert!(failures.is_empty(), "{name}: {failures:#?}");
            passed += report.passed;
        }
    }
    println!("{}: {passed} passed, {left_out} left out", directory.display());
    passed
}

/// Returns the parts of a script between which it forgets all data, each behind as many empty lines
/// as there are before it.
fn sections(script: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    for (line_index, line) in script.lines().enumerate() {
        if line.trim() == "clear" {
            sections.push("\n".repeat(line_index));
        }
        if let Some(section) = sections.last_mut() {
            section.push_str(line);
            section.push('\n');
        }
    }
    sections
}

/// Returns whether the database keeps what a part of a script loads: neither histograms nor start
/// timestamps yet.
fn is_kept(section: &str) -> bool {
    !["{{", "load_with_nhcb", "@st "].iter().any(|part| section.contains(part))
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
        options.parse = ParseOptions::experimental();
        options.delayed_name_removal = true;
        options.use_start_timestamps = true;
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
