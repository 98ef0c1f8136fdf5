//! Which kinds of the configuration there are here.

#[cfg(feature = "_counted")]
use std::sync::Arc;

use narthex_config::DiscoveryConfig;

#[cfg(feature = "consul")]
use crate::consul::{ConsulCounters, ConsulWatch};
use crate::discovery::Run;
#[cfg(feature = "_kind")]
use crate::discovery::boxed;
#[cfg(feature = "dns")]
use crate::dns::{DnsCounters, DnsLookup, NameServers};
#[cfg(feature = "docker")]
use crate::docker::DockerLookup;
#[cfg(feature = "file")]
use crate::file::{FileCounters, FileWatch};
#[cfg(feature = "http")]
use crate::http::{HttpCounters, HttpLookup};
#[cfg(feature = "kubernetes")]
use crate::kubernetes::{KubernetesCounters, KubernetesWatch};
use crate::stats::Stats;

/// What the kinds count, over all discoveries of a manager and for its whole life.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    #[cfg(feature = "consul")]
    consul: Arc<ConsulCounters>,
    #[cfg(feature = "dns")]
    dns: Arc<DnsCounters>,
    #[cfg(feature = "file")]
    file: Arc<FileCounters>,
    #[cfg(feature = "http")]
    http: Arc<HttpCounters>,
    #[cfg(feature = "kubernetes")]
    kubernetes: Arc<KubernetesCounters>,
}

impl Counters {
    #[cfg_attr(not(feature = "_counted"), expect(unused, reason = "no kind that counts"))]
    pub(crate) fn count_into(&self, stats: &mut Stats) {
        #[cfg(feature = "consul")]
        {
            stats.consul = self.consul.snapshot();
        }
        #[cfg(feature = "dns")]
        {
            stats.dns = self.dns.snapshot();
        }
        #[cfg(feature = "file")]
        {
            stats.file = self.file.snapshot();
        }
        #[cfg(feature = "http")]
        {
            stats.http_failures = self.http.failures();
        }
        #[cfg(feature = "kubernetes")]
        {
            stats.kubernetes = self.kubernetes.snapshot();
        }
    }
}

/// Returns the discovery that `config` describes, or `None` for a kind that is not there.
#[cfg_attr(not(feature = "_counted"), expect(unused, reason = "no kind that counts"))]
pub(crate) fn start(config: &DiscoveryConfig, counters: &Counters) -> Option<Run> {
    match config {
        #[cfg(feature = "consul")]
        DiscoveryConfig::Consul(config) => {
            Some(boxed(ConsulWatch::new(config, Arc::clone(&counters.consul))))
        }
        #[cfg(feature = "dns")]
        DiscoveryConfig::Dns(config) => {
            let counters = Arc::clone(&counters.dns);
            Some(boxed(DnsLookup::counting(config.clone(), NameServers::System, counters)))
        }
        #[cfg(feature = "docker")]
        DiscoveryConfig::Docker(config) => Some(boxed(DockerLookup::refreshing(config))),
        #[cfg(feature = "file")]
        DiscoveryConfig::File(config) => Some(boxed(FileWatch::new(config, &counters.file))),
        #[cfg(feature = "http")]
        DiscoveryConfig::Http(config) => {
            Some(boxed(HttpLookup::counting(config, Arc::clone(&counters.http))))
        }
        #[cfg(feature = "kubernetes")]
        DiscoveryConfig::Kubernetes(config) => {
            Some(boxed(KubernetesWatch::new(config, Arc::clone(&counters.kubernetes))))
        }
        _ => None,
    }
}
