//! Turns pages into samples, without network, as a scraper does that saw them before.
//!
//! The store takes every sample and keeps none, so the figures are the scraper's own: reading the
//! page, looking each series up, staleness and metadata. The pages: one of node exporter 1.5, and
//! one of 5,000 lines of about 115 bytes. The runners:
//!
//! - `same`: the page of the last time, the steady state of nearly every scrape.
//! - `turned`: its lines in the opposite order each time, so that none is where it is expected.
//! - `first`: a scraper that never saw the page.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use narthex_config::ScrapeConfig;
use narthex_model::{Labels, Metadata};
use narthex_scrape::{Body, Scraped, Scraper};
use narthex_storage::{
    AppendError, Appendable, Appender, Committed, SampleValue, SeriesKey, SeriesRef,
};

const NODE_EXPORTER_PAGE: &str = include_str!("../data/node_exporter-1.5.txt");

fn scrape(criterion: &mut Criterion) {
    race(criterion, "scrape/node_exporter", NODE_EXPORTER_PAGE);
    race(criterion, "scrape/four_labels", &four_labels_page());
}

fn race(criterion: &mut Criterion, name: &str, page: &str) {
    let turned = page.lines().rev().collect::<Vec<_>>().join("\n") + "\n";
    let sample_count = append(&mut scraper(), page).samples;
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(sample_count));
    let mut known = scraper();
    append(&mut known, page);
    group.bench_function("same", |bencher| {
        bencher.iter(|| append(&mut known, black_box(page)));
    });
    group.bench_function("turned", |bencher| {
        let mut pages = [page, turned.as_str()].into_iter().cycle();
        bencher.iter(|| append(&mut known, black_box(pages.next().unwrap_or_default())));
    });
    group.bench_function("first", |bencher| {
        bencher.iter(|| append(&mut scraper(), black_box(page)));
    });
    group.finish();
}

fn scraper() -> Scraper {
    let target = Labels::from_pairs([("job", "node"), ("instance", "localhost:9100")]);
    Scraper::new(&ScrapeConfig::default(), target)
}

fn append(scraper: &mut Scraper, page: &str) -> Scraped {
    let body = Body { content_type: "text/plain", bytes: page.as_bytes() };
    let scraped = scraper.scrape(&Nowhere, 1, Ok(body), || Duration::ZERO);
    assert!(scraped.error.is_none(), "{:?}", scraped.error);
    scraped
}

/// Takes samples and forgets them.
struct Nowhere;

struct NowhereAppender {
    sample_count: u64,
}

impl Appendable for Nowhere {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(NowhereAppender { sample_count: 0 })
    }
}

impl Appender for NowhereAppender {
    fn append(
        &mut self,
        series: SeriesKey<'_>,
        _: i64,
        value: SampleValue,
    ) -> Result<SeriesRef, AppendError> {
        black_box(value);
        self.sample_count += 1;
        Ok(match series {
            SeriesKey::Ref(series) => series,
            SeriesKey::Labels(_) => SeriesRef(self.sample_count),
        })
    }

    fn set_metadata(&mut self, _: SeriesRef, _: &Metadata) -> Result<(), AppendError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<Committed, AppendError> {
        Ok(Committed::default())
    }

    fn rollback(&mut self) {}
}

fn four_labels_page() -> String {
    let mut page = String::new();
    for series in 0..5_000 {
        if series % 100 == 0 {
            let family = series / 100;
            let _ = writeln!(page, "# HELP http_requests_{family}_total Requests so far.");
            let _ = writeln!(page, "# TYPE http_requests_{family}_total counter");
        }
        let _ = writeln!(
            page,
            "http_requests_{}_total{{method=\"GET\",handler=\"/api/v1/items/{series:05}\",\
             code=\"200\",node=\"node-{:03}.example\"}} {}",
            series / 100,
            series % 97,
            series * 7919,
        );
    }
    page
}

criterion_group!(benches, scrape);
criterion_main!(benches);
