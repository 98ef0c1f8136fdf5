//! Scrapes at which Prometheus 3.14 was recorded: the same answers must store the same samples. What
//! the fields mean stands in the recordings' own README.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::time::Duration;

use narthex_config::{Config, ScrapeConfig};
use narthex_model::{Labels, LabelsBuilder, Metadata, NORMAL_NAN, STALE_NAN};
use narthex_scrape::{Body, Fetch, FetchError, HttpFetch, Page, Request, ScrapeError, Scraper};
use narthex_storage::{
    AppendError, Appendable, Appender, Columns, Committed, MemoryStore, QueryContext, Queryable,
    SampleValue, SelectHints, SeriesKey, SeriesRef, TimeRange,
};
use serde_json::{Value, json};

use crate::server::{Answer, Server};

#[tokio::test]
async fn scrapes_are_those_of_the_reference() {
    let Some(folder) = std::env::var_os("NARTHEX_CONFORMANCE") else {
        eprintln!("skipped: NARTHEX_CONFORMANCE names no folder of recorded answers");
        return;
    };
    let folder = Path::new(&folder).join("vectors/scrape");
    let groups = groups(&folder);
    let (mut checked, mut wrong) = (0, Vec::new());
    let mut left_out = BTreeMap::<String, usize>::new();
    for file in ["scenarios.jsonl", "exposition.jsonl"] {
        for case in lines(&folder, file) {
            let group = text(&case["group"]);
            match groups[group].as_ref().map_err(Clone::clone).and_then(|job| supported(&case, job))
            {
                Ok(job) => {
                    check_case(&case, job, &mut wrong).await;
                    checked += 1;
                }
                Err(reason) => *left_out.entry(reason).or_default() += 1,
            }
        }
    }
    println!("{checked} targets as recorded; left out:");
    for (reason, count) in left_out {
        println!("{count:5} {reason}");
    }
    assert!(checked > 700);
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Returns each group's job, or why it is left out.
fn groups(folder: &Path) -> BTreeMap<String, Result<ScrapeConfig, String>> {
    let group = |line: Value| {
        let name = text(&line["group"]).to_owned();
        let mut job = line["scrape_config"].clone();
        job["job_name"] = json!(name);
        for key in ["scrape_interval", "scrape_timeout"] {
            if job[key].is_null() {
                job[key] = json!("10s");
            }
        }
        let config = json!({ "scrape_configs": [job] }).to_string();
        let config = match Config::load(&config, "test.yml", |_| None) {
            _ if !line["target_labels"].is_null() => Err("native histograms by label".to_owned()),
            Ok(mut config) => Ok(config.scrape_configs.remove(0)),
            Err(error) => Err(format!("configuration: {}", error.problem())),
        };
        (name, config)
    };
    lines(folder, "groups.jsonl").map(group).collect()
}

/// Returns the job of a case, or why the case is left out.
fn supported<'a>(case: &Value, job: &'a ScrapeConfig) -> Result<&'a ScrapeConfig, String> {
    if text(&case["name"]).ends_with("name_bad_utf8") {
        return Err(
            "names that are no UTF-8: ours fail with the line, before they count".to_owned()
        );
    }
    for step in list(&case["steps"]) {
        let content_type = step["content_type"].as_str().unwrap_or_default();
        for format in ["openmetrics", "protobuf"] {
            if content_type.to_ascii_lowercase().contains(format) {
                return Err(format!("pages of type {format}"));
            }
        }
        // Which other fallbacks there are is for the formats themselves to say.
        if job.fallback_scrape_protocol.is_some_and(|fallback| !fallback.is_prometheus_text()) {
            return Err("fallback to formats other than text".to_owned());
        }
    }
    Ok(job)
}

/// Answers the scrapes of one target as recorded, and checks what each of them leaves.
async fn check_case(case: &Value, job: &ScrapeConfig, wrong: &mut Vec<String>) {
    let instance = Labels::from_pairs([
        ("job", text(&case["group"])),
        ("instance", "host:9100"),
        ("case", text(&case["case"])),
    ]);
    let mut scraper = Scraper::new(job, instance.clone());
    let store = Bounded::default();
    let mut before = BTreeMap::new();
    for (index, (step, after)) in list(&case["steps"]).iter().zip(list(&case["after"])).enumerate()
    {
        let context = format!("{} {}, scrape {}", case["group"], case["name"], index + 1);
        let now_ms = NOW_MS + INTERVAL_MS * i64::try_from(index).unwrap();
        let fetched = fetch(step, job, now_ms - NOW_MS).await;
        let body = match &fetched {
            Ok((page, text)) => Ok(Body { content_type: &page.content_type, bytes: text }),
            Err(error) => Err(ScrapeError::from(error.clone())),
        };
        let scraped = scraper.scrape(&store, now_ms, body, || Duration::ZERO);

        let error = scraped.error.map(|error| error.to_string()).unwrap_or_default();
        let stored = stored(&store.0);
        let metadata = after["metadata"].as_array().into_iter().flatten();
        let checks = [
            check_error(&error, text(&after["error"])),
            check_stored(after, &instance, &stored, &before),
        ];
        let checks = checks.into_iter().chain(metadata.map(|item| check_metadata(&scraper, item)));
        wrong.extend(checks.filter_map(Result::err).map(|what| format!("{context}: {what}")));
        before = stored;
    }
}

