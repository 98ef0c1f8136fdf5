//! Texts that are no scripts.

use narthex_promqltest::Script;
use proptest::prelude::*;

#[test]
fn what_is_refused() {
    let cases = [
        ("\n\nevaluate", "3: invalid evaluation command."),
        ("unload 5m", "1: invalid command \"unload 5m\""),
        ("load", "1: invalid load command. (load[_with_nhcb] <step:duration>)"),
        ("loadx 5m", "1: invalid load command."),
        ("load 5", "1: invalid step definition \"5\": not a valid duration string: \"5\""),
        ("load 5m\n  up 1\n  up x", "3: 1:4: parse error: unexpected \"x\" in series values"),
        ("load 5m\n  up 1\n# done\n  up 2", "4: invalid command \"up 2\""),
        ("load 5m\n  up@st 0s\n", "2: @st line has no following sample line"),
        ("load 5m\n  up@st 0s\n  up@st 0s\n  up 1", "2: @st line has no following sample line"),
        (
            "load 5m\n  up@st 0s\n  down 1",
            "2: @st metric does not match the following sample line metric",
        ),
        ("load 5m\n  up@st 0s\n  up 1 2", "2: @st line has 1 values but sample line has 2"),
        ("load 5m\n  up@st soon\n  up 1", "2: invalid @st sequence: invalid ST item \"soon\""),
        (
            "load_with_nhcb 5m\n  a_bucket 1",
            "1: expected bucket label in metric {__name__=\"a_bucket\"}",
        ),
        (
            "load_with_nhcb 5m\n  a_bucket{le=\"1\"} 2\n  a_count -1",
            "1: convert {__name__=\"a\"}: count must be non-negative",
        ),
        ("eval", "1: invalid evaluation command."),
        ("eval instant up", "1: invalid evaluation command."),
        ("eval instant at 5m", "1: invalid evaluation command."),
        ("eval_sorted instant at 5m up", "1: invalid evaluation command."),
        ("eval_ordered range from 0 to 1m step 1m up", "1: invalid evaluation command."),
        ("eval instant at noon up", "1: invalid timestamp definition \"noon\""),
        (
            "eval range from 1m to 0 step 1m up",
            "1: end timestamp (0) is before start timestamp (1m)",
        ),
        ("eval range from 0 to 1m step 0 up", "1: the step must be greater than 0"),
        (
            "eval instant at 5m up{",
            "1: in the query: 1:4: parse error: unexpected end of input inside braces",
        ),
        (
            "eval instant at 5m up\n  up 1 2",
            "2: expecting multiple values in instant evaluation not allowed.",
        ),
        ("eval instant at 5m up\n  up", "2: a series of an instant evaluation needs a value"),
        ("eval instant at 5m up\n  expect", "2: invalid expect statement"),
        ("eval instant at 5m up\n  expect nothing", "2: invalid expect statement"),
        ("eval instant at 5m up\n  expect warn text: x", "2: invalid expect statement"),
        ("eval instant at 5m up\n  expect warn msg:", "2: invalid expect statement"),
        ("eval instant at 5m up\n  expect warn regex: a)(b", "2: invalid regex a)(b"),
        (
            "eval instant at 5m up\n  expect warn\n  expect no_warn",
            "3: invalid expect lines, warn and no_warn cannot be used together",
        ),
        (
            "eval instant at 5m up\n  expect no_info\n  expect info",
            "3: invalid expect lines, info and no_info cannot be used together",
        ),
        (
            "eval instant at 5m up\n  expect fail\n  expect fail",
            "3: invalid expect lines, multiple expect fail lines are not allowed",
        ),
        ("eval instant at 5m up\n  expect string up", "2: expected string literal not valid"),
        (
            "eval instant at 5m up\n  expect range vector from 0",
            "2: invalid range vector definition \"from 0\"",
        ),
        (
            "eval instant at 5m up\n  expect string \"x\"\n  up 1",
            "3: invalid expect lines, string and series cannot be used together",
        ),
        ("eval_fail instant at 5m up\n  expected_fail_regexp (", "2: invalid regex ("),
    ];
    for (text, expected) in cases {
        match Script::parse(text) {
            Ok(_) => panic!("{text:?} was read, expected {expected:?}"),
            Err(error) => {
                let error = error.to_string();
                assert!(error.starts_with(expected), "{text:?}: {error:?}, expected {expected:?}");
            }
        }
    }
}

#[test]
fn a_script_has_a_bound() {
    let line = "  up 1x1048575\n";
    let fits = format!("load 1ms\n{}", line.repeat(8));
    assert!(Script::parse(&fits).is_ok());
    let error = Script::parse(&format!("{fits}{line}")).unwrap_err();
    assert_eq!(error.to_string(), "10: script exceeds 8388608 values");
}

proptest! {
    #[test]
    fn no_text_panics(
        lines in prop::collection::vec(
            prop_oneof![
                Just("load 5m"), Just("eval instant at 5m up"), Just("expect fail msg: x"),
                Just("eval range from 0 to 1m step 1m up"), Just("up@st 0s+1mx2"), Just(""),
                Just("up 1+1x2"), Just("expect range vector from 0 to 5m step 1m"), Just("5"),
                Just("expect string \"é"), Just("eval_fail instant at é é"), Just("clear"),
                Just("expected_fail_message é"), Just("{} é"), Just("@st _"), Just("load é"),
            ],
            0..12,
        ),
    ) {
        let _ = Script::parse(&lines.join("\n"));
    }
}
