//! How the API server is reached, and who we are there.

use std::path::Path;
use std::sync::Arc;

use kube::client::middleware::AuthLayer;
use narthex_config::KubernetesDiscovery;
use narthex_http::{
    Auth, Authorization, Client, ClientError, ClientOptions, HttpClientConfig, SecretSource,
};
use tower::Layer;

use super::kubeconfig::{self, KubeconfigError};
use super::stats::KubernetesCounters;
use super::transport::Transport;
use crate::text::host_port;

/// Where Kubernetes puts what a pod needs to reach its cluster.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A way to a cluster.
pub(super) struct Access {
    /// The address of the API server.
    pub(super) server: String,
    pub(super) http: HttpClientConfig,
    /// What a kubeconfig file has beyond that.
    pub(super) auth: Option<AuthLayer>,
    /// The namespace of our pod, where it is asked for.
    pub(super) own_namespace: Option<String>,
}

impl Access {
    /// Returns the way that a configuration describes.
    pub(super) async fn of(config: &KubernetesDiscovery) -> Result<Self, AccessError> {
        if !config.kubeconfig_file.is_empty() {
            return Ok(kubeconfig::read(Path::new(&config.kubeconfig_file)).await?);
        }
        match &config.api_server {
            Some(server) => Ok(Self {
                server: server.expose().to_owned(),
                http: config.http.clone(),
                auth: None,
                own_namespace: None,
            }),
            None => Self::of_pod(
                Path::new(SERVICE_ACCOUNT),
                |name| std::env::var(name).ok(),
                config.namespaces.own_namespace,
            ),
        }
    }

    /// Returns the way from inside of a cluster.
    pub(super) fn of_pod(
        folder: &Path,
        env: impl Fn(&str) -> Option<String>,
        with_namespace: bool,
    ) -> Result<Self, AccessError> {
        let given = |name| env(name).filter(|value| !value.is_empty());
        let host = given("KUBERNETES_SERVICE_HOST").zip(given("KUBERNETES_SERVICE_PORT"));
        let (host, port) = host.ok_or(AccessError::NotInCluster)?;
        let mut http = HttpClientConfig::default();
        let token = SecretSource::File(folder.join("token"));
        http.auth = Some(Auth::Authorization(Authorization::bearer(token)));
        http.tls.ca = Some(SecretSource::File(folder.join("ca.crt")));
        let own_namespace = with_namespace.then(|| own_namespace(&folder.join("namespace")));
        Ok(Self {
            server: format!("https://{}", host_port(&host, port)),
            http,
            auth: None,
            own_namespace: own_namespace.transpose()?,
        })
    }

    /// Returns a client with connections of its own.
    pub(super) fn client(
        &self,
        counters: Arc<KubernetesCounters>,
    ) -> Result<kube::Client, AccessError> {
        let client = Client::new(&self.http, ClientOptions::default())?;
        let transport = Transport::new(client, &self.server, counters);
        Ok(match &self.auth {
            Some(auth) => kube::Client::new(auth.layer(transport), "default"),
            None => kube::Client::new(transport, "default"),
        })
    }
}

fn own_namespace(path: &Path) -> Result<String, AccessError> {
    match std::fs::read_to_string(path) {
        Ok(name) if name.is_empty() => Err(AccessError::EmptyNamespace),
        Ok(name) => Ok(name),
        Err(error) => Err(AccessError::Namespace(error)),
    }
}

/// Why there is no way to a cluster. The messages are the reference's, where it has one.
#[derive(Debug, thiserror::Error)]
pub(super) enum AccessError {
    #[error(
        "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and \
         KUBERNETES_SERVICE_PORT must be defined"
    )]
    NotInCluster,
    #[error("could not determine the pod's namespace: {0}")]
    Namespace(std::io::Error),
    #[error("could not read own namespace name (empty file)")]
    EmptyNamespace,
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    #[error(transparent)]
    Client(#[from] ClientError),
}
