use narthex_model::quote::Quoted;

/// What is wrong with a service discovery. The messages are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryProblem {
    /// A file discovery names no file.
    #[error("file service discovery config must contain at least one path name")]
    NoFiles,
    /// A path has a `*` before its last element, or no ending of JSON or YAML.
    #[error("path name {} is not valid for file discovery", Quoted(path))]
    FilePath {
        /// The path.
        path: Box<str>,
    },
    /// A DNS discovery asks for no name.
    #[error("DNS-SD config must contain at least one SRV record name")]
    NoDnsNames,
    /// A DNS discovery has records without ports, and no port either.
    #[error("a port is required in DNS-SD configs for all record types except SRV")]
    NoDnsPort,
    /// No such DNS records can be asked for.
    #[error("invalid DNS-SD records type {record_type}")]
    DnsRecordType {
        /// What was written.
        record_type: Box<str>,
    },
}
