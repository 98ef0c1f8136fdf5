use proptest::prelude::*;

use super::{SequenceValue, SeriesDescription, parse_series_description};

/// Returns labels and values as text.
fn read(text: &str) -> String {
    match parse_series_description(text) {
        Ok(series) => {
            let values: Vec<String> = series.values.iter().map(ToString::to_string).collect();
            format!("{} {}", series.labels.as_series(), values.join(" ")).trim_end().to_owned()
        }
        Err(error) => error.to_string().replacen(" parse error:", "", 1),
    }
}

#[test]
fn labels_and_values() {
    let cases = [
        ("{} 1 2 3", "{} 1 2 3"),
        ("{a=\"b\"} -1 2 3", "{a=\"b\"} -1 2 3"),
        ("my_metric{} 1 2", "my_metric 1 2"),
        ("up", "up"),
        ("job:rate:sum{a=\"b\",} 1 +1", "job:rate:sum{a=\"b\"} 1 1"),
        ("{\"a.b\",\"c.d\"='e'} 1", "{\"a.b\", \"c.d\"=\"e\"} 1"),
        ("sum{by=\"x\"} 1", "sum{by=\"x\"} 1"),
        ("up{a=\"\\u70ac\"} 1   ", "up{a=\"炬\"} 1"),
        ("up 1 2 3-10x4", "up 1 2 3 -7 -17 -27 -37"),
        ("up 3-0x4", "up 3 3 3 3 3"),
        ("up 1x0 1+1x0", "up 1 1"),
        ("up 5x2", "up 5 5 5"),
        ("up 1 3 _ 5 _x3", "up 1 3 _ 5 _ _ _"),
        ("up _x0 1", "up 1"),
        ("up stale  1\tstale", "up stale 1 stale"),
        ("up 1.5e3+1e-1x1 .5 1_000", "up 1500 1500.1 0.5 1000"),
        ("up Inf -inf NaN +nan", "up +Inf -Inf NaN NaN"),
        ("up 010 0x1", "up 8 0 0"),
        ("up {{}} {{ }}", "up {{}} {{}}"),
        (
            "up {{schema:1  sum:-0.3 count:3.1 z_bucket:7.1 z_bucket_w:0.05 buckets:[5.1 -10  7 ] \
             offset:-3 n_buckets:[4.1 5] n_offset:5 counter_reset_hint:gauge  }}",
            "up {{schema:1 count:3.1 sum:-0.3 z_bucket:7.1 z_bucket_w:0.05 \
             counter_reset_hint:gauge offset:-3 buckets:[5.1 -10 7] n_offset:5 n_buckets:[4.1 5]}}",
        ),
        (
            "up {{buckets:[5] schema:1}}x1 2",
            "up {{schema:1 buckets:[5]}} {{schema:1 buckets:[5]}} 2",
        ),
        (
            "up {{buckets:[5] schema:0}}+{{buckets:[1 2] schema:1}}x2",
            "up {{buckets:[5]}} {{buckets:[6 2]}} {{buckets:[7 4]}}",
        ),
        (
            "up {{sum:1}}+{{sum:2}}x1 {{sum:5}}-{{sum:2}}x1",
            "up {{sum:1}} {{sum:3}} {{sum:5}} {{sum:3}}",
        ),
        ("up {{buckets:[5]}}+{{buckets:[1]}}x0", "up {{buckets:[5]}}"),
        (
            "up {{schema:-53 custom_values:[5 10.5] buckets:[1 4 1] count:6}}",
            "up {{schema:-53 count:6 custom_values:[5 10.5] buckets:[1 4 1]}}",
        ),
        ("up {{sum:NaN count:-Inf}}", "up {{count:-Inf sum:NaN}}"),
        (
            "up {{counter_reset_hint:not_reset}} {{counter_reset_hint:unknown}}",
            "up {{counter_reset_hint:not_reset}} {{}}",
        ),
        ("up {{buckets:[0 0 1 0 2 0]}}", "up {{offset:2 buckets:[1 0 2]}}"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn what_is_refused() {
    let cases = [
        ("", "unknown position: unexpected end of input in series values"),
        ("5 1", "1:1: unexpected number \"5\" in series values"),
        ("up{a} 1", "1:5: unexpected \"}\" in label set, expected \"=\""),
        ("up{a=b} 1", "1:6: unexpected identifier \"b\" in label set, expected string"),
        ("up{a!=\"b\"} 1", "1:5: unexpected <op:!=> in label set, expected \"=\""),
        (
            "up{a=\"b\" c=\"d\"} 1",
            "1:10: unexpected identifier \"c\" in label set, expected \",\" or \"}\"",
        ),
        ("{} 1+1", "1:7: unexpected end of input in series values"),
        ("{}1", "1:3: unexpected number \"1\" in series values"),
        ("up 1 _a4", "1:7: unexpected identifier \"a4\" in series values"),
        ("up -3-3 -3", "1:8: unexpected \" \" in series values"),
        ("up _-2", "1:5: unexpected <op:-> in series values"),
        ("up 3+3x4-4", "1:9: unexpected <op:-> in series values"),
        (
            "up stalex3",
            "1:4: unexpected identifier \"stalex3\" in series values, expected number or \"stale\"",
        ),
        ("up +stale", "1:5: unexpected identifier \"stale\" in series values"),
        ("up 1 * 2", "1:6: unexpected character in series sequence: '*'"),
        (
            "up 1x2.5",
            "1:6: invalid repetition in series values: strconv.ParseUint: parsing \"2.5\": invalid syntax",
        ),
        (
            "up 1x99999999999999999999",
            "1:6: invalid repetition in series values: strconv.ParseUint: parsing \"99999999999999999999\": value out of range",
        ),
        (
            "up 1e999",
            "1:4: error parsing number: strconv.ParseFloat: parsing \"1e999\": value out of range",
        ),
        ("up 5m", "1:4: bad number or duration syntax: \"5m\""),
        ("{} {{schema:1 schema:1}}", "1:1: duplicate key \"schema\" in histogram"),
        ("{} {{foo:1}}", "1:6: bad histogram descriptor found: \"foo\""),
        ("{} {{schema :1}}", "1:6: missing `:` for histogram descriptor"),
        ("{} {{schema: 1}}", "1:13: unexpected \" \" in series values"),
        (
            "{} {{schema:1.5}}",
            "1:13: invalid repetition in series values: strconv.ParseUint: parsing \"1.5\": invalid syntax",
        ),
        ("{} {{schema:2147483648}}", "1:13: integer out of range"),
        ("{} {{buckets:[ 1]}}", "1:15: unexpected \" \" in series values"),
        ("{} {{buckets:[1,2]}}", "1:16: histogram description incomplete unexpected: ','"),
        ("{} {{buckets:1}}", "1:14: unexpected number \"1\" in series values"),
        ("{} {{ schema:1}}", "1:7: unexpected identifier \"schema:1\" in series values"),
        ("{} {{sum:1", "1:11: unexpected end of input in series values"),
        ("{} {{sum:1}", "1:11: histogram description incomplete unexpected: '}'"),
        ("{} {{counter_reset_hint:foo}}", "1:25: bad histogram descriptor found: \"foo\""),
        ("{} {{}}+1x2", "1:9: unexpected number \"1\" in series values"),
        ("{} {{}}+{{}}", "1:13: unexpected end of input in series values"),
        ("{} {{}}1", "1:8: unexpected number \"1\" in series values"),
        (
            "{} {{buckets:[5 10 7] schema:1}}+{{buckets:[1 2 3] schema:0}}x2",
            "1:63: error combining histograms: cannot merge from schema 0 to 1",
        ),
        (
            "{} {{schema:-53}}+{{}}x12",
            "1:24: cannot apply this operation on histograms with a mix of exponential and custom bucket schemas",
        ),
        ("up {{}}+{{buckets:[1]}}x31775", "1:30: series exceeds 1048576 values"),
        ("up 1x1048576", "1:13: series exceeds 1048576 values"),
        ("up _x18446744073709551615", "1:26: series exceeds 1048576 values"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn as_many_values_as_allowed() {
    let text = format!("up 1x{}", SeriesDescription::VALUES_MAX - 1);
    let series = parse_series_description(&text).unwrap();
    assert_eq!(series.values.len(), SeriesDescription::VALUES_MAX);
}

#[test]
fn hints_that_are_written_are_known() {
    let series = parse_series_description(
        "up {{}} {{counter_reset_hint:unknown}} {{counter_reset_hint:reset}}+{{}}x1 \
         {{}}+{{counter_reset_hint:gauge}}x1",
    );
    let has_hint: Vec<bool> = series
        .unwrap()
        .values
        .iter()
        .map(|value| matches!(value, SequenceValue::Histogram { has_reset_hint: true, .. }))
        .collect();
    // Of two histograms the second one decides.
    assert_eq!(has_hint, [false, true, false, false, true, true]);
}

proptest! {
    #[test]
    fn no_histogram_panics(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "{{", "}}", " ", "schema:", "sum:", "buckets:[", "1", "-2", "]", "offset:", "x", "3",
                "+", "counter_reset_hint:gauge", "n_buckets:[1]", "é", "Inf", "custom_values:[5]",
            ]),
            0..20,
        ),
    ) {
        let _ = parse_series_description(&format!("up {{{{{}", words.concat()));
    }

    #[test]
    fn no_text_panics(text in "(up|\\{a=\"b\"\\}|sum\\{)?[ 0-9a-z_+{}\\[\\]:.é-]{0,40}") {
        let _ = parse_series_description(&text);
    }
}
