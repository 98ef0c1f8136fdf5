//! `promtool check service-discovery`: the targets that a job finds, and what its rules make of them.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use narthex_config::{ConfigDefaults, ScrapeConfig};
use narthex_discovery::{ADDRESS_LABEL, Groups, Manager, Options};
use narthex_model::{Labels, LabelsBuilder, duration};
use narthex_scrape::Target;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Handle};

use super::Outcome;
use crate::config_file;

/// The flags of `promtool check service-discovery`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct CheckServiceDiscoveryFlags {
    /// The prometheus config file.
    #[arg(required = true, value_name = "CONFIG-FILE")]
    pub file: PathBuf,

    /// The job to run service discovery for.
    #[arg(required = true, value_name = "JOB")]
    pub job: Box<str>,

    /// The time to wait for discovery results.
    #[arg(
        long = "timeout",
        value_name = "DURATION",
        value_parser = duration::parse,
        default_value = "30s"
    )]
    pub timeout: Duration,
}

/// Looks for the targets of a job for as long as the flags say, and writes to `out` what was known in the
/// end, as JSON: the labels with which each target was found, and those that the rules of the job leave.
/// What is wrong with the configuration goes to `errors`.
///
/// # Errors
///
/// Where nobody takes the lines, or a thread cannot be had.
///
/// # Source
///
/// `CheckSD` in Prometheus `cmd/promtool/sd.go`.
pub fn check_service_discovery(
    flags: &CheckServiceDiscoveryFlags,
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> Result<Outcome, Box<dyn Error>> {
    let file = flags.file.to_string_lossy();
    let mut config = match config_file::read(&file, &ConfigDefaults::default()) {
        Ok(config) => config,
        Err(error) => return failed(errors, &format!("Cannot load config {error}")),
    };
    if let Err(error) = config_file::add_scrape_config_files(&mut config) {
        return failed(errors, &format!("Cannot load scrape configs {error}"));
    }
    let jobs = &config.scrape_configs;
    let Some(job) = jobs.iter().find(|job| *job.job_name == *flags.job) else {
        let names: String = jobs.iter().map(|job| format!("\n\t{}", job.job_name)).collect();
        let message = format!("Job {} not found. Select one of:{names}", flags.job);
        return failed(errors, &message);
    };
    // One thread, so that all that is logged passes by the subscriber of this one.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let log = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).finish();
    let found =
        tracing::subscriber::with_default(log, || runtime.block_on(discover(job, flags.timeout)));
    // A discovery may still have a thread that waits for something.
    runtime.shutdown_background();
    match found {
        Ok(groups) => {
            serde_json::to_writer_pretty(&mut *out, &results(job, &groups))?;
            writeln!(out)?;
            Ok(Outcome::Good)
        }
        Err(error) => failed(errors, &format!("Could not create new discoverer {error}")),
    }
}

fn failed(errors: &mut dyn Write, message: &str) -> Result<Outcome, Box<dyn Error>> {
    writeln!(errors, "{message}")?;
    Ok(Outcome::Failed)
}

/// Returns what the discoveries of a job know after `timeout`.
async fn discover(
    job: &ScrapeConfig,
    timeout: Duration,
) -> Result<Groups, narthex_discovery::StartError> {
    let mut options = Options::default();
    // Nobody is spared anything by waiting.
    options.update_interval = Duration::ZERO;
    let manager = Manager::new(Handle::current(), options);
    manager.apply([job.into()])?;
    if !job.discovery_configs.is_empty() {
        tokio::time::sleep(timeout).await;
    }
    let sets = manager.subscribe();
    let groups = sets.borrow().get(&*job.job_name).cloned();
    Ok(groups.unwrap_or_default())
}

/// Returns what becomes of each target, in order of their sources and without doubles of one source.
fn results(job: &ScrapeConfig, groups: &Groups) -> Vec<Value> {
    let mut by_source = BTreeMap::<String, Vec<Value>>::new();
    let mut add = |source: &str, found: &Labels| {
        let result = result(job, found);
        let results = by_source.entry(source.to_owned()).or_default();
        if !results.contains(&result) {
            results.push(result);
        }
    };
    let mut labels = LabelsBuilder::default();
    for (index, group) in job.static_configs.iter().enumerate() {
        for address in &group.targets {
            labels.reset(&group.labels);
            add(&index.to_string(), &labels.set(ADDRESS_LABEL, address).build());
        }
    }
    for group in groups.iter() {
        for target in &group.targets {
            labels.reset(&group.labels);
            for (name, value) in target {
                labels.set(name, value);
            }
            add(&group.source, &labels.build());
        }
    }
    by_source.into_values().flatten().collect()
}

fn result(job: &ScrapeConfig, found: &Labels) -> Value {
    let object = |labels: &Labels| {
        let pairs = labels.iter().map(|(name, value)| (name.to_owned(), value.into()));
        Value::Object(pairs.collect())
    };
    let (discovered, left) = Target::explain(job, found);
    match left {
        Ok(left) => json!({"discoveredLabels": object(&discovered), "labels": object(&left)}),
        Err(error) => json!({
            "discoveredLabels": object(&discovered),
            "labels": {},
            "error": error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const CONFIG: &str = r#"
scrape_configs:
- job_name: files
  scrape_interval: 1m
  file_sd_configs: [{files: [targets.json]}]
  static_configs: [{targets: ["static:1", "static:1"], labels: {keep: no}}]
  relabel_configs:
  - {source_labels: [keep], regex: no, action: drop}
  - {source_labels: [foo], target_label: newfoo}
  - {source_labels: [bad], regex: (.+), target_label: __address__}
- job_name: unfinished
  eureka_sd_configs: [{server: "http://localhost:1"}]
"#;

    fn check(job: &str, config: &str) -> (Outcome, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let targets = r#"[{"targets": ["a:1"], "labels": {"foo": "bar"}},
            {"targets": ["b:1"], "labels": {"bad": "b/c"}}]"#;
        fs::write(folder.path().join("targets.json"), targets).unwrap();
        let timeout = Duration::from_millis(500);
        let flags = CheckServiceDiscoveryFlags { file, job: job.into(), timeout };
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let outcome = check_service_discovery(&flags, &mut out, &mut errors).unwrap();
        let folder = folder.path().display().to_string();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&folder, "");
        (outcome, text(out), text(errors))
    }

    #[test]
    fn targets_are_shown_before_and_after_the_rules() {
        let (outcome, out, errors) = check("files", CONFIG);
        assert_eq!((outcome, &*errors), (Outcome::Good, ""));
        let found: Value = serde_json::from_str(&out).unwrap();
        let hidden = |address: &str, instance: Option<&str>, more: Value| {
            let mut labels = json!({
                "__address__": address, "__always_scrape_classic_histograms__": "false",
                "__convert_classic_histograms_to_nhcb__": "false", "__metrics_path__": "/metrics",
                "__scheme__": "http", "__scrape_interval__": "1m",
                "__scrape_native_histograms__": "false", "__scrape_timeout__": "10s", "job": "files"
            });
            let all = labels.as_object_mut().unwrap();
            all.extend(instance.map(|it| ("instance".to_owned(), it.into())));
            all.extend(more.as_object().unwrap().clone());
            labels
        };
        let meta = "/targets.json";
        assert_eq!(
            found,
            json!([
                {
                    "discoveredLabels": hidden("a:1", None, json!({"foo": "bar", "__meta_filepath": meta})),
                    "labels": hidden("a:1", Some("a:1"), json!({"foo": "bar", "newfoo": "bar"})),
                },
                {
                    "discoveredLabels": hidden("b:1", None, json!({"bad": "b/c", "__meta_filepath": meta})),
                    "labels": {},
                    "error": "\"b/c\" is not a valid hostname",
                },
                {"discoveredLabels": hidden("static:1", None, json!({"keep": "no"})), "labels": {}},
            ])
        );
        assert!(out.starts_with("[\n  {\n    \"discoveredLabels\": {\n"), "{out}");
    }

    #[test]
    fn what_cannot_be_looked_for_is_told() {
        for (job, config, expected) in [
            ("none", CONFIG, "Job none not found. Select one of:\n\tfiles\n\tunfinished\n"),
            (
                "unfinished",
                CONFIG,
                "Could not create new discoverer service discovery of kind \"eureka\" of job \
                 \"unfinished\" is not implemented\n",
            ),
            ("x", "scrape_configs: 1", "Cannot load config "),
        ] {
            let (outcome, out, errors) = check(job, config);
            assert_eq!((outcome, &*out), (Outcome::Failed, ""), "{job}");
            assert!(errors.starts_with(expected), "{errors}");
        }
    }
}
