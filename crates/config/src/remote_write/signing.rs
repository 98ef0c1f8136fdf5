//! How requests to the large clouds say who sends them.

use narthex_http::Secret;
use narthex_yaml::Spanned;
use serde::{Deserialize, Serialize};

use crate::error::{ConfigProblem, Flaw};
use crate::text::is_false;

/// `sigv4`: how requests are signed for Amazon. What is empty comes from the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SigV4Config {
    /// The region; empty for that of the environment.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// The name of the key; given with [`secret_key`](Self::secret_key), or not at all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub access_key: String,
    /// The key.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub secret_key: Secret,
    /// The profile of the credentials file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub profile: String,
    /// The role to take on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub role_arn: String,
    /// What the owner of the role asks for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub external_id: String,
    /// Whether roles are taken on at an address that meets FIPS: false by default.
    #[serde(skip_serializing_if = "is_false")]
    pub use_fips_sts_endpoint: bool,
    /// The service to sign for; empty for `aps`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_name: String,
}

pub(crate) fn sigv4(
    Spanned { value: config, position }: Spanned<SigV4Config>,
) -> Result<SigV4Config, Flaw> {
    let problem = if config.access_key.is_empty() != config.secret_key.is_empty() {
        ConfigProblem::SigV4Keys
    } else if !config.external_id.is_empty() && config.role_arn.is_empty() {
        ConfigProblem::SigV4ExternalId
    } else {
        return Ok(config);
    };
    Err(Flaw::new(position, problem))
}

/// `azuread`: how tokens for Azure are got: in exactly one of these ways.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AzureAdConfig {
    /// As what the machine is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_identity: Option<AzureManagedIdentity>,
    /// As what the pod is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<AzureWorkloadIdentity>,
    /// As a client with a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<AzureOAuth>,
    /// As what Azure's own library finds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdk: Option<AzureSdk>,
    /// As a client with a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<AzureCertificate>,
    /// The cloud: `AzurePublic` by default, `AzureGovernment` or `AzureChina`.
    pub cloud: String,
    /// What the token is to be good for; empty for the cloud's own scope.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

/// `azuread.managed_identity`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AzureManagedIdentity {
    /// Which of the machine's identities, a UUID; empty for the one that it has.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_id: String,
}

/// `azuread.workload_identity`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AzureWorkloadIdentity {
    /// The client, a UUID.
    pub client_id: String,
    /// Its tenant, a UUID.
    pub tenant_id: String,
    /// The file that holds the pod's token; empty for the usual one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token_file_path: String,
}

/// `azuread.oauth`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AzureOAuth {
    /// The client, a UUID.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// Its tenant.
    pub tenant_id: String,
}

/// `azuread.sdk`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AzureSdk {
    /// The tenant; empty for that of the environment.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tenant_id: String,
}

/// `azuread.certificate`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AzureCertificate {
    /// The client, a UUID.
    pub client_id: String,
    /// Its tenant.
    pub tenant_id: String,
    /// The file with its certificate and key.
    pub certificate_path: String,
}

pub(crate) fn azuread(
    Spanned { value: mut config, position }: Spanned<AzureAdConfig>,
) -> Result<AzureAdConfig, Flaw> {
    if config.cloud.is_empty() {
        config.cloud = CLOUDS[0].to_owned();
    }
    match azuread_flaw(&config) {
        Some(rule) => Err(Flaw::new(position, ConfigProblem::AzureAd { rule })),
        None => Ok(config),
    }
}

