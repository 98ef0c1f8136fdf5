use std::path::Path;
use std::time::Duration;

use narthex_http::HttpClientConfig;
use narthex_relabel::{NameValidation, Rule};
use narthex_yaml::{Spanned, null_as_default};
use serde::de::{Deserialize, Deserializer, Error};

use crate::discovery::{self, Discovering, DiscoveryConfig};
use crate::error::{ConfigProblem, Flaw};
use crate::list::{List, present};
use crate::protocol::Scheme;
use crate::relabel::{self, RuleFile, relabelling};
use crate::remote_write::{SigV4Config, sigv4};
use crate::scrape::{StaticConfig, StaticFile, static_configs};
use crate::text::{self, DurationText};

/// The `alerting` section: which alerts go where.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct AlertingConfig {
    /// Rules for the labels of an alert, before it is sent anywhere.
    #[serde(serialize_with = "relabel::write", skip_serializing_if = "Vec::is_empty")]
    pub alert_relabel_configs: Vec<Rule>,
    /// The sets of Alertmanagers. Each alert goes to all of all sets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alertmanagers: Vec<AlertmanagerConfig>,
}

impl AlertingConfig {
    /// Returns whether no alert goes anywhere, and no rule changes any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alert_relabel_configs.is_empty() && self.alertmanagers.is_empty()
    }
}

/// One set of Alertmanagers and how to reach them.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct AlertmanagerConfig {
    /// How to reach them.
    #[serde(flatten)]
    pub http: HttpClientConfig,
    /// How requests are signed for Amazon, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigv4: Option<SigV4Config>,
    /// The scheme of the URL: `http` by default.
    pub scheme: Scheme,
    /// What stands before `/api/v2/alerts` in the URL: nothing by default.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_prefix: String,
    /// How long a request may take: 10s by default.
    #[serde(serialize_with = "text::write_duration")]
    pub timeout: Duration,
    /// The version of their API: 2 is the only one left.
    pub api_version: AlertmanagerApiVersion,
    /// Rules for the labels of an Alertmanager, before alerts are sent to it.
    #[serde(serialize_with = "relabel::write", skip_serializing_if = "Vec::is_empty")]
    pub relabel_configs: Vec<Rule>,
    /// Rules for the labels of an alert, before it is sent to this set.
    #[serde(serialize_with = "relabel::write", skip_serializing_if = "Vec::is_empty")]
    pub alert_relabel_configs: Vec<Rule>,
    /// The Alertmanagers that the file itself names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub static_configs: Vec<StaticConfig>,
    /// Who finds more Alertmanagers, kind by kind, and within a kind in the file's order.
    #[serde(flatten, serialize_with = "discovery::write")]
    pub discovery_configs: Vec<DiscoveryConfig>,
}

impl Default for AlertmanagerConfig {
    fn default() -> Self {
        Self {
            http: HttpClientConfig::default(),
            sigv4: None,
            scheme: Scheme::Http,
            path_prefix: String::new(),
            timeout: Duration::from_secs(10),
            api_version: AlertmanagerApiVersion::V2,
            relabel_configs: Vec::new(),
            alert_relabel_configs: Vec::new(),
            static_configs: Vec::new(),
            discovery_configs: Vec::new(),
        }
    }
}

/// A version of Alertmanager's API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[non_exhaustive]
pub enum AlertmanagerApiVersion {
    /// `v2`
    #[default]
    #[serde(rename = "v2")]
    V2,
}

impl<'de> Deserialize<'de> for AlertmanagerApiVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "v2" => Ok(Self::V2),
            other => Err(Error::custom(format_args!(
                "expected Alertmanager api version to be one of [v2] but got {other}"
            ))),
        }
    }
}

impl AlertingConfig {
    pub(crate) fn resolve_paths(&mut self, directory: &Path) {
        for set in &mut self.alertmanagers {
            set.http.set_directory(directory);
            for discovery in &mut set.discovery_configs {
                discovery.resolve_paths(directory);
            }
        }
    }
}

/// The section as a file writes it.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AlertingFile {
    #[serde(deserialize_with = "null_as_default")]
    alert_relabel_configs: List<RuleFile>,
    #[serde(deserialize_with = "null_as_default")]
    alertmanagers: List<Discovering<AlertmanagerKeys>>,
}

impl AlertingFile {
    pub(crate) fn resolve(self, names: NameValidation) -> Result<AlertingConfig, Flaw> {
        let sets = present(self.alertmanagers, "Alertmanager section")?;
        Ok(AlertingConfig {
            alert_relabel_configs: relabelling(
                self.alert_relabel_configs,
                names,
                "alert relabeling rule",
            )?,
            alertmanagers: sets.map(|set| alertmanagers(set, names)).collect::<Result<_, _>>()?,
        })
    }
}

/// The keys of a set that are its own.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AlertmanagerKeys {
    sigv4: Option<Spanned<SigV4Config>>,
    scheme: Option<Scheme>,
    path_prefix: Option<String>,
    timeout: Option<DurationText>,
    api_version: Option<AlertmanagerApiVersion>,
    #[serde(deserialize_with = "null_as_default")]
    relabel_configs: List<RuleFile>,
    #[serde(deserialize_with = "null_as_default")]
    alert_relabel_configs: List<RuleFile>,
    #[serde(deserialize_with = "null_as_default")]
    static_configs: List<StaticFile>,
}

fn alertmanagers(
    Spanned { value: file, position }: Spanned<Discovering<AlertmanagerKeys>>,
    names: NameValidation,
) -> Result<AlertmanagerConfig, Flaw> {
    let Discovering { own: file, http, discovery } = file;
    let default = AlertmanagerConfig::default();
    let http = HttpClientConfig::try_from(http).map_err(|error| Flaw::new(position, error))?;
    let sigv4 = file.sigv4.map(sigv4).transpose()?;
    if http.auth.is_some() && sigv4.is_some() {
        return Err(Flaw::new(position, ConfigProblem::SeveralAlertmanagerAuths));
    }
    let static_configs = static_configs(file.static_configs, file.relabel_configs.is_empty())?;
    Ok(AlertmanagerConfig {
        http,
        sigv4,
        scheme: file.scheme.unwrap_or_default(),
        path_prefix: file.path_prefix.unwrap_or_default(),
        timeout: file.timeout.map_or(default.timeout, |timeout| timeout.0),
        api_version: file.api_version.unwrap_or_default(),
        relabel_configs: relabelling(
            file.relabel_configs,
            names,
            "Alertmanager target relabeling rule",
        )?,
        alert_relabel_configs: relabelling(
            file.alert_relabel_configs,
            names,
            "Alertmanager alert relabeling rule",
        )?,
        discovery_configs: discovery.resolve()?,
        static_configs,
    })
}
