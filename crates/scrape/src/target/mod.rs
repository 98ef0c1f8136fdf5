//! Who is scraped: labels and addresses of targets, made from a job's configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use narthex_config::ScrapeConfig;
use narthex_model::duration::{self, DurationError};
use narthex_model::quote::Quoted;
use narthex_model::{INSTANCE_LABEL, JOB_LABEL, Labels, LabelsBuilder};
use narthex_relabel::{Verdict, process};

use crate::schedule;

/// One address that is scraped, with the labels that its series get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Labels before relabelling.
    pub(crate) discovered: Labels,
    /// Labels without the hidden ones, whose names start with two underscores.
    pub(crate) labels: Labels,
    pub(crate) url: Box<str>,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    /// The same for equal labels, hidden ones included, and equal addresses.
    pub(crate) hash: u64,
}

/// What the configuration makes of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Built {
    Target(Box<Target>),
    /// Relabelling dropped it; these were its labels.
    Dropped(Labels),
}

/// Why an address makes no target. The texts are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("no address")]
    NoAddress,
    #[error("{} is not a valid hostname", Quoted(_0))]
    Address(Box<str>),
    #[error("error parsing {what}: {source}")]
    Duration { what: &'static str, source: DurationError },
    #[error("{0} cannot be 0")]
    ZeroDuration(&'static str),
    #[error(
        "scrape timeout cannot be greater than scrape interval ({} > {})",
        Quoted(timeout),
        Quoted(interval)
    )]
    TimeoutBeyondInterval { timeout: Box<str>, interval: Box<str> },
    #[error("error parsing {what}: strconv.ParseBool: parsing {}: invalid syntax", Quoted(value))]
    Bool { what: &'static str, value: Box<str> },
}

/// Returns what `config` makes of an address whose target group has these labels.
///
/// # Source
///
/// `PopulateLabels` in Prometheus `scrape/target.go`.
pub(crate) fn build(
    config: &ScrapeConfig,
    address: &str,
    group_labels: &Labels,
) -> Result<Built, TargetError> {
    let mut builder = LabelsBuilder::default();
    discover(config, address, group_labels, &mut builder);
    let discovered = builder.build();
    if process(&config.relabel_configs, &mut builder) == Verdict::Drop {
        return Ok(Built::Dropped(discovered));
    }
    let address = Box::<str>::from(builder.get(ADDRESS_LABEL).unwrap_or_default());
    if address.is_empty() {
        return Err(TargetError::NoAddress);
    }
    if address.contains('/') {
        return Err(TargetError::Address(address));
    }
    let (interval, timeout) = interval_and_timeout(&builder)?;
    check_flags(&builder)?;
    builder.retain(|name, _| !name.starts_with(META_LABEL_PREFIX));
    if builder.get(INSTANCE_LABEL).is_none() {
        builder.set(INSTANCE_LABEL, &address);
    }
    let all = builder.build();
    let url = url(&all, &config.params).into_boxed_str();
    let hash = schedule::target_hash(&all, &url);
    builder.retain(|name, _| !name.starts_with(HIDDEN_LABEL_PREFIX));
    let labels = builder.build();
    Ok(if labels.is_empty() {
        Built::Dropped(discovered)
    } else {
        Built::Target(Box::new(Target { discovered, labels, url, interval, timeout, hash }))
    })
}

/// Fills `out` with the labels from which relabelling starts.
fn discover(config: &ScrapeConfig, address: &str, group_labels: &Labels, out: &mut LabelsBuilder) {
    out.reset(group_labels);
    out.set(ADDRESS_LABEL, address);
    let interval = duration::display(config.scrape_interval).to_string();
    let timeout = duration::display(config.scrape_timeout).to_string();
    let defaults = [
        (JOB_LABEL, config.job_name.as_str()),
        (INTERVAL_LABEL, &interval),
        (TIMEOUT_LABEL, &timeout),
        (PATH_LABEL, &config.metrics_path),
        (SCHEME_LABEL, config.scheme.as_str()),
    ];
    let flags = FLAG_LABELS.map(|(name, _)| (name, "false"));
    for (name, value) in defaults.into_iter().chain(flags) {
        if out.get(name).is_none() {
            out.set(name, value);
        }
    }
    for (param, values) in &config.params {
        let name = format!("{PARAM_LABEL_PREFIX}{param}");
        if let Some(value) = values.first()
            && out.get(&name).is_none()
        {
            out.set(&name, value);
        }
    }
}

