//! What values do by themselves: the methods of times, of a notification's labels and of its alerts.

use super::{Function, Outcome, Parameter, Run, items_of, text_of};
use crate::value::{
    Duration, IntType, ListType, Map, MapType, Pointer, Struct, StructType, Time, Value,
};

const fn method(
    name: &'static str,
    parameters: &'static [Parameter],
    run: fn(&[Value]) -> Outcome,
) -> Function {
    Function { name, parameters, rest: None, run: Run::Plain(run) }
}

/// Returns the method called `name` of `value`.
pub(crate) fn find(value: &Value, name: &str) -> Option<&'static Function> {
    let methods: &[Function] = match value {
        Value::Time(..) => TIME,
        Value::Duration(..) => DURATION,
        Value::Map(map) if map.map_type == MapType::Kv => KV,
        Value::Map(map) if map.map_type == MapType::TextLists => TEXT_LISTS,
        Value::List(list) => match list.list_type {
            ListType::Alerts => ALERTS,
            ListType::Pairs => PAIRS,
            _ => &[],
        },
        Value::Int(_, IntType::Month | IntType::Weekday) => CALENDAR,
        _ => &[],
    };
    methods.iter().find(|method| method.name == name)
}

const NONE: &[Parameter] = &[];
const ONE_TIME: &[Parameter] = &[Parameter::Time];
const ONE_DURATION: &[Parameter] = &[Parameter::Duration];

const CALENDAR: &[Function] = &[method("String", NONE, |args| match &args[0] {
    Value::Int(number, int_type) => {
        Ok(Value::text(crate::value::calendar_name(*number, *int_type)))
    }
    _ => Ok(Value::Nil),
})];

const TIME: &[Function] = &[
    method("Year", NONE, |args| Ok(Value::int(part(&args[0], 0)))),
    method("Month", NONE, |args| Ok(Value::Int(part(&args[0], 1), IntType::Month))),
    method("Day", NONE, |args| Ok(Value::int(part(&args[0], 2)))),
    method("Hour", NONE, |args| Ok(Value::int(part(&args[0], 3)))),
    method("Minute", NONE, |args| Ok(Value::int(part(&args[0], 4)))),
    method("Second", NONE, |args| Ok(Value::int(part(&args[0], 5)))),
    method("Weekday", NONE, |args| Ok(Value::Int(part(&args[0], 6), IntType::Weekday))),
    method("YearDay", NONE, |args| Ok(Value::int(part(&args[0], 7)))),
    method("Nanosecond", NONE, |args| Ok(Value::int(time(&args[0]).nanosecond().into()))),
    method("Unix", NONE, |args| Ok(unix(&args[0], 1_000_000_000))),
    method("UnixMilli", NONE, |args| Ok(unix(&args[0], 1_000_000))),
    method("UnixMicro", NONE, |args| Ok(unix(&args[0], 1_000))),
    method("UnixNano", NONE, |args| Ok(unix(&args[0], 1))),
    method("IsZero", NONE, |args| Ok(Value::Bool(time(&args[0]).is_zero()))),
    method("String", NONE, |args| Ok(Value::text(time(&args[0]).to_string()))),
    method("UTC", NONE, |args| Ok(Value::Time(time(&args[0]).utc(), Pointer::No))),
    // The machine's zone is not the template's business: it is UTC.
    method("Local", NONE, |args| Ok(Value::Time(time(&args[0]).utc(), Pointer::No))),
    method("Location", NONE, |args| Ok(Value::text(time(&args[0]).format("MST")))),
    method("Format", &[Parameter::Text], |args| format_time(&args[0], &args[1])),
    method("Add", ONE_DURATION, |args| {
        Ok(Value::Time(time(&args[0]).add(duration(&args[1])), Pointer::No))
    }),
    method("AddDate", &[Parameter::Int; 3], |args| {
        let [years, months, days] = [1, 2, 3].map(|index| int(&args[index]));
        Ok(Value::Time(time(&args[0]).add_date(years, months, days), Pointer::No))
    }),
    method("Sub", ONE_TIME, |args| time_since(time(&args[0]), &args[1])),
    method("After", ONE_TIME, |args| Ok(Value::Bool(order(args).is_gt()))),
    method("Before", ONE_TIME, |args| Ok(Value::Bool(order(args).is_lt()))),
    method("Equal", ONE_TIME, |args| Ok(Value::Bool(order(args).is_eq()))),
    method("Compare", ONE_TIME, |args| Ok(Value::int(order(args) as i64))),
    method("Truncate", ONE_DURATION, |args| {
        Ok(Value::Time(time(&args[0]).truncate(duration(&args[1])), Pointer::No))
    }),
    method("Round", ONE_DURATION, |args| {
        Ok(Value::Time(time(&args[0]).round(duration(&args[1])), Pointer::No))
    }),
];

