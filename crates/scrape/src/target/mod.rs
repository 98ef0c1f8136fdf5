//! Who is scraped: labels and addresses of targets, made from a job's configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use narthex_config::ScrapeConfig;
use narthex_discovery::ADDRESS_LABEL;
use narthex_model::duration::{self, DurationError};
use narthex_model::quote::Quoted;
use narthex_model::{INSTANCE_LABEL, JOB_LABEL, Labels, LabelsBuilder};
use narthex_relabel::{Verdict, process};

use crate::schedule;

/// One address that is scraped, with the labels that its series get.
///
/// ```
/// use narthex_config::ScrapeConfig;
/// use narthex_model::Labels;
/// use narthex_scrape::{Built, Target};
///
/// let job = ScrapeConfig { job_name: "node".to_owned(), ..ScrapeConfig::default() };
/// let found = Labels::from_pairs([("__address__", "web1:9100"), ("rack", "7")]);
/// let Built::Target(target) = Target::build(&job, &found)? else { panic!("no rule drops it") };
/// assert_eq!(&*target.url, "http://web1:9100/metrics");
/// assert_eq!(target.labels.to_string(), r#"{instance="web1:9100", job="node", rack="7"}"#);
/// # Ok::<(), narthex_scrape::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// Its labels before relabelling.
    pub discovered: Labels,
    /// The labels that its series get: those after relabelling without the hidden ones, whose names
    /// start with two underscores.
    pub labels: Labels,
    /// Where its page is.
    pub url: Box<str>,
    /// The path of the Unix socket where its page is, if it is not where the address says.
    pub unix_socket: Option<Box<str>>,
    /// How often it is scraped.
    pub interval: Duration,
    /// How long a scrape may take.
    pub timeout: Duration,
    pub(crate) histograms: HistogramFlags,
    /// The same for equal labels, hidden ones included, and equal addresses.
    pub(crate) hash: u64,
}

/// What a scraper must know of its target.
#[derive(Clone, Debug)]
pub(crate) struct Traits {
    pub(crate) labels: Labels,
    pub(crate) timeout: Duration,
    pub(crate) histograms: HistogramFlags,
}

impl Traits {
    pub(crate) fn of(target: &Target) -> Self {
        let Target { labels, timeout, histograms, .. } = target;
        Self { labels: labels.clone(), timeout: *timeout, histograms: *histograms }
    }
}

/// How the histograms of a target are read. A job says so, and labels of a target may say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HistogramFlags {
    pub(crate) native: bool,
    pub(crate) keep_classic: bool,
    pub(crate) convert_classic: bool,
}

impl HistogramFlags {
    pub(crate) fn of_job(config: &ScrapeConfig) -> Self {
        Self {
            native: config.scrape_native_histograms,
            keep_classic: config.always_scrape_classic_histograms,
            convert_classic: config.convert_classic_histograms_to_nhcb,
        }
    }

    /// Returns the labels and what they say.
    fn labels(self) -> [(&'static str, bool); 3] {
        [
            (CONVERT_CLASSIC_LABEL, self.convert_classic),
            (KEEP_CLASSIC_LABEL, self.keep_classic),
            (NATIVE_LABEL, self.native),
        ]
    }

    /// Reads what the labels of a target say, which relabelling may have changed. What they do not
    /// say, the job's own flags in `self` do.
    fn overridden_by(self, labels: &LabelsBuilder) -> Result<Self, TargetError> {
        let read = |label, what, job| match labels.get(label) {
            None => Ok(job),
            Some(value) => {
                parse_bool(value).ok_or_else(|| TargetError::Bool { what, value: value.into() })
            }
        };
        Ok(Self {
            convert_classic: read(
                CONVERT_CLASSIC_LABEL,
                "convert classic histograms to nhcb",
                self.convert_classic,
            )?,
            keep_classic: read(
                KEEP_CLASSIC_LABEL,
                "always scrape classic histograms",
                self.keep_classic,
            )?,
            native: read(NATIVE_LABEL, "scrape native histograms", self.native)?,
        })
    }
}

/// What a job makes of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Built {
    /// It is scraped.
    Target(Box<Target>),
    /// Relabelling dropped it; these were its labels before.
    Dropped(Labels),
}

/// Why an address makes no target. The texts are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Relabelling left no address, or there was none.
    #[error("no address")]
    NoAddress,
    /// The address is more than a host and a port.
    #[error("{} is not a valid hostname", Quoted(_0))]
    Address(Box<str>),
    /// The label of the interval or of the timeout is no duration.
    #[error("error parsing {what}: {source}")]
    Duration {
        /// Which of them.
        what: &'static str,
        /// What is wrong with it.
        source: DurationError,
    },
    /// The interval or the timeout is zero.
    #[error("{0} cannot be 0")]
    ZeroDuration(&'static str),
    /// A scrape could still go on when the next is due.
    #[error(
        "scrape timeout cannot be greater than scrape interval ({} > {})",
        Quoted(timeout),
        Quoted(interval)
    )]
    TimeoutBeyondInterval {
        /// The label of the timeout.
        timeout: Box<str>,
        /// The label of the interval.
        interval: Box<str>,
    },
    /// A label that switches something is neither true nor false.
    #[error("error parsing {what}: strconv.ParseBool: parsing {}: invalid syntax", Quoted(value))]
    Bool {
        /// What it switches.
        what: &'static str,
        /// Its value.
        value: Box<str>,
    },
}

