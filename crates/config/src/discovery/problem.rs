use narthex_http::UrlError;
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
    /// A Consul discovery has no agent to ask.
    #[error("consul SD configuration requires a server address")]
    NoConsulServer,
    /// A user is given twice.
    #[error(
        "at most one of consul SD configuration username and password and basic auth can be configured"
    )]
    ConsulUsers,
    /// A token is given in two ways.
    #[error("at most one of consul SD token, authorization, or oauth2 can be configured")]
    ConsulToken,
    /// A Docker discovery has no daemon to ask.
    #[error("host missing")]
    NoDockerHost,
    /// An HTTP discovery has no address to ask.
    #[error("URL is missing")]
    NoUrl,
    /// The address is none.
    #[error("{error}")]
    Url {
        /// What is wrong with it.
        error: UrlError,
    },
    /// The address is reached in another way.
    #[error("URL scheme must be 'http' or 'https'")]
    UrlScheme,
    /// The address names no host.
    #[error("host is missing in URL")]
    UrlHost,
    /// A Kubernetes discovery does not say which objects become targets.
    #[error("role missing (one of: pod, service, endpoints, endpointslice, node, ingress)")]
    NoKubernetesRole,
    /// A cluster is named twice.
    #[error("cannot use 'kubeconfig_file' and 'api_server' simultaneously")]
    KubeconfigAndServer,
    /// The file says how to reach the cluster, and so does the section.
    #[error("cannot use a custom HTTP client configuration together with 'kubeconfig_file'")]
    KubeconfigAndHttp,
    /// The section says how to reach a cluster, but not which.
    #[error(
        "to use custom HTTP client configuration please provide the 'api_server' URL explicitly"
    )]
    KubernetesHttpWithoutServer,
    /// The own namespace is one of the cluster that this server runs in.
    #[error("cannot use '{other}' and 'namespaces.own_namespace' simultaneously")]
    OwnNamespace {
        /// The key that names another cluster.
        other: &'static str,
    },
    /// Two selectors are about the same objects.
    #[error("duplicated selector role: {role}")]
    DuplicateSelector {
        /// The objects.
        role: &'static str,
    },
    /// A selector is about objects that are not looked at.
    #[error("{role} role supports only {watched} selectors")]
    SelectorRole {
        /// Which objects become targets.
        role: &'static str,
        /// Which objects are looked at for them.
        watched: Box<str>,
    },
    /// A field selector has no operator.
    #[error("invalid selector: '{selector}'; can't understand '{term}'")]
    FieldSelector {
        /// The selector.
        selector: Box<str>,
        /// The part of it.
        term: Box<str>,
    },
    /// A label selector is none.
    #[error("unable to parse requirement: {}", Quoted(selector))]
    LabelSelector {
        /// The selector.
        selector: Box<str>,
    },
}
