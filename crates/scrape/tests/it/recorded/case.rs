//! One recorded target: scraped step by step, and compared after each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use narthex_config::Config;
use narthex_model::Labels;
use narthex_scrape::{Body, Built, Features, HttpFetch, Request, Scraper, Target};
use serde_json::{Value, json};

use super::origin::{Answer, Origin};
use super::sample::{Sample, bits};
use super::store::{NOW_MS, Store};

/// What all cases share.
pub(super) struct Bench {
    origin: Origin,
}

/// A scrape job, and what it asks its targets.
#[derive(Debug)]
pub(super) struct Group {
    config: Result<Config, String>,
    target_labels: BTreeMap<String, String>,
    request: Vec<String>,
}

impl Group {
    pub(super) fn new(recorded: &Value) -> Self {
        let mut job = json!({"job_name": recorded["group"]});
        for (key, value) in recorded["scrape_config"].as_object().unwrap() {
            job[key] = value.clone();
        }
        // Our limit of 64 MiB is deliberate: see docs/differences.md.
        let global =
            json!({"scrape_interval": "10s", "scrape_timeout": "10s", "body_size_limit": 0});
        let text = json!({"global": global, "scrape_configs": [job]}).to_string();
        let labels = recorded["target_labels"].as_object().into_iter().flatten();
        let headers = recorded["headers"].as_array().unwrap();
        let headers = headers
            .iter()
            .map(|pair| format!("{}: {}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap()));
        Self {
            config: Config::load(&text, "recorded.yml", |_| None).map_err(|it| it.to_string()),
            target_labels: labels
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect(),
            request: [recorded["request"].as_str().unwrap().to_owned()]
                .into_iter()
                .chain(headers)
                .collect(),
        }
    }
}

impl Bench {
    pub(super) fn new(origin: Origin) -> Self {
        Self { origin }
    }

    /// Scrapes a recorded target. Fails with what differs.
    pub(super) async fn run(&self, group: &Group, case: &Value) -> Result<(), String> {
        let name = case["name"].as_str().unwrap();
        let config = group.config.as_ref().map_err(Clone::clone)?;
        let job = &config.scrape_configs[0];
        let path = "/metrics-of-the-case";
        let address = self.origin.address();
        let mut labels = group.target_labels.clone();
        for (name, value) in [
            ("__address__", address.as_str()),
            ("__metrics_path__", path),
            ("instance", "host:9100"),
            ("case", case["case"].as_str().unwrap()),
        ] {
            labels.insert(name.to_owned(), value.to_owned());
        }
        let labels = Labels::from_pairs(labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let target = match Target::build(job, &labels) {
            Ok(Built::Target(target)) => target,
            other => return Err(format!("{other:?}")),
        };
        let request = Request::new(job, &target, features(case));
        let fetch = HttpFetch::for_job(job);
        let mut scraper = Scraper::for_target(job, &target, features(case));
        let mut store = Store::new();
        let (mut samples, mut exemplars) = (BTreeMap::new(), BTreeSet::new());
        let steps = case["steps"].as_array().unwrap();
        for (index, (step, after)) in
            steps.iter().zip(case["after"].as_array().unwrap()).enumerate()
        {
            store.set_scrape(index + 1);
            let mut answer = Answer::new(step);
            for (old, older) in OLD_TIMES.iter().filter(|_| NOT_MOVED.contains(&name)) {
                answer.replace_in_body(old, older);
            }
            self.origin.set_answer(answer);
            let (mut received, mut inflated) = (Vec::new(), Vec::new());
            let page = request.send(&*fetch, &mut received).await;
            let content_type;
            let body = match page {
                Err(error) => Err(error.into()),
                Ok(page) => {
                    let text = page.text(&received, request.body_size_max, &mut inflated);
                    content_type = page.content_type;
                    text.map(|bytes| Body { content_type: &content_type, bytes })
                        .map_err(Into::into)
                }
            };
            let scraped = scraper.scrape(&store, NOW_MS, body, || Duration::ZERO);

            let context = |what: &str| format!("step {}: {what}", index + 1);
            let error = scraped.error.map(|error| error.to_string()).unwrap_or_default();
            let error = error.replace(&address, "TARGET").replace(path, "/PATH");
            compare_causes(&context("error"), after["error"].as_str().unwrap(), &error)?;

            let now = store.samples();
            let new = now.iter().filter(|(key, _)| !samples.contains_key(*key));
            let new: BTreeMap<_, _> = new.map(|(k, v)| (k.clone(), v.clone())).collect();
            let mut recorded = recorded_samples(after, index, job_labels(case));
            // A histogram whose buckets the store laid out anew was recorded once more.
            recorded.retain(|key, sample| samples.get(key) != Some(sample));
            compare_samples(&context("samples"), &recorded, new)?;
            samples = now;

            let now = store.exemplars();
            let now = now.iter().filter(|(_, it)| (it.timestamp_ms - NOW_MS).abs() < QUERIED_MS);
            let now: BTreeSet<_> = now.map(exemplar_text).collect();
            let new: BTreeSet<_> = now.difference(&exemplars).cloned().collect();
            compare(&context("exemplars"), &recorded_exemplars(after), &new)?;
            exemplars = now;

            let metadata = scraper.metadata_list().into_iter().map(|(family, metadata)| {
                let kind = metadata.metric_type.as_str();
                (
                    family.to_string(),
                    kind.to_owned(),
                    metadata.help.to_string(),
                    metadata.unit.to_string(),
                )
            });
            compare(&context("metadata"), &recorded_metadata(after), &metadata.collect())?;
            check_request(&group.request, &self.origin.take_head(), path)?;
        }
        Ok(())
    }
}

/// Fails unless our request is the recorded one, but for who asks.
fn check_request(recorded: &[String], sent: &[String], path: &str) -> Result<(), String> {
    let plain = |line: &String| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
        None => line.replace(path, "/PATH"),
    };
    let is_compared =
        |line: &String| !line.starts_with("host: ") && !line.starts_with("user-agent: ");
    let recorded: BTreeSet<String> = recorded.iter().map(plain).filter(is_compared).collect();
    let sent: BTreeSet<String> = sent.iter().map(plain).filter(is_compared).collect();
    // The last request went elsewhere.
    if sent.iter().any(|line| line.starts_with("GET /elsewhere ")) {
        return Ok(());
    }
    compare("request", &recorded, &sent)
}

fn compare<T: PartialEq + std::fmt::Debug>(
    what: &str,
    recorded: &T,
    ours: &T,
) -> Result<(), String> {
    if recorded == ours {
        return Ok(());
    }
    Err(format!("{what}: recorded {recorded:?}, ours {ours:?}"))
}

/// Fails unless both errors name the same cause. Ours also say where it is.
fn compare_causes(what: &str, recorded: &str, ours: &str) -> Result<(), String> {
    let place = ours.strip_suffix(')').and_then(|ours| ours.rsplit_once(" ("));
    let is_place = |text: &str| text.starts_with("line ") || text.starts_with("byte ");
    let cause = place.filter(|(_, place)| is_place(place)).map_or(ours, |(cause, _)| cause);
    let is_same = |words: &&str| recorded.contains(*words) && cause.contains(*words);
    if recorded == cause || DETAILED.iter().any(is_same) {
        return Ok(());
    }
    compare(what, &recorded.to_owned(), &ours.to_owned())
}

/// Errors that are the same where these words are, though the details differ: ours quote the page,
/// where the reference prints labels, and another HTTP parser says what it stumbled on.
const DETAILED: &[&str] = &[
    "invalid metric name or label names: ",
    "transport connection broken: malformed HTTP response",
];

/// As far from the scrape the recorded exemplars were asked for: one day, in milliseconds.
const QUERIED_MS: i64 = 24 * 60 * 60 * 1_000;

/// Cases with times in their bodies that stayed as they were when all others were moved to the time
/// of the test: when they were recorded, they were years old, as they are made here.
const NOT_MOVED: &[&str] = &["om/ts_int", "om/ts_exp"];
const OLD_TIMES: &[(&str, &str)] = &[("1700000000", "1600000000"), ("1.7e9", "1.6e9")];

type Samples = BTreeMap<(Labels, i64), Sample>;

fn compare_samples(what: &str, recorded: &Samples, mut ours: Samples) -> Result<(), String> {
    ours.retain(|(labels, _), _| labels.value("__name__") != "scrape_duration_seconds");
    let differs = |key| match (recorded.get(key), ours.get(key)) {
        (one, other) if one == other => None,
        (one, other) => Some(format!("{} at {}: recorded {one:?}, ours {other:?}", key.0, key.1)),
    };
    let keys: BTreeSet<_> = recorded.keys().chain(ours.keys()).collect();
    let differences: Vec<String> = keys.into_iter().filter_map(differs).take(3).collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!("{what}: {}", differences.join("; ")))
}

fn job_labels(case: &Value) -> [(&str, &str); 3] {
    [
        ("job", case["group"].as_str().unwrap()),
        ("instance", "host:9100"),
        ("case", case["case"].as_str().unwrap()),
    ]
}

/// Returns what a step stored, the series that tell of the scrape included.
fn recorded_samples(after: &Value, index: usize, target: [(&str, &str); 3]) -> Samples {
    let mut samples = Samples::new();
    for series in after["series"].as_array().unwrap() {
        let labels = labels(&series["labels"]);
        for sample in series["samples"].as_array().unwrap() {
            let time_ms = time_ms(sample);
            samples.insert((labels.clone(), time_ms), Sample::recorded(&sample[2]));
        }
    }
    let scrape = i64::try_from(index + 1).unwrap();
    for (name, value) in after["report"].as_object().unwrap() {
        let labels = Labels::from_pairs(target.into_iter().chain([("__name__", name.as_str())]));
        let value = Sample::Float(bits(value.as_str().unwrap()));
        // Where the body itself holds such a series, its sample came first and stays.
        samples.entry((labels, Store::time_ms(scrape, 0))).or_insert(value);
    }
    samples
}

fn recorded_exemplars(after: &Value) -> BTreeSet<String> {
    let mut exemplars = BTreeSet::new();
    for series in after["exemplars"].as_array().into_iter().flatten() {
        for exemplar in series["exemplars"].as_array().unwrap() {
            // Labels are text here: see docs/differences.md.
            if labels(&exemplar["labels"]).iter().any(|(_, value)| value.starts_with("\\xff")) {
                continue;
            }
            let value = f64::from_bits(bits(exemplar["value"].as_str().unwrap()));
            let at = time_ms(&exemplar["at"]);
            let (series, labels) = (labels(&series["series"]), labels(&exemplar["labels"]));
            exemplars.insert(format!("{series} # {labels} {value} {at}"));
        }
    }
    exemplars
}

fn exemplar_text((series, exemplar): &(Labels, narthex_model::Exemplar)) -> String {
    format!("{series} # {} {} {}", exemplar.labels, exemplar.value, exemplar.timestamp_ms)
}

fn recorded_metadata(after: &Value) -> BTreeSet<(String, String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = after["metadata"].as_array().into_iter().flatten();
    list.map(|it| (text(&it["metric"]), text(&it["type"]), text(&it["help"]), text(&it["unit"])))
        .collect()
}

fn labels(object: &Value) -> Labels {
    let pairs = object.as_object().into_iter().flatten();
    Labels::from_pairs(pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap())))
}

fn time_ms(sample: &Value) -> i64 {
    Store::time_ms(sample[0].as_i64().unwrap(), sample[1].as_i64().unwrap_or(0))
}

/// Returns what the recorded server's flags switch on.
fn features(case: &Value) -> Features {
    let mut features = Features::default();
    for flag in case["features"].as_str().into_iter().flat_map(|flags| flags.split(',')) {
        match flag {
            "created-timestamp-zero-ingestion" => features.start_timestamp_zeros = true,
            "type-and-unit-labels" => features.type_and_unit_labels = true,
            "exemplar-storage" => {}
            other => panic!("an unknown flag: {other}"),
        }
    }
    features
}