/// Gets one recorded answer over the network. Timestamps on the page move on by `shift_ms`.
async fn fetch(
    step: &Value,
    job: &ScrapeConfig,
    shift_ms: i64,
) -> Result<(Page, Vec<u8>), FetchError> {
    let (answer, closes) = answer(step, shift_ms);
    let server = Server::start(move |head| match head.split(' ').nth(1) {
        Some("/elsewhere") => Answer::Close(crate::server::page("elsewhere 1\n")),
        _ if closes => Answer::Close(answer.clone()),
        _ => Answer::Hang(answer.clone()),
    });
    let request = Request {
        url: server.url().into(),
        accept: "text/plain".into(),
        timeout: job.scrape_timeout,
        compression: job.enable_compression,
        follow_redirects: true,
        body_size_max: usize::try_from(job.limits.body_size_limit).unwrap(),
    };
    let (mut body, mut inflated) = (Vec::new(), Vec::new());
    let timeout = if closes { job.scrape_timeout } else { Duration::from_millis(200) };
    let fetching = HttpFetch::default();
    let page = match tokio::time::timeout(timeout, fetching.fetch(&request, &mut body)).await {
        Ok(page) => page.map_err(|error| without_address(error, &request.url))?,
        Err(_) if body.is_empty() => return Err(late()),
        Err(_) => return Err(FetchError::BodyTimeout),
    };
    let text = page.text(&body, request.body_size_max, &mut inflated)?.to_vec();
    Ok((page, text))
}

fn late() -> FetchError {
    FetchError::Request { url: URL.into(), cause: "context deadline exceeded".into() }
}

fn without_address(error: FetchError, url: &str) -> FetchError {
    match error {
        FetchError::Request { url: found, cause } if *found == *url => {
            FetchError::Request { url: URL.into(), cause }
        }
        other => other,
    }
}

/// Returns the bytes of a recorded answer and whether the connection closes after them.
fn answer(step: &Value, shift_ms: i64) -> (Vec<u8>, bool) {
    if let Some(raw) = step["raw"].as_str() {
        return (raw.as_bytes().to_vec(), true);
    }
    if step["close"] == true || step["hang"] == true {
        return (Vec::new(), step["close"] == true);
    }
    let mut body = decode_base64(step["body"].as_str().unwrap_or_default());
    if shift_ms > 0 {
        body = shift_timestamps(&body, shift_ms);
    }
    let status = step["status"].as_u64().unwrap_or(200);
    let reason = REASONS.iter().find(|(code, _)| *code == status).map_or("Status", |(_, r)| r);
    let mut head = format!("HTTP/1.1 {status} {reason}\r\nConnection: close\r\n");
    if let Some(content_type) = step["content_type"].as_str() {
        head.push_str(&format!("Content-Type: {content_type}\r\n"));
    }
    for (name, value) in step["headers"].as_object().into_iter().flatten() {
        head.push_str(&format!("{name}: {}\r\n", text(value)));
    }
    let no_length = step.get("extra_length").is_some_and(Value::is_null);
    let hangs = step["hang_body"] == true;
    let extra = if hangs { 5 } else { step["extra_length"].as_i64().unwrap_or(0) };
    if step["chunked"] == true {
        head.push_str("Transfer-Encoding: chunked\r\n");
        let chunk = format!("{:x}\r\n", body.len());
        body = [chunk.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    } else if !no_length {
        let length = i64::try_from(body.len()).unwrap() + extra;
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    ([head.as_bytes(), b"\r\n", &body].concat(), !hangs)
}

/// Moves the timestamps at the ends of lines: the bodies of all scrapes were written for one time,
/// and here each scrape has its own.
fn shift_timestamps(body: &[u8], shift_ms: i64) -> Vec<u8> {
    let shift = |line: &[u8]| -> Option<Vec<u8>> {
        let (rest, last) = std::str::from_utf8(line).ok()?.rsplit_once(' ')?;
        let is_time = last.len() == 13 && last.starts_with("1") && !rest.starts_with('#');
        let timestamp_ms = last.parse::<i64>().ok().filter(|_| is_time)?;
        Some(format!("{rest} {}", timestamp_ms + shift_ms).into_bytes())
    };
    let lines = body.split(|byte| *byte == b'\n');
    lines.map(|line| shift(line).unwrap_or_else(|| line.to_vec())).collect::<Vec<_>>().join(&b'\n')
}

/// Times and the bits of values, by series.
type Samples = BTreeMap<Labels, Vec<(i64, u64)>>;

fn stored(store: &MemoryStore) -> Samples {
    let ctx = QueryContext::default();
    let querier = store.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let read = |series| {
        selection.read(&ctx, series, &mut columns).unwrap();
        // The recordings do not tell zero from minus zero.
        let bits = |value: f64| if value == 0.0 { 0 } else { value.to_bits() };
        let samples = columns.iter().map(|sample| (sample.timestamp_ms, bits(sample.value)));
        (selection.series_labels(series), samples.collect())
    };
    (0..selection.len()).map(read).collect()
}

/// Checks what a scrape added to the store.
fn check_stored(
    after: &Value,
    instance: &Labels,
    stored: &Samples,
    before: &Samples,
) -> Result<(), String> {
    let mut added = Samples::new();
    for (labels, samples) in stored {
        let known = before.get(labels).map_or(0, Vec::len);
        if samples.len() > known {
            added.insert(labels.clone(), samples[known..].to_vec());
        }
    }
    for name in REPORT {
        let mut labels = LabelsBuilder::default();
        labels.reset(instance);
        let own = added.remove(&labels.set("__name__", name).build());
        // Of the duration nothing was recorded.
        if let Some(expected) = after["report"][name].as_str() {
            let value = own.and_then(|samples| samples.last().map(|(_, value)| *value));
            same(&value, &Some(bits(expected))).map_err(|what| format!("{name}: {what}"))?;
        }
    }
    let expected = list(&after["series"]).iter().map(|series| {
        let pairs = series["labels"].as_object().unwrap().iter();
        let samples = list(&series["samples"]).iter().map(|sample| {
            let scrape_ms = NOW_MS + INTERVAL_MS * (sample[0].as_i64().unwrap() - 1);
            (scrape_ms + sample[1].as_i64().unwrap_or(0), bits(text(&sample[2])))
        });
        (Labels::from_pairs(pairs.map(|(name, value)| (name, text(value)))), samples.collect())
    });
    same(&added, &expected.collect())
}

/// Returns the bits of a recorded value.
fn bits(value: &str) -> u64 {
    match value {
        "stale" => STALE_NAN.to_bits(),
        "NaN" => NORMAL_NAN.to_bits(),
        number => number.parse::<f64>().unwrap().to_bits(),
    }
}

/// Checks the text of a failure. Ours say in addition on which line the page is wrong.
fn check_error(error: &str, expected: &str) -> Result<(), String> {
    let shortened = error.rsplit_once(" (line ").map_or(error, |(message, _)| message);
    // How our libraries name the parts of an answer, and how labels print that are no UTF-8, differs.
    let alike = |part: &&str| shortened.contains(part) && expected.contains(part);
    let known = ["gzip: ", "transport connection broken: ", "invalid metric name or label names: "];
    if known.iter().any(alike) { Ok(()) } else { same(&shortened, &expected) }
}

fn check_metadata(scraper: &Scraper, expected: &Value) -> Result<(), String> {
    let found = scraper.metadata(text(&expected["metric"]));
    let expected = Metadata {
        metric_type: text(&expected["type"]).parse().unwrap(),
        help: text(&expected["help"]).into(),
        unit: text(&expected["unit"]).into(),
    };
    same(&found, &Some(expected))
}

fn same<T: Debug + PartialEq>(found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("\n  {found:?}\n  {expected:?}")) }
}

