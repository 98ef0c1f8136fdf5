use narthex_model::quote::Quoted;

/// Why the keys of an HTTP client do not go together. The texts are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpConfigError {
    /// Both of the old keys are given.
    #[error("at most one of bearer_token & bearer_token_file must be configured")]
    BearerTokens,
    /// An old key is given beside another way to authenticate.
    #[error(
        "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"
    )]
    BearerAndOther,
    /// An old key is given beside the new one.
    #[error("authorization is not compatible with bearer_token & bearer_token_file")]
    BearerAndAuthorization,
    /// There is more than one way to authenticate.
    #[error("at most one of basic_auth, oauth2 & authorization must be configured")]
    SeveralAuths,
    /// The user's name has more than one source.
    #[error("at most one of basic_auth username, username_file & username_ref must be configured")]
    Usernames,
    /// The password has more than one source.
    #[error("at most one of basic_auth password, password_file & password_ref must be configured")]
    Passwords,
    /// The credentials have more than one source.
    #[error("at most one of authorization credentials & credentials_file must be configured")]
    Credentials,
    /// The type `basic` needs a name and a password.
    #[error("authorization type cannot be set to \"basic\", use \"basic_auth\" instead")]
    AuthorizationBasic,
    /// OAuth2 without a client.
    #[error("oauth2 client_id must be configured")]
    NoClientId,
    /// OAuth2 without a server.
    #[error("oauth2 token_url must be configured")]
    NoTokenUrl,
    /// OAuth2's secret has more than one source.
    #[error(
        "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be \
         configured using grant-type=client_credentials"
    )]
    ClientSecrets,
    /// OAuth2's key has more than one source.
    #[error(
        "at most one of oauth2 client_certificate_key, client_certificate_key_file & \
         client_certificate_key_ref must be configured using \
         grant-type=urn:ietf:params:oauth:grant-type:jwt-bearer"
    )]
    ClientKeys,
    /// A token cannot be signed like that.
    #[error("valid signature algorithms are RS256, RS384 and RS512")]
    SignatureAlgorithm,
    /// The certificate authorities have more than one source.
    #[error("at most one of ca, ca_file & ca_ref must be configured")]
    Authorities,
    /// The client's certificate has more than one source.
    #[error("at most one of cert, cert_file & cert_ref must be configured")]
    Certificates,
    /// The client's key has more than one source.
    #[error("at most one of key and key_file must be configured")]
    Keys,
    /// A certificate without a key.
    #[error(
        "exactly one of key or key_file must be configured when a client certificate is configured"
    )]
    CertificateWithoutKey,
    /// A key without a certificate.
    #[error("exactly one of cert or cert_file must be configured when a client key is configured")]
    KeyWithoutCertificate,
    /// No version of TLS is left.
    #[error(
        "tls_config.max_version must be greater than or equal to tls_config.min_version if both are \
         specified"
    )]
    TlsVersions,
    /// Headers for a proxy, and no proxy.
    #[error(
        "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured"
    )]
    ConnectHeaderWithoutProxy,
    /// Two proxies.
    #[error("if proxy_from_environment is configured, proxy_url must not be configured")]
    TwoProxies,
    /// The environment says where no proxy is used, too.
    #[error("if proxy_from_environment is configured, no_proxy must not be configured")]
    TwoNoProxies,
    /// An exception without a rule.
    #[error("if no_proxy is configured, proxy_url must also be configured")]
    NoProxyWithoutProxy,
    /// A header that the client sets itself.
    #[error("setting header {} is not allowed", Quoted(name))]
    ReservedHeader {
        /// Its name, as it is sent.
        name: Box<str>,
    },
}
