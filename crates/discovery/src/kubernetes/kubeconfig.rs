//! What a kubeconfig file says of a cluster, and of who we are there.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::Config;
use kube::client::ConfigExt;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use narthex_http::{HttpClientConfig, ProxyChoice, Secret, SecretSource, TlsIdentity};
use secrecy::ExposeSecret;

use super::access::Access;

/// Returns the way to the cluster of the current context of a file.
pub(super) async fn read(path: &Path) -> Result<Access, KubeconfigError> {
    let file = Kubeconfig::read_from(path)?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    let http = http(&config)?;
    let server = config.cluster_url.to_string();
    // It may run a program, and wait for it.
    let auth = tokio::task::spawn_blocking(move || config.auth_layer()).await;
    let auth = auth.map_err(|_| KubeconfigError::Ended)??;
    Ok(Access { server, http, auth, own_namespace: None })
}

/// Returns the settings of a client, less what [`Access::auth`] does.
fn http(config: &Config) -> Result<HttpClientConfig, KubeconfigError> {
    let mut http = HttpClientConfig::default();
    http.tls.insecure_skip_verify = config.accept_invalid_certs;
    http.tls.server_name = config.tls_server_name.as_deref().unwrap_or_default().into();
    http.tls.ca = config.root_cert.as_deref().map(|certificates| {
        let pem: String = certificates.iter().map(|it| pem("CERTIFICATE", it)).collect();
        SecretSource::Inline(Secret::from(&*pem))
    });
    http.tls.identity = identity(&config.auth_info)?;
    if let Some(proxy) = &config.proxy_url {
        let url = proxy.to_string().parse().map_err(|_| KubeconfigError::Proxy)?;
        http.proxy.choice = ProxyChoice::Url { url, no_proxy: "".into() };
    }
    Ok(http)
}

/// Returns what the client shows of itself, if anything. What is in the file itself counts more than
/// what it points to.
fn identity(user: &AuthInfo) -> Result<Option<TlsIdentity>, KubeconfigError> {
    let key_data = user.client_key_data.as_ref().map(ExposeSecret::expose_secret);
    let certificate =
        source(user.client_certificate_data.as_deref(), user.client_certificate.as_deref())?;
    let key = source(key_data, user.client_key.as_deref())?;
    Ok(certificate.zip(key).map(|(certificate, key)| TlsIdentity { certificate, key }))
}

fn source(data: Option<&str>, path: Option<&str>) -> Result<Option<SecretSource>, KubeconfigError> {
    let Some(data) = data else { return Ok(path.map(|path| SecretSource::File(path.into()))) };
    let data = STANDARD.decode(data.trim()).map_err(|_| KubeconfigError::Data)?;
    let data = String::from_utf8(data).map_err(|_| KubeconfigError::Data)?;
    Ok(Some(SecretSource::Inline(Secret::from(&*data))))
}

fn pem(label: &str, der: &[u8]) -> String {
    // Lines of 64 characters, which stand for 48 bytes each.
    let lines: String = der.chunks(48).map(|line| STANDARD.encode(line) + "\n").collect();
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

/// Why a kubeconfig file says no way to a cluster.
#[derive(Debug, thiserror::Error)]
pub(super) enum KubeconfigError {
    #[error(transparent)]
    File(#[from] kube::config::KubeconfigError),
    #[error("the address of the proxy is none")]
    Proxy,
    #[error("the certificate or the key of the user is no PEM in base64")]
    Data,
    #[error(transparent)]
    Auth(#[from] kube::Error),
    #[error("the program ends")]
    Ended,
}
