//! From records to targets.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use narthex_config::{DnsDiscovery, DnsRecordType};
use narthex_model::Labels;
use tokio::task::JoinSet;

use super::resolve::{NameServers, Resolver};
use crate::group::{ADDRESS_LABEL, TargetGroup};
use crate::refresh::{Refresh, Refreshing};
use crate::text::host_port;
use crate::updates::Updates;

/// What all DNS discoveries of a manager counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DnsStats {
    /// Names that were looked up.
    pub lookups: u64,
    /// How many of these got no answer.
    pub lookup_failures: u64,
}

/// The counters behind [`DnsStats`].
#[derive(Debug, Default)]
pub(crate) struct DnsCounters {
    lookups: AtomicU64,
    lookup_failures: AtomicU64,
}

impl DnsCounters {
    pub(crate) fn snapshot(&self) -> DnsStats {
        DnsStats {
            lookups: self.lookups.load(Ordering::Relaxed),
            lookup_failures: self.lookup_failures.load(Ordering::Relaxed),
        }
    }
}

/// Looks up names and makes targets of their records: a group a name.
///
/// A name without an answer keeps the targets that it had. One that does not exist has none.
#[derive(Debug)]
pub struct DnsLookup {
    config: DnsDiscovery,
    servers: NameServers,
    counters: Arc<DnsCounters>,
}

impl DnsLookup {
    /// Returns the discovery that asks these name servers.
    #[must_use]
    pub fn new(config: DnsDiscovery, servers: NameServers) -> Refreshing<Self> {
        Self::counting(config, servers, Arc::default())
    }

    pub(crate) fn counting(
        config: DnsDiscovery,
        servers: NameServers,
        counters: Arc<DnsCounters>,
    ) -> Refreshing<Self> {
        let interval = config.refresh_interval;
        Refreshing::new(Self { config, servers, counters }, interval)
    }
}

impl Refresh for DnsLookup {
    // As in the reference: a name without an answer is counted, but fails no refresh.
    type Error = Infallible;

    async fn refresh(&mut self, updates: &Updates) -> Result<(), Infallible> {
        let resolver = Arc::new(Resolver::new(&self.servers));
        let mut lookups = JoinSet::new();
        for name in &self.config.names {
            let (resolver, name) = (Arc::clone(&resolver), name.clone());
            let record_type = record_type(self.config.record_type);
            lookups.spawn(async move {
                let records = match &*resolver {
                    Ok(resolver) => {
                        resolver.records(&name, record_type).await.map_err(|e| e.to_string())
                    }
                    Err(error) => Err(error.to_string()),
                };
                (name, records)
            });
        }
        let mut groups = Vec::with_capacity(lookups.len());
        while let Some(lookup) = lookups.join_next().await {
            // A failure is our own panic, or the end of the runtime.
            let Ok((name, records)) = lookup else { continue };
            self.counters.lookups.fetch_add(1, Ordering::Relaxed);
            match records {
                Ok(records) => groups.push(group(&name, &records, self.config.port)),
                Err(error) => {
                    self.counters.lookup_failures.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(error, "Error refreshing DNS targets");
                }
            }
        }
        updates.update(groups);
        Ok(())
    }
}

fn record_type(config: DnsRecordType) -> RecordType {
    match config {
        DnsRecordType::A => RecordType::A,
        DnsRecordType::Aaaa => RecordType::AAAA,
        DnsRecordType::Mx => RecordType::MX,
        DnsRecordType::Ns => RecordType::NS,
        _ => RecordType::SRV,
    }
}

/// Returns the targets that the records of `name` are. All but those of type SRV get `port`.
///
/// # Source
///
/// `refreshOne` in Prometheus `discovery/dns/dns.go`.
pub(super) fn group(name: &str, records: &[Record], port: i64) -> TargetGroup {
    let target = |record: &Record| {
        let mut pairs = vec![("__meta_dns_name", name.to_owned())];
        let address = match &record.data {
            RData::SRV(srv) => {
                pairs.push(("__meta_dns_srv_record_target", srv.target.to_ascii()));
                pairs.push(("__meta_dns_srv_record_port", srv.port.to_string()));
                host_port(&host(&srv.target), i64::from(srv.port))
            }
            RData::MX(mx) => {
                pairs.push(("__meta_dns_mx_record_target", mx.exchange.to_ascii()));
                host_port(&host(&mx.exchange), port)
            }
            RData::NS(ns) => {
                pairs.push(("__meta_dns_ns_record_target", ns.0.to_ascii()));
                host_port(&host(&ns.0), port)
            }
            RData::A(address) => host_port(&address.0.to_string(), port),
            RData::AAAA(address) => host_port(&address.0.to_string(), port),
            // An answer says by which other names it was found.
            RData::CNAME(_) => return None,
            other => {
                tracing::warn!(record = %other, "Invalid record");
                return None;
            }
        };
        pairs.push((ADDRESS_LABEL, address));
        Some(Labels::from_pairs(pairs))
    };
    TargetGroup {
        source: name.to_owned(),
        labels: Labels::empty(),
        targets: records.iter().filter_map(target).collect(),
    }
}

/// Returns a name as people write it, without the dot of the root.
fn host(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}
