use std::collections::{BTreeMap, BTreeSet};

use narthex_config::Config;
use narthex_model::is_stale_nan;
use narthex_storage::{
    Columns, Committed, MemoryStore, QueryContext, Queryable, SelectHints, SeriesRef, TimeRange,
};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// Scrapes pages one after the other, at the times 1000, 2000, …, and compares everything stored
/// with `expected`: a line a series, without the labels that all have, in order of creation. `!`
/// stands for a failed fetch.
#[track_caller]
fn check(job: &str, pages: &[&str], expected: &str) {
    let store = MemoryStore::default();
    let mut scraper = scraper(job);
    for (index, page) in pages.iter().enumerate() {
        scrape(&mut scraper, &store, index, page);
    }
    assert_eq!(dump(&store), expected.trim_start(), "{job} {pages:#?}");
}

fn scrape(scraper: &mut Scraper, store: &dyn Appendable, index: usize, page: &str) -> Scraped {
    let timestamp_ms = 1_000 * i64::try_from(index + 1).unwrap();
    let body = match page {
        "!" => Err(FetchError::BodyTimeout.into()),
        page => Ok(Body { content_type: "text/plain", bytes: page.as_bytes() }),
    };
    scraper.scrape(store, timestamp_ms, body, || Duration::from_millis(5))
}

fn scraper(job: &str) -> Scraper {
    let text = format!("scrape_configs: [{{job_name: j, {job}}}]");
    let config = Config::load(&text, "test.yml", |_| None).unwrap();
    let target = Labels::from_pairs([("job", "j")]);
    Scraper::new(&config.scrape_configs[0], target)
}

/// Prints the stored series, but for the scrape's own ones other than `up`.
fn dump(store: &MemoryStore) -> String {
    let ctx = QueryContext::default();
    let querier = store.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut out = String::new();
    for series in 0..selection.len() {
        let mut labels = LabelsBuilder::default();
        labels.reset(&selection.series_labels(series));
        if labels.get("job") == Some("j") {
            labels.delete("job");
        }
        let labels = labels.build();
        if labels.metric_name().starts_with("scrape_") {
            continue;
        }
        let mut columns = Columns::default();
        selection.read(&ctx, series, &mut columns).unwrap();
        let samples = columns.iter().map(|sample| match sample.value {
            value if is_stale_nan(value) => format!("stale@{}", sample.timestamp_ms),
            value => format!("{value}@{}", sample.timestamp_ms),
        });
        let samples = samples.collect::<Vec<_>>().join(" ");
        out.push_str(&format!("{} {samples}\n", labels.as_series()));
    }
    out
}

#[test]
fn series_end_when_they_vanish() {
    check(
        "",
        &["a 1\nb 2\n", "b 3\n", "a 4\nb 5\n", "", "# nothing\n"],
        r"
a 1@1000 stale@2000 4@3000 stale@4000
b 2@1000 3@2000 5@3000 stale@4000
up 1@1000 1@2000 1@3000 1@4000 1@5000
",
    );
}

#[test]
fn series_end_when_the_scrape_fails() {
    check(
        "",
        &["a 1\nb 2\n", "!", "!", "a 4\n"],
        r"
a 1@1000 stale@2000 4@4000
b 2@1000 stale@2000
up 1@1000 0@2000 0@3000 1@4000
",
    );
}

/// As in the reference: what was read before the error does not end, though it is not stored.
#[test]
fn a_bad_page_is_not_stored() {
    check(
        "",
        &["a 1\nb 2\n", "n 1\na 5\nb x\n", "a 6\nb 7\n"],
        r"
a 1@1000 6@3000
b 2@1000 stale@2000 7@3000
up 1@1000 0@2000 1@3000
n stale@3000
",
    );
}

#[test]
fn timestamps_of_the_page() {
    let pages = ["a 1 500\nb 1\n", "a 2 1500\nb 2 1500\n", "c 3 10\n"];
    check(
        "",
        &pages,
        r"
a 1@500 2@1500
b 1@1000 2@1500 stale@2000
up 1@1000 1@2000 1@3000
c 3@10
",
    );
    check(
        "track_timestamps_staleness: true",
        &pages,
        r"
a 1@500 2@1500 stale@3000
b 1@1000 2@1500 stale@3000
up 1@1000 1@2000 1@3000
c 3@10
",
    );
    check(
        "honor_timestamps: false",
        &pages,
        r"
a 1@1000 2@2000 stale@3000
b 1@1000 2@2000 stale@3000
up 1@1000 1@2000 1@3000
c 3@3000
",
    );
}

