//! The scalars and small maps of a file: how they are written, both ways.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use narthex_model::Labels;
use narthex_model::duration;
use narthex_model::quote::Quoted;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

/// A duration of a file: `1h30m`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DurationText(pub(crate) Duration);

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::parse(&text).map(Self).map_err(Error::custom)
    }
}

/// Returns the duration, unless it is zero: that stands for the default.
pub(crate) fn nonzero(own: Option<DurationText>) -> Option<Duration> {
    own.map(|own| own.0).filter(|duration| !duration.is_zero())
}

/// A label name of a file. Any text but the empty one is a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LabelName(pub(crate) String);

impl<'de> Deserialize<'de> for LabelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name.is_empty() {
            return Err(Error::custom(format_args!("{} is not a valid label name", Quoted(&name))));
        }
        Ok(Self(name))
    }
}

/// Labels of a file: a map from names to values, where no value is the empty one.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelMap(pub(crate) BTreeMap<String, String>);

impl LabelMap {
    pub(crate) fn labels(&self) -> Labels {
        Labels::from_pairs(&self.0)
    }
}

impl<'de> Deserialize<'de> for LabelMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<LabelName, Option<String>>::deserialize(deserializer)?;
        let pairs = map.into_iter().map(|(name, value)| (name.0, value.unwrap_or_default()));
        Ok(Self(pairs.collect()))
    }
}

pub(crate) fn write_duration<S: Serializer>(
    value: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&duration::display(*value))
}

pub(crate) fn write_name<S: Serializer>(
    value: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Writes an optional name, which is there: one that is not is skipped.
pub(crate) fn write_some_name<S: Serializer>(
    value: &Option<impl fmt::Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn write_names<S: Serializer>(
    list: &[impl fmt::Display],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(ToString::to_string))
}

pub(crate) fn write_labels<S: Serializer>(
    labels: &Labels,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(labels.iter())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_zero_float(value: &f64) -> bool {
    *value == 0.0
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A list as Go's `%v` prints it: `[a b]`.
pub(crate) struct GoList<'a, T>(pub(crate) &'a [T]);

impl<T: fmt::Display> fmt::Display for GoList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, item) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{item}")?;
        }
        f.write_str("]")
    }
}
