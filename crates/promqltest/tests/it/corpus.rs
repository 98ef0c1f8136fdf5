//! Our own scripts: each must pass.

use std::path::Path;

use narthex_promqltest::Script;

use crate::run_script;

#[test]
fn every_script_of_ours_passes() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut evals = 0;
    let mut failures = String::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let script =
            Script::parse(&text).unwrap_or_else(|error| panic!("{}:{error}", path.display()));
        let report = run_script(&script);
        assert!(
            report.passed > 0 || !report.failures.is_empty(),
            "{} tests something",
            path.display()
        );
        evals += report.passed;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        failures.extend(report.failures.iter().map(|failure| format!("{name}:{failure}\n")));
    }
    assert!(failures.is_empty(), "{failures}");
    println!("{evals} queries as expected");
}
