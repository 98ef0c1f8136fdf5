//! Holds `docs/crates.md` against what Cargo says of the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A crate's name without `narthex-`, and the crates of ours that it may use.
type Map = BTreeMap<String, BTreeSet<String>>;

/// Packages beside the libraries: they may use any of ours, and no library uses them.
const UNPUBLISHED: [&str; 2] = ["narthex-benches", "narthex-examples"];

#[test]
fn crates_use_what_the_map_allows_and_no_more() {
    let map = read_map(&std::fs::read_to_string(root().join("docs/crates.md")).unwrap());
    let packages = packages();
    let libraries: BTreeSet<&String> = packages.keys().filter(|name| !unpublished(name)).collect();
    let mapped: BTreeSet<&String> = map.keys().collect();
    assert_eq!(libraries, mapped, "the crates that exist, and those in docs/crates.md");
    for (name, dependencies) in &packages {
        for used in dependencies {
            assert!(
                unpublished(name) || map[name].contains(used),
                "{name} uses {used}, which docs/crates.md does not allow"
            );
        }
    }
}

#[test]
fn the_map_has_no_cycle() {
    let mut map = read_map(&std::fs::read_to_string(root().join("docs/crates.md")).unwrap());
    while !map.is_empty() {
        let ground = map.iter().find(|(_, uses)| uses.iter().all(|used| !map.contains_key(used)));
        let ground = ground.map(|(name, _)| name.clone());
        map.remove(&ground.unwrap_or_else(|| panic!("a cycle among {:?}", map.keys())));
    }
}

/// Whoever embeds the store or an engine brings no runtime along.
#[test]
fn cores_come_without_an_async_runtime() {
    for core in ["tsdb", "promql", "promqltest", "exposition", "relabel"] {
        let package = format!("narthex-{core}");
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--package", &package, "--edges=normal", "--prefix=none", "--offline"])
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout).expect("names are text");
        let names = tree.lines().filter_map(|line| line.split(' ').next()).collect::<BTreeSet<_>>();
        assert!(names.contains(&*package) && names.len() > 3, "{tree}");
        for runtime in
            ["tokio", "async-std", "async-executor", "smol", "futures-executor", "glommio"]
        {
            assert!(!names.contains(runtime), "{package} depends on {runtime}");
        }
    }
}

#[test]
fn the_shared_packages_are_in_use() {
    let used: BTreeSet<String> = metadata()["packages"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|package| package["dependencies"].as_array().expect("a list").clone())
        .map(|dependency| text(&dependency["name"]))
        .collect();
    let card = [
        "nom",
        "bytes",
        "smallvec",
        "hashbrown",
        "serde",
        "thiserror",
        "criterion",
        "proptest",
        "parking_lot",
    ];
    for package in card {
        assert!(used.contains(package), "no crate uses {package}");
    }
}

/// Reads the rows `| layer | crate | what | of ours it may use |` of the table.
fn read_map(document: &str) -> Map {
    let rows = document.lines().filter(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let mut map = Map::new();
    for row in cells.filter(|row| row.len() == 4 && row[1].starts_with('`')) {
        let names = |cell: &str| {
            cell.split([',', ' ']).map(|word| word.trim_matches('`').to_owned()).collect::<Vec<_>>()
        };
        let uses = names(row[3]).into_iter().filter(|name| !name.is_empty() && name != "–");
        let before = map.insert(row[1].trim_matches('`').to_owned(), uses.collect());
        assert!(before.is_none(), "{} stands twice in docs/crates.md", row[1]);
    }
    map
}

/// Returns each package of the workspace with those of ours that it uses outside its tests.
fn packages() -> Map {
    let short = |name: String| {
        let known = UNPUBLISHED.contains(&name.as_str());
        if known { name } else { name.trim_start_matches("narthex-").to_owned() }
    };
    let mut packages = Map::new();
    for package in metadata()["packages"].as_array().expect("a list") {
        let dependencies = package["dependencies"].as_array().expect("a list");
        let uses = dependencies
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| text(&dependency["name"]))
            .filter(|name| name.starts_with("narthex-"));
        packages.insert(short(text(&package["name"])), uses.map(short).collect());
    }
    packages
}

fn unpublished(name: &str) -> bool {
    UNPUBLISHED.contains(&name)
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}
