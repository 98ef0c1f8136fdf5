//! The types that Go has for what templates meet, and their names in messages.

use super::{Pointer, Value};

/// An integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IntType {
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `uint8`, the byte of a text.
    Byte,
    /// `time.Month`, from 1.
    Month,
    /// `time.Weekday`, from 0, which is Sunday.
    Weekday,
}

/// Whether a text is known to be safe in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextType {
    /// `string`
    Plain,
    /// `template.HTML`: part of a page.
    Html,
    /// `template.URL`: an address with any scheme.
    Url,
}

/// A list type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListType {
    /// `[]string`
    Strings,
    /// `[]interface {}`
    Any,
    /// What a query gives.
    Results,
    /// The alerts of a notification.
    Alerts,
    /// Those that fire, or are resolved.
    SomeAlerts,
    /// Names and values.
    Pairs,
}

/// A map type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapType {
    /// `map[string]string`
    Texts,
    /// `map[string]interface {}`
    Any,
    /// `url.Values`: lists of texts.
    TextLists,
    /// The labels or annotations of a notification.
    Kv,
}

/// A type with fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StructType {
    /// What the templates of an alerting rule see.
    AlertData,
    /// What a console page sees.
    ConsoleData,
    /// A sample of a query.
    Sample,
    /// A notification.
    Notification,
    /// An alert of a notification.
    Alert,
    /// A name and a value.
    Pair,
}

/// A field of a [`StructType`].
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// What it is called in JSON.
    pub(crate) json: &'static str,
    /// Whether Go declares it as `interface {}`.
    pub(crate) is_interface: bool,
}

const fn field(name: &'static str) -> Field {
    Field { name, json: name, is_interface: false }
}

const fn any(name: &'static str) -> Field {
    Field { name, json: name, is_interface: true }
}

const fn named(name: &'static str, json: &'static str) -> Field {
    Field { name, json, is_interface: false }
}

const ALERT_DATA: &[Field] =
    &[field("Labels"), field("ExternalLabels"), field("ExternalURL"), any("Value")];
const CONSOLE_DATA: &[Field] =
    &[field("RawParams"), field("Params"), field("Path"), field("ExternalLabels")];
const SAMPLE: &[Field] = &[field("Labels"), any("Value")];
const PAIR: &[Field] = &[field("Name"), field("Value")];
const NOTIFICATION: &[Field] = &[
    named("Receiver", "receiver"),
    named("Status", "status"),
    named("Alerts", "alerts"),
    named("GroupLabels", "groupLabels"),
    named("CommonLabels", "commonLabels"),
    named("CommonAnnotations", "commonAnnotations"),
    named("ExternalURL", "externalURL"),
];
const ALERT: &[Field] = &[
    named("Status", "status"),
    named("Labels", "labels"),
    named("Annotations", "annotations"),
    named("StartsAt", "startsAt"),
    named("EndsAt", "endsAt"),
    named("GeneratorURL", "generatorURL"),
    named("Fingerprint", "fingerprint"),
];

impl StructType {
    pub(crate) fn fields(self) -> &'static [Field] {
        match self {
            Self::AlertData => ALERT_DATA,
            Self::ConsoleData => CONSOLE_DATA,
            Self::Sample => SAMPLE,
            Self::Notification => NOTIFICATION,
            Self::Alert => ALERT,
            Self::Pair => PAIR,
        }
    }

    /// Returns the type's name, without a pointer to it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AlertData => {
                "struct { Labels map[string]string; ExternalLabels map[string]string; \
                 ExternalURL string; Value interface {} }"
            }
            Self::ConsoleData => {
                "struct { RawParams url.Values; Params map[string]string; Path string; \
                 ExternalLabels map[string]string }"
            }
            Self::Sample => "template.sample",
            Self::Notification => "template.Data",
            Self::Alert => "template.Alert",
            Self::Pair => "template.Pair",
        }
    }

    pub(crate) fn is_pointer(self) -> bool {
        self == Self::Sample
    }
}

impl ListType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Strings => "[]string",
            Self::Any => "[]interface {}",
            Self::Results => "template.queryResult",
            Self::Alerts => "template.Alerts",
            Self::SomeAlerts => "[]template.Alert",
            Self::Pairs => "template.Pairs",
        }
    }
}

impl MapType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Texts => "map[string]string",
            Self::Any => "map[string]interface {}",
            Self::TextLists => "url.Values",
            Self::Kv => "template.KV",
        }
    }

    /// Returns what a name stands for that the map does not have.
    pub(crate) fn zero(self) -> Value {
        match self {
            Self::Texts | Self::Kv => Value::text(""),
            Self::Any => Value::Nil,
            Self::TextLists => Value::list(super::ListType::Strings, Vec::new()),
        }
    }

    /// Returns whether Go declares the values as `interface {}`.
    pub(crate) fn is_interface(self) -> bool {
        self == Self::Any
    }
}

impl IntType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Byte => "uint8",
            Self::Month => "time.Month",
            Self::Weekday => "time.Weekday",
        }
    }
}

/// Returns the name of the value's type, as `%T` prints it.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_, int_type) => int_type.name(),
        Value::Float(_) => "float64",
        Value::Complex(..) => "complex128",
        Value::Text(_, TextType::Plain) => "string",
        Value::Text(_, TextType::Html) => "template.HTML",
        Value::Text(_, TextType::Url) => "template.URL",
        Value::List(list) => list.list_type.name(),
        Value::Map(map) => map.map_type.name(),
        Value::Struct(value) if value.struct_type == StructType::Sample => "*template.sample",
        Value::Struct(value) => value.struct_type.name(),
        Value::Time(_, Pointer::No) => "time.Time",
        Value::Time(_, Pointer::Yes) => "*time.Time",
        Value::Duration(_, Pointer::No) => "time.Duration",
        Value::Duration(_, Pointer::Yes) => "*time.Duration",
        Value::Histogram(_) => "*histogram.FloatHistogram",
    }
}
