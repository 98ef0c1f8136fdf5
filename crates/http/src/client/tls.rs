//! What a client's TLS configuration says, in terms of rustls.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};

use super::{ClientError, secrets};
use crate::Secret;
use crate::config::{SecretSource, TlsConfig, TlsIdentity, TlsVersion};

/// Certificates and keys as they are at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Materials {
    authorities: Option<Secret>,
    identity: Option<(Secret, Secret)>,
}

impl Materials {
    /// Reads what a configuration names.
    pub(crate) fn read(config: &TlsConfig) -> Result<Self, ClientError> {
        let authorities = config.ca.as_ref().map(|source| fetch(source, "CA cert")).transpose()?;
        let identity = match &config.identity {
            None => None,
            Some(TlsIdentity { certificate, key }) => Some((
                fetch(certificate, "specified client cert")?,
                fetch(key, "specified client key")?,
            )),
        };
        Ok(Self { authorities, identity })
    }
}

fn fetch(source: &SecretSource, what: &'static str) -> Result<Secret, ClientError> {
    secrets::check(Some(source), what)?;
    secrets::fetch(Some(source))
        .map_err(|cause| ClientError::Unreadable { what, cause: cause.into() })
}

/// Returns whether what a configuration names may change while a program runs.
pub(crate) fn rotates(config: &TlsConfig) -> bool {
    let is_file = |source: &SecretSource| matches!(source, SecretSource::File(_));
    let identity = config.identity.as_ref();
    config.ca.as_ref().is_some_and(is_file)
        || identity.is_some_and(|pair| is_file(&pair.certificate) || is_file(&pair.key))
}

/// Returns how to speak TLS where nothing is configured.
pub(crate) fn default_config(http2: bool) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has suites of both versions")
        .with_root_certificates(system_authorities())
        .with_no_client_auth();
    config.alpn_protocols = protocols(http2);
    Arc::new(config)
}

/// Returns how to speak TLS as a configuration says, with its certificates as they are.
pub(crate) fn config(
    config: &TlsConfig,
    materials: &Materials,
    http2: bool,
) -> Result<Arc<ClientConfig>, ClientError> {
    let versions = versions(config.min_version, config.max_version)?;
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .expect("the provider has suites of both versions")
        .dangerous()
        .with_custom_certificate_verifier(verifier(config, materials, &provider)?);
    let mut tls = match &materials.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let (chain, key) = pair(certificate, key).map_err(|cause| refused(config, cause))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| refused(config, error.to_string()))?
        }
    };
    tls.alpn_protocols = protocols(http2);
    Ok(Arc::new(tls))
}

fn refused(config: &TlsConfig, cause: String) -> ClientError {
    let description = |pick: fn(&TlsIdentity) -> &SecretSource| {
        config.identity.as_ref().map(|identity| pick(identity).description()).unwrap_or_default()
    };
    ClientError::Identity {
        certificate: description(|identity| &identity.certificate).into(),
        key: description(|identity| &identity.key).into(),
        cause: cause.into(),
    }
}

/// Returns a certificate with those above it, and its key. The texts of errors are Go's.
pub(crate) fn pair(
    certificate: &Secret,
    key: &Secret,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let chain = certificates(certificate).unwrap_or_default();
    if chain.is_empty() {
        return Err("tls: failed to find any PEM data in certificate input".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_| "tls: failed to find any PEM data in key input".to_owned())?;
    Ok((chain, key))
}

/// Returns the certificates in a PEM text, or `None` where the text is damaged.
pub(crate) fn certificates(text: &Secret) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(text.expose().as_bytes()).collect::<Result<_, _>>().ok()
}

/// Returns the versions of TLS between two bounds that are spoken here.
pub(crate) fn versions(
    min: Option<TlsVersion>,
    max: Option<TlsVersion>,
) -> Result<Vec<&'static SupportedProtocolVersion>, ClientError> {
    let spoken = [
        (TlsVersion::Tls12, &rustls::version::TLS12),
        (TlsVersion::Tls13, &rustls::version::TLS13),
    ];
    let allowed = |version: TlsVersion| {
        min.is_none_or(|min| version >= min) && max.is_none_or(|max| version <= max)
    };
    let versions: Vec<_> =
        spoken.into_iter().filter(|(name, _)| allowed(*name)).map(|(_, version)| version).collect();
    if versions.is_empty() { Err(ClientError::OldTls) } else { Ok(versions) }
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}

/// The protocols to offer, most wanted first.
pub(crate) fn protocols(http2: bool) -> Vec<Vec<u8>> {
    let names: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    names.iter().map(|name| name.to_vec()).collect()
}

/// The authorities that the operating system trusts, read once.
fn system_authorities() -> Arc<RootCertStore> {
    static AUTHORITIES: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut store = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(err = %error, "Could not read the system's certificates");
        }
        store.add_parsable_certificates(found.certs);
        Arc::new(store)
    };
    Arc::clone(AUTHORITIES.get_or_init(read))
}

fn verifier(
    config: &TlsConfig,
    materials: &Materials,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, ClientError> {
    let algorithms = provider.signature_verification_algorithms;
    let mut pinned = Vec::new();
    let store = match &materials.authorities {
        None if config.insecure_skip_verify => return Ok(Arc::new(Anyone { algorithms })),
        None => system_authorities(),
        Some(text) => {
            let description = config.ca.as_ref().map(SecretSource::description).unwrap_or_default();
            pinned = certificates(text).unwrap_or_default();
            let mut store = RootCertStore::empty();
            let (valid, _) = store.add_parsable_certificates(pinned.iter().cloned());
            if valid == 0 {
                return Err(ClientError::Authorities { description: description.into() });
            }
            Arc::new(store)
        }
    };
    if config.insecure_skip_verify {
        return Ok(Arc::new(Anyone { algorithms }));
    }
    let inner = WebPkiServerVerifier::builder_with_provider(store, Arc::clone(provider)).build();
    match inner {
        Ok(inner) => Ok(Arc::new(Known { inner, pinned })),
        // The system trusts nobody, and so does the client.
        Err(_) => Ok(Arc::new(Nobody { algorithms })),
    }
}

/// Trusts the authorities, and servers whose very certificate stands among theirs: many a server has
/// a certificate that it signed itself, as an authority, and is known by it.
#[derive(Debug)]
struct Known {
    inner: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.inner.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            // An authority's certificate is refused as a server's, after its dates were checked and
            // before its name is.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if self.pinned.iter().any(|pinned| pinned == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Gives a type the signature checks of a provider.
macro_rules! check_signatures {
    () => {
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
    };
}

/// Trusts any server: `insecure_skip_verify`.
#[derive(Debug)]
struct Anyone {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    check_signatures!();
}

/// Trusts no server.
#[derive(Debug)]
struct Nobody {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Nobody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    check_signatures!();
}