/// A store that refuses samples more than an hour before the first scrape, as the recorded one did.
#[derive(Default)]
struct Bounded(MemoryStore);

struct BoundedAppender<'a>(Box<dyn Appender + 'a>);

impl Appendable for Bounded {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(BoundedAppender(self.0.appender()))
    }
}

impl Appender for BoundedAppender<'_> {
    fn append(
        &mut self,
        series: SeriesKey<'_>,
        timestamp_ms: i64,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        if timestamp_ms < NOW_MS - 3_600_000 {
            return Err(AppendError::OutOfBounds);
        }
        self.0.append(series, timestamp_ms, value)
    }

    fn set_metadata(&mut self, series: SeriesRef, metadata: &Metadata) -> Result<(), AppendError> {
        self.0.set_metadata(series, metadata)
    }

    fn commit(&mut self) -> Result<Committed, AppendError> {
        self.0.commit()
    }

    fn rollback(&mut self) {
        self.0.rollback();
    }
}

fn lines(folder: &Path, file: &str) -> impl Iterator<Item = Value> {
    let text = fs::read_to_string(folder.join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>().into_iter()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn decode_base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut bit_count) = (0_u32, 0);
    for letter in text.bytes().take_while(|letter| *letter != b'=') {
        let value = BASE64.iter().position(|other| *other == letter).unwrap();
        bits = (bits << 6) | u32::try_from(value).unwrap();
        bit_count += 6;
        if bit_count >= 8 {
            bit_count -= 8;
            bytes.push(u8::try_from((bits >> bit_count) & 0xff).unwrap());
        }
    }
    bytes
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The time for which all bodies were written, and which the first scrape has here.
const NOW_MS: i64 = 1_700_000_000_000;
const INTERVAL_MS: i64 = 10_000;

/// How the recordings write the address of the target.
const URL: &str = "http://TARGET/PATH";

const REPORT: [&str; 8] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
];

const REASONS: [(u64, &str); 5] = [
    (200, "OK"),
    (302, "Found"),
    (404, "Not Found"),
    (500, "Internal Server Error"),
    (503, "Service Unavailable"),
];
