//! A kind's table read as a section of a file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use narthex_http::{HttpClientConfig, HttpClientKeys};
use narthex_model::quote::Quoted;
use narthex_yaml::{Inline, KnownKey};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::kind::{Default as KeyDefault, Kind, Section};
use super::{KINDS, OtherDiscovery, Value};
use crate::text::DurationText;

/// Reads the list of one kind: what stands at `<kind>_sd_configs`.
pub(crate) struct OtherList(pub(crate) &'static Kind);

impl<'de> DeserializeSeed<'de> for OtherList {
    type Value = Vec<OtherDiscovery>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for OtherList {
    type Value = Vec<OtherDiscovery>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = list.next_element_seed(Element(self.0))? {
            all.push(element);
        }
        Ok(all)
    }
}

/// Reads one element of the list.
struct Element(&'static Kind);

impl<'de> DeserializeSeed<'de> for Element {
    type Value = OtherDiscovery;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Element {
    type Value = OtherDiscovery;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Err(E::custom(format_args!("empty or null section in {}", self.0.key)))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let kind = self.0;
        let own = NAMES.get(kind.key).map(Vec::as_slice).unwrap_or_default();
        let mut http = kind.has_http.then(HttpClientKeys::default);
        let lists = [own, if kind.has_http { HttpClientKeys::NAMES } else { &[] }];
        let values = kind.keys.iter().map(|key| key.default.value()).collect();
        let mut section = Section { kind, values, written: Vec::new() };
        while let Some(key) = map.next_key_seed(KnownKey(&lists))? {
            match own.iter().position(|name| *name == key) {
                Some(index) => {
                    section.values[index] = map.next_value_seed(&kind.keys[index].default)?;
                }
                None => {
                    if let Some(http) = &mut http {
                        http.read(&key, &mut map)?;
                    }
                }
            }
            section.written.push(key);
        }
        (kind.check)(&mut section).map_err(A::Error::custom)?;
        let http = http.map(HttpClientConfig::try_from).transpose().map_err(A::Error::custom)?;
        Ok(OtherDiscovery { kind, values: section.values, http })
    }
}

/// The names of all keys of a kind, by the kind's own key.
static NAMES: LazyLock<BTreeMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let names = |kind: &Kind| kind.keys.iter().map(|key| key.name).collect();
    KINDS.iter().map(|kind| (kind.key, names(kind))).collect()
});

/// Reads what stands at a key. Null is what an empty Go value is, as in the reference: no text, zero.
impl<'de> DeserializeSeed<'de> for &KeyDefault {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Ok(match self {
            KeyDefault::Text(_) => Value::Text(given(deserializer)?),
            KeyDefault::Word(words, _, refusal) => {
                let word: String = given(deserializer)?;
                if !words.contains(&word.as_str()) {
                    return Err(D::Error::custom(format_args!("{refusal} {}", Quoted(&word))));
                }
                Value::Text(word)
            }
            KeyDefault::Secret => Value::Secret(given(deserializer)?),
            KeyDefault::Integer(_) => Value::Integer(given(deserializer)?),
            KeyDefault::Flag(_) => Value::Flag(given(deserializer)?),
            KeyDefault::Seconds(_) => {
                let length = Option::<DurationText>::deserialize(deserializer)?;
                Value::Duration(length.map(|length| length.0).unwrap_or_default())
            }
            KeyDefault::Texts => Value::Texts(given(deserializer)?),
            KeyDefault::Filters => Value::Filters(given(deserializer)?),
            KeyDefault::Tls => Value::Tls(given(deserializer)?),
        })
    }
}

fn given<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    narthex_yaml::null_as_default(deserializer)
}
