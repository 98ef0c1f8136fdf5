//! Any text as a template, of an alert and of a page: a text of at most its limit, or an error.

#![no_main]

use std::cell::Cell;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use narthex_model::Labels;
use narthex_template::{
    AlertData, AlertTemplate, ConsoleData, ConsolePage, Environment, Limits, QuerySample,
};

fuzz_target!(|text: &str| {
    let now = Cell::new(Duration::ZERO);
    let clock = || {
        now.set(now.get() + Duration::from_millis(10));
        now.get()
    };
    let labels = Labels::from_pairs([("job", "api"), ("instance", "[::1]:80")]);
    let query = |query: &str| match query {
        "" => Err("nothing asked".to_owned()),
        _ => Ok(vec![QuerySample { labels: labels.clone(), value: 1.5.into() }]),
    };
    let mut limits = Limits::default();
    limits.output_size_max = 1 << 16;
    let env = || {
        Environment::new(1_700_000_000_000, &clock)
            .with_queries(&query)
            .with_external_url("http://localhost:9090/x")
            .with_limits(limits)
    };
    let external_labels = Labels::empty();
    if let Ok(template) = AlertTemplate::parse("Fuzz", text) {
        let data = AlertData {
            labels: &labels,
            external_labels: &external_labels,
            external_url: "http://localhost:9090/x",
            value: 0.1.into(),
        };
        if let Ok(expanded) = template.expand_bytes(&data, &env()) {
            // A text without an action is what it is, however long.
            assert!(expanded.len() <= limits.output_size_max || !text.contains("{{"));
        }
    }
    if let Ok(page) = ConsolePage::parse("fuzz", text, []) {
        let parameters = [("a".to_owned(), "<b>".to_owned())];
        let data =
            ConsoleData { path: "fuzz", parameters: &parameters, external_labels: &external_labels };
        if let Ok(page) = page.render(&data, &env()) {
            assert!(page.len() <= limits.output_size_max);
        }
    }
});
