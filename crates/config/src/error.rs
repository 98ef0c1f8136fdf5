use narthex_exposition::ScrapeProtocol;
use narthex_http::HttpConfigError;
use narthex_model::quote::Quoted;
use narthex_relabel::RuleError;
use narthex_yaml::{Position, YamlError};

use crate::discovery::DiscoveryProblem;
use crate::size::SizeError;
use crate::text::GoList;

/// Why a configuration file is refused, and where it is wrong:
/// `parsing YAML file prometheus.yml: line 5, column 3: scrape_configs[0]: unknown field …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {position}: {problem}", self.place())]
pub struct ConfigError {
    file: Box<str>,
    /// Whether the file is one of `scrape_config_files`.
    is_jobs: bool,
    position: Position,
    problem: Box<ConfigProblem>,
}

impl ConfigError {
    pub(crate) fn new(file: &str, flaw: Flaw) -> Self {
        let Flaw { position, problem } = flaw;
        Self { file: file.into(), is_jobs: false, position, problem }
    }

    pub(crate) fn new_in_jobs(file: &str, flaw: Flaw) -> Self {
        Self { is_jobs: true, ..Self::new(file, flaw) }
    }

    fn place(&self) -> String {
        if self.is_jobs {
            Quoted(&self.file).to_string()
        } else {
            format!("parsing YAML file {}", self.file)
        }
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
    /// An element of a list is null.
    #[error("empty or null {element}")]
    NullElement {
        /// What the element should be, such as `scrape config section`.
        element: Box<str>,
    },
    /// A label name is legal in UTF-8 alone, and only legacy names are allowed.
    #[error("{} is not a valid label name", Quoted(name))]
    LabelName {
        /// The name.
        name: Box<str>,
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
    /// Two jobs share a name, and at least one of them stands in a file of its own.
    #[error("found multiple scrape configs with job name {}, first found in {first}", Quoted(job))]
    DuplicateJobAcrossFiles {
        /// The name.
        job: Box<str>,
        /// The file that has the first of them.
        first: Box<str>,
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
    /// A list of protocols is wrong.
    #[error("{problem} for {}", owner(job.as_deref()))]
    Protocols {
        /// What is wrong with it.
        problem: ProtocolProblem,
        /// The job that has it; `None` for the global section.
        job: Option<Box<str>>,
    },
    /// The protocol for bodies that do not say theirs is none.
    #[error("invalid fallback_scrape_protocol for {}: {problem}", owner(Some(job)))]
    FallbackProtocol {
        /// What is wrong with it.
        problem: ProtocolProblem,
        /// The job that has it.
        job: Box<str>,
    },
    /// Names are asked for that are not allowed.
    #[error("utf8 metric names requested but validation scheme is not set to UTF8")]
    EscapingNeedsUtf8,
    /// There is no such way to write names.
    #[error(
        "unknown {section} name escaping method specified, must be one of 'allow-utf-8', \
         'underscores', 'dots', or 'values', got {}",
        Quoted(scheme)
    )]
    UnknownEscaping {
        /// Who asks for it: `global` or `scrape config`.
        section: &'static str,
        /// What was written.
        scheme: Box<str>,
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
    /// A size is none.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// A size is below zero.
    #[error("'storage.tsdb.retention.size' must be greater than or equal to 0, got {size}")]
    RetentionSize {
        /// What was written.
        size: Box<str>,
    },
    /// There is no such form of chunks.
    #[error(
        "'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be \
         omitted entirely, got {}",
        Quoted(encoding)
    )]
    ChunkEncoding {
        /// What was written.
        encoding: Box<str>,
    },
    /// A glob has a `*` before the last element of the path.
    #[error("invalid rule file path {}", Quoted(path))]
    RuleFilePath {
        /// The glob.
        path: Box<str>,
    },
    /// A glob has a `*` before the last element of the path.
    #[error("invalid scrape config file path {}", Quoted(path))]
    ScrapeConfigFilePath {
        /// The glob.
        path: Box<str>,
    },
    /// The keys of an HTTP client do not go together.
    #[error(transparent)]
    Http(#[from] HttpConfigError),
    /// A request can say only in one way who sends it.
    #[error("at most one of basic_auth, authorization, oauth2, & sigv4 must be configured")]
    SeveralAlertmanagerAuths,
    /// A request can say only in one way who sends it.
    #[error(
        "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be \
         configured. Currently configured: {}",
        GoList(configured)
    )]
    SeveralRemoteWriteAuths {
        /// The ways that are given.
        configured: Vec<&'static str>,
    },
    /// A header that the client sets itself.
    #[error("{header} is a reserved header. It must not be changed")]
    ReservedHeader {
        /// Its name, as it was written.
        header: Box<str>,
    },
    /// The header for who sends a request has keys of its own.
    #[error(
        "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, \
         azuread or google_iam parameter"
    )]
    AuthorizationHeader,
    /// Spans cannot say who sends them.
    #[error("custom authorization header configuration is not yet supported")]
    TracingAuthorizationHeader,
    /// Spans have nowhere to go.
    #[error("tracing endpoint must be set")]
    NoTracingEndpoint,
    /// There is no such compression of spans.
    #[error("invalid compression type {compression} provided, valid options: gzip")]
    TracingCompression {
        /// What was written.
        compression: Box<str>,
    },
    /// Another server has no address.
    #[error("url for {section} is empty")]
    NoRemoteUrl {
        /// `remote_write` or `remote_read`.
        section: &'static str,
    },
    /// Two elements of `remote_write` share a name.
    #[error("found multiple remote write configs with job name {}", Quoted(name))]
    DuplicateRemoteWrite {
        /// The name.
        name: Box<str>,
    },
    /// Two elements of `remote_read` share a name.
    #[error("found multiple remote read configs with job name {}", Quoted(name))]
    DuplicateRemoteRead {
        /// The name.
        name: Box<str>,
    },
    /// There is no such form of requests.
    #[error(
        "invalid protobuf_message value: unknown type for remote write protobuf message {message}, \
         supported: prometheus.WriteRequest, io.prometheus.write.v2.Request"
    )]
    RemoteWriteMessage {
        /// What was written.
        message: Box<str>,
    },
    /// The numbers of a queue do not go together.
    #[error("remote write queue {rule}")]
    Queue {
        /// The rule that is broken.
        rule: &'static str,
    },
    /// Half of a key for Amazon is given.
    #[error(
        "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the \
         SigV4 config"
    )]
    SigV4Keys,
    /// What the owner of a role asks for is given, but no role.
    #[error("external_id can only be used with role_arn")]
    SigV4ExternalId,
    /// The ways to get a token for Azure do not go together.
    #[error("{rule}")]
    AzureAd {
        /// The rule that is broken.
        rule: &'static str,
    },
    /// All attributes are labels, and so are some.
    #[error(
        "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured \
         simultaneously"
    )]
    PromoteAllAndSome,
    /// Attributes are left out from labels, but not all others are labels.
    #[error(
        "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' \
         is true"
    )]
    IgnoreWithoutPromoteAll,
    /// A list of attributes has repeats or empty elements.
    #[error("invalid '{list}': {flaws}")]
    ResourceAttributes {
        /// The key of the list.
        list: Box<str>,
        /// What is wrong with its elements, a line each.
        flaws: Box<str>,
    },
    /// There is no such way to turn names.
    #[error("unsupported OTLP translation strategy {}", Quoted(strategy))]
    UnknownTranslation {
        /// What was written.
        strategy: Box<str>,
    },
    /// Names stay as they are, and only legacy names are allowed.
    #[error("OTLP translation strategy {} is not allowed when UTF8 is disabled", Quoted(strategy))]
    TranslationNeedsUtf8 {
        /// What was written.
        strategy: Box<str>,
    },
    /// An agent does not carry out a section.
    #[error("field {section} is not allowed in agent mode")]
    NotForAgents {
        /// The section.
        section: &'static str,
    },
}

/// What is wrong with the formats that a scrape asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolProblem {
    /// The list is there, but has no element.
    #[error("scrape_protocols cannot be empty")]
    Empty,
    /// The list names one twice.
    #[error("duplicated protocol in scrape_protocols, got {}", GoList(protocols))]
    Duplicate {
        /// The list.
        protocols: Vec<Box<str>>,
    },
    /// The list names one that there is not.
    #[error("scrape_protocols: {}", unknown_protocol(name))]
    UnknownInList {
        /// The name.
        name: Box<str>,
    },
    /// There is no such protocol.
    #[error("{}", unknown_protocol(name))]
    Unknown {
        /// The name.
        name: Box<str>,
    },
}

fn unknown_protocol(name: &str) -> String {
    let known = GoList(&ScrapeProtocol::ALL);
    format!("unknown scrape protocol {name}, supported: {known}")
}

fn owner(job: Option<&str>) -> String {
    match job {
        Some(job) => format!("scrape config with job name {}", Quoted(job)),
        None => "global config".to_owned(),
    }
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
        let (path, message) = (error.path().into(), error.message().into());
        Self::new(error.position(), ConfigProblem::Yaml { path, message })
    }
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}
