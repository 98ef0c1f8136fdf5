use std::time::Duration;

use narthex_yaml::{Position, Spanned};
use serde::Deserialize;

use super::{DiscoveryConfig, DiscoveryProblem, DiscoverySection};
use crate::error::Flaw;
use crate::text::{self, DurationText};

/// Targets from DNS records.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DnsDiscovery {
    /// The names whose records are the targets. Never empty.
    pub names: Vec<String>,
    /// How often to ask: 30s by default. Never zero.
    #[serde(serialize_with = "text::write_duration")]
    pub refresh_interval: Duration,
    /// The records to ask for: [`DnsRecordType::Srv`] by default.
    #[serde(rename = "type")]
    pub record_type: DnsRecordType,
    /// The port of the targets: needed for all records but SRV, which bring their own.
    pub port: i64,
}

impl Default for DnsDiscovery {
    /// No names: a start for programs that make their configuration themselves.
    fn default() -> Self {
        Self {
            names: Vec::new(),
            refresh_interval: Duration::from_secs(30),
            record_type: DnsRecordType::Srv,
            port: 0,
        }
    }
}

/// A type of DNS records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum DnsRecordType {
    /// `SRV`: hosts with ports.
    Srv,
    /// `A`: IPv4 addresses.
    A,
    /// `AAAA`: IPv6 addresses.
    Aaaa,
    /// `MX`: mail servers.
    Mx,
    /// `NS`: name servers.
    Ns,
}

impl DnsRecordType {
    /// Returns the type that `name` writes, in any case.
    fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "SRV" => Self::Srv,
            "A" => Self::A,
            "AAAA" => Self::Aaaa,
            "MX" => Self::Mx,
            "NS" => Self::Ns,
            _ => return None,
        })
    }
}

/// The section as a file writes it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DnsSection {
    names: Option<Vec<Option<String>>>,
    refresh_interval: Option<DurationText>,
    r#type: Option<Spanned<String>>,
    port: Option<i64>,
}

impl DiscoverySection for DnsSection {
    fn resolve(self, position: Position) -> Result<DiscoveryConfig, Flaw> {
        let default = DnsDiscovery::default();
        let names: Vec<String> =
            self.names.into_iter().flatten().map(Option::unwrap_or_default).collect();
        if names.is_empty() {
            return Err(Flaw::new(position, DiscoveryProblem::NoDnsNames));
        }
        let record_type = match self.r#type {
            None => default.record_type,
            Some(Spanned { value, position }) => {
                let unknown =
                    || DiscoveryProblem::DnsRecordType { record_type: value.as_str().into() };
                DnsRecordType::parse(&value).ok_or_else(|| Flaw::new(position, unknown()))?
            }
        };
        let port = self.port.unwrap_or(default.port);
        if port == 0 && record_type != DnsRecordType::Srv {
            return Err(Flaw::new(position, DiscoveryProblem::NoDnsPort));
        }
        Ok(DiscoveryConfig::Dns(DnsDiscovery {
            names,
            refresh_interval: text::nonzero(self.refresh_interval)
                .unwrap_or(default.refresh_interval),
            record_type,
            port,
        }))
    }
}
