use std::collections::BTreeSet;
use std::path::Path;

use narthex_http::{HttpClientConfig, HttpClientKeys, Url};
use narthex_model::quote::Quoted;
use narthex_yaml::{Position, deserialize_inline, null_as_default};
use serde::{Deserialize, Deserializer};

use super::{DiscoveryConfig, DiscoveryProblem, DiscoverySection};
use crate::config::resolve_path;
use crate::error::{ConfigProblem, Flaw};
use crate::text;

/// Targets from the objects of a Kubernetes cluster.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct KubernetesDiscovery {
    /// The address of the API server. Without one, [`kubeconfig_file`](Self::kubeconfig_file) holds
    /// it, or else the pod that this server runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_server: Option<Url>,
    /// Which objects become targets.
    pub role: KubernetesRole,
    /// The file that says how to reach the cluster; empty for none.
    pub kubeconfig_file: String,
    /// How to reach [`api_server`](Self::api_server).
    #[serde(flatten)]
    pub http: HttpClientConfig,
    /// Which namespaces are looked at: all by default.
    #[serde(skip_serializing_if = "text::is_default")]
    pub namespaces: KubernetesNamespaces,
    /// Which objects are looked at: all by default. At most one a role.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selectors: Vec<KubernetesSelector>,
    /// Whose labels targets get, too.
    #[serde(skip_serializing_if = "text::is_default")]
    pub attach_metadata: KubernetesAttachMetadata,
}

impl KubernetesDiscovery {
    pub(super) fn resolve_paths(&mut self, directory: &Path) {
        self.http.set_directory(directory);
        resolve_path(&mut self.kubeconfig_file, directory);
    }
}

/// Which objects of a cluster become targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KubernetesRole {
    /// Machines.
    Node,
    /// Containers of pods.
    Pod,
    /// Ports of services.
    Service,
    /// What stands behind services, from the older objects.
    Endpoints,
    /// What stands behind services.
    EndpointSlice,
    /// Ways into the cluster.
    Ingress,
}

impl KubernetesRole {
    const ALL: [Self; 6] =
        [Self::Node, Self::Pod, Self::Service, Self::Endpoints, Self::EndpointSlice, Self::Ingress];

    /// Returns the name that configuration files use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Endpoints => "endpoints",
            Self::EndpointSlice => "endpointslice",
            Self::Ingress => "ingress",
        }
    }

    /// Returns the roles whose objects are looked at for targets of this one.
    fn watched(self) -> &'static [Self] {
        match self {
            Self::Node => &[Self::Node],
            Self::Pod => &[Self::Pod, Self::Node],
            Self::Service => &[Self::Service],
            Self::Endpoints => &[Self::Pod, Self::Service, Self::Endpoints],
            Self::EndpointSlice => &[Self::Pod, Self::Service, Self::EndpointSlice],
            Self::Ingress => &[Self::Ingress],
        }
    }
}

impl<'de> Deserialize<'de> for KubernetesRole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::ALL.into_iter().find(|role| role.as_str() == name).ok_or_else(|| {
            let name = Quoted(&name);
            serde::de::Error::custom(format_args!("unknown Kubernetes SD role {name}"))
        })
    }
}

/// `namespaces`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KubernetesNamespaces {
    /// Whether the namespace of this server's pod is looked at, too: false by default.
    pub own_namespace: bool,
    /// The namespaces; none stands for all, unless the own one is asked for.
    #[serde(deserialize_with = "null_as_default")]
    pub names: Vec<String>,
}

/// An element of `selectors`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesSelector {
    /// The objects that it is about.
    pub role: KubernetesRole,
    /// Which labels they must have, in Kubernetes' syntax: `app in (a,b),!old`. Empty for any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Which fields they must have, in Kubernetes' syntax: `status.phase=Running`. Empty for any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
}

/// `attach_metadata`: all false by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct KubernetesAttachMetadata {
    /// The labels of the node that a pod runs on.
    pub node: bool,
    /// The labels of the namespace.
    pub namespace: bool,
    /// The name of the deployment that a pod belongs to.
    pub deployment: bool,
    /// The name of the job that a pod belongs to.
    pub job: bool,
    /// The name of the cron job that a pod belongs to.
    pub cronjob: bool,
}

/// The section as a file writes it, with the keys of an HTTP client among its own.
pub(crate) struct KubernetesSection {
    own: OwnKeys,
    http: HttpClientKeys,
}

impl<'de> Deserialize<'de> for KubernetesSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut http = HttpClientKeys::default();
        Ok(Self { own: deserialize_inline(deserializer, &mut http)?, http })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OwnKeys {
    api_server: Option<Url>,
    role: Option<KubernetesRole>,
    kubeconfig_file: Option<String>,
    namespaces: Option<KubernetesNamespaces>,
    #[serde(deserialize_with = "null_as_default")]
    selectors: Vec<KubernetesSelector>,
    attach_metadata: Option<KubernetesAttachMetadata>,
}

