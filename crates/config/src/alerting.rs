use std::time::Duration;

use crate::protocol::Scheme;
use crate::relabel::RelabelConfig;
use crate::scrape::StaticConfig;

/// The `alerting` section: which alerts go where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertingConfig {
    /// Rules for the labels of an alert, before it is sent anywhere.
    pub alert_relabel_configs: Vec<RelabelConfig>,
    /// The sets of Alertmanagers. Each alert goes to all of all sets.
    pub alertmanagers: Vec<AlertmanagerConfig>,
}

/// One set of Alertmanagers and how to reach them, by version 2 of their API.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertmanagerConfig {
    /// The scheme of the URL: `http` by default.
    pub scheme: Scheme,
    /// What stands before `/api/v2/alerts` in the URL: nothing by default.
    pub path_prefix: String,
    /// How long a request may take: 10s by default.
    pub timeout: Duration,
    /// Rules for the labels of an Alertmanager, before alerts are sent to it.
    pub relabel_configs: Vec<RelabelConfig>,
    /// Rules for the labels of an alert, before it is sent to this set.
    pub alert_relabel_configs: Vec<RelabelConfig>,
    /// The Alertmanagers that the file itself names.
    pub static_configs: Vec<StaticConfig>,
}

impl Default for AlertmanagerConfig {
    fn default() -> Self {
        Self {
            scheme: Scheme::Http,
            path_prefix: String::new(),
            timeout: Duration::from_secs(10),
            relabel_configs: Vec::new(),
            alert_relabel_configs: Vec::new(),
            static_configs: Vec::new(),
        }
    }
}
