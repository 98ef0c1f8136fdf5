//! What a kind of discovery is: its keys with their defaults, and how they must go together.

use std::borrow::Cow;
use std::time::Duration;

use narthex_http::Url;

use super::{Filter, Value};

/// A kind of discovery.
pub(crate) struct Kind {
    /// The key of the list: `<name>_sd_configs`.
    pub(crate) key: &'static str,
    /// The keys of an element, less those of the HTTP client.
    pub(super) keys: &'static [Key],
    /// Whether an element has the keys of an HTTP client, too.
    pub(super) has_http: bool,
    /// Checks an element, in the reference's order.
    pub(super) check: fn(&mut Section) -> Result<(), Refusal>,
}

impl Kind {
    pub(super) fn name(&self) -> &'static str {
        self.key.strip_suffix(SUFFIX).unwrap_or(self.key)
    }
}

const SUFFIX: &str = "_sd_configs";

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// Why an element is refused, in the reference's words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(Cow<'static, str>);

impl From<&'static str> for Refusal {
    fn from(message: &'static str) -> Self {
        Self(message.into())
    }
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self(message.into())
    }
}

/// A key of an element.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) default: Default,
    /// Whether the text is a path, relative to the file.
    pub(super) is_path: bool,
}

/// What a key holds if it is absent, and by that what it can hold.
pub(super) enum Default {
    Text(&'static str),
    /// One of these words, or nothing; the text is the message about another one, before it.
    Word(&'static [&'static str], &'static str, &'static str),
    Secret,
    Integer(i64),
    Flag(bool),
    Seconds(u64),
    Texts,
    Filters,
    Tls,
}

/// Texts, such as names and addresses, that are empty unless given.
pub(super) const fn text(name: &'static str) -> Key {
    text_or(name, "")
}

pub(super) const fn text_or(name: &'static str, default: &'static str) -> Key {
    key(name, Default::Text(default))
}

/// A word of a set; `refusal` comes before another word in the message.
pub(super) const fn word(
    name: &'static str,
    words: &'static [&'static str],
    default: &'static str,
    refusal: &'static str,
) -> Key {
    key(name, Default::Word(words, default, refusal))
}

pub(super) const fn path(name: &'static str) -> Key {
    Key { name, default: Default::Text(""), is_path: true }
}

pub(super) const fn secret(name: &'static str) -> Key {
    key(name, Default::Secret)
}

pub(super) const fn integer(name: &'static str, default: i64) -> Key {
    key(name, Default::Integer(default))
}

pub(super) const fn flag(name: &'static str, default: bool) -> Key {
    key(name, Default::Flag(default))
}

pub(super) const fn seconds(name: &'static str, default: u64) -> Key {
    key(name, Default::Seconds(default))
}

pub(super) const fn texts(name: &'static str) -> Key {
    key(name, Default::Texts)
}

pub(super) const fn filters(name: &'static str) -> Key {
    key(name, Default::Filters)
}

pub(super) const fn tls(name: &'static str) -> Key {
    key(name, Default::Tls)
}

const fn key(name: &'static str, default: Default) -> Key {
    Key { name, default, is_path: false }
}

impl Default {
    pub(super) fn value(&self) -> Value {
        match *self {
            Self::Text(text) | Self::Word(_, text, _) => Value::Text(text.to_owned()),
            Self::Secret => Value::Secret(narthex_http::Secret::default()),
            Self::Integer(number) => Value::Integer(number),
            Self::Flag(flag) => Value::Flag(flag),
            Self::Seconds(seconds) => Value::Duration(Duration::from_secs(seconds)),
            Self::Texts => Value::Texts(Vec::new()),
            Self::Filters => Value::Filters(Vec::new()),
            Self::Tls => Value::Tls(Box::default()),
        }
    }
}

/// An element as it was read, for the checks to look at.
///
/// A name that the kind does not have, or of another type, is empty: the test over all kinds sees to
/// it that checks name what there is.
pub(super) struct Section {
    pub(super) kind: &'static Kind,
    /// A value for each key of the kind, in the kind's order.
    pub(super) values: Vec<Value>,
    /// The keys that were written, those of the HTTP client too.
    pub(super) written: Vec<String>,
}

impl Section {
    pub(super) fn text(&self, name: &str) -> &str {
        match self.value(name) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    pub(super) fn set_text(&mut self, name: &str, text: String) {
        let index = self.kind.keys.iter().position(|key| key.name == name);
        if let Some(value) = index.and_then(|index| self.values.get_mut(index)) {
            *value = Value::Text(text);
        }
    }

    /// Returns whether a text, a secret or a list is there and has something in it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| !value.is_empty())
    }

    /// Returns whether any of these keys was written.
    pub(super) fn is_written(&self, names: &[&str]) -> bool {
        self.written.iter().any(|key| names.contains(&key.as_str()))
    }

    pub(super) fn texts(&self, name: &str) -> &[String] {
        match self.value(name) {
            Some(Value::Texts(texts)) => texts,
            _ => &[],
        }
    }

    pub(super) fn has_empty_filter(&self, name: &str) -> bool {
        match self.value(name) {
            Some(Value::Filters(filters)) => {
                filters.iter().any(|Filter { values, .. }| values.is_empty())
            }
            _ => false,
        }
    }

    pub(super) fn is_zero(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Duration(Duration::ZERO)))
    }

    /// Returns the address at `name`, or what is wrong with it after `prefix`.
    pub(super) fn url(&self, name: &str, prefix: &str) -> Result<Url, Refusal> {
        let parsed = self.text(name).parse();
        parsed.map_err(|error| Refusal::from(format!("{prefix}{error}")))
    }

    /// Refuses an element in which `name` is empty.
    pub(super) fn need(&self, name: &str, otherwise: &'static str) -> Result<(), Refusal> {
        need(self.has(name), otherwise)
    }

    fn value(&self, name: &str) -> Option<&Value> {
        let index = self.kind.keys.iter().position(|key| key.name == name);
        debug_assert!(index.is_some(), "{} has no key {name}", self.kind.key);
        self.values.get(index?)
    }
}

/// Refuses an element unless `holds`.
pub(super) fn need(holds: bool, otherwise: &'static str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

/// For kinds in which any keys go together.
pub(super) fn accept(_: &mut Section) -> Result<(), Refusal> {
    Ok(())
}
