//! The kinds of discovery that are read, checked and printed, and that nothing carries out yet.
//!
//! A kind is a table of its keys here, not a struct: nobody takes a single setting out of it. It
//! becomes a file of its own, with a struct, once somebody does.

mod amazon;
mod clusters;
mod inventories;
mod kind;
mod large_clouds;
mod read;
mod small_clouds;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use narthex_http::{HttpClientConfig, Secret, TlsConfig};
use narthex_model::duration;
use serde::ser::{Serialize, Serializer};

use kind::Kind;
pub(super) use read::OtherList;

/// All kinds, in order of their keys.
pub(super) const KINDS: &[Kind] = &[
    amazon::AWS,
    large_clouds::AZURE,
    small_clouds::DIGITALOCEAN,
    clusters::DOCKERSWARM,
    amazon::EC2,
    amazon::ECS,
    amazon::ELASTICACHE,
    clusters::EUREKA,
    large_clouds::GCE,
    small_clouds::HETZNER,
    small_clouds::IONOS,
    clusters::KUMA,
    amazon::LIGHTSAIL,
    small_clouds::LINODE,
    clusters::MARATHON,
    amazon::MSK,
    clusters::NERVE,
    clusters::NOMAD,
    large_clouds::OCI,
    inventories::OPENSTACK,
    small_clouds::OUTSCALE,
    small_clouds::OVHCLOUD,
    inventories::PUPPETDB,
    amazon::RDS,
    small_clouds::SCALEWAY,
    clusters::SERVERSET,
    small_clouds::STACKIT,
    inventories::TRITON,
    inventories::UYUNI,
    small_clouds::VULTR,
];

/// The keys of the lists, as [`KINDS`] has them.
pub(super) const KEYS: &[&str] = &{
    let mut keys = [""; KINDS.len()];
    let mut index = 0;
    while index < keys.len() {
        keys[index] = KINDS[index].key;
        index += 1;
    }
    keys
};

/// A discovery of a kind that is only checked, such as `ec2`: see [`kind`](Self::kind).
#[derive(Clone, PartialEq)]
pub struct OtherDiscovery {
    kind: &'static Kind,
    /// A value for each key of the kind, in the kind's order.
    values: Vec<Value>,
    /// How to reach the service, for kinds that have these keys.
    http: Option<HttpClientConfig>,
}

/// What stands at a key.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Secret(Secret),
    Integer(i64),
    Flag(bool),
    Duration(Duration),
    Texts(Vec<String>),
    Filters(Vec<Filter>),
    Tls(Box<TlsConfig>),
}

/// What the instances to find have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
struct Filter {
    name: String,
    #[serde(deserialize_with = "narthex_yaml::null_as_default")]
    values: Vec<String>,
}

impl OtherDiscovery {
    /// Returns what the reference calls the kind: the key without `_sd_configs`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind.name()
    }

    pub(super) fn resolve_paths(&mut self, directory: &Path) {
        for (key, value) in self.kind.keys.iter().zip(&mut self.values) {
            match value {
                Value::Text(path) if key.is_path => crate::config::resolve_path(path, directory),
                Value::Tls(tls) => tls.set_directory(directory),
                _ => {}
            }
        }
        if let Some(http) = &mut self.http {
            http.set_directory(directory);
        }
    }
}

impl fmt::Debug for OtherDiscovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_struct(self.kind.key);
        for (key, value) in self.kind.keys.iter().zip(&self.values) {
            map.field(key.name, value);
        }
        map.field("http", &self.http).finish()
    }
}

impl Serialize for OtherDiscovery {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Printed { own: OwnKeys(self), http: self.http.as_ref() }.serialize(serializer)
    }
}

#[derive(serde::Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    own: OwnKeys<'a>,
    #[serde(flatten)]
    http: Option<&'a HttpClientConfig>,
}

struct OwnKeys<'a>(&'a OtherDiscovery);

impl Serialize for OwnKeys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let filled = self.0.kind.keys.iter().zip(&self.0.values);
        serializer.collect_map(
            filled.filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.name, value)),
        )
    }
}

impl Value {
    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Secret(secret) => secret.is_empty(),
            Self::Texts(texts) => texts.is_empty(),
            Self::Filters(filters) => filters.is_empty(),
            Self::Tls(tls) => **tls == TlsConfig::default(),
            Self::Integer(_) | Self::Flag(_) | Self::Duration(_) => false,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Secret(secret) => secret.serialize(serializer),
            Self::Integer(number) => number.serialize(serializer),
            Self::Flag(flag) => flag.serialize(serializer),
            Self::Duration(length) => serializer.collect_str(&duration::display(*length)),
            Self::Texts(texts) => texts.serialize(serializer),
            Self::Filters(filters) => filters.serialize(serializer),
            Self::Tls(tls) => tls.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests;
