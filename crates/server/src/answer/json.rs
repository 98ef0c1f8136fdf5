//! JSON for what comes by the million: labels, timestamps and values. The rest uses `serde_json`.

use std::fmt::Write as _;

use narthex_model::histogram::FloatHistogram;
use narthex_model::{Labels, float};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Appends `text` as a JSON string.
pub(crate) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain_start = 0;
    for (index, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain_start..index]);
        plain_start = index + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => write_infallible(out, format_args!("\\u{byte:04x}")),
        }
    }
    out.push_str(&text[plain_start..]);
    out.push('"');
}

/// Appends a label set as an object, in order of the names.
pub(crate) fn write_labels(out: &mut String, labels: &Labels) {
    let mut separator = '{';
    for (name, value) in labels {
        out.push(separator);
        separator = ',';
        write_string(out, name);
        out.push(':');
        write_string(out, value);
    }
    out.push_str(if separator == '{' { "{}" } else { "}" });
}

/// Appends `[1700000070.123,"1.5"]`.
pub(crate) fn write_sample(out: &mut String, timestamp_ms: i64, value: f64) {
    out.push('[');
    write_timestamp(out, timestamp_ms);
    out.push(',');
    write_value(out, value);
    out.push(']');
}

/// Appends a value, which JSON has no numbers for, as a string.
pub(crate) fn write_value(out: &mut String, value: f64) {
    out.push('"');
    // Writing to a string does not fail.
    let _ = float::write_json(out, value);
    out.push('"');
}

/// Appends `[1700000070,{"count":"1","sum":"0.5","buckets":[[0,"0.25","0.5","1"]]}]`, empty buckets
/// left out.
///
/// # Source
///
/// `MarshalHistogram` in Prometheus `util/jsonutil/marshal.go`.
pub(crate) fn write_histogram(out: &mut String, timestamp_ms: i64, histogram: &FloatHistogram) {
    out.push('[');
    write_timestamp(out, timestamp_ms);
    out.push_str(",{\"count\":\"");
    // Writing to a string does not fail.
    let _ = float::write_json(out, histogram.count);
    out.push_str("\",\"sum\":\"");
    let _ = float::write_json(out, histogram.sum);
    out.push('"');
    let mut separator = ",\"buckets\":[";
    for bucket in histogram.buckets().filter(|bucket| bucket.count != 0.0) {
        out.push_str(separator);
        separator = ",";
        // Which of its bounds belong to the bucket.
        out.push_str(match (bucket.lower_inclusive, bucket.upper_inclusive) {
            (false, true) => "[0",
            (true, false) => "[1",
            (false, false) => "[2",
            (true, true) => "[3",
        });
        for number in [bucket.lower, bucket.upper, bucket.count] {
            out.push_str(",\"");
            let _ = float::write_json(out, number);
            out.push('"');
        }
        out.push(']');
    }
    out.push_str(if separator == "," { "]}]" } else { "}]" });
}

/// Appends a scalar, which unlike a sample never has an exponent.
pub(crate) fn write_scalar(out: &mut String, timestamp_ms: i64, value: f64) {
    out.push('[');
    write_timestamp(out, timestamp_ms);
    out.push_str(",\"");
    // Writing to a string does not fail.
    let _ = float::write_fixed(out, value);
    out.push_str("\"]");
}

/// Appends a time in seconds: three decimals, or none for a whole second.
pub(crate) fn write_timestamp(out: &mut String, timestamp_ms: i64) {
    if timestamp_ms < 0 {
        out.push('-');
    }
    let ms = timestamp_ms.unsigned_abs();
    let (seconds, fraction) = (ms / 1_000, ms % 1_000);
    out.push_str(itoa::Buffer::new().format(seconds));
    if fraction > 0 {
        write_infallible(out, format_args!(".{fraction:03}"));
    }
}

fn write_infallible(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// A label set as an object, for `serde`.
#[derive(Debug)]
pub(crate) struct LabelsObject<'a>(pub(crate) &'a Labels);

impl Serialize for LabelsObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (name, value) in self.0 {
            object.serialize_entry(name, value)?;
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn timestamps_have_three_decimals_or_none() {
        for (timestamp_ms, expected) in [
            (0, "0"),
            (1_700_000_070_123, "1700000070.123"),
            (1_700_000_070_000, "1700000070"),
            (1_250, "1.250"),
            (7, "0.007"),
            (-1, "-0.001"),
            (-1_500, "-1.500"),
            (i64::MIN, "-9223372036854775.808"),
        ] {
            assert_eq!(written(|out| write_timestamp(out, timestamp_ms)), expected);
        }
    }

    #[test]
    fn values_are_strings() {
        for (value, expected) in [
            (1.0, r#"[0,"1"]"#),
            (f64::NAN, r#"[0,"NaN"]"#),
            (f64::INFINITY, r#"[0,"+Inf"]"#),
            (1e21, r#"[0,"1e+21"]"#),
        ] {
            assert_eq!(written(|out| write_sample(out, 0, value)), expected);
        }
    }

    #[test]
    fn scalars_have_no_exponent() {
        for (value, expected) in [
            (1e21, r#"[0,"1000000000000000000000"]"#),
            (1e-7, r#"[0,"0.0000001"]"#),
            (f64::NEG_INFINITY, r#"[0,"-Inf"]"#),
        ] {
            assert_eq!(written(|out| write_scalar(out, 0, value)), expected);
        }
    }

    #[test]
    fn label_sets_are_objects() {
        assert_eq!(written(|out| write_labels(out, &Labels::empty())), "{}");
        let labels = Labels::from_pairs([("b", "x\"y"), ("a", "1")]);
        assert_eq!(written(|out| write_labels(out, &labels)), r#"{"a":"1","b":"x\"y"}"#);
    }

    proptest! {
        #[test]
        fn strings_are_read_back(text in any::<String>()) {
            let json = written(|out| write_string(out, &text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
