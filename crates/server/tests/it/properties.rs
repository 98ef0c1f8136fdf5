use proptest::prelude::*;

use crate::client::{Client, small_store};

/// Returns `text` as it stands in a URL.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Texts that are nearly parameters get further than random ones.
fn parameter() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+0-9.eInfNa]{0,12}",
        "[0-9]{1,19}(ms|s|m|h|d|w|y)?",
        "[-0-9T:.Z+]{0,30}",
        "[a-z_{}()\\[\\]\"=~!,0-9 @]{0,30}",
        any::<String>(),
    ]
}

#[test]
fn no_parameter_is_an_internal_error() {
    let client = Client::over(small_store());
    let names = ["query", "time", "start", "end", "step", "timeout", "limit", "match[]"];
    let paths = ["query", "query_range", "format_query", "labels", "series", "label/job/values"];
    let pairs =
        proptest::collection::vec((prop::sample::select(names.to_vec()), parameter()), 0..5);
    let request = (prop::sample::select(paths.to_vec()), pairs);
    proptest!(|((path, pairs) in request)| {
        let pairs = pairs.iter().map(|(name, text)| format!("{}={}", escaped(name), escaped(text)));
        // What makes a request complete comes last: the first value of a name counts.
        let complete = "query=up&start=0&end=60&step=15&match[]=up";
        let query = pairs.chain([complete.to_owned()]).collect::<Vec<_>>().join("&");
        let reply = client.get(&format!("/api/v1/{path}?{query}"));
        let status = reply.status.as_u16();
        prop_assert!([200, 400, 422, 503].contains(&status), "{}: {}", status, reply.text());
        reply.json();
    });
}
