use std::time::Duration;

use narthex_relabel::Rule;
use serde::de::{Deserialize, Deserializer, Error};

use crate::discovery::{self, DiscoveryConfig};
use crate::protocol::Scheme;
use crate::relabel;
use crate::scrape::StaticConfig;
use crate::text;

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
