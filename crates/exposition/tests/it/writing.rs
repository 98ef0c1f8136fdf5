//! Pages as the writer writes them.

use narthex_exposition::{Bucket, Quantile, TextWriter};
use narthex_model::{MetricType, STALE_NAN};

#[test]
fn escapes_and_quotes() {
    let mut page = TextWriter::default();
    page.family("a.b", MetricType::Unknown, "one\ntwo \\ \"three\"")
        .sample(&[], 1.0)
        .sample(&[("x.y", "1\n\\\""), ("z", "é")], 2.0)
        .sample_at(&[("c:d", "1")], 3.0, 1_700_000_000_000);
    assert_eq!(
        page.into_string(),
        "# HELP \"a.b\" one\\ntwo \\\\ \"three\"\n\
         # TYPE \"a.b\" untyped\n\
         {\"a.b\"} 1\n\
         {\"a.b\",\"x.y\"=\"1\\n\\\\\\\"\",z=\"é\"} 2\n\
         {\"a.b\",\"c:d\"=\"1\"} 3 1700000000000\n"
    );
}

#[test]
fn floats() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "0"),
        (1027.0, "1027"),
        (0.1, "0.1"),
        (f64::INFINITY, "+Inf"),
        (f64::NEG_INFINITY, "-Inf"),
        (STALE_NAN, "NaN"),
    ] {
        let mut page = TextWriter::default();
        page.family("a", MetricType::Gauge, "").sample(&[], value);
        assert_eq!(page.as_str(), format!("# TYPE a gauge\na {text}\n"));
    }
}

#[test]
fn histograms_end_in_an_infinite_bucket() {
    let small = Bucket { upper_bound: 0.5, cumulative_count: 2.0 };
    let all = Bucket { upper_bound: f64::INFINITY, cumulative_count: 3.0 };
    for buckets in [&[small][..], &[small, all][..]] {
        let mut page = TextWriter::default();
        page.family("h", MetricType::Histogram, "").histogram(&[("x", "1")], buckets, 4.5, 3.0);
        assert_eq!(
            page.as_str(),
            "# TYPE h histogram\n\
             h_bucket{x=\"1\",le=\"0.5\"} 2\n\
             h_bucket{x=\"1\",le=\"+Inf\"} 3\n\
             h_sum{x=\"1\"} 4.5\n\
             h_count{x=\"1\"} 3\n"
        );
    }
}

#[test]
fn summaries() {
    let median = Quantile { quantile: 0.5, value: 0.25 };
    let mut page = TextWriter::default();
    page.family("s", MetricType::Summary, "").summary(&[], &[median], 4.5, 3.0);
    assert_eq!(page.as_str(), "# TYPE s summary\ns{quantile=\"0.5\"} 0.25\ns_sum 4.5\ns_count 3\n");
}

#[test]
fn types_that_the_format_lacks() {
    for (metric_type, word) in [
        (MetricType::GaugeHistogram, "histogram"),
        (MetricType::Info, "gauge"),
        (MetricType::StateSet, "gauge"),
    ] {
        let mut page = TextWriter::default();
        page.family("a", metric_type, "");
        assert_eq!(page.as_str(), format!("# TYPE a {word}\n"));
    }
}