const DURATION: &[Function] = &[
    method("Hours", NONE, |args| Ok(in_units(args, 3_600_000_000_000))),
    method("Minutes", NONE, |args| Ok(in_units(args, 60_000_000_000))),
    method("Seconds", NONE, |args| Ok(in_units(args, 1_000_000_000))),
    method("Milliseconds", NONE, |args| Ok(whole_units(args, 1_000_000))),
    method("Microseconds", NONE, |args| Ok(whole_units(args, 1_000))),
    method("Nanoseconds", NONE, |args| Ok(whole_units(args, 1))),
    method("String", NONE, |args| Ok(Value::text(duration(&args[0]).to_string()))),
    method("Abs", NONE, |args| {
        let nanoseconds = duration(&args[0]).nanoseconds().saturating_abs();
        Ok(Value::Duration(Duration::from_nanoseconds(nanoseconds), Pointer::No))
    }),
    method("Round", ONE_DURATION, |args| {
        Ok(Value::Duration(duration(&args[0]).round(duration(&args[1])), Pointer::No))
    }),
    method("Truncate", ONE_DURATION, |args| {
        Ok(Value::Duration(duration(&args[0]).truncate(duration(&args[1])), Pointer::No))
    }),
];

const TEXT_LISTS: &[Function] = &[
    method("Get", &[Parameter::Text], |args| {
        let Value::Map(map) = &args[0] else { return Ok(Value::Nil) };
        let first = items_of(&map.get(text_of(&args[1]))).first().cloned();
        Ok(first.unwrap_or_else(|| Value::text("")))
    }),
    method("Has", &[Parameter::Text], |args| {
        let Value::Map(map) = &args[0] else { return Ok(Value::Nil) };
        Ok(Value::Bool(map.entries.contains_key(text_of(&args[1]))))
    }),
];

const ALERTS: &[Function] = &[
    method("Firing", NONE, |args| Ok(with_status(&args[0], b"firing"))),
    method("Resolved", NONE, |args| Ok(with_status(&args[0], b"resolved"))),
];

const KV: &[Function] = &[
    method("SortedPairs", NONE, |args| Ok(sorted_pairs(&args[0]))),
    method("Names", NONE, |args| Ok(pair_fields(&sorted_pairs(&args[0]), 0))),
    method("Values", NONE, |args| Ok(pair_fields(&sorted_pairs(&args[0]), 1))),
    method("Remove", &[Parameter::Strings], |args| {
        let Value::Map(map) = &args[0] else { return Ok(Value::Nil) };
        let removed: Vec<&[u8]> = items_of(&args[1]).iter().map(text_of).collect();
        let kept = map.entries.iter().filter(|(name, _)| !removed.contains(&&***name));
        let entries = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Map::new(MapType::Kv, entries).map_or(Value::Nil, |map| Value::Map(map.into())))
    }),
];

const PAIRS: &[Function] = &[
    method("Names", NONE, |args| Ok(pair_fields(&args[0], 0))),
    method("Values", NONE, |args| Ok(pair_fields(&args[0], 1))),
];

fn time(value: &Value) -> Time {
    match value {
        Value::Time(time, _) => *time,
        _ => Time::from_unix_ms(0),
    }
}

fn duration(value: &Value) -> Duration {
    match value {
        Value::Duration(duration, _) => *duration,
        _ => Duration::default(),
    }
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(int, _) => *int,
        _ => 0,
    }
}

fn part(value: &Value, index: usize) -> i64 {
    time(value).parts()[index]
}

fn unix(value: &Value, unit: i128) -> Value {
    let units = time(value).unix_nanoseconds().div_euclid(unit);
    Value::Int(i64::try_from(units).unwrap_or(i64::MIN), IntType::Int64)
}

fn order(args: &[Value]) -> std::cmp::Ordering {
    time(&args[0]).unix_nanoseconds().cmp(&time(&args[1]).unix_nanoseconds())
}

pub(super) fn format_time(value: &Value, layout: &Value) -> Outcome {
    Ok(Value::text(time(value).format(&String::from_utf8_lossy(text_of(layout)))))
}

/// Returns how much later `later` is than the time that `value` is.
pub(super) fn time_since(later: Time, value: &Value) -> Outcome {
    Ok(Value::Duration(later.since(time(value)), Pointer::No))
}

fn in_units(args: &[Value], unit: i64) -> Value {
    Value::Float(duration(&args[0]).in_units(unit))
}

fn whole_units(args: &[Value], unit: i64) -> Value {
    Value::Int(duration(&args[0]).nanoseconds() / unit, IntType::Int64)
}

fn with_status(alerts: &Value, status: &[u8]) -> Value {
    let matching = items_of(alerts).iter().filter(|alert| match alert {
        Value::Struct(alert) => {
            alert.field("Status").is_some_and(|(value, _)| text_of(value) == status)
        }
        _ => false,
    });
    Value::list(ListType::SomeAlerts, matching.cloned().collect())
}

/// Returns names and values, the name of the alert first.
fn sorted_pairs(value: &Value) -> Value {
    let Value::Map(map) = value else { return Value::Nil };
    let is_first = |name: &[u8]| name == b"alertname";
    let first = map.entries.iter().filter(|(name, _)| is_first(name));
    let others = map.entries.iter().filter(|(name, _)| !is_first(name));
    let pairs = first.chain(others).map(|(name, value)| {
        let fields = vec![Value::text(name), value.clone()];
        Value::Struct(Struct { struct_type: StructType::Pair, fields }.into())
    });
    Value::list(ListType::Pairs, pairs.collect())
}

fn pair_fields(pairs: &Value, index: usize) -> Value {
    let fields = items_of(pairs).iter().filter_map(|pair| match pair {
        Value::Struct(pair) => pair.fields.get(index).cloned(),
        _ => None,
    });
    Value::list(ListType::Strings, fields.collect())
}
