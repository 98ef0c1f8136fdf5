//! The `remote_write` section.

mod queue;
mod signing;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use narthex_http::{Auth, HttpClientConfig, HttpClientKeys, Url};
use narthex_relabel::{NameValidation, Rule};
use narthex_yaml::{Spanned, deserialize_inline, null_as_default};
use serde::{Deserialize, Deserializer};

pub use queue::{MetadataConfig, QueueConfig};
pub use signing::{
    AzureAdConfig, AzureCertificate, AzureManagedIdentity, AzureOAuth, AzureSdk,
    AzureWorkloadIdentity, GoogleIamConfig, SigV4Config,
};

pub(crate) use signing::sigv4;

use crate::error::{ConfigProblem, Flaw};
use crate::headers::{self, HeaderMap};
use crate::list::{List, present};
use crate::relabel::{self, RuleFile, relabelling};
use crate::text::{self, DurationText};
use queue::{MetadataFile, QueueFile};

/// One element of `remote_write`: where samples are sent as they come in.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct RemoteWriteConfig {
    /// The address to send to.
    pub url: Url,
    /// How long a request may take: 30s by default.
    #[serde(serialize_with = "text::write_duration")]
    pub remote_timeout: Duration,
    /// Headers of every request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: HeaderMap,
    /// Rules for the labels of a sample, before it is sent.
    #[serde(serialize_with = "relabel::write", skip_serializing_if = "Vec::is_empty")]
    pub write_relabel_configs: Vec<Rule>,
    /// What tells the element from others in metrics and logs; empty for a name made of what it holds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether exemplars are sent: false by default.
    #[serde(skip_serializing_if = "text::is_false")]
    pub send_exemplars: bool,
    /// Whether native histograms are sent: false by default.
    #[serde(skip_serializing_if = "text::is_false")]
    pub send_native_histograms: bool,
    /// Whether requests go to the addresses behind the name in turn: false by default.
    #[serde(skip_serializing_if = "text::is_false")]
    pub round_robin_dns: bool,
    /// The form of the requests: that of version 1 by default.
    pub protobuf_message: RemoteWriteMessage,
    /// Whether requests of version 2 that fail are logged in full: false by default.
    #[serde(skip_serializing_if = "text::is_false")]
    pub failed_request_logging: bool,
    /// How to reach the address. Without HTTP/2 by default.
    #[serde(flatten)]
    pub http: HttpClientConfig,
    /// How much waits to be sent, and how it is sent.
    pub queue_config: QueueConfig,
    /// How metadata is sent.
    pub metadata_config: MetadataConfig,
    /// How requests are signed for Amazon, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigv4: Option<SigV4Config>,
    /// How tokens for Azure are got, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azuread: Option<AzureAdConfig>,
    /// How tokens for Google's cloud are got, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub google_iam: Option<GoogleIamConfig>,
}

impl RemoteWriteConfig {
    pub(crate) fn resolve_paths(&mut self, directory: &Path) {
        self.http.set_directory(directory);
    }
}

/// The form of remote-write requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
pub enum RemoteWriteMessage {
    /// Version 1 of the protocol.
    #[default]
    #[serde(rename = "prometheus.WriteRequest")]
    V1,
    /// Version 2 of the protocol.
    #[serde(rename = "io.prometheus.write.v2.Request")]
    V2,
}

impl RemoteWriteMessage {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "prometheus.WriteRequest" => Some(Self::V1),
            "io.prometheus.write.v2.Request" => Some(Self::V2),
            _ => None,
        }
    }
}

/// An element as a file writes it, with the keys of an HTTP client among its own.
pub(crate) struct RemoteWriteFile {
    own: OwnKeys,
    http: HttpClientKeys,
}

