//! Two types that share one map: what serde's `flatten` is for, with strict keys and positions.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};

use crate::nearest::nearest;

/// Keys that stand in the map of another type, such as those of an HTTP client among those of a job.
///
/// Serde's own way, `#[serde(flatten)]`, loses unknown keys, positions and the text of numbers.
pub trait Inline {
    /// Returns every key, in lists that together have no repeats.
    fn keys(&self) -> &'static [&'static [&'static str]];

    /// Reads the value of `key`, one of [`keys`](Self::keys), with `map.next_value()`.
    ///
    /// # Errors
    ///
    /// Where the value does not fit.
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// No keys.
impl Inline for () {
    fn keys(&self) -> &'static [&'static [&'static str]] {
        &[]
    }

    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, _: &mut A) -> Result<(), A::Error> {
        Err(A::Error::custom(format_args!("unknown field `{key}`")))
    }
}

/// Reads a `T`, a struct, from a map that also holds keys of `block`, which go there.
///
/// `T` should refuse unknown fields: a key that neither knows is then an error at the key.
///
/// ```
/// use narthex_yaml::{Inline, deserialize_inline};
/// use serde::de::{Deserialize, Deserializer, MapAccess};
///
/// #[derive(Default)]
/// struct Auth {
///     user: String,
/// }
///
/// impl Inline for Auth {
///     fn keys(&self) -> &'static [&'static [&'static str]] {
///         &[&["user"]]
///     }
///     fn read<'de, A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
///         self.user = map.next_value()?;
///         Ok(())
///     }
/// }
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct JobKeys {
///     name: String,
/// }
///
/// struct Job(JobKeys, Auth);
///
/// impl<'de> Deserialize<'de> for Job {
///     fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
///         let mut auth = Auth::default();
///         Ok(Self(deserialize_inline(deserializer, &mut auth)?, auth))
///     }
/// }
///
/// let job: Job = narthex_yaml::from_str("user: me\nname: node\n")?;
/// assert_eq!((&*job.0.name, &*job.1.user), ("node", "me"));
/// let error = narthex_yaml::from_str::<Job>("name: node\nusr: me\n").err().unwrap();
/// assert_eq!(error.to_string(), "line 2, column 1: unknown field `usr`, did you mean `user`?");
/// # Ok::<(), narthex_yaml::YamlError>(())
/// ```
///
/// # Errors
///
/// Where a value does not fit its key, or a key is not known.
pub fn deserialize_inline<'de, D, T, B>(deserializer: D, block: &mut B) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
    B: Inline,
{
    T::deserialize(InlineDeserializer { inner: deserializer, block })
}

/// Shows `T` the map of `inner` without the block's keys.
struct InlineDeserializer<'a, D, B> {
    inner: D,
    block: &'a mut B,
}

impl<'de, D: Deserializer<'de>, B: Inline> Deserializer<'de> for InlineDeserializer<'_, D, B> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        own: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = InlineVisitor { visitor, own, block: self.block };
        self.inner.deserialize_struct(name, own, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct InlineVisitor<'a, V, B> {
    visitor: V,
    own: &'static [&'static str],
    block: &'a mut B,
}

impl<'de, V: Visitor<'de>, B: Inline> Visitor<'de> for InlineVisitor<'_, V, B> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(InlineMap { map, own: self.own, block: self.block })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(list)
    }
}

struct InlineMap<'a, A, B> {
    map: A,
    own: &'static [&'static str],
    block: &'a mut B,
}

impl<'de, A: MapAccess<'de>, B: Inline> MapAccess<'de> for InlineMap<'_, A, B> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        mut own_seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        loop {
            let seed = KeySeed { own_seed, own: self.own, block: self.block.keys() };
            match self.map.next_key_seed(seed)? {
                None => return Ok(None),
                Some(Key::Own(key)) => return Ok(Some(key)),
                Some(Key::Block(key, seed)) => {
                    self.block.read(&key, &mut self.map)?;
                    own_seed = seed;
                }
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// Reads a key, and with it decides where it goes: inside the reader, so that the error about an
/// unknown one gets the key's position.
struct KeySeed<K> {
    own_seed: K,
    own: &'static [&'static str],
    block: &'static [&'static [&'static str]],
}

enum Key<V, K> {
    Own(V),
    Block(String, K),
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<K> {
    type Value = Key<K::Value, K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let mut lists = self.block.to_vec();
        lists.push(self.own);
        let key = KnownKey(&lists).deserialize(deserializer)?;
        if !self.own.contains(&key.as_str()) {
            return Ok(Key::Block(key, self.own_seed));
        }
        let own: StrDeserializer<'_, D::Error> = key.as_str().into_deserializer();
        self.own_seed.deserialize(own).map(Key::Own)
    }
}

/// Reads a key of a map that must be in one of these lists, with `map.next_key_seed`: for visitors of
/// maps whose keys are known only while the program runs.
#[derive(Clone, Copy, Debug)]
pub struct KnownKey<'a>(pub &'a [&'static [&'static str]]);

impl<'de> DeserializeSeed<'de> for KnownKey<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let key = String::deserialize(deserializer)?;
        if self.0.iter().any(|list| list.contains(&key.as_str())) {
            return Ok(key);
        }
        // Of the lists, the error takes the one that holds what was probably meant.
        let near = nearest(&key, &self.0.concat());
        let list = self.0.iter().find(|list| near.is_some_and(|near| list.contains(&near)));
        Err(D::Error::unknown_field(&key, list.copied().unwrap_or_default()))
    }
}
