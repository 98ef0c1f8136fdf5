//! The functions that templates call: what they are called, take and do.

mod alertmanager;
mod builtin;
mod compare;
mod humanize;
mod methods;
mod prometheus;
mod text;

pub(crate) use methods::find as find_method;

use crate::environment::Environment;
use crate::value::{ListType, Pointer, StructType, TextType, Value, type_name};

/// The functions that a template may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Functions {
    /// Those of alerting rules.
    Prometheus,
    /// Those of console pages: the same, and `tmpl`.
    Console,
    /// Those of Alertmanager's notifications.
    Alertmanager,
}

impl Functions {
    /// Returns the function called `name`.
    pub(crate) fn get(self, name: &str) -> Option<&'static Function> {
        let own: &[&[Function]] = match self {
            Self::Prometheus => &[prometheus::FUNCTIONS],
            Self::Console => &[prometheus::CONSOLE_FUNCTIONS, prometheus::FUNCTIONS],
            Self::Alertmanager => &[alertmanager::FUNCTIONS],
        };
        let sets = own.iter().copied().chain([builtin::FUNCTIONS]);
        sets.flatten().find(|function| function.name == name)
    }
}

/// A function, or a method: then its receiver is the first argument, which no parameter stands for.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// What any number of further arguments must be.
    pub(crate) rest: Option<Parameter>,
    pub(crate) run: Run,
}

/// What a function does with its arguments, which are as its parameters say.
#[derive(Debug)]
pub(crate) enum Run {
    Plain(fn(&[Value]) -> Outcome),
    /// It needs what is around the template, or makes texts of any size.
    Within(fn(&Environment<'_>, &[Value]) -> Outcome),
    /// The arguments are computed only until one decides.
    And,
    Or,
    Call,
    /// It executes a template.
    Template,
}

/// What a function gives, or what it has to complain about.
pub(crate) type Outcome = Result<Value, Box<str>>;

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// `interface {}`
    Any,
    /// A value with its type, of a function of the language.
    Raw,
    Text,
    Int,
    Strings,
    Results,
    Sample,
    Time,
    Duration,
}

impl Parameter {
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Raw => "reflect.Value",
            Self::Text => "string",
            Self::Int => "int",
            Self::Strings => "[]string",
            Self::Results => "template.queryResult",
            Self::Sample => "*template.sample",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
        }
    }

    /// Returns whether no value is a value of it.
    pub(crate) fn can_be_nil(self) -> bool {
        matches!(self, Self::Any | Self::Raw | Self::Strings | Self::Results | Self::Sample)
    }

    /// Returns `value` as what the function takes, or what is wrong with it.
    pub(crate) fn validate(self, value: Value) -> Result<Value, String> {
        match (self, value) {
            (_, Value::Nil) if !self.can_be_nil() => {
                Err(format!("invalid value; expected {}", self.type_name()))
            }
            (Self::Strings, Value::Nil) => Ok(Value::list(ListType::Strings, Vec::new())),
            (Self::Results, Value::Nil) => Ok(Value::list(ListType::Results, Vec::new())),
            (Self::Time, Value::Time(time, _)) => Ok(Value::Time(time, Pointer::No)),
            (Self::Duration, Value::Duration(duration, _)) => {
                Ok(Value::Duration(duration, Pointer::No))
            }
            (_, value) if self.takes(&value) => Ok(value),
            (_, value) => Err(format!(
                "wrong type for value; expected {}; got {}",
                self.type_name(),
                type_name(&value)
            )),
        }
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Any | Self::Raw => true,
            Self::Text => matches!(value, Value::Text(_, TextType::Plain)),
            Self::Int => matches!(value, Value::Int(_, crate::value::IntType::Int)),
            Self::Strings => is_list(value, ListType::Strings),
            Self::Results => is_list(value, ListType::Results),
            Self::Sample => match value {
                Value::Nil => true,
                Value::Struct(value) => value.struct_type == StructType::Sample,
                _ => false,
            },
            Self::Time | Self::Duration => false,
        }
    }
}

fn is_list(value: &Value, list_type: ListType) -> bool {
    matches!(value, Value::List(list) if list.list_type == list_type)
}

/// Returns the text of an argument whose parameter says that it is one.
fn text_of(value: &Value) -> &[u8] {
    value.as_text().map_or(&[], |text| text)
}

/// Returns the items of an argument whose parameter says that it is a list.
fn items_of(value: &Value) -> &[Value] {
    match value {
        Value::List(list) => &list.items,
        _ => &[],
    }
}
