//! Pages that are refused, with the reference's message and the place.

use narthex_exposition::{EXCERPT_SIZE_MAX, Place, TextReader};

/// Checks the first error of a page and that nothing follows it.
#[track_caller]
fn check(page: &[u8], place: (usize, usize), message: &str) {
    let mut reader = TextReader::new(page);
    let shown = page.escape_ascii();
    let Some(error) = reader.by_ref().find_map(Result::err) else { panic!("{shown} is read") };
    assert_eq!(error.kind.to_string(), message, "{shown}");
    let (line, column) = place;
    assert_eq!(error.place, Place::Line { line, column }, "{shown}");
    assert_eq!(reader.next(), None, "{shown}");
}

#[test]
fn syntax() {
    for (page, place, message) in [
        ("a", (1, 2), r#"expected value after metric, got "\n" ("INVALID") while parsing: "a\n""#),
        (
            "x 1\ny 2 3 4\n",
            (2, 7),
            r#"expected next entry after timestamp, got "4\n" ("TIMESTAMP") while parsing: "y 2 3 4\n""#,
        ),
        (
            "a{b='c'} 1\n",
            (1, 5),
            r#"expected label value, got "'" ("INVALID") while parsing: "a{b='""#,
        ),
        ("a{b=\n", (1, 5), r#"expected label value, got "\n" ("INVALID") while parsing: "a{b=\n""#),
        (
            r#"{"a", "b = "c"}"#,
            (1, 13),
            r#"expected equal, got "c\"" ("LNAME") while parsing: "{\"a\", \"b = \"c\"""#,
        ),
        (
            "w{p=\"",
            (1, 5),
            r#"expected label value, got "\"\n" ("INVALID") while parsing: "w{p=\"\n""#,
        ),
        (
            "e{=\"\"} 0",
            (1, 3),
            r#"expected label name, got "=\"" ("EQUAL") while parsing: "e{=\"""#,
        ),
        ("{A}0", (1, 3), r#"expected equal, got "}0" ("BCLOSE") while parsing: "{A}0""#),
        (
            "a{,x=\"1\"} 1",
            (1, 3),
            r#"expected label name, got ",x" ("COMMA") while parsing: "a{,x""#,
        ),
        (
            "a{x \"y\"} 1",
            (1, 5),
            r#"expected equal, got "\"y\"}" ("QSTRING") while parsing: "a{x \"y\"}""#,
        ),
        (
            "a{} {} 1",
            (1, 5),
            r#"expected value after metric, got "{}" ("BOPEN") while parsing: "a{} {}""#,
        ),
        (
            "foo 0 1_2\n",
            (1, 8),
            r#"expected next entry after timestamp, got "_" ("INVALID") while parsing: "foo 0 1_""#,
        ),
        (
            "a 1 -5\n",
            (1, 5),
            r#"expected timestamp or new record, got "-" ("INVALID") while parsing: "a 1 -""#,
        ),
        (
            "1a 1\n",
            (1, 1),
            r#"expected a valid start token, got "1" ("INVALID") while parsing: "1""#,
        ),
        (
            "é 1\n",
            (1, 1),
            r#"expected a valid start token, got "\xc3" ("INVALID") while parsing: "\xc3""#,
        ),
        (r#"{a="ok"} 1"#, (1, 11), r#"metric name not set while parsing: "{a=\"ok\"} 1""#),
        ("{} 1", (1, 5), r#"metric name not set while parsing: "{} 1""#),
        (r#"a{"b"} 1"#, (1, 7), r#"metric name already set while parsing: "a{\"b\"}""#),
        (r#"{"a","b",} 1"#, (1, 10), r#"metric name already set while parsing: "{\"a\",\"b\",""#),
        (
            "a{b\0=\"x\"}\t1",
            (1, 4),
            r#"expected equal, got "\x00" ("INVALID") while parsing: "a{b\x00""#,
        ),
        (
            "a\0{b=\"d\"} 1",
            (1, 2),
            r#"expected value after metric, got "\x00" ("INVALID") while parsing: "a\x00""#,
        ),
        (
            "a{b=\"\0",
            (1, 5),
            r#"expected label value, got "\"\x00\n" ("INVALID") while parsing: "a{b=\"\x00\n""#,
        ),
        (
            "a 0 1\0",
            (1, 6),
            r#"expected next entry after timestamp, got "\x00" ("INVALID") while parsing: "a 0 1\x00""#,
        ),
        (
            "a 1\r\n",
            (1, 3),
            r#"strconv.ParseFloat: parsing "1\r": invalid syntax while parsing: "a 1\r""#,
        ),
    ] {
        check(page.as_bytes(), place, message);
    }
}

#[test]
fn metadata() {
    for (page, place, message) in [
        (
            "# TYPE #\n",
            (1, 8),
            r##"expected metric name after TYPE, got "#" ("INVALID") while parsing: "# TYPE #""##,
        ),
        (
            "# HELP \n",
            (1, 8),
            r##"expected metric name after HELP, got "\n" ("INVALID") while parsing: "# HELP \n""##,
        ),
        ("# TYPE a\n", (1, 9), r#"invalid metric type """#),
        ("# TYPE a  counter\n", (1, 9), r#"invalid metric type " counter""#),
        ("# TYPE a unknown\n", (1, 9), r#"invalid metric type "unknown""#),
        ("# TYPE a Counter\n", (1, 9), r#"invalid metric type "Counter""#),
        (
            "# HELP a\0b\n",
            (1, 9),
            r##"linebreak expected after metadata, got "\x00b" ("EOF") while parsing: "# HELP a\x00b""##,
        ),
    ] {
        check(page.as_bytes(), place, message);
    }
}

#[test]
fn numbers() {
    for (text, message) in [
        ("true", r#"strconv.ParseFloat: parsing "true": invalid syntax while parsing: "a true""#),
        ("-nan", r#"strconv.ParseFloat: parsing "-nan": invalid syntax while parsing: "a -nan""#),
        (
            "1e309",
            r#"strconv.ParseFloat: parsing "1e309": value out of range while parsing: "a 1e309""#,
        ),
        ("1_2", r#"unsupported character in float while parsing: "a 1_2""#),
        ("0x1p-3", r#"unsupported character in float while parsing: "a 0x1p-3""#),
        ("0x1", r#"strconv.ParseFloat: parsing "0x1": invalid syntax while parsing: "a 0x1""#),
    ] {
        check(format!("a {text}\n").as_bytes(), (1, 3), message);
    }
    check(
        b"a 1 9223372036854775808",
        (1, 5),
        r#"strconv.ParseInt: parsing "9223372036854775808": value out of range while parsing: "a 1 9223372036854775808""#,
    );
}

#[test]
fn text_that_is_not_utf8() {
    check(b"a{b=\"\xff\"} 1\n", (1, 5), r#"invalid UTF-8 label value: "\"\xff\"""#);
    check(b"# HELP a x\xff\n", (1, 9), r#"help text "x\xff" is not a valid utf8 string"#);
    check(b"{\"a\xff\"} 1\n", (1, 1), r#"invalid metric name or label names: "{\"a\xff\"}""#);
    check(
        b"a{\xff=\"foo\"} 1\n",
        (1, 3),
        r#"expected label name, got "\xff" ("INVALID") while parsing: "a{\xff""#,
    );
}

#[test]
fn an_escaped_byte_at_the_end_that_is_not_utf8() {
    check(
        b"{\"\\\xc3",
        (1, 2),
        r#"expected label name, got "\"\\\xc3\n" ("INVALID") while parsing: "{\"\\\xc3\n""#,
    );
}

#[test]
fn lines_are_counted_through_quotes() {
    let error = TextReader::new(b"# x\n\na{x=\"1\n2\",y} 1\n").find_map(Result::err).unwrap();
    assert_eq!(error.place, Place::Line { line: 4, column: 5 });
    assert!(error.to_string().ends_with(" (line 4, column 5)"), "{error}");
}

#[test]
fn errors_quote_a_bounded_part_of_the_page() {
    let page = format!("a{{x=\"{}", "y".repeat(100 * EXCERPT_SIZE_MAX));
    let error = TextReader::new(page.as_bytes()).find_map(Result::err).unwrap();
    assert!(error.to_string().len() < 3 * EXCERPT_SIZE_MAX, "{}", error.to_string().len());
    assert!(error.to_string().contains("…\""), "{error}");
}

#[test]
fn a_long_label_list_needs_no_stack() {
    let list = r#"x="1","#.repeat(200_000);
    assert_eq!(crate::samples(format!("a{{{list}}} 1\n").as_bytes()).len(), 1);
    let quoted = r#""x"="1","#.repeat(200_000);
    assert_eq!(crate::samples(format!("a{{{quoted}}} 1\n").as_bytes()).len(), 1);
}