/// Returns the first rule that is broken, in the reference's order and words.
fn azuread_flaw(config: &AzureAdConfig) -> Option<&'static str> {
    if !CLOUDS.contains(&config.cloud.as_str()) {
        return Some("must provide a cloud in the Azure AD config");
    }
    let ways = [
        config.managed_identity.is_some(),
        config.workload_identity.is_some(),
        config.oauth.is_some(),
        config.sdk.is_some(),
        config.certificate.is_some(),
    ];
    match ways.into_iter().filter(|given| *given).count() {
        0 => {
            return Some(
                "must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth, \
                 Azure Certificate or Azure SDK in the Azure AD config",
            );
        }
        1 => {}
        _ => return Some("cannot provide multiple authentication methods in the Azure AD config"),
    }
    let managed = config.managed_identity.as_ref().and_then(managed_identity_flaw);
    managed
        .or_else(|| config.workload_identity.as_ref().and_then(workload_identity_flaw))
        .or_else(|| config.oauth.as_ref().and_then(oauth_flaw))
        .or_else(|| config.certificate.as_ref().and_then(certificate_flaw))
        .or_else(|| {
            let legal = config.scope.chars().all(is_scope_character);
            (!legal).then_some("the provided scope contains invalid characters")
        })
}

fn managed_identity_flaw(identity: &AzureManagedIdentity) -> Option<&'static str> {
    first(&[(
        identity.client_id.is_empty() || is_uuid(&identity.client_id),
        "the provided Azure Managed Identity client_id is invalid",
    )])
}

fn workload_identity_flaw(identity: &AzureWorkloadIdentity) -> Option<&'static str> {
    first(&[
        (
            !identity.client_id.is_empty(),
            "must provide an Azure Workload Identity client_id in the Azure AD config",
        ),
        (
            !identity.tenant_id.is_empty(),
            "must provide an Azure Workload Identity tenant_id in the Azure AD config",
        ),
        (is_uuid(&identity.client_id), "the provided Azure Workload Identity client_id is invalid"),
        (is_uuid(&identity.tenant_id), "the provided Azure Workload Identity tenant_id is invalid"),
    ])
}

fn oauth_flaw(oauth: &AzureOAuth) -> Option<&'static str> {
    first(&[
        (
            !oauth.client_id.is_empty(),
            "must provide an Azure OAuth client_id in the Azure AD config",
        ),
        (
            !oauth.client_secret.is_empty(),
            "must provide an Azure OAuth client_secret in the Azure AD config",
        ),
        (
            !oauth.tenant_id.is_empty(),
            "must provide an Azure OAuth tenant_id in the Azure AD config",
        ),
        (is_uuid(&oauth.client_id), "the provided Azure OAuth client_id is invalid"),
    ])
}

fn certificate_flaw(certificate: &AzureCertificate) -> Option<&'static str> {
    first(&[
        (
            !certificate.client_id.is_empty(),
            "must provide an Azure Certificate client_id in the Azure AD config",
        ),
        (
            !certificate.tenant_id.is_empty(),
            "must provide an Azure Certificate tenant_id in the Azure AD config",
        ),
        (
            !certificate.certificate_path.is_empty(),
            "must provide an Azure Certificate certificate_path in the Azure AD config",
        ),
        (is_uuid(&certificate.client_id), "the provided Azure Certificate client_id is invalid"),
    ])
}

/// Returns the first rule that does not hold.
fn first(rules: &[(bool, &'static str)]) -> Option<&'static str> {
    rules.iter().find(|(holds, _)| !holds).map(|(_, rule)| *rule)
}

/// Returns whether the text is a UUID, also in braces, as a URN or without hyphens.
fn is_uuid(text: &str) -> bool {
    let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let text = match text.strip_prefix('{') {
        Some(braced) => braced.strip_suffix('}').unwrap_or_default(),
        None => text,
    };
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !text.contains('-') {
        return text.len() == 32 && is_hex(text);
    }
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hex)
}

fn is_scope_character(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || character.is_ascii_whitespace()
        || "_:/.-".contains(character)
}

const CLOUDS: [&str; 3] = ["AzurePublic", "AzureChina", "AzureGovernment"];

/// `google_iam`: how tokens for Google's cloud are got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GoogleIamConfig {
    /// The file of a service account; empty for what the machine is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub credentials_file: String,
}
