use std::fs;
use std::path::Path;
use std::sync::Arc;

use narthex_config::Config;
use narthex_discovery::{Job, Manager, Options};
use tokio::runtime::Handle;

use crate::support::until;

/// Returns a configuration whose jobs, by name, find their targets in these files of `folder`. What
/// is looked for every hour is found within the test by watching alone.
fn config(folder: &Path, jobs: &[(&str, &str)]) -> Config {
    let jobs = jobs.iter().map(|(name, files)| {
        let files = folder.join(files);
        format!(
            "{{job_name: {name}, file_sd_configs: [{{files: ['{}'], refresh_interval: 1h}}]}}",
            files.display()
        )
    });
    let text = format!("scrape_configs: [{}]", jobs.collect::<Vec<_>>().join(", "));
    Config::load(&text, "test.yml", |_| None).expect(&text)
}

fn replace(folder: &Path, name: &str, text: &str) {
    let new = folder.join(format!("{name}.new"));
    fs::write(&new, text).expect("a file");
    fs::rename(new, folder.join(name)).expect("a file");
}

#[tokio::test]
async fn files_are_watched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    replace(path, "a.json", r#"[{"targets": ["a:1"]}]"#);
    let manager = Manager::new(Handle::current(), Options::default());
    manager.apply(Job::of_config(&config(path, &[("j", "*.json")]))).unwrap();
    let sets = manager.subscribe();
    until(&sets, "j", "a:1").await;

    replace(path, "a.json", r#"[{"targets": ["a:2"]}, {"targets": ["a:3"]}]"#);
    until(&sets, "j", "a:2 a:3").await;
    fs::write(path.join("b.json"), r#"[{"targets": ["b:1"]}]"#).unwrap();
    until(&sets, "j", "a:2 a:3 b:1").await;

    // A bad file keeps what it had, while the others go on.
    replace(path, "a.json", "[");
    replace(path, "b.json", r#"[{"targets": ["b:2"]}]"#);
    until(&sets, "j", "a:2 a:3 b:2").await;
    assert!(manager.stats().file.read_errors > 0);

    fs::remove_file(path.join("a.json")).unwrap();
    until(&sets, "j", "b:2").await;
    assert_eq!(manager.stats().file.changed.len(), 1);
}

/// How Kubernetes mounts a ConfigMap: the file is a link to one in a folder that is a link, too.
#[cfg(unix)]
#[tokio::test]
async fn links_on_the_way_are_followed() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (version, address) in [("v1", "a:1"), ("v2", "a:2")] {
        fs::create_dir(path.join(version)).unwrap();
        fs::write(path.join(version).join("t.yml"), format!("- targets: ['{address}']")).unwrap();
    }
    symlink("v1", path.join("..data")).unwrap();
    symlink("..data/t.yml", path.join("t.yml")).unwrap();
    let manager = Manager::new(Handle::current(), Options::default());
    manager.apply(Job::of_config(&config(path, &[("j", "t.yml")]))).unwrap();
    let sets = manager.subscribe();
    until(&sets, "j", "a:1").await;
    symlink("v2", path.join("..new")).unwrap();
    fs::rename(path.join("..new"), path.join("..data")).unwrap();
    until(&sets, "j", "a:2").await;
}

#[tokio::test]
async fn a_reload_keeps_what_did_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for name in ["a", "b"] {
        replace(path, &format!("{name}.yml"), &format!("- targets: ['{name}:1']"));
    }
    let manager = Manager::new(Handle::current(), Options::default());
    let apply = |jobs| manager.apply(Job::of_config(&config(path, jobs))).unwrap();
    let sets = manager.subscribe();
    apply(&[("one", "a.yml"), ("two", "b.yml"), ("gone", "b.yml")]);
    until(&sets, "one", "a:1").await;
    until(&sets, "two", "b:1").await;
    until(&sets, "gone", "b:1").await;
    let before = Arc::clone(&sets.borrow());
    let scans = manager.stats().file.scans;
    // Jobs that use the same files share the reading.
    assert_eq!(scans, 2);

    apply(&[("one", "a.yml"), ("two", "b.yml"), ("new", "a.yml")]);
    let after = Arc::clone(&sets.borrow());
    assert_eq!(after.keys().map(|job| &**job).collect::<Vec<_>>(), ["new", "one", "two"]);
    assert!(Arc::ptr_eq(&before["one"], &after["one"]));
    // A new job has at once what another had found.
    until(&sets, "new", "a:1").await;
    assert_eq!(manager.stats().file.scans, scans);

    apply(&[("two", "a.yml")]);
    until(&sets, "two", "a:1").await;
    apply(&[]);
    assert!(sets.borrow().is_empty());
    assert!(manager.stats().jobs.is_empty());
}

#[tokio::test]
async fn named_targets_are_counted_and_not_sent() {
    let text = "scrape_configs: [{job_name: x, static_configs: [{targets: [a, b]}]}]";
    let config = Config::load(text, "test.yml", |_| None).unwrap();
    let manager = Manager::new(Handle::current(), Options::default());
    manager.apply(Job::of_config(&config)).unwrap();
    assert_eq!(manager.stats().jobs["x"].targets, 2);
    assert!(manager.subscribe().borrow().is_empty());
}