impl Target {
    /// Returns what the job `config` makes of an address. `found` are the labels with which it was
    /// found, those of its group included; `__address__` is the address.
    ///
    /// # Errors
    ///
    /// [`TargetError`] where the rules let it pass but it cannot be scraped.
    ///
    /// # Source
    ///
    /// `PopulateLabels` in Prometheus `scrape/target.go`.
    pub fn build(config: &ScrapeConfig, found: &Labels) -> Result<Built, TargetError> {
        let mut builder = LabelsBuilder::default();
        discover(config, found, &mut builder);
        let discovered = builder.build();
        let Some(populated) = populate(config, &mut builder)? else {
            return Ok(Built::Dropped(discovered));
        };
        let Populated { labels: all, interval, timeout, histograms } = populated;
        let url = url(&all, &config.params).into_boxed_str();
        let unix_socket = all.get(UNIX_SOCKET_LABEL).map(Into::into);
        let hash = schedule::target_hash(&all, &url);
        builder.retain(|name, _| !name.starts_with(HIDDEN_LABEL_PREFIX));
        let labels = builder.build();
        Ok(if labels.is_empty() {
            Built::Dropped(discovered)
        } else {
            Built::Target(Box::new(Self {
                discovered,
                labels,
                url,
                unix_socket,
                interval,
                timeout,
                histograms,
                hash,
            }))
        })
    }

    /// Returns the labels with which the rules of the job `config` begin for an address, and those that
    /// they leave: hidden ones included, and none where they drop it.
    ///
    /// # Errors
    ///
    /// As [`Target::build`], beside the labels before.
    pub fn explain(config: &ScrapeConfig, found: &Labels) -> (Labels, Result<Labels, TargetError>) {
        let mut builder = LabelsBuilder::default();
        discover(config, found, &mut builder);
        let discovered = builder.build();
        let populated = populate(config, &mut builder);
        (discovered, populated.map(|it| it.map_or_else(Labels::empty, |it| it.labels)))
    }
}

/// What the rules of a job leave of an address.
struct Populated {
    /// The labels, hidden ones included.
    labels: Labels,
    interval: Duration,
    timeout: Duration,
    histograms: HistogramFlags,
}

/// Runs the rules of a job over the labels in `builder`, and checks what they leave. Nothing is left of an
/// address that they drop.
fn populate(
    config: &ScrapeConfig,
    builder: &mut LabelsBuilder,
) -> Result<Option<Populated>, TargetError> {
    if process(&config.relabel_configs, builder) == Verdict::Drop {
        return Ok(None);
    }
    let address = Box::<str>::from(builder.get(ADDRESS_LABEL).unwrap_or_default());
    if address.is_empty() {
        return Err(TargetError::NoAddress);
    }
    if address.contains('/') {
        return Err(TargetError::Address(address));
    }
    let (interval, timeout) = interval_and_timeout(builder)?;
    let histograms = HistogramFlags::of_job(config).overridden_by(builder)?;
    builder.retain(|name, _| !name.starts_with(META_LABEL_PREFIX));
    if builder.get(INSTANCE_LABEL).is_none() {
        builder.set(INSTANCE_LABEL, &address);
    }
    Ok(Some(Populated { labels: builder.build(), interval, timeout, histograms }))
}

/// Fills `out` with the labels from which relabelling starts.
fn discover(config: &ScrapeConfig, found: &Labels, out: &mut LabelsBuilder) {
    out.reset(found);
    let interval = duration::display(config.scrape_interval).to_string();
    let timeout = duration::display(config.scrape_timeout).to_string();
    let defaults = [
        (JOB_LABEL, config.job_name.as_str()),
        (INTERVAL_LABEL, &interval),
        (TIMEOUT_LABEL, &timeout),
        (PATH_LABEL, &config.metrics_path),
        (SCHEME_LABEL, config.scheme.as_str()),
    ];
    let flags = HistogramFlags::of_job(config).labels();
    let flags = flags.map(|(name, value)| (name, if value { "true" } else { "false" }));
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

/// Reads what Go's `strconv.ParseBool` reads.
fn parse_bool(word: &str) -> Option<bool> {
    match word {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
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
const SCHEME_LABEL: &str = "__scheme__";
const PATH_LABEL: &str = "__metrics_path__";
const INTERVAL_LABEL: &str = "__scrape_interval__";
const TIMEOUT_LABEL: &str = "__scrape_timeout__";
/// The path of a Unix socket, to which requests go in place of the address.
const UNIX_SOCKET_LABEL: &str = "__unix_socket__";

/// Labels that say how the histograms of one target are read.
const CONVERT_CLASSIC_LABEL: &str = "__convert_classic_histograms_to_nhcb__";
const KEEP_CLASSIC_LABEL: &str = "__always_scrape_classic_histograms__";
const NATIVE_LABEL: &str = "__scrape_native_histograms__";

#[cfg(test)]
mod tests;