#[test]
fn labels_of_the_target() {
    let page = "a{job=\"x\"} 1\na{job=\"\",l=\"1\"} 2\nup 5\n";
    check(
        "",
        &[page],
        r#"
a{exported_job="x"} 1@1000
a{l="1"} 2@1000
up 5@1000
"#,
    );
    check(
        "honor_labels: true",
        &[page],
        r#"
a{job="x"} 1@1000
a{l="1"} 2@1000
up 5@1000
"#,
    );
}

#[test]
fn relabelling() {
    check(
        "metric_relabel_configs: [{source_labels: [__name__], regex: 'drop_.*', action: drop}, \
         {source_labels: [l], target_label: m}]",
        &["drop_a 1\na{l=\"1\"} 2\n", "drop_a 1\na{l=\"1\"} 3\n"],
        r#"
a{l="1", m="1"} 2@1000 3@2000
up 1@1000 1@2000
"#,
    );
}

#[test]
fn counts() {
    let store = MemoryStore::default();
    let mut scraper = scraper(
        "metric_relabel_configs: [{source_labels: [__name__], regex: 'drop_.*', action: drop}]",
    );
    let page = "drop_a 1\na 1\na 2\nb 1 9000\nc 1 601001\n";
    let scraped = scrape(&mut scraper, &store, 0, page);
    assert!(scraped.error.is_none());
    assert_eq!((scraped.samples, scraped.samples_post_relabeling, scraped.series_added), (5, 4, 2));
    assert_eq!((scraped.duplicate_timestamp, scraped.out_of_bounds), (1, 1));
    let scraped = scrape(&mut scraper, &store, 1, "a 1\nb 1\n");
    assert_eq!((scraped.samples, scraped.series_added, scraped.out_of_order), (2, 0, 1));
}

#[test]
fn limits_fail_the_scrape() {
    let store = MemoryStore::default();
    let mut limited = scraper("sample_limit: 2");
    assert!(scrape(&mut limited, &store, 0, "a 1\nb 1\n").error.is_none());
    let scraped = scrape(&mut limited, &store, 1, "a 1\nb 1\nc 1\nd 1\n");
    assert!(matches!(scraped.error, Some(ScrapeError::SampleLimit)));
    assert_eq!((scraped.samples, scraped.samples_post_relabeling, scraped.series_added), (4, 4, 0));
    assert!(scrape(&mut limited, &store, 2, "a 2\nb 2\n").error.is_none());
    assert_eq!(dump(&store), "a 1@1000 2@3000\nb 1@1000 2@3000\nup 1@1000 0@2000 1@3000\n");

    let mut limited = scraper("label_limit: 2");
    let scraped = scrape(&mut limited, &store, 3, "c{l=\"1\"} 1\n");
    assert!(matches!(scraped.error, Some(ScrapeError::LabelLimit { label_count: 3, .. })));
}

#[test]
fn the_end_of_a_target_ends_its_own_series_too() {
    let store = MemoryStore::default();
    let mut scraper = scraper("");
    scrape(&mut scraper, &store, 0, "a 1\n");
    scraper.end(&store, 3_000).unwrap();
    assert_eq!(dump(&store), "a 1@1000 stale@3000\nup 1@1000 stale@3000\n");
}

#[test]
fn the_end_is_refused_where_somebody_went_on() {
    let store = MemoryStore::default();
    let (mut old, mut new) = (scraper(""), scraper(""));
    scrape(&mut old, &store, 0, "a 1\n");
    scrape(&mut new, &store, 2, "a 2\n");
    old.end(&store, 2_500).unwrap();
    assert_eq!(dump(&store), "a 1@1000 2@3000\nup 1@1000 1@3000\n");
}

#[test]
fn extra_series_tell_of_the_limits() {
    let store = MemoryStore::default();
    let mut scraper = scraper("extra_scrape_metrics: true, sample_limit: 7, scrape_timeout: 3s");
    scrape(&mut scraper, &store, 0, "a 1\n");
    let too_large = Err(FetchError::BodySizeLimit.into());
    scraper.scrape(&store, 2_000, too_large, || Duration::ZERO);
    for (name, expected) in [
        ("scrape_timeout_seconds", [3.0, 3.0]),
        ("scrape_sample_limit", [7.0, 7.0]),
        ("scrape_body_size_bytes", [4.0, -1.0]),
        ("scrape_samples_scraped", [1.0, 0.0]),
        ("scrape_series_added", [1.0, 0.0]),
        ("scrape_duration_seconds", [0.005, 0.0]),
    ] {
        let ctx = QueryContext::default();
        let querier = store.querier(TimeRange::ALL).unwrap();
        let matchers = [narthex_model::Matcher::equal("__name__", name)];
        let selection = querier.select(&ctx, &matchers, &SelectHints::default()).unwrap();
        let mut columns = Columns::default();
        selection.read(&ctx, 0, &mut columns).unwrap();
        assert_eq!(columns.values(), expected, "{name}");
    }
}

