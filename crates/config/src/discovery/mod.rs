//! Who finds targets that the file does not name: the `<kind>_sd_configs` of a section.
//!
//! Each kind has a file here with the public type that says what holds, and the section as a file
//! writes it, in which every key may be absent or null.

mod consul;
mod dns;
mod docker;
mod file;
mod http;
mod kubernetes;
mod other;
mod problem;
mod section;

use std::path::Path;

use serde::ser::{SerializeMap, Serializer};

pub use consul::ConsulDiscovery;
pub(crate) use consul::ConsulSection;
pub(crate) use dns::DnsSection;
pub use dns::{DnsDiscovery, DnsRecordType};
pub(crate) use docker::DockerSection;
pub use docker::{DockerDiscovery, DockerFilter};
pub use file::FileDiscovery;
pub(crate) use file::FileSection;
pub use http::HttpDiscovery;
pub(crate) use http::HttpSection;
pub(crate) use kubernetes::KubernetesSection;
pub use kubernetes::{
    KubernetesAttachMetadata, KubernetesDiscovery, KubernetesNamespaces, KubernetesRole,
    KubernetesSelector,
};
pub use other::OtherDiscovery;
pub use problem::DiscoveryProblem;
pub(crate) use section::{Discovering, DiscoverySection};

/// One service discovery of a section: its kind and its settings.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum DiscoveryConfig {
    /// `consul_sd_configs`
    Consul(Box<ConsulDiscovery>),
    /// `dns_sd_configs`
    Dns(DnsDiscovery),
    /// `docker_sd_configs`
    Docker(Box<DockerDiscovery>),
    /// `file_sd_configs`
    File(FileDiscovery),
    /// `http_sd_configs`
    Http(Box<HttpDiscovery>),
    /// `kubernetes_sd_configs`
    Kubernetes(Box<KubernetesDiscovery>),
    /// Any other: these are read and checked, and nothing carries them out yet.
    Other(Box<OtherDiscovery>),
}

impl DiscoveryConfig {
    /// Returns what the reference calls the kind, such as `file`: the key without `_sd_configs`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Consul(_) => "consul",
            Self::Dns(_) => "dns",
            Self::Docker(_) => "docker",
            Self::File(_) => "file",
            Self::Http(_) => "http",
            Self::Kubernetes(_) => "kubernetes",
            Self::Other(other) => other.kind(),
        }
    }

    /// Makes relative paths relative to `directory`.
    pub(crate) fn resolve_paths(&mut self, directory: &Path) {
        match self {
            Self::Consul(consul) => consul.resolve_paths(directory),
            Self::Dns(_) => {}
            Self::Docker(docker) => docker.resolve_paths(directory),
            Self::File(file) => file.resolve_paths(directory),
            Self::Http(http) => http.resolve_paths(directory),
            Self::Kubernetes(kubernetes) => kubernetes.resolve_paths(directory),
            Self::Other(other) => other.resolve_paths(directory),
        }
    }
}

/// Writes the discoveries of one section as the keys that they came from.
pub(crate) fn write<S: Serializer>(
    configs: &[DiscoveryConfig],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for same_kind in configs.chunk_by(|a, b| a.kind() == b.kind()) {
        map.serialize_entry(&format!("{}_sd_configs", same_kind[0].kind()), same_kind)?;
    }
    map.end()
}

#[cfg(test)]
mod tests;
