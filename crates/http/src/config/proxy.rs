use std::collections::BTreeMap;

use serde::ser::SerializeMap;

use super::{HttpConfigError, Url};
use crate::Secret;

/// The proxy on the way to a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyConfig {
    /// Where the proxy's address comes from.
    pub choice: ProxyChoice,
    /// Headers for the proxy, in the request for a tunnel (`CONNECT`).
    pub connect_headers: ProxyHeaders,
}

/// Where the address of a proxy comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// There is none. The environment is not looked at.
    #[default]
    None,
    /// From the environment: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, in capitals or small letters.
    Environment,
    /// From the configuration.
    Url {
        /// The address.
        url: Url,
        /// Names, networks and addresses, separated by commas, that are reached without it.
        no_proxy: Box<str>,
    },
}

/// Headers by name, each with its values: they may well be secrets.
pub type ProxyHeaders = BTreeMap<String, Option<Vec<Secret>>>;

impl ProxyConfig {
    /// Returns what the four keys mean together.
    pub(crate) fn checked(
        url: Option<Url>,
        no_proxy: Option<String>,
        from_environment: Option<bool>,
        connect_headers: Option<ProxyHeaders>,
    ) -> Result<Self, HttpConfigError> {
        let no_proxy = no_proxy.unwrap_or_default();
        let connect_headers = connect_headers.unwrap_or_default();
        let from_environment = from_environment.unwrap_or_default();
        let empty_url = url.as_ref().is_some_and(Url::is_empty);
        let url = url.filter(|url| !url.is_empty());
        if !connect_headers.is_empty() && !from_environment && url.is_none() {
            return Err(HttpConfigError::ConnectHeaderWithoutProxy);
        }
        if from_environment && url.is_some() {
            return Err(HttpConfigError::TwoProxies);
        }
        if from_environment && !no_proxy.is_empty() {
            return Err(HttpConfigError::TwoNoProxies);
        }
        if url.is_none() && !empty_url && !no_proxy.is_empty() {
            return Err(HttpConfigError::NoProxyWithoutProxy);
        }
        let choice = match url {
            Some(url) => ProxyChoice::Url { url, no_proxy: no_proxy.into() },
            None if from_environment => ProxyChoice::Environment,
            None => ProxyChoice::None,
        };
        Ok(Self { choice, connect_headers })
    }

    /// Writes the keys into the map of the section that has them.
    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match &self.choice {
            ProxyChoice::None => {}
            ProxyChoice::Environment => map.serialize_entry("proxy_from_environment", &true)?,
            ProxyChoice::Url { url, no_proxy } => {
                map.serialize_entry("proxy_url", url)?;
                if !no_proxy.is_empty() {
                    map.serialize_entry("no_proxy", no_proxy)?;
                }
            }
        }
        if !self.connect_headers.is_empty() {
            map.serialize_entry("proxy_connect_header", &self.connect_headers)?;
        }
        Ok(())
    }
}
