//! What a web configuration says of TLS, in terms of rustls.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
};

use super::config::{ClientAuth, WebConfigError, WebTlsConfig};
use crate::Secret;
use crate::client::{certificates, pair, protocols, provider, secrets, versions};
use crate::config::SecretSource;

/// Returns how to speak TLS, with the certificates as they are at the moment.
pub(crate) fn server_config(
    config: &WebTlsConfig,
    http2: bool,
) -> Result<Arc<ServerConfig>, WebConfigError> {
    let provider = Arc::new(chosen(config));
    let refused = |error: String| WebConfigError::Tls(error.into());
    let versions = versions(Some(config.min_version), Some(config.max_version))
        .map_err(|error| refused(error.to_string()))?;
    let certificate = read(&config.certificate, "cert_file")?;
    let key = read(&config.key, "key_file")?;
    let pair_refused = |cause: String| refused(format!("failed to load X509KeyPair: {cause}"));
    let (chain, key) = pair(&certificate, &key).map_err(pair_refused)?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| refused(error.to_string()))?;
    let builder = match clients(config, &provider)? {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    let mut tls =
        builder.with_single_cert(chain, key).map_err(|error| pair_refused(error.to_string()))?;
    tls.alpn_protocols = protocols(http2);
    Ok(Arc::new(tls))
}

fn read(source: &SecretSource, key: &str) -> Result<Secret, WebConfigError> {
    match source {
        SecretSource::File(path) => secrets::read(path).map_err(|error| {
            let path = path.display();
            WebConfigError::Tls(format!("failed to read {key} ({path}): {error}").into())
        }),
        source => secrets::fetch(Some(source)).map_err(|cause| WebConfigError::Tls(cause.into())),
    }
}

/// Returns the provider with the suites and curves that were chosen. Those of TLS 1.3 always stay.
fn chosen(config: &WebTlsConfig) -> CryptoProvider {
    let mut provider = (*provider()).clone();
    if !config.cipher_suites.is_empty() {
        provider.cipher_suites.retain(|suite| {
            suite.tls13().is_some() || config.cipher_suites.contains(&suite.suite())
        });
    }
    if !config.curves.is_empty() {
        provider.kx_groups.retain(|group| config.curves.contains(&group.name()));
    }
    provider
}

/// Returns who checks the certificates of clients, if anybody does.
fn clients(
    config: &WebTlsConfig,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, WebConfigError> {
    let refused = |error: String| WebConfigError::Tls(error.into());
    let (mandatory, verified) = match config.client_auth {
        ClientAuth::NoClientCert => return Ok(None),
        ClientAuth::RequestClientCert => (false, false),
        ClientAuth::RequireAnyClientCert => (true, false),
        ClientAuth::VerifyClientCertIfGiven => (false, true),
        ClientAuth::RequireAndVerifyClientCert => (true, true),
    };
    let inner = if verified {
        let source = config.client_ca.as_ref();
        let source =
            source.ok_or_else(|| refused("missing one of client_ca or client_ca_file".into()))?;
        let mut store = RootCertStore::empty();
        let text = read(source, "client_ca_file")?;
        store.add_parsable_certificates(certificates(&text).unwrap_or_default());
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
        Some(builder.build().map_err(|error| refused(format!("client_ca: {error}")))?)
    } else {
        None
    };
    let mut allowed = Vec::with_capacity(config.client_allowed_sans.len());
    for name in &config.client_allowed_sans {
        allowed.push(ServerName::try_from(name.clone()).map_err(|_| {
            refused(format!("client_allowed_sans: {name} is neither a DNS name nor an IP address"))
        })?);
    }
    let algorithms = provider.signature_verification_algorithms;
    Ok(Some(Arc::new(Clients { mandatory, inner, allowed, algorithms })))
}

/// Checks the certificates of clients.
#[derive(Debug)]
struct Clients {
    mandatory: bool,
    /// Whether an authority vouches for it; any will do where there is none.
    inner: Option<Arc<dyn ClientCertVerifier>>,
    /// Names of which a certificate needs one.
    allowed: Vec<ServerName<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Clients {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.as_ref().map_or(&[], |inner| inner.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if let Some(inner) = &self.inner {
            inner.verify_client_cert(end_entity, intermediates, now)?;
        }
        if !self.allowed.is_empty() {
            let parsed = ParsedCertificate::try_from(end_entity)?;
            let has = |name: &ServerName<'_>| verify_server_name(&parsed, name).is_ok();
            if !self.allowed.iter().any(has) {
                return Err(rustls::Error::InvalidCertificate(
                    rustls::CertificateError::ApplicationVerificationFailure,
                ));
            }
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
