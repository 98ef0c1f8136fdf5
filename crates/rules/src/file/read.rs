//! The text of a rule file as it is, with the places of what is checked later.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use narthex_model::duration;
use narthex_yaml::{Spanned, YamlError};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// A map with keys that are known, and those that are not.
#[derive(Debug, Default)]
pub(super) struct Keyed<T> {
    pub(super) fields: T,
    pub(super) unknown: Vec<Spanned<String>>,
}

#[derive(Debug, Default)]
pub(super) struct FileText {
    pub(super) groups: Items<GroupText>,
}

#[derive(Debug, Default)]
pub(super) struct GroupText {
    pub(super) name: Option<Spanned<String>>,
    pub(super) interval: Option<DurationText>,
    pub(super) query_offset: Option<DurationText>,
    pub(super) limit: Option<Limit>,
    pub(super) labels: Texts,
    pub(super) rules: Items<RuleText>,
}

#[derive(Debug, Default)]
pub(super) struct RuleText {
    pub(super) record: Option<Spanned<String>>,
    pub(super) alert: Option<Spanned<String>>,
    pub(super) expr: Option<Spanned<String>>,
    pub(super) hold: Option<DurationText>,
    pub(super) keep_firing_for: Option<DurationText>,
    pub(super) labels: Texts,
    pub(super) annotations: Texts,
}

/// What a list holds; `null` in it is nothing.
pub(super) type Items<T> = Vec<Option<Spanned<Keyed<T>>>>;

/// Names and texts; `null` is the empty text.
pub(super) type Texts = BTreeMap<Spanned<String>, Option<Spanned<String>>>;

/// Reads a file. One without any value has no groups.
pub(super) fn read(text: &str) -> Result<Keyed<FileText>, YamlError> {
    let file: Option<Keyed<FileText>> = narthex_yaml::from_str(text)?;
    Ok(file.unwrap_or_default())
}

/// A struct that is read key by key.
pub(super) trait Fields: Default {
    /// The keys that it knows.
    const KEYS: &'static [&'static str];

    /// Reads the value of `key`, which is one of [`Fields::KEYS`].
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

impl Fields for FileText {
    const KEYS: &'static [&'static str] = &["groups"];

    fn read<'de, A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        self.groups = or_default(map)?;
        Ok(())
    }
}

impl Fields for GroupText {
    const KEYS: &'static [&'static str] =
        &["name", "interval", "query_offset", "limit", "labels", "rules"];

    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "interval" => self.interval = map.next_value()?,
            "query_offset" => self.query_offset = map.next_value()?,
            "limit" => self.limit = map.next_value()?,
            "labels" => self.labels = or_default(map)?,
            _ => self.rules = or_default(map)?,
        }
        Ok(())
    }
}

impl Fields for RuleText {
    const KEYS: &'static [&'static str] =
        &["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"];

    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "record" => self.record = map.next_value()?,
            "alert" => self.alert = map.next_value()?,
            "expr" => self.expr = map.next_value()?,
            "for" => self.hold = map.next_value()?,
            "keep_firing_for" => self.keep_firing_for = map.next_value()?,
            "labels" => self.labels = or_default(map)?,
            _ => self.annotations = or_default(map)?,
        }
        Ok(())
    }
}

fn or_default<'de, A, T>(map: &mut A) -> Result<T, A::Error>
where
    A: MapAccess<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(map.next_value::<Option<T>>()?.unwrap_or_default())
}

impl<'de, T: Fields> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeyedVisitor(PhantomData))
    }
}

struct KeyedVisitor<T>(PhantomData<T>);

impl<'de, T: Fields> Visitor<'de> for KeyedVisitor<T> {
    type Value = Keyed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keyed<T>, A::Error> {
        let mut keyed = Keyed::<T>::default();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            if T::KEYS.contains(&&*key.value) {
                keyed.fields.read(&key.value, &mut map)?;
            } else {
                map.next_value::<IgnoredAny>()?;
                keyed.unknown.push(key);
            }
        }
        Ok(keyed)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct DurationText(pub(super) Duration);

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::parse(&text).map(Self).map_err(D::Error::custom)
    }
}

/// A whole number. Of one with a fraction the fraction is left out, as the reference's reader does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit(pub(super) i64);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(whole) = text.parse() {
            return Ok(Self(whole));
        }
        let number = text.parse::<f64>().ok().filter(|number| number.abs() < FLOAT_LIMIT_MAX);
        match number {
            #[expect(clippy::cast_possible_truncation, reason = "the fraction goes; the rest fits")]
            Some(number) => Ok(Self(number as i64)),
            None => Err(D::Error::custom("expected a whole number")),
        }
    }
}

const FLOAT_LIMIT_MAX: f64 = 9e18;
