use hashbrown::HashSet;
use proptest::prelude::*;

use super::*;

/// Reads one page, given as texts in page order, as the scraper does: every series is tracked. The
/// reference of a text is its first byte. Returns what became stale.
fn read(cache: &mut SeriesCache, page: &[&str]) -> String {
    cache.start_page(PageFormat::Text);
    let mut line_before = "";
    for text in page {
        let expected = cache.expect_in(line_before, text.as_bytes());
        let seen = match expected.filter(|expected| expected.size == text.len()) {
            Some(expected) => {
                line_before = text;
                Some(cache.see_expected(expected))
            }
            None => cache.see(line_before, text),
        };
        let index = match seen {
            Some(seen) => seen.index,
            None => cache.insert(text, Some(series(text))),
        };
        cache.track(index);
    }
    finish(cache, true)
}

fn finish(cache: &mut SeriesCache, good: bool) -> String {
    let stale = cache.stale();
    cache.finish(good);
    let letter = |series: &SeriesRef| char::from(u8::try_from(series.0).unwrap());
    stale.iter().map(letter).collect()
}

fn series(text: &str) -> SeriesRef {
    SeriesRef(u64::from(text.as_bytes()[0]))
}

#[test]
fn what_vanishes_is_stale_once() {
    let mut cache = SeriesCache::default();
    assert_eq!(read(&mut cache, &["a", "b", "c"]), "");
    assert_eq!(read(&mut cache, &["a", "c"]), "b");
    assert_eq!(read(&mut cache, &["a", "c"]), "");
    assert_eq!(read(&mut cache, &["x"]), "ac");
    assert_eq!(read(&mut cache, &[]), "x");
    assert_eq!(read(&mut cache, &[]), "");
}

#[test]
fn another_spelling_keeps_a_series_alive() {
    let mut cache = SeriesCache::default();
    assert_eq!(read(&mut cache, &["a1", "b"]), "");
    assert_eq!(read(&mut cache, &["a2", "b"]), "");
    assert_eq!(read(&mut cache, &["a1", "a2", "b"]), "");
    assert_eq!(read(&mut cache, &["b"]), "a");
}

#[test]
fn a_failed_scrape_ends_every_series_and_keeps_the_entries() {
    let mut cache = SeriesCache::default();
    read(&mut cache, &["a", "b"]);
    assert_eq!(finish(&mut cache, false), "ab");
    assert_eq!(finish(&mut cache, false), "");
    cache.start_page(PageFormat::Text);
    assert_eq!(cache.see("", "b").map(|seen| seen.series), Some(Some(series("b"))));
    assert_eq!(cache.see("", "b").map(|seen| seen.repeated), Some(true));
}

#[test]
fn a_good_page_drops_what_it_lacks() {
    let mut cache = SeriesCache::default();
    read(&mut cache, &["a", "b", "c"]);
    read(&mut cache, &["c", "a"]);
    cache.start_page(PageFormat::Text);
    assert_eq!(cache.see("", "b"), None);
    assert!(cache.see("", "a").is_some());
    assert!(cache.see("", "c").is_some());
    assert_eq!(cache.series_count(), 2);
}

#[test]
fn failing_pages_do_not_pile_up() {
    let mut cache = SeriesCache::default();
    let mut dropped = 0;
    for page in 0..100 {
        cache.start_page(PageFormat::Text);
        for line in 0..100 {
            let text = format!("series_{page}_{line}");
            if cache.see("", &text).is_none() {
                cache.insert(&text, Some(SeriesRef(1)));
            }
        }
        dropped += usize::from(cache.finish(false));
        assert!(cache.live_count <= GROWTH_COUNT_MAX + 100);
        assert!(cache.texts.size() <= 100_000, "{} bytes", cache.texts.size());
    }
    assert!(dropped > 5, "dropped {dropped} times");
}

#[test]
fn entries_that_are_not_tracked_are_never_stale() {
    let mut cache = SeriesCache::default();
    cache.start_page(PageFormat::Text);
    cache.insert("a", Some(SeriesRef(1)));
    cache.insert("dropped", None);
    assert_eq!(cache.series_count(), 1);
    assert_eq!(finish(&mut cache, true), "");
    assert_eq!(finish(&mut cache, true), "");
}

proptest! {
    /// The cache does what two plain sets would do, whatever the order of lines.
    #[test]
    fn behaves_like_two_sets(
        pages in prop::collection::vec(prop::collection::vec("[a-h]{1,2}", 0..24), 1..24),
    ) {
        let mut cache = SeriesCache::default();
        let mut before = HashSet::new();
        for page in &pages {
            let texts = page.iter().map(String::as_str).collect::<Vec<_>>();
            let now = texts.iter().map(|text| series(text)).collect::<HashSet<_>>();
            let mut stale = before.difference(&now).copied().collect::<Vec<_>>();
            stale.sort_unstable();
            let expected = stale
                .iter()
                .map(|series: &SeriesRef| char::from(u8::try_from(series.0).unwrap()))
                .collect::<String>();
            prop_assert_eq!(read(&mut cache, &texts), expected);
            let distinct = texts.iter().collect::<HashSet<_>>().len();
            prop_assert_eq!(cache.live_count, distinct);
            prop_assert_eq!(cache.series_count(), distinct);
            before = now;
        }
    }
}

#[test]
fn another_format_makes_other_texts_of_the_same_series() {
    let mut cache = SeriesCache::default();
    read(&mut cache, &["a{}", "b{}", "c"]);
    assert!(cache.start_page(PageFormat::Text));
    assert!(!cache.start_page(PageFormat::OpenMetrics), "its lines are not those of the last page");
    assert!(cache.see("", "a{}").is_some(), "but its series are spelled alike");
    assert!(!cache.start_page(PageFormat::Protobuf));
    assert_eq!(cache.see("", "a{}"), None);
    let index = cache.insert("a{}", Some(series("a")));
    cache.track(index);
    let seen = cache.see("", "c").expect("a name alone is the same in all formats");
    cache.track(seen.index);
    assert_eq!(cache.series_count(), 2);
    assert_eq!(finish(&mut cache, true), "b", "what is owed to a series is not forgotten");
}
