use std::time::Duration;

use proptest::prelude::*;

use super::{DURATION_MAX_MS, display, display_ms, parse};

#[test]
fn reads_durations() {
    let cases = [
        ("0", 0),
        ("0s", 0),
        ("0w0s", 0),
        ("324ms", 324),
        ("3s", 3_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("4d", 345_600_000),
        ("4d1h", 349_200_000),
        ("14d", 1_209_600_000),
        ("3w", 1_814_400_000),
        ("3w2d1h", 1_990_800_000),
        ("10y", 315_360_000_000),
        ("1y1w1d1h1m1s1ms", 32_230_861_001),
        ("007s", 7_000),
        ("292y", 292 * 365 * 86_400_000),
        ("9223372036854ms", DURATION_MAX_MS),
    ];
    for (text, duration_ms) in cases {
        assert_eq!(parse(text), Ok(Duration::from_millis(duration_ms)), "{text}");
    }
}

#[test]
fn refuses_as_the_reference_does() {
    let cases = [
        ("", "empty duration string"),
        ("1", r#"not a valid duration string: "1""#),
        ("00", r#"not a valid duration string: "00""#),
        ("-1w", r#"not a valid duration string: "-1w""#),
        ("1d1w", r#"not a valid duration string: "1d1w""#),
        ("1s1s", r#"not a valid duration string: "1s1s""#),
        ("1ms1", r#"not a valid duration string: "1ms1""#),
        ("m", r#"not a valid duration string: "m""#),
        (" 5m", r#"not a valid duration string: " 5m""#),
        ("18446744073709551616s", r#"not a valid duration string: "18446744073709551616s""#),
        ("1.5d", r#"unknown unit "." in duration "1.5d""#),
        ("5M", r#"unknown unit "M" in duration "5M""#),
        ("5m ", r#"unknown unit "m " in duration "5m ""#),
        ("1é", r#"unknown unit "é" in duration "1é""#),
        ("294y", "duration out of range"),
        ("200y10400w", "duration out of range"),
        ("9223372036855ms", "duration out of range"),
        ("18446744073709551615y", "duration out of range"),
    ];
    for (text, message) in cases {
        assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn prints_durations() {
    let cases = [
        (0, "0s"),
        (324, "324ms"),
        (3_000, "3s"),
        (61_000, "1m1s"),
        (349_200_000, "4d1h"),
        (7 * 86_400_000, "1w"),
        (8 * 86_400_000, "8d"),
        (14 * 86_400_000, "2w"),
        (365 * 86_400_000, "1y"),
        (372 * 86_400_000, "372d"),
        (730 * 86_400_000, "2y"),
        (365 * 86_400_000 + 1, "365d1ms"),
        (-300_000, "-5m"),
        (i64::MIN, "-106751991167d7h12m55s808ms"),
    ];
    for (duration_ms, text) in cases {
        assert_eq!(display_ms(duration_ms).to_string(), text);
    }
    assert_eq!(display(Duration::from_micros(1_999)).to_string(), "1ms");
    assert_eq!(display(Duration::from_micros(999)).to_string(), "0s");
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(duration_ms in 0..=DURATION_MAX_MS) {
        let duration = Duration::from_millis(duration_ms);
        prop_assert_eq!(parse(&display(duration).to_string()), Ok(duration));
    }

    #[test]
    fn no_text_panics(text in "([0-9]{1,20}(y|w|d|h|m|s|ms|é)){0,4}|.*") {
        let _ = parse(&text);
    }
}
