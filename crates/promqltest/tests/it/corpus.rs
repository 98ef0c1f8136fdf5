//! Our own scripts, which must pass.

use std::path::Path;

use narthex_promqltest::Script;

use crate::run_script;

#[test]
fn our_scripts_pass() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut passed = 0;
    let mut failures = String::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let script = Script::parse(&text).unwrap_or_else(|error| panic!("{name}:{error}"));
        assert!(script.evals() > 0, "{name} tests something");
        let report = run_script(&script);
        passed += report.passed;
        failures.extend(report.failures.iter().map(|failure| format!("{name}:{failure}\n")));
    }
    assert!(failures.is_empty(), "{failures}");
    println!("{passed} queries as expected");
}
