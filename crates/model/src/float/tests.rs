use proptest::prelude::*;

use super::{parse, write_fixed, write_general, write_json};
use crate::{NORMAL_NAN, STALE_NAN};

fn general(value: f64) -> String {
    let mut text = String::new();
    write_general(&mut text, value).unwrap();
    text
}

fn fixed(value: f64) -> String {
    let mut text = String::new();
    write_fixed(&mut text, value).unwrap();
    text
}

fn json(value: f64) -> String {
    let mut text = String::new();
    write_json(&mut text, value).unwrap();
    text
}

#[test]
fn prints_as_go_does() {
    // The texts were printed by Go's `strconv.FormatFloat`.
    let cases = [
        (0.0, "0", "0", "0"),
        (-0.0, "-0", "-0", "-0"),
        (1.0, "1", "1", "1"),
        (-12.5, "-12.5", "-12.5", "-12.5"),
        (100.0, "100", "100", "100"),
        (100_000.0, "100000", "100000", "100000"),
        (999_999.0, "999999", "999999", "999999"),
        (1e6, "1e+06", "1000000", "1000000"),
        (1_000_000.5, "1.0000005e+06", "1000000.5", "1000000.5"),
        (1_234_567.0, "1.234567e+06", "1234567", "1234567"),
        (0.1, "0.1", "0.1", "0.1"),
        (1.0 / 3.0, "0.3333333333333333", "0.3333333333333333", "0.3333333333333333"),
        (0.0001, "0.0001", "0.0001", "0.0001"),
        (0.00001, "1e-05", "0.00001", "0.00001"),
        (1e-6, "1e-06", "0.000001", "0.000001"),
        (9.9e-7, "9.9e-07", "0.00000099", "9.9e-07"),
        (2.5e-7, "2.5e-07", "0.00000025", "2.5e-07"),
        (123_456_789.5, "1.234567895e+08", "123456789.5", "123456789.5"),
        (9_007_199_254_740_992.0, "9.007199254740992e+15", "9007199254740992", "9007199254740992"),
        (
            123_456_789_012_345_678.0,
            "1.2345678901234568e+17",
            "123456789012345680",
            "123456789012345680",
        ),
        // Two texts of equal length are equally near: the even digit wins.
        (
            2_263_409_310_466_145.0 / 4.0,
            "5.658523276165362e+14",
            "565852327616536.2",
            "565852327616536.2",
        ),
        (
            2_263_409_310_466_147.0 / 4.0,
            "5.658523276165368e+14",
            "565852327616536.8",
            "565852327616536.8",
        ),
        (1e20, "1e+20", "100000000000000000000", "100000000000000000000"),
        (1e21, "1e+21", "1000000000000000000000", "1e+21"),
        (-1e22, "-1e+22", "-10000000000000000000000", "-1e+22"),
        (f64::INFINITY, "+Inf", "+Inf", "+Inf"),
        (f64::NEG_INFINITY, "-Inf", "-Inf", "-Inf"),
        (f64::NAN, "NaN", "NaN", "NaN"),
        (STALE_NAN, "NaN", "NaN", "NaN"),
    ];
    for (value, general_text, fixed_text, json_text) in cases {
        assert_eq!(general(value), general_text);
        assert_eq!(fixed(value), fixed_text);
        assert_eq!(json(value), json_text);
    }
}

#[test]
fn prints_the_ends_of_the_range() {
    assert_eq!(json(5e-324), "5e-324");
    assert_eq!(fixed(5e-324), format!("0.{}5", "0".repeat(323)));
    assert_eq!(json(f64::MAX), "1.7976931348623157e+308");
    assert_eq!(fixed(-f64::MAX), format!("-17976931348623157{}", "0".repeat(292)));
}

#[test]
fn reads_as_go_does() {
    let cases = [
        ("1", 1.0),
        ("+1", 1.0),
        ("-1", -1.0),
        ("007", 7.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1e3),
        ("1E+3", 1e3),
        ("-.5e-1", -0.05),
        ("1e-400", 0.0),
        ("0e99999999999999999999", 0.0),
        ("999999999999999", 999_999_999_999_999.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("1.7976931348623158e308", f64::MAX),
        ("inf", f64::INFINITY),
        ("+Inf", f64::INFINITY),
        ("-INF", f64::NEG_INFINITY),
        ("iNfInItY", f64::INFINITY),
        ("nan", NORMAL_NAN),
        ("NaN", NORMAL_NAN),
    ];
    for (text, value) in cases {
        assert_eq!(parse(text).map(f64::to_bits), Some(value.to_bits()), "{text}");
    }
    assert_eq!(parse("-0").map(f64::to_bits), Some((-0.0_f64).to_bits()));
}

#[test]
fn refuses_what_the_reference_refuses() {
    let texts = [
        "",
        " 1",
        "1 ",
        "--1",
        ".",
        "+",
        "+.",
        "1e",
        "e1",
        "1.5.2",
        "1f",
        "１",
        "infin",
        "+nan",
        "-nan",
        "0x10",
        "0x1p3",
        "0b1",
        "1_000",
        "1e400",
        "-1e400",
        "1e99999999999999999999",
        "1.7976931348623159e308",
    ];
    for text in texts {
        assert_eq!(parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn every_form_reads_back(bits: u64) {
        let value = f64::from_bits(bits);
        let expected = if value.is_nan() { NORMAL_NAN } else { value };
        for text in [general(value), fixed(value), json(value)] {
            prop_assert_eq!(parse(&text).map(f64::to_bits), Some(expected.to_bits()));
        }
    }

    // Rust prints as few digits, but where two texts are equally near it may pick the other one.
    #[test]
    fn no_shorter_text_exists(integer in 0_u64..1 << 60, scale in 0..9) {
        #[expect(clippy::cast_precision_loss, reason = "any float will do")]
        let value = integer as f64 / 10_f64.powi(scale);
        prop_assert_eq!(fixed(value).len(), format!("{value}").len());
    }

    #[test]
    fn no_text_panics(text in "[-+.0-9eEinfa_x]{0,12}|.*") {
        let _ = parse(&text);
    }
}