fn interval_and_timeout(labels: &LabelsBuilder) -> Result<(Duration, Duration), TargetError> {
    let read = |label: &str, what: &'static str| {
        let text = labels.get(label).unwrap_or_default();
        match duration::parse(text) {
            Ok(Duration::ZERO) => Err(TargetError::ZeroDuration(what)),
            Ok(duration) => Ok((duration, text)),
            Err(source) => Err(TargetError::Duration { what, source }),
        }
    };
    let (interval, interval_text) = read(INTERVAL_LABEL, "scrape interval")?;
    let (timeout, timeout_text) = read(TIMEOUT_LABEL, "scrape timeout")?;
    if timeout > interval {
        return Err(TargetError::TimeoutBeyondInterval {
            timeout: timeout_text.into(),
            interval: interval_text.into(),
        });
    }
    Ok((interval, timeout))
}

fn check_flags(labels: &LabelsBuilder) -> Result<(), TargetError> {
    for (name, what) in FLAG_LABELS {
        let value = labels.get(name).unwrap_or("false");
        if !BOOL_WORDS.contains(&value) {
            return Err(TargetError::Bool { what, value: value.into() });
        }
    }
    Ok(())
}

/// Returns the address that `labels` describe. Parameters in labels replace the first configured
/// value of their name.
fn url(labels: &Labels, params: &BTreeMap<String, Vec<String>>) -> String {
    let mut params = params
        .iter()
        .map(|(name, values)| (name.as_str(), values.iter().map(String::as_str).collect()))
        .collect::<BTreeMap<&str, Vec<&str>>>();
    for (name, value) in labels {
        if let Some(param) = name.strip_prefix(PARAM_LABEL_PREFIX) {
            let values = params.entry(param).or_default();
            match values.first_mut() {
                Some(first) => *first = value,
                None => values.push(value),
            }
        }
    }
    let (scheme, host) = (labels.value(SCHEME_LABEL), labels.value(ADDRESS_LABEL));
    let path = labels.value(PATH_LABEL);
    let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
    let colon = if scheme.is_empty() { "" } else { ":" };
    let mut url = format!("{scheme}{colon}//");
    push_escaped(&mut url, host, b"-_.~!$&'()*+,;=:[]<>\"");
    url.push_str(slash);
    push_escaped(&mut url, path, b"-_.~$&+,/:;=@");
    let pairs = params.iter().flat_map(|(name, values)| values.iter().map(move |v| (name, v)));
    for (index, (name, value)) in pairs.enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        push_query_escaped(&mut url, name);
        url.push('=');
        push_query_escaped(&mut url, value);
    }
    url
}

fn push_query_escaped(out: &mut String, text: &str) {
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            out.push('+');
        }
        push_escaped(out, word, b"-_.~");
    }
}

/// Appends `text` with all bytes escaped but letters, digits and those in `plain`.
fn push_escaped(out: &mut String, text: &str, plain: &[u8]) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// Labels whose names start so are meant for relabelling and never stored.
const HIDDEN_LABEL_PREFIX: &str = "__";
/// Labels whose names start so say where a target was found; even the target does not keep them.
const META_LABEL_PREFIX: &str = "__meta_";
const PARAM_LABEL_PREFIX: &str = "__param_";
const ADDRESS_LABEL: &str = "__address__";
const SCHEME_LABEL: &str = "__scheme__";
const PATH_LABEL: &str = "__metrics_path__";
const INTERVAL_LABEL: &str = "__scrape_interval__";
const TIMEOUT_LABEL: &str = "__scrape_timeout__";

/// Labels that switch on how histograms are scraped, and how an error calls them.
const FLAG_LABELS: [(&str, &str); 3] = [
    ("__convert_classic_histograms_to_nhcb__", "convert classic histograms to nhcb"),
    ("__always_scrape_classic_histograms__", "always scrape classic histograms"),
    ("__scrape_native_histograms__", "scrape native histograms"),
];

/// What Go's `strconv.ParseBool` reads.
const BOOL_WORDS: [&str; 12] =
    ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];

#[cfg(test)]
mod tests;
