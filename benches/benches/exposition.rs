//! Reads pages of the text format with this project's reader and with its peers.
//!
//! The pages: one of node exporter 1.5, and one of 5,000 lines of about 115 bytes with four labels
//! each. The runners:
//!
//! - `narthex/labels`: every entry, and the labels of every sample in a builder that is used again:
//!   the work of a scraper that sees a page for the first time. The peers build owned samples,
//!   which is the nearest that they do, so this is the figure to set beside theirs.
//! - `narthex/entries`: every entry, checked, but no labels.
//! - `narthex/known`: the page once more, its series expected in the order of the last time.
//! - `narthex/openmetrics`, `narthex/protobuf`: every entry of the same samples in the other formats.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use narthex_exposition::{
    ContentType, Entry, EscapingScheme, PageFormat, PageReader, ReadOptions, ScrapeProtocol,
    TextReader, read_families, write_page,
};
use narthex_model::LabelsBuilder;

const NODE_EXPORTER_PAGE: &str = include_str!("../data/node_exporter-1.5.txt");

fn exposition(criterion: &mut Criterion) {
    race(criterion, "exposition/node_exporter", NODE_EXPORTER_PAGE);
    race(criterion, "exposition/four_labels", &four_labels_page());
}

fn race(criterion: &mut Criterion, name: &str, page: &str) {
    let known = series_texts(page);
    check_that_all_read_alike(page, &known);
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::BytesDecimal(page.len() as u64));
    let mut labels = LabelsBuilder::default();
    group.bench_function("narthex/labels", |bencher| {
        bencher.iter(|| read_labels(black_box(page), &mut labels));
    });
    group.bench_function("narthex/entries", |bencher| {
        bencher.iter(|| TextReader::new(black_box(page).as_bytes()).map(black_box).count());
    });
    group.bench_function("narthex/known", |bencher| {
        bencher.iter(|| read_known(black_box(page), &known));
    });
    for (name, protocol) in [
        ("narthex/openmetrics", ScrapeProtocol::OpenMetricsText1_0_0),
        ("narthex/protobuf", ScrapeProtocol::PrometheusProto),
    ] {
        let page = in_format(page, protocol);
        let format = protocol.format();
        assert_eq!(read_entries(&page, format), known.len());
        group.bench_function(name, |bencher| {
            bencher.iter(|| read_entries(black_box(&page), format));
        });
    }
    group.bench_function("prometheus-parse", |bencher| {
        bencher.iter(|| read_with_prometheus_parse(black_box(page)));
    });
    group.bench_function("openmetrics-parser", |bencher| {
        bencher.iter(|| read_with_openmetrics_parser(black_box(page)));
    });
    group.finish();
}

/// A race counts only where all runners reach the goal: here, every sample of the page.
fn check_that_all_read_alike(page: &str, known: &[Box<str>]) {
    let sample_count = known.len();
    assert_eq!(read_labels(page, &mut LabelsBuilder::default()), sample_count);
    assert_eq!(read_known(page, known), sample_count);
    // The peers make one sample of all lines of a histogram or summary; the pages have few.
    let of_peers = sample_count - sample_count / 50..=sample_count;
    let prometheus_parse = read_with_prometheus_parse(page).samples.len();
    assert!(of_peers.contains(&prometheus_parse), "{prometheus_parse} of {sample_count}");
    let families = read_with_openmetrics_parser(page).families;
    let openmetrics_parser: usize =
        families.values().map(|family| family.iter_samples().count()).sum();
    assert!(of_peers.contains(&openmetrics_parser), "{openmetrics_parser} of {sample_count}");
}

/// 50 families of 100 series.
fn four_labels_page() -> String {
    let mut page = String::new();
    for index in 0..5_000 {
        let (family, instance, value) = (index / 100, index % 100, f64::from(index) * 1.25);
        let name = format!("http_request_duration_{family}_seconds_total");
        if instance == 0 {
            writeln!(page, "# TYPE {name} counter").expect("a String takes all text");
        }
        writeln!(
            page,
            "{name}{{instance=\"10.0.0.{instance}:8080\",method=\"GET\",path=\"/api/v1/{index}\",\
             code=\"200\"}} {value}"
        )
        .expect("a String takes all text");
    }
    page
}

/// Returns the number of samples.
fn read_labels(page: &str, labels: &mut LabelsBuilder) -> usize {
    let mut sample_count = 0;
    for entry in TextReader::new(page.as_bytes()) {
        if let Entry::Sample(sample) = entry.expect("the page is good") {
            sample.labels(labels).expect("no label occurs twice");
            black_box((&*labels, sample.value, sample.timestamp_ms));
            sample_count += 1;
        }
    }
    sample_count
}

/// Returns the samples of a page of text in another format.
fn in_format(page: &str, protocol: ScrapeProtocol) -> Vec<u8> {
    let families = read_families(page.as_bytes(), PageFormat::Text).expect("the page is good");
    write_page(&families, ContentType { protocol, escaping: EscapingScheme::AllowUtf8 })
}

/// Returns the number of samples.
fn read_entries(page: &[u8], format: PageFormat) -> usize {
    let mut reader = PageReader::new(page, format, ReadOptions::default());
    let mut sample_count = 0;
    while let Some(entry) = reader.next_entry() {
        let entry = black_box(entry.expect("the page is good"));
        sample_count += usize::from(matches!(entry, Entry::Sample(_)));
    }
    sample_count
}

fn series_texts(page: &str) -> Vec<Box<str>> {
    let entries = TextReader::new(page.as_bytes()).map(|entry| entry.expect("the page is good"));
    let texts = entries.filter_map(|entry| match entry {
        Entry::Sample(sample) => Some(sample.series.into()),
        _ => None,
    });
    texts.collect()
}

/// Returns the number of samples whose series came as expected.
fn read_known(page: &str, known: &[Box<str>]) -> usize {
    let mut reader = TextReader::new(page.as_bytes());
    let mut sample_count = 0;
    loop {
        let expected = known.get(sample_count).map_or("", |series| series);
        if let Some(sample) = reader.next_if_series(expected) {
            black_box(sample);
            sample_count += 1;
        } else if reader.next().is_none() {
            return sample_count;
        }
    }
}

fn read_with_prometheus_parse(page: &str) -> prometheus_parse::Scrape {
    let lines = page.lines().map(|line| Ok(line.to_owned()));
    prometheus_parse::Scrape::parse(lines).expect("the page is good")
}

type OpenMetricsPage = openmetrics_parser::MetricsExposition<
    openmetrics_parser::PrometheusType,
    openmetrics_parser::PrometheusValue,
>;

fn read_with_openmetrics_parser(page: &str) -> OpenMetricsPage {
    openmetrics_parser::prometheus::parse_prometheus(page).expect("the page is good")
}

criterion_group!(benches, exposition);
criterion_main!(benches);
