//! What the specification of OpenMetrics refuses and the reference does not.

use std::fs;

use narthex_exposition::StrictReader;

/// Every case of the public test suite is decided as the suite asks.
#[test]
fn the_suite_agrees() {
    let Some(folder) = crate::conformance::conformance_folder() else { return };
    let cases = fs::read_dir(folder.join("openmetrics/tests/testdata/parsers"))
        .expect("the suite is readable");
    let (mut count, mut wrong) = (0, Vec::new());
    for case in cases {
        let folder = case.expect("the suite is readable").path();
        let file = |name: &str| fs::read(folder.join(name)).expect("a case has two files");
        let case: serde_json::Value =
            serde_json::from_slice(&file("test.json")).expect("a case is JSON");
        let error = StrictReader::new(&file("metrics")).find_map(Result::err);
        if error.is_none() != (case["shouldParse"] == true) {
            wrong.push(format!("{}: {error:?}", folder.display()));
        }
        count += 1;
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(count, 211);
}

#[test]
fn rules() {
    for (page, message) in [
        ("# TYPE a counter\na_total 1\n", ""),
        ("a 1\n", ""),
        ("{\"a.b\",x=\"1\"} 1\n", ""),
        ("# TYPE a gauge\na 1 1\na 2 2\n", ""),
        ("# TYPE a gauge\na 1\na 2\n", "a series without timestamps must not occur twice"),
        ("a 1\na 1 5\n", "either all samples of a metric have timestamps, or none"),
        ("a 1 2\na 1 1\n", "timestamps must not fall"),
        (
            "a{x=\"1\"} 1\na{x=\"2\"} 1\na{x=\"1\"} 1\n",
            "the samples of a metric must stand together",
        ),
        ("a 1\nb 1\na 1\n", "no two families may have samples of one name"),
        ("# HELP a x\n# HELP a x\n", "metadata must not be repeated"),
        ("# TYPE a gauge\na 1\n# HELP a x\n", "metadata must come before the samples"),
        ("a{x=\"1\",} 1\n", "a comma must come before another label"),
        ("a{x=\"1\",x=\"2\"} 1\n", "the labels of a series must have different names"),
        ("# TYPE a gauge\na 1 # {} 1\n", "only counters and buckets have exemplars"),
        ("# TYPE a_s info\n# UNIT a_s s\n", "infos and states have no unit"),
        ("# TYPE a histogram\na_count 1\na_sum 1\n", "a histogram needs an infinite bucket"),
    ] {
        let page = format!("{page}# EOF\n");
        let error = StrictReader::new(page.as_bytes()).find_map(Result::err);
        let found = error.map(|error| error.kind.to_string()).unwrap_or_default();
        assert_eq!(found, message, "{page}");
    }
}
