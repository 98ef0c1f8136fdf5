use narthex_model::quote::Quoted;
use narthex_relabel::RuleError;
use narthex_yaml::{Position, YamlError};

use crate::discovery::DiscoveryProblem;
use crate::protocol::ScrapeProtocol;
use crate::text::GoList;

/// Why a configuration file is refused, and where it is wrong:
/// `parsing YAML file prometheus.yml: line 5, column 3: scrape_configs[0]: unknown field …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parsing YAML file {file}: {position}: {problem}")]
pub struct ConfigError {
    file: Box<str>,
    position: Position,
    problem: Box<ConfigProblem>,
}

impl ConfigError {
    pub(crate) fn new(file: &str, flaw: Flaw) -> Self {
        Self { file: file.into(), position: flaw.position, problem: flaw.problem }
    }

    /// Returns the file's name, as the caller of [`Config::load`](crate::Config::load) gave it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns where in the file the problem is.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn problem(&self) -> &ConfigProblem {
        &self.problem
    }
}

/// What is wrong with a configuration file. The messages are the reference's, where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// The text is no YAML, has an unknown key, or a value that does not fit its key.
    #[error("{}{message}", prefix(path))]
    Yaml {
        /// The field, such as `scrape_configs[0].scrape_interval`; empty for the file itself.
        path: Box<str>,
        /// What is wrong with it.
        message: Box<str>,
    },
    /// The key is one of the reference's that does nothing here yet.
    #[error("{}field `{key}` is not supported yet", prefix(path))]
    UnsupportedField {
        /// The section that has the key; empty for the file itself.
        path: Box<str>,
        /// The key.
        key: Box<str>,
    },
    /// The value is one of the reference's that does nothing here yet.
    #[error("{field} {} is not supported yet", Quoted(value))]
    UnsupportedValue {
        /// The key.
        field: &'static str,
        /// Its value.
        value: Box<str>,
    },
    /// An element of a list is null.
    #[error("empty or null {element}")]
    NullElement {
        /// What the element should be, such as `scrape config section`.
        element: &'static str,
    },
    /// A job has no name.
    #[error("job_name is empty")]
    EmptyJobName,
    /// Two jobs share a name.
    #[error("found multiple scrape configs with job name {}", Quoted(job))]
    DuplicateJob {
        /// The name.
        job: Box<str>,
    },
    /// The global timeout is longer than the global interval.
    #[error("global scrape timeout greater than scrape interval")]
    GlobalTimeoutOverInterval,
    /// A job's timeout is longer than its interval.
    #[error(
        "scrape timeout greater than scrape interval for scrape config with job name {}",
        Quoted(job)
    )]
    TimeoutOverInterval {
        /// The job.
        job: Box<str>,
    },
    /// The list of protocols is there, but has no element.
    #[error("scrape_protocols cannot be empty")]
    NoProtocols,
    /// The list of protocols names one twice.
    #[error("duplicated protocol in scrape_protocols, got {}", GoList(protocols))]
    DuplicateProtocol {
        /// The list.
        protocols: Vec<ScrapeProtocol>,
    },
    /// A target is a URL, or has a path.
    #[error("{} is not a valid hostname", Quoted(target))]
    Hostname {
        /// The target.
        target: Box<str>,
    },
    /// A relabelling rule's keys do not go together.
    #[error(transparent)]
    Relabel(#[from] RuleError),
    /// The keys of a service discovery do not go together.
    #[error(transparent)]
    Discovery(#[from] DiscoveryProblem),
    /// A share is none.
    #[error("'storage.tsdb.retention.percentage' must be in the range [0, 100], got {percentage}")]
    RetentionPercentage {
        /// What was written.
        percentage: Box<str>,
    },
    /// A glob has a `*` before the last element of the path.
    #[error("invalid rule file path {}", Quoted(path))]
    RuleFilePath {
        /// The glob.
        path: Box<str>,
    },
}

/// A problem and its place, before the file's name is known.
#[derive(Debug)]
pub(crate) struct Flaw {
    position: Position,
    problem: Box<ConfigProblem>,
}

impl Flaw {
    pub(crate) fn new(position: Position, problem: impl Into<ConfigProblem>) -> Self {
        Self { position, problem: Box::new(problem.into()) }
    }
}

impl From<YamlError> for Flaw {
    fn from(error: YamlError) -> Self {
        let path = error.path().into();
        let problem = match error.unknown_field() {
            Some(key) if crate::unsupported::is_known(error.path(), key) => {
                ConfigProblem::UnsupportedField { path, key: key.into() }
            }
            _ => ConfigProblem::Yaml { path, message: error.message().into() },
        };
        Self::new(error.position(), problem)
    }
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}
