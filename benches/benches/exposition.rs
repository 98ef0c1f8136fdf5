//! Reads a page of node exporter 1.5 with this project's reader and with its peers.
//!
//! - `labels`: every entry, and the labels of every sample in a builder that is used again: the
//!   work of a scraper that sees a page for the first time. The peers build owned samples, which
//!   is the nearest that they do.
//! - `entries`: every entry, no labels.
//! - `known`: the page again, its series expected in the order of the last time.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use narthex_exposition::{Entry, TextReader};
use narthex_model::LabelsBuilder;

const PAGE: &str = include_str!("../data/node_exporter-1.5.txt");

fn exposition(criterion: &mut Criterion) {
    check_that_all_read_alike();
    let mut group = criterion.benchmark_group("exposition");
    group.throughput(Throughput::BytesDecimal(PAGE.len() as u64));
    let mut labels = LabelsBuilder::default();
    group.bench_function("narthex/labels", |bencher| {
        bencher.iter(|| read_labels(black_box(PAGE), &mut labels));
    });
    group.bench_function("narthex/entries", |bencher| {
        bencher.iter(|| TextReader::new(black_box(PAGE).as_bytes()).map(black_box).count());
    });
    let known = series_texts(PAGE);
    group.bench_function("narthex/known", |bencher| {
        bencher.iter(|| read_known(black_box(PAGE), &known));
    });
    group.bench_function("prometheus-parse", |bencher| {
        bencher.iter(|| read_with_prometheus_parse(black_box(PAGE)));
    });
    group.bench_function("openmetrics-parser", |bencher| {
        bencher.iter(|| read_with_openmetrics_parser(black_box(PAGE)));
    });
    group.finish();
}

/// A race counts only where all runners reach the goal: here, every sample of the page.
fn check_that_all_read_alike() {
    let sample_count = read_labels(PAGE, &mut LabelsBuilder::default());
    assert_eq!(read_known(PAGE, &series_texts(PAGE)), sample_count);
    let peer = read_with_prometheus_parse(PAGE);
    // It makes one sample of each histogram and summary.
    assert!(peer.samples.len() <= sample_count && peer.samples.len() * 10 > sample_count * 9);
    assert!(!read_with_openmetrics_parser(PAGE).families.is_empty());
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

fn series_texts(page: &str) -> Vec<Box<str>> {
    let entries = TextReader::new(page.as_bytes()).map(|entry| entry.expect("the page is good"));
    let texts = entries.filter_map(|entry| match entry {
        Entry::Sample(sample) => Some(sample.series.into()),
        _ => None,
    });
    texts.collect()
}

/// Returns the number of samples.
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
