//! The lists of discoveries that a section of a file may have.

use narthex_http::HttpClientKeys;
use narthex_yaml::{Inline, Position, deserialize_inline};
use serde::de::{Deserialize, Deserializer, MapAccess};

use super::other::{self, OtherList};
use super::{
    ConsulSection, DiscoveryConfig, DnsSection, DockerSection, FileSection, HttpSection,
    KubernetesSection,
};
use crate::error::{ConfigProblem, Flaw};
use crate::list::List;

/// A service discovery as a file writes it.
pub(crate) trait DiscoverySection {
    /// Returns what holds: defaults filled in, and checked. The section stands at `position`.
    fn resolve(self, position: Position) -> Result<DiscoveryConfig, Flaw>;
}

/// The discoveries of a section, read from among its other keys.
#[derive(Default)]
pub(crate) struct DiscoveryKeys {
    found: Vec<DiscoveryConfig>,
    /// The first that is wrong with one of them.
    flaw: Option<Flaw>,
}

impl DiscoveryKeys {
    /// Tells what is wrong with the discoveries, if anything is.
    pub(crate) fn check(&mut self) -> Result<(), Flaw> {
        self.flaw.take().map_or(Ok(()), Err)
    }

    /// Returns the discoveries, in order of their keys.
    pub(crate) fn resolve(mut self) -> Result<Vec<DiscoveryConfig>, Flaw> {
        self.check()?;
        self.found.sort_by_key(DiscoveryConfig::kind);
        Ok(self.found)
    }

    /// Reads the list of one kind that has a type of its own.
    fn list<'de, T, A>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>
    where
        T: DiscoverySection + Deserialize<'de>,
        A: MapAccess<'de>,
    {
        for section in map.next_value::<Option<List<T>>>()?.unwrap_or_default() {
            let resolved = match section.value {
                Some(value) => value.resolve(section.position),
                None => {
                    let element = format!("section in {key}").into();
                    Err(Flaw::new(section.position, ConfigProblem::NullElement { element }))
                }
            };
            match resolved {
                Ok(config) => self.found.push(config),
                Err(flaw) => {
                    self.flaw.get_or_insert(flaw);
                }
            }
        }
        Ok(())
    }

    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "consul_sd_configs" => self.list::<ConsulSection, A>(key, map),
            "dns_sd_configs" => self.list::<DnsSection, A>(key, map),
            "docker_sd_configs" => self.list::<DockerSection, A>(key, map),
            "file_sd_configs" => self.list::<FileSection, A>(key, map),
            "http_sd_configs" => self.list::<HttpSection, A>(key, map),
            "kubernetes_sd_configs" => self.list::<KubernetesSection, A>(key, map),
            _ => {
                if let Some(kind) = other::KINDS.iter().find(|kind| kind.key == key) {
                    let list = map.next_value_seed(OtherList(kind))?;
                    let other = |config| DiscoveryConfig::Other(Box::new(config));
                    self.found.extend(list.into_iter().map(other));
                }
                Ok(())
            }
        }
    }
}

/// The keys of the kinds that have a type of their own.
const OWN_KEYS: &[&str] = &[
    "consul_sd_configs",
    "dns_sd_configs",
    "docker_sd_configs",
    "file_sd_configs",
    "http_sd_configs",
    "kubernetes_sd_configs",
];

/// A section `T` with discoveries, and with the keys of an HTTP client, among its own.
pub(crate) struct Discovering<T> {
    pub(crate) own: T,
    pub(crate) http: HttpClientKeys,
    pub(crate) discovery: DiscoveryKeys,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Discovering<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = SharedKeys::default();
        let own = deserialize_inline(deserializer, &mut keys)?;
        Ok(Self { own, http: keys.http, discovery: keys.discovery })
    }
}

#[derive(Default)]
struct SharedKeys {
    http: HttpClientKeys,
    discovery: DiscoveryKeys,
}

impl Inline for SharedKeys {
    fn keys(&self) -> &'static [&'static [&'static str]] {
        const { &[HttpClientKeys::NAMES, OWN_KEYS, other::KEYS] }
    }

    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if HttpClientKeys::NAMES.contains(&key) {
            self.http.read(key, map)
        } else {
            self.discovery.read(key, map)
        }
    }
}