impl<'de> Deserialize<'de> for RemoteWriteFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut http = HttpClientKeys::default();
        Ok(Self { own: deserialize_inline(deserializer, &mut http)?, http })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OwnKeys {
    url: Option<Url>,
    remote_timeout: Option<DurationText>,
    #[serde(deserialize_with = "null_as_default")]
    headers: HeaderMap,
    #[serde(deserialize_with = "null_as_default")]
    write_relabel_configs: List<RuleFile>,
    name: Option<Spanned<String>>,
    send_exemplars: Option<bool>,
    send_native_histograms: Option<bool>,
    round_robin_dns: Option<bool>,
    protobuf_message: Option<Spanned<String>>,
    failed_request_logging: Option<bool>,
    queue_config: Option<Spanned<QueueFile>>,
    metadata_config: Option<MetadataFile>,
    sigv4: Option<Spanned<SigV4Config>>,
    azuread: Option<Spanned<AzureAdConfig>>,
    google_iam: Option<GoogleIamConfig>,
}

/// Returns the elements of the section, whose names must differ.
pub(crate) fn resolve(
    files: List<RemoteWriteFile>,
    names: NameValidation,
) -> Result<Vec<RemoteWriteConfig>, Flaw> {
    let mut seen = BTreeSet::new();
    let mut configs = Vec::with_capacity(files.len());
    for file in present(files, "remote write config section")? {
        if let Some(name) = &file.value.own.name
            && !name.value.is_empty()
            && !seen.insert(name.value.clone())
        {
            let problem = ConfigProblem::DuplicateRemoteWrite { name: name.value.as_str().into() };
            return Err(Flaw::new(name.position, problem));
        }
        configs.push(element(file, names)?);
    }
    Ok(configs)
}

fn element(
    Spanned { value: file, position }: Spanned<RemoteWriteFile>,
    names: NameValidation,
) -> Result<RemoteWriteConfig, Flaw> {
    let flaw = |problem| Flaw::new(position, problem);
    let RemoteWriteFile { own, mut http } = file;
    let Some(url) = own.url else {
        return Err(flaw(ConfigProblem::NoRemoteUrl { section: "remote_write" }));
    };
    headers::check(&own.headers).map_err(flaw)?;
    let protobuf_message = own.protobuf_message.map(message).transpose()?.unwrap_or_default();
    http.set_http2_default(false);
    let http = HttpClientConfig::try_from(http).map_err(|error| flaw(error.into()))?;
    let config = RemoteWriteConfig {
        url,
        remote_timeout: own.remote_timeout.map_or(Duration::from_secs(30), |timeout| timeout.0),
        headers: own.headers,
        write_relabel_configs: relabelling(
            own.write_relabel_configs,
            names,
            "relabeling rule in remote write config",
        )?,
        name: own.name.map(|name| name.value).unwrap_or_default(),
        send_exemplars: own.send_exemplars.unwrap_or_default(),
        send_native_histograms: own.send_native_histograms.unwrap_or_default(),
        round_robin_dns: own.round_robin_dns.unwrap_or_default(),
        protobuf_message,
        failed_request_logging: own.failed_request_logging.unwrap_or_default(),
        http,
        queue_config: own.queue_config.map(queue::resolve).transpose()?.unwrap_or_default(),
        metadata_config: own.metadata_config.map(MetadataFile::resolve).unwrap_or_default(),
        sigv4: own.sigv4.map(signing::sigv4).transpose()?,
        azuread: own.azuread.map(signing::azuread).transpose()?,
        google_iam: own.google_iam,
    };
    check_auth(&config).map_err(flaw)?;
    Ok(config)
}

fn message(name: Spanned<String>) -> Result<RemoteWriteMessage, Flaw> {
    RemoteWriteMessage::from_name(&name.value).ok_or_else(|| {
        let message = name.value.as_str().into();
        Flaw::new(name.position, ConfigProblem::RemoteWriteMessage { message })
    })
}

/// A request can say only in one way who sends it.
fn check_auth(config: &RemoteWriteConfig) -> Result<(), ConfigProblem> {
    let http = config.http.auth.as_ref().map(|auth| match auth {
        Auth::Basic(_) => "basic_auth",
        Auth::Authorization(_) => "authorization",
        Auth::OAuth2(_) => "oauth2",
    });
    let given = [
        http,
        config.sigv4.is_some().then_some("sigv4"),
        config.azuread.is_some().then_some("azuread"),
        config.google_iam.is_some().then_some("google_iam"),
    ];
    let configured: Vec<&'static str> = given.into_iter().flatten().collect();
    if configured.len() > 1 {
        return Err(ConfigProblem::SeveralRemoteWriteAuths { configured });
    }
    Ok(())
}
