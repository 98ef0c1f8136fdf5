//! Pages that are read, with the labels and values that they mean.

use narthex_exposition::{Entry, TextReader, Value};
use narthex_model::{MetricType, NORMAL_NAN};

/// Checks a page of one sample: its labels as the model prints them, its value and timestamp.
#[track_caller]
fn check(page: &str, series: &str, value: f64, timestamp_ms: Option<i64>) {
    let samples = crate::samples(page.as_bytes());
    let [sample] = samples.as_slice() else { panic!("{page:?} has {} samples", samples.len()) };
    assert_eq!(crate::labels(sample).as_series().to_string(), series, "{page:?}");
    assert_eq!(sample.value.as_float().map(f64::to_bits), Some(value.to_bits()), "{page:?}");
    assert_eq!(sample.timestamp_ms, timestamp_ms, "{page:?}");
}

#[test]
fn series_texts() {
    for (page, series) in [
        ("a 1\n", "a"),
        ("a\t1", "a"),
        ("a{} 1\n", "a"),
        ("a:b_1 1\n", "a:b_1"),
        ("a { } 1\n", "a"),
        ("\n \t\n\na 1\n\n", "a"),
        (r#"a{x="1"} 1"#, r#"a{x="1"}"#),
        (r#"a{x="1",} 1"#, r#"a{x="1"}"#),
        (r#"a{x="1"}1"#, r#"a{x="1"}"#),
        (r#"a{y="2",x="1"} 1"#, r#"a{x="1", y="2"}"#),
        (r#"a{ x = "1" , y = "2" , } 1"#, r#"a{x="1", y="2"}"#),
        (r#"a{x="1" y="2"} 1"#, r#"a{x="1", y="2"}"#),
        (r#"a{x="",y="2"} 1"#, r#"a{y="2"}"#),
        (r#"a{x="é{,}=# "} 1"#, r#"a{x="é{,}=# "}"#),
        (r#"a{x="\"\\\n\x"} 1"#, r#"a{x="\"\\\n\\x"}"#),
        ("a{x=\"1\n2\"} 1", r#"a{x="1\n2"}"#),
        (r#"a{"x.y"="1",z="2"} 1"#, r#"a{"x.y"="1", z="2"}"#),
        (r#"{"a"} 1"#, "a"),
        (r#"{"a.b",x="1"} 1"#, r#"{"a.b", x="1"}"#),
        (r#"{x="1","a.b"} 1"#, r#"{"a.b", x="1"}"#),
        (r#"{ "a.b" , "x.y" = "1" , } 1"#, r#"{"a.b", "x.y"="1"}"#),
        (r#"a{""="1"} 1"#, r#"a{""="1"}"#),
        (r#"{"a\n\"b"} 1"#, r#"{"a\n\"b"}"#),
    ] {
        check(page, series, 1.0, None);
    }
}

#[test]
fn nul_bytes_in_and_around_label_values() {
    let samples = crate::samples(b"a{x= \0\"1\x002\"\0,y=\"3\"\0} 1\n");
    let labels = crate::labels(&samples[0]);
    assert_eq!((labels.get("x"), labels.get("y")), (Some("1\x002"), Some("3")));
}

#[test]
fn nul_bytes_in_keywords() {
    let entry = TextReader::new(b"# T\0YPE\0 \0a counter\n").next();
    let metric_type = MetricType::Counter;
    assert_eq!(entry, Some(Ok(Entry::Type { name: "a", metric_type })));
}

/// As in the reference.
#[test]
fn blanks_before_a_name_belong_to_it() {
    let samples = crate::samples(b"  a{x=\"1\"} 1\n");
    assert_eq!(crate::labels(&samples[0]).metric_name(), "  a");
}

#[test]
fn values() {
    for (text, value) in [
        ("0", 0.0),
        ("-0", -0.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("+1", 1.0),
        ("-12.25e-2", -0.1225),
        ("1.0e+06", 1e6),
        ("123456789012345678", 123_456_789_012_345_680.0),
        ("0.1234567890123456789", 0.123_456_789_012_345_68),
        ("4.9351e-05", 4.9351e-5),
        ("1e-400", 0.0),
        ("1.7976931348623157e308", f64::MAX),
        ("Inf", f64::INFINITY),
        ("+inf", f64::INFINITY),
        ("-INFINITY", f64::NEG_INFINITY),
        ("NaN", NORMAL_NAN),
        ("nAn", NORMAL_NAN),
    ] {
        check(&format!("a {text}"), "a", value, None);
        check(&format!("a {text} 7\n"), "a", value, Some(7));
        check(&format!("a\t {text}\t \n"), "a", value, None);
    }
    check("a-1\n", "a", -1.0, None);
}

#[test]
fn timestamps() {
    check("a 1 1700000000000\n", "a", 1.0, Some(1_700_000_000_000));
    check("a 1 \t 0005 \n", "a", 1.0, Some(5));
    check("a 1 9223372036854775807", "a", 1.0, Some(i64::MAX));
}

#[test]
fn bounds_are_written_as_openmetrics_writes_them() {
    for (bound, canonical) in [
        ("1", "1.0"),
        ("0.5", "0.5"),
        ("5e-1", "0.5"),
        ("-0", "0.0"),
        ("100000", "100000.0"),
        ("+Inf", "+Inf"),
        ("inf", "+Inf"),
        ("-Inf", "-Inf"),
        ("1_0", "10.0"),
        ("-0x1.8p1", "-3.0"),
        ("1__0", "1__0"),
        ("0x1", "0x1"),
        ("x", "x"),
    ] {
        let histogram = format!("# TYPE h histogram\nh_bucket{{le=\"{bound}\"}} 1");
        check(&histogram, &format!("h_bucket{{le=\"{canonical}\"}}"), 1.0, None);
        let summary = format!("# TYPE s summary\ns{{quantile=\"{bound}\"}} 1");
        check(&summary, &format!("s{{quantile=\"{canonical}\"}}"), 1.0, None);
        let counter = format!("# TYPE c counter\nc{{le=\"{bound}\"}} 1");
        check(&counter, &format!("c{{le=\"{bound}\"}}"), 1.0, None);
    }
}

#[test]
fn metadata() {
    let page = b"# HELP a  What\\n it \\\\ \\\"is\\\" \n\
        #\tTYPE  a\tcounter\n\
        # HELP \"b.c\" text\n\
        # HELP d\n\
        # HELP e \t\n\
        # TYPE \"b.c\" untyped\n\
        # HELPX f\n\
        #HELP f\n\
        # HELP\n\
        # \xff\n\
        #\n";
    let mut lines = Vec::new();
    for entry in TextReader::new(page) {
        lines.push(match entry.expect("the page is good") {
            Entry::Help { name, text } => format!("help {name}:{}", text.unescape()),
            Entry::Type { name, metric_type } => format!("type {name}:{metric_type}"),
            Entry::Comment(text) => format!("comment:{}", text.escape_ascii()),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        lines,
        [
            "help a: What\n it \\ \\\"is\\\" ",
            "type a:counter",
            "help b.c:text",
            "help d:",
            "help e:",
            "type b.c:unknown",
            "comment: HELPX f",
            "comment:HELP f",
            "comment: HELP",
            "comment: \\xff",
            "comment:",
        ]
    );
}

#[test]
fn every_type_of_the_format() {
    for (word, metric_type) in [
        ("counter", MetricType::Counter),
        ("gauge", MetricType::Gauge),
        ("histogram", MetricType::Histogram),
        ("summary", MetricType::Summary),
        ("untyped", MetricType::Unknown),
    ] {
        let page = format!("# TYPE a {word}\n");
        let entry = TextReader::new(page.as_bytes()).next();
        assert_eq!(entry, Some(Ok(Entry::Type { name: "a", metric_type })));
    }
}

#[test]
fn some_nul_bytes_end_the_page() {
    for page in ["a 1\n\0b 2\n", "a 1\n  \0", "a 1\n#x\0y\nb 2\n", "a 1\n# \0\nb 2\n"] {
        let mut reader = TextReader::new(page.as_bytes());
        assert!(matches!(reader.next(), Some(Ok(Entry::Sample(_)))), "{page:?}");
        assert_eq!(reader.next(), None, "{page:?}");
        assert_eq!(reader.next(), None, "{page:?}");
    }
    assert_eq!(crate::samples(b"# x\0y\na 1\n").len(), 1);
}

#[test]
fn duplicate_labels_are_told() {
    let mut labels = narthex_model::LabelsBuilder::default();
    for (page, name) in [
        (r#"a{x="1",x="2"} 1"#, "x"),
        (r#"a{"x"="1",x="1"} 1"#, "x"),
        (r#"a{__name__="b"} 1"#, "__name__"),
    ] {
        let error = crate::samples(page.as_bytes())[0].labels(&mut labels).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("label name \"{name}\" is not unique: invalid sample")
        );
    }
}

#[test]
fn a_known_series_is_compared_not_parsed() {
    let page = b"# TYPE a counter\na 1\na{x=\"}\"} 2 5\nab 3\na {x=\"1\"} 4\n";
    let mut reader = TextReader::new(page);
    assert_eq!(reader.next_if_series("a"), None);
    assert!(reader.next().is_some());
    assert_eq!(reader.next_if_series(""), None);
    assert_eq!(reader.next_if_series("a").map(|sample| sample.value), Some(Value::Float(1.0)));
    // The line begins with this text, but its series is another.
    assert_eq!(reader.next_if_series("a"), None);
    let sample = reader.next_if_series(r#"a{x="}"}"#).expect("the series is next");
    assert_eq!((sample.value, sample.timestamp_ms), (Value::Float(2.0), Some(5)));
    assert_eq!(reader.next_if_series("a"), None);
    assert_eq!(reader.next_if_series("ab").map(|sample| sample.value), Some(Value::Float(3.0)));
    assert_eq!(reader.next_if_series("a"), None);
    assert!(matches!(reader.next(), Some(Ok(Entry::Sample(_)))));
    assert_eq!(reader.next_if_series("a"), None);
    assert_eq!(reader.next(), None);
}
