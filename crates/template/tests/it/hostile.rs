//! What hostile templates cost, and which messages they get.

use std::cell::Cell;
use std::time::Duration;

use narthex_model::Labels;
use narthex_template::{
    AlertData, AlertTemplate, ConsoleData, ConsolePage, Environment, Functions, QuerySample,
    Templates, Value,
};

use crate::world::still;

/// Expands a template, with a clock that goes on by 100 microseconds whenever it is looked at.
fn expand(text: &str) -> String {
    let template = match AlertTemplate::parse("H", text) {
        Ok(template) => template,
        Err(error) => return error.to_string(),
    };
    let now = Cell::new(Duration::ZERO);
    let clock = || {
        now.set(now.get() + Duration::from_micros(100));
        now.get()
    };
    let query = |_: &str| -> Result<Vec<QuerySample>, String> { Ok(Vec::new()) };
    let data = AlertData {
        labels: &Labels::from_pairs([("job", "api")]),
        external_labels: &Labels::empty(),
        external_url: "",
        value: 1.0.into(),
    };
    let env = Environment::new(0, &clock).with_queries(&query);
    match template.expand(&data, &env) {
        Ok(text) => text,
        Err(error) => error.placeholder(),
    }
}

#[track_caller]
fn check(text: &str, problem: &str) {
    let got = expand(text);
    let shown: String = got.chars().take(300).collect();
    assert!(got.contains(problem), "{problem:?} is not in {shown:?}");
    assert!(got.len() < 1 << 20);
}

#[test]
fn endless_loops_end_with_their_time() {
    check("{{ range 1000000000000 }}{{ end }}", "takes longer than 1s");
    check("{{ range 1000000000000 }}{{ $x := print . }}{{ end }}", "takes longer than 1s");
    check(
        "{{ range 1000000 }}{{ range 1000000 }}{{ continue }}{{ end }}{{ end }}",
        "takes longer than 1s",
    );
}

#[test]
fn output_is_bounded() {
    let output = "exceeds 1048576 bytes";
    check("{{ range 100000000 }}0123456789{{ end }}", output);
    check("{{ printf \"%1000000d%1000000d\" 1 2 }}", output);
    check("{{ printf \"%.1000000f%.1000000f\" 1.0 2.0 }}", output);
    let doubled = "{{ $x := \"0123456789\" }}{{ range 64 }}{{ $x = print $x $x }}{{ end }}";
    check(doubled, output);
    let shared = "{{ $x := args 1 }}{{ range 60 }}{{ $x = args $x $x }}{{ end }}{{ $x }}";
    check(shared, output);
    let replaced = "{{ $x := printf \"%500000d\" 1 }}{{ reReplaceAll \" \" $x $x }}";
    check(replaced, output);
    check("{{ $x := printf \"%900000d\" 1 }}{{ $x | html | js }}{{ $x }}", output);
}

#[test]
fn queries_are_bounded() {
    check("{{ range 1000 }}{{ query \"up\" }}{{ end }}", "more than 100 queries");
    assert_eq!(expand("{{ range 100 }}{{ $x := query \"up\" }}{{ end }}ok"), "ok");
}

#[test]
fn nesting_is_bounded() {
    let deep = |open: &str, inner: &str, close: &str, count: usize| {
        format!("{}{inner}{}", open.repeat(count), close.repeat(count))
    };
    let parens = |count| format!("{{{{ {} }}}}", deep("(", "1", ")", count));
    assert_eq!(expand(&parens(100)), "1");
    check(&parens(101), "parentheses nest more than 100 deep");
    check(&parens(1_000_000), "parentheses nest more than 100 deep");
    // Blocks are not bounded, for nothing follows their nesting.
    let blocks = deep("{{ if true }}", "x", "{{ end }}", 100_000);
    assert_eq!(expand(&blocks), "x");
    let chain = format!(
        "{}{{{{ else }}}}x{{{{ end }}}}",
        "{{ if false }}".to_owned() + &"{{ else if false }}".repeat(100_000)
    );
    assert_eq!(expand(&chain), "x");
    let blocks = deep("{{ block \"b\" . }}", "x", "{{ end }}", 10_000);
    check(&blocks, "multiple definition of template");
    check(
        "{{ $x := args 1 }}{{ range 1000 }}{{ $x = args $x }}{{ end }}",
        "arguments nest too deep",
    );
}

#[test]
fn calls_are_bounded() {
    check(
        "{{ define \"r\" }}{{ template \"r\" . }}{{ end }}{{ template \"r\" 1 }}",
        "exceeded maximum template depth (100000)",
    );
    let page = |text: &str| {
        let page = ConsolePage::parse("p", text, []).unwrap();
        let data = ConsoleData { path: "p", parameters: &[], external_labels: &Labels::empty() };
        let rendered = page.render(&data, &Environment::new(0, &still));
        rendered.map_or_else(|error| error.to_string(), |page| String::from_utf8(page).unwrap())
    };
    let endless = "{{ define \"r\" }}{{ tmpl \"r\" . }}{{ end }}{{ tmpl \"r\" 1 }}";
    assert!(page(endless).contains("nest more than 200 deep"), "{}", page(endless));
    let parens = format!("{}tmpl \"r\" .{}", "(".repeat(99), ")".repeat(99));
    let endless =
        format!("{{{{ define \"r\" }}}}{{{{ {parens} }}}}{{{{ end }}}}{{{{ tmpl \"r\" 1 }}}}");
    assert!(page(&endless).contains("nest more than 200 deep"));
    let blocks = format!("{}{}", "{{ if 1 }}".repeat(10_000), "{{ end }}".repeat(10_000));
    assert!(page(&blocks).contains("nest more than 100 deep"));
    let loops = format!("{}x{}", "{{ range 1 }}".repeat(60), "{{ end }}".repeat(60));
    assert!(page(&loops).contains("take too long to be made safe"));
    let chain: String = (0..1000)
        .map(|at| {
            format!("{{{{ define \"t{at}\" }}}}{{{{ template \"t{}\" }}}}{{{{ end }}}}", at + 1)
        })
        .collect();
    assert!(page(&format!("{chain}{{{{ template \"t0\" }}}}")).contains("nest more than 100 deep"));
}

#[test]
fn nothing_of_the_machine_can_be_asked_for() {
    for name in ["env", "readFile", "file", "exec", "http", "getenv", "include", "lookup"] {
        let text = format!("{{{{ {name} \"x\" }}}}");
        for functions in [Functions::Prometheus, Functions::Console, Functions::Alertmanager] {
            let error = Templates::parse("t", &text, functions).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("template: t:1: function \"{name}\" not defined")
            );
        }
    }
}

#[test]
fn templates_can_be_replaced_but_not_by_space() {
    let mut templates =
        Templates::parse("t", "{{ template \"x\" }}", Functions::Prometheus).unwrap();
    templates.add("a", "{{ define \"x\" }}1{{ end }}").unwrap();
    templates.add("b", "{{ define \"x\" }} {{ end }}").unwrap();
    let env = Environment::new(0, &still);
    assert_eq!(templates.execute(Value::Nil, &env).unwrap(), b"1");
    templates.add("c", "{{ define \"x\" }}2{{ end }}").unwrap();
    assert_eq!(templates.execute(Value::Nil, &env).unwrap(), b"2");
}