impl DiscoverySection for KubernetesSection {
    fn resolve(self, position: Position) -> Result<DiscoveryConfig, Flaw> {
        let flaw = |problem: DiscoveryProblem| Flaw::new(position, problem);
        let Self { own, http } = self;
        let Some(role) = own.role else {
            return Err(flaw(DiscoveryProblem::NoKubernetesRole));
        };
        let http = HttpClientConfig::try_from(http)
            .map_err(|error| Flaw::new(position, ConfigProblem::Http(error)))?;
        let config = KubernetesDiscovery {
            api_server: own.api_server.filter(|url| !url.is_empty()),
            role,
            kubeconfig_file: own.kubeconfig_file.unwrap_or_default(),
            http,
            namespaces: own.namespaces.unwrap_or_default(),
            selectors: own.selectors,
            attach_metadata: own.attach_metadata.unwrap_or_default(),
        };
        check_access(&config).map_err(flaw)?;
        check_selectors(&config).map_err(flaw)?;
        Ok(DiscoveryConfig::Kubernetes(Box::new(config)))
    }
}

/// The cluster can be named in one way only.
fn check_access(config: &KubernetesDiscovery) -> Result<(), DiscoveryProblem> {
    let has_server = config.api_server.is_some();
    let has_kubeconfig = !config.kubeconfig_file.is_empty();
    let has_http = config.http != HttpClientConfig::default();
    let own_namespace = config.namespaces.own_namespace;
    let problem = if has_server && has_kubeconfig {
        DiscoveryProblem::KubeconfigAndServer
    } else if has_kubeconfig && has_http {
        DiscoveryProblem::KubeconfigAndHttp
    } else if !has_server && has_http {
        DiscoveryProblem::KubernetesHttpWithoutServer
    } else if has_server && own_namespace {
        DiscoveryProblem::OwnNamespace { other: "api_server" }
    } else if has_kubeconfig && own_namespace {
        DiscoveryProblem::OwnNamespace { other: "kubeconfig_file" }
    } else {
        return Ok(());
    };
    Err(problem)
}

fn check_selectors(config: &KubernetesDiscovery) -> Result<(), DiscoveryProblem> {
    let mut seen = BTreeSet::new();
    for KubernetesSelector { role, label, field } in &config.selectors {
        if !seen.insert(*role) {
            return Err(DiscoveryProblem::DuplicateSelector { role: role.as_str() });
        }
        let watched = config.role.watched();
        if !watched.contains(role) {
            let watched: Vec<&str> = watched.iter().map(|role| role.as_str()).collect();
            let (role, watched) = (config.role.as_str(), watched.join(", ").into());
            return Err(DiscoveryProblem::SelectorRole { role, watched });
        }
        check_field_selector(field)?;
        check_label_selector(label)?;
    }
    Ok(())
}

/// Checks what a comma separates: each is `name=value`, `name==value` or `name!=value`.
fn check_field_selector(selector: &str) -> Result<(), DiscoveryProblem> {
    for term in split(selector, |_| false) {
        if !term.is_empty() && !term.contains('=') {
            return Err(DiscoveryProblem::FieldSelector {
                selector: selector.into(),
                term: term.into(),
            });
        }
    }
    Ok(())
}

/// Checks what a comma outside parentheses separates: `name`, `!name`, `name=value`,
/// `name in (a,b)` and their like.
fn check_label_selector(selector: &str) -> Result<(), DiscoveryProblem> {
    if selector.trim().is_empty() {
        return Ok(());
    }
    let mut depth = 0_i32;
    let terms = split(selector, |character| {
        depth += i32::from(character == '(') - i32::from(character == ')');
        depth > 0
    });
    if terms.iter().all(|term| is_label_term(term.trim())) {
        return Ok(());
    }
    Err(DiscoveryProblem::LabelSelector { selector: selector.into() })
}

fn is_label_term(term: &str) -> bool {
    if let Some(name) = term.strip_prefix('!') {
        return is_label_key(name.trim());
    }
    if let Some((name, values)) = term.split_once('(') {
        let mut words = name.split_whitespace();
        let head = (words.next(), words.next(), words.next());
        let (Some(name), Some("in" | "notin"), None) = head else { return false };
        let Some(values) = values.strip_suffix(')') else { return false };
        return is_label_key(name) && values.split(',').all(|value| is_label_value(value.trim()));
    }
    for operator in ["!=", "==", "=", ">", "<"] {
        if let Some((name, value)) = term.split_once(operator) {
            return is_label_key(name.trim()) && is_label_value(value.trim());
        }
    }
    is_label_key(term)
}

/// `prefix/name`, of which the prefix is a domain.
fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').unwrap_or(("a", key));
    !name.is_empty()
        && is_label_value(name)
        && !prefix.is_empty()
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

/// At most 63 letters, digits, `-`, `_` and `.`, of which the first and the last are letters or digits.
fn is_label_value(value: &str) -> bool {
    let is_edge = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    value.len() <= LABEL_SIZE_MAX
        && is_edge(value.bytes().next())
        && is_edge(value.bytes().next_back())
        && value.bytes().all(is_inner)
}

const LABEL_SIZE_MAX: usize = 63;

/// Splits at commas that neither follow a backslash nor are `kept`, which sees each character once.
fn split(text: &str, mut kept: impl FnMut(char) -> bool) -> Vec<&str> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (index, character) in text.char_indices() {
        let keeps = kept(character);
        if character == ',' && !escaped && !keeps {
            terms.push(&text[start..index]);
            start = index + 1;
        }
        escaped = character == '\\' && !escaped;
    }
    terms.push(&text[start..]);
    terms
}
