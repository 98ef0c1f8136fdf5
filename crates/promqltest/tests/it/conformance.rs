//! The reference's own scripts, where they are at hand.

use std::path::{Path, PathBuf};

use narthex_promqltest::Script;

use crate::run_script;

#[test]
fn the_references_scripts_pass() {
    let Some(directory) = scripts() else {
        println!("skipped: NARTHEX_CONFORMANCE does not name the reference's test data");
        return;
    };
    let mut total = (0, 0);
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let (passed, failures) = match Script::parse(&text) {
            Ok(script) => {
                let report = run_script(&script);
                (report.passed, report.failures.iter().map(ToString::to_string).collect())
            }
            Err(error) => (0, vec![error.to_string()]),
        };
        failures.iter().for_each(|failure| println!("{name}:{failure}"));
        assert!(failures.is_empty(), "{name}: {failures:#?}");
        total = (total.0 + passed, total.1 + failures.len());
    }
    println!("{} passed, {} failed", total.0, total.1);
}

fn scripts() -> Option<PathBuf> {
    let root = std::env::var_os("NARTHEX_CONFORMANCE")?;
    Some(Path::new(&root).join("prometheus/promql/promqltest/testdata"))
}
