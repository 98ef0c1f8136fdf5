//! What templates compute with: Go's values, as far as templates meet them.

mod duration;
mod layout;
mod time;
mod types;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use duration::Duration;
pub use time::Time;
pub use types::{IntType, ListType, MapType, StructType, TextType};

pub(crate) use types::type_name;

/// Returns the name of a month or a weekday.
pub(crate) fn calendar_name(number: i64, int_type: IntType) -> String {
    let (names, index): (&[&str], _) = match int_type {
        IntType::Month => (&layout::MONTHS, number - 1),
        _ => (&layout::WEEKDAYS, number),
    };
    let name = usize::try_from(index).ok().and_then(|index| names.get(index));
    name.map_or_else(|| number.to_string(), ToString::to_string)
}

/// Any value. Texts are bytes, which need not be UTF-8; clones share what they hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer of one of Go's types.
    Int(i64, IntType),
    /// A number.
    Float(f64),
    /// A complex number: the real and the imaginary part.
    Complex(f64, f64),
    /// A text, or one that is known to be safe in a page.
    Text(Arc<[u8]>, TextType),
    /// A list.
    List(Arc<List>),
    /// Values by name, in the order of the names.
    Map(Arc<Map>),
    /// A value with named fields.
    Struct(Arc<Struct>),
    /// A point in time. `pointer` says whether Go has it behind a pointer, which shows in messages.
    Time(Time, Pointer),
    /// A length of time.
    Duration(Duration, Pointer),
    /// A native histogram, printed.
    Histogram(Arc<str>),
}

/// Whether Go has a value itself or a pointer to it. It shows in the names of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// The value itself.
    No,
    /// A pointer to it.
    Yes,
}

/// A list of values.
#[derive(Clone, Debug)]
pub struct List {
    /// What it is to Go.
    pub list_type: ListType,
    /// Its values.
    pub items: Vec<Value>,
}

/// Values by name.
#[derive(Clone, Debug)]
pub struct Map {
    /// What it is to Go.
    pub map_type: MapType,
    /// Its values.
    pub entries: BTreeMap<Arc<[u8]>, Value>,
    /// How deep maps nest in it; see [`VALUE_NESTING_MAX`].
    pub(crate) depth: usize,
}

/// How deep maps may nest in maps, since they are printed and dropped from the outside in.
pub const VALUE_NESTING_MAX: usize = 64;

/// A value with named fields.
#[derive(Clone, Debug)]
pub struct Struct {
    /// What it is to Go.
    pub struct_type: StructType,
    /// The values of its fields, in the order of the type's.
    pub fields: Vec<Value>,
}

impl Value {
    /// Returns a text.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Text(text.as_ref().into(), TextType::Plain)
    }

    /// Returns an integer of Go's type `int`.
    #[must_use]
    pub fn int(value: i64) -> Self {
        Self::Int(value, IntType::Int)
    }

    /// Returns a map of texts.
    pub fn text_map<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        map_type: MapType,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let entry = |(name, value): (N, V)| (name.as_ref().into(), Self::text(value));
        let entries = pairs.into_iter().map(entry).collect();
        Self::Map(Arc::new(Map { map_type, entries, depth: 1 }))
    }

    /// Returns a list.
    #[must_use]
    pub fn list(list_type: ListType, items: Vec<Self>) -> Self {
        Self::List(Arc::new(List { list_type, items }))
    }

    /// Returns a list of texts.
    pub fn text_list<T: AsRef<[u8]>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::list(ListType::Strings, items.into_iter().map(Self::text).collect())
    }

    /// Returns whether `if` takes the value as true: whether it is neither zero nor empty.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value, _) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Self::Text(text, _) => !text.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => !map.entries.is_empty(),
            Self::Duration(duration, Pointer::No) => duration.nanoseconds() != 0,
            Self::Struct(_) | Self::Time(..) | Self::Duration(..) | Self::Histogram(_) => true,
        }
    }

    /// Returns how deep maps nest in the value.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Map(map) => map.depth,
            // Lists hold texts and structs alone, but for those that functions are given.
            Self::List(list) => list.items.iter().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Returns the text's bytes.
    pub(crate) fn as_text(&self) -> Option<&Arc<[u8]>> {
        match self {
            Self::Text(text, _) => Some(text),
            _ => None,
        }
    }
}

impl Map {
    /// Returns a map that holds `entries`, or `None` where it would nest deeper than
    /// [`VALUE_NESTING_MAX`].
    #[must_use]
    pub fn new(map_type: MapType, entries: BTreeMap<Arc<[u8]>, Value>) -> Option<Self> {
        let depth = 1 + entries.values().map(Value::depth).max().unwrap_or(0);
        (depth <= VALUE_NESTING_MAX).then_some(Self { map_type, entries, depth })
    }

    /// Returns what a name stands for, or the zero value of the map's type.
    pub(crate) fn get(&self, name: &[u8]) -> Value {
        self.entries.get(name).cloned().unwrap_or_else(|| self.map_type.zero())
    }
}

impl Struct {
    /// Returns the field called `name`, and whether Go declares it as `interface {}`.
    pub(crate) fn field(&self, name: &str) -> Option<(&Value, bool)> {
        let index = self.struct_type.fields().iter().position(|field| field.name == name)?;
        Some((self.fields.get(index)?, self.struct_type.fields()[index].is_interface))
    }
}