/// A store that forgets its series, and then cannot commit.
#[derive(Default)]
struct Forgetful(MemoryStore);

struct ForgetfulAppender<'a>(Box<dyn Appender + 'a>);

impl Appendable for Forgetful {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(ForgetfulAppender(self.0.appender()))
    }
}

impl Appender for ForgetfulAppender<'_> {
    fn append(
        &mut self,
        series: SeriesKey<'_>,
        timestamp_ms: i64,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        match series {
            SeriesKey::Ref(series) => Err(AppendError::UnknownSeries(series)),
            labels => self.0.append(labels, timestamp_ms, value),
        }
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

#[test]
fn series_that_the_store_forgot_are_made_again() {
    let store = Forgetful::default();
    let mut scraper = scraper("");
    for (index, page) in ["a{x=\"1\"} 1\n", "a{x=\"1\"} 2\n"].iter().enumerate() {
        let scraped = scrape(&mut scraper, &store, index, page);
        assert!(scraped.error.is_none(), "{scraped:?}");
    }
    let expected = "a{x=\"1\"} 1@1000 2@2000\nup 1@1000 1@2000\n";
    assert_eq!(dump(&store.0), expected);
}

#[test]
fn metadata_is_kept() {
    let mut scraper = scraper("");
    let page = "# HELP a Says \\\\ much.\n# TYPE a counter\na 1\n";
    scrape(&mut scraper, &MemoryStore::default(), 0, page);
    let metadata = scraper.metadata("a").unwrap();
    assert_eq!(metadata.metric_type, narthex_model::MetricType::Counter);
    assert_eq!(&*metadata.help, "Says \\ much.");
    assert_eq!(scraper.metadata("b"), None);
}

/// Returns a scraper that takes what counters have at first for counted before.
fn counting_scraper() -> Scraper {
    let features = Features { start_timestamp_synthesis: true, ..Features::default() };
    let mut scraper = scraper("");
    scraper.settings = Arc::new(Settings::new(&ScrapeConfig::default(), features));
    scraper
}

#[test]
fn counters_start_when_they_are_first_seen() {
    let store = MemoryStore::default();
    let mut scraper = counting_scraper();
    let page = |count: u64, quantile: f64| {
        format!(
            "# TYPE c counter\nc_total {count}\n# TYPE g gauge\ng {count}\n# TYPE s summary\n\
             s_count {count}\ns{{quantile=\"0.5\"}} {quantile}\nother_total {count}\n"
        )
    };
    let pages = [page(10, 1.0), page(17, 2.0), "!".to_owned(), page(18, 3.0), page(5, 4.0)];
    let added = pages.iter().enumerate();
    let added = added.map(|(index, page)| scrape(&mut scraper, &store, index, page).series_added);
    assert_eq!(added.collect::<Vec<_>>(), [5, 0, 0, 0, 0]);
    let expected = "\
        g 10@1000 17@2000 stale@3000 18@4000 5@5000\n\
        s{quantile=\"0.5\"} 1@1000 2@2000 stale@3000 3@4000 4@5000\n\
        other_total 10@1000 17@2000 stale@3000 18@4000 5@5000\n\
        up 1@1000 1@2000 0@3000 1@4000 1@5000\n\
        c_total 7@2000 stale@3000 8@4000 5@5000\n\
        s_count 7@2000 stale@3000 8@4000 5@5000\n";
    assert_eq!(dump(&store), expected);
}

/// A page of the oracle test: the numbers of its series in their order, or a failed fetch.
type NumberedPage = Option<Vec<usize>>;

/// Pages of which each is the one before but for a few lines that moved, came, went or changed.
fn any_pages() -> impl Strategy<Value = Vec<NumberedPage>> {
    let edit = (0..4, any::<Index>(), any::<Index>(), 0..60_usize);
    let page = (prop::collection::vec(edit, 0..4), prop::bool::weighted(0.1));
    let first = prop::collection::vec(0..60_usize, 0..60);
    (first, prop::collection::vec(page, 1..12)).prop_map(|(mut lines, pages)| {
        let edited = pages.into_iter().map(|(edits, fails)| {
            for (kind, one, other, number) in edits {
                let (len, at) = (lines.len(), one.index(lines.len() + 1));
                match kind {
                    0 => lines.insert(at, number),
                    _ if at == len => {}
                    1 => _ = lines.remove(at),
                    2 => lines[at] = number,
                    _ => lines.swap(at, other.index(len)),
                }
            }
            (!fails).then(|| lines.clone())
        });
        edited.collect()
    })
}

fn numbered_series(number: usize) -> String {
    let (name, code, path) = (number % 2, number / 2 % 5, number / 10);
    match path {
        0 => format!("requests_{name}{code}"),
        1 => format!("requests_{name} {{code=\"{code}\"}}"),
        _ => format!("requests_{name}{{code=\"{code}\",path=\"/api/{path}\",zone=\"eu\"}}"),
    }
}

/// What is stored of pages where each is read anew, and compared with the one before as two sets.
fn store_without_cache(pages: &[NumberedPage]) -> BTreeMap<usize, String> {
    let mut stored = BTreeMap::<usize, String>::new();
    let mut before = BTreeSet::new();
    for (index, page) in pages.iter().enumerate() {
        let timestamp_ms = 1_000 * (index + 1);
        let now = page.iter().flatten().copied().collect::<BTreeSet<_>>();
        for number in &now {
            let sample = format!(" {}@{timestamp_ms}", number * 100 + index);
            *stored.entry(*number).or_default() += &sample;
        }
        for number in before.difference(&now) {
            *stored.entry(*number).or_default() += &format!(" stale@{timestamp_ms}");
        }
        before = now;
    }
    stored
}

proptest! {
    /// The cache changes nothing of what is stored, whatever becomes of the lines.
    #[test]
    fn a_cache_makes_no_difference(pages in any_pages()) {
        let store = MemoryStore::default();
        let mut scraper = scraper("");
        for (index, page) in pages.iter().enumerate() {
            let line = |number: &usize| {
                format!("{} {}\n", numbered_series(*number), number * 100 + index)
            };
            let text = match page {
                Some(lines) => lines.iter().map(line).collect(),
                None => "!".to_owned(),
            };
            scrape(&mut scraper, &store, index, &text);
        }
        let stored = dump(&store).replace(", ", ",");
        let mut stored = stored.lines().filter(|line| !line.starts_with("up ")).collect::<Vec<_>>();
        let expected = store_without_cache(&pages).into_iter();
        let expected = expected.map(|(number, samples)| {
            numbered_series(number).replace(" {", "{") + &samples
        });
        let mut expected = expected.collect::<Vec<_>>();
        stored.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(stored, expected);
    }
}

mod cheats {
    use super::*;

    /// Names that a target may hope to be taken for its own, and such that only look so.
    const NAMES: &[&str] = &[
        "job",
        "instance",
        "exported_job",
        "exported_instance",
        "exported_exported_job",
        "__name__",
        "__address__",
        "Job",
        "JOB",
        "jоb",
        "job ",
        "",
        "__meta_x",
        "le",
        "rack",
    ];

    fn pair() -> impl Strategy<Value = (usize, String)> {
        (0..NAMES.len(), prop::sample::select(vec!["", "evil", "t", "up", "\u{0}", "1"]))
            .prop_map(|(name, value)| (name, value.to_owned()))
    }

    proptest! {
        /// Whatever labels a page writes, every series that is stored has those of its target, and what
        /// the page wrote under their names is kept beside. `PROPTEST_CASES` sets how many are tried.
        #[test]
        fn no_target_passes_for_another(
            lines in prop::collection::vec(prop::collection::vec(pair(), 0..6), 1..5),
        ) {
            let target = [("job", "t"), ("instance", "i:1"), ("rack", "7")];
            let config = ScrapeConfig::default();
            let mut scraper = Scraper::new(&config, Labels::from_pairs(target));
            let page = lines.iter().map(|pairs| {
                let pairs = pairs.iter().map(|(name, value)| format!("{:?}={value:?}", NAMES[*name]));
                format!("m{{{}}} 1\n", pairs.collect::<Vec<_>>().join(","))
            });
            let page = page.collect::<String>();
            let store = MemoryStore::default();
            scrape(&mut scraper, &store, 0, &page);
            let ctx = QueryContext::default();
            let querier = store.querier(TimeRange::ALL).unwrap();
            let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
            for series in 0..selection.len() {
                let labels = selection.series_labels(series);
                for (name, value) in target {
                    prop_assert_eq!(labels.get(name), Some(value), "{}", &page);
                }
                prop_assert!(labels.iter().all(|(name, value)| !name.is_empty() && !value.is_empty()));
                let evil = labels.iter().filter(|(_, value)| *value == "evil").map(|(name, _)| name);
                prop_assert!(evil.clone().all(|name| !target.iter().any(|(own, _)| *own == name)));
            }
        }
    }
}
