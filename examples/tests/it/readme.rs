//! The code in the README is the code of an example, which is compiled.

use std::fs;
use std::path::Path;

#[test]
fn the_readme_shows_the_example_embed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(folder.join("../README.md")).unwrap();
    let example = fs::read_to_string(folder.join("embed.rs")).unwrap();
    let (_, code) = readme.split_once("```rust\n").expect("the README shows code");
    let (code, _) = code.split_once("```").expect("the code ends");
    let mut lines = example.lines().map(str::trim);
    for shown in code.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(lines.any(|line| line == shown), "embed.rs lacks, in this place: {shown}");
    }
}
