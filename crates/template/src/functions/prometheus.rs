//! The functions of alerting rules and console pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::duration;

use super::{Function, Outcome, Parameter, Run, humanize, items_of, text, text_of};
use crate::environment::Environment;
use crate::value::{ListType, Map, MapType, Pointer, TextType, Value};

const NONE: &[Parameter] = &[];
const ANY: &[Parameter] = &[Parameter::Any];
const TEXT: &[Parameter] = &[Parameter::Text];
const SAMPLE: &[Parameter] = &[Parameter::Sample];

const fn plain(
    name: &'static str,
    parameters: &'static [Parameter],
    run: fn(&[Value]) -> Outcome,
) -> Function {
    Function { name, parameters, rest: None, run: Run::Plain(run) }
}

const fn within(
    name: &'static str,
    parameters: &'static [Parameter],
    run: fn(&Environment<'_>, &[Value]) -> Outcome,
) -> Function {
    Function { name, parameters, rest: None, run: Run::Within(run) }
}

pub(super) const CONSOLE_FUNCTIONS: &[Function] = &[Function {
    name: "tmpl",
    parameters: &[Parameter::Text, Parameter::Any],
    rest: None,
    run: Run::Template,
}];

pub(super) const FUNCTIONS: &[Function] = &[
    within("query", TEXT, |env, args| env.query(&String::from_utf8_lossy(text_of(&args[0])))),
    plain("first", &[Parameter::Results], |args| {
        let first = items_of(&args[0]).first().cloned();
        first.ok_or_else(|| "first() called on vector with no elements".into())
    }),
    plain("label", &[Parameter::Text, Parameter::Sample], |args| {
        label(&args[1], text_of(&args[0]))
    }),
    plain("value", SAMPLE, |args| sample_field(&args[0], "Value")),
    plain("strvalue", SAMPLE, |args| label(&args[0], b"__value__")),
    Function {
        name: "args",
        parameters: NONE,
        rest: Some(Parameter::Any),
        run: Run::Plain(arguments),
    },
    within("reReplaceAll", &[Parameter::Text; 3], text::replace_all),
    plain("safeHtml", TEXT, safe_html),
    plain("match", &[Parameter::Text; 2], text::is_match),
    plain("title", TEXT, |args| Ok(Value::text(text::title(text_of(&args[0]), false)))),
    plain("toUpper", TEXT, |args| Ok(Value::text(text::to_upper(text_of(&args[0]))))),
    plain("toLower", TEXT, |args| Ok(Value::text(text::to_lower(text_of(&args[0]))))),
    plain("graphLink", TEXT, |args| Ok(graph_link(text_of(&args[0]), 0))),
    plain("tableLink", TEXT, |args| Ok(graph_link(text_of(&args[0]), 1))),
    plain("sortByLabel", &[Parameter::Text, Parameter::Results], sort_by_label),
    plain("stripPort", TEXT, text::strip_port),
    plain("stripDomain", TEXT, text::strip_domain),
    plain("humanize", ANY, humanize::humanize),
    plain("humanize1024", ANY, humanize::humanize_1024),
    plain("humanizeDuration", ANY, humanize::humanize_duration),
    plain("humanizePercentage", ANY, humanize::humanize_percentage),
    plain("humanizeTimestamp", ANY, humanize::humanize_timestamp),
    plain("toTime", ANY, |args| {
        let time = humanize::to_time(humanize::to_float(&args[0])?)?;
        Ok(Value::Time(time, Pointer::Yes))
    }),
    plain("toDuration", ANY, humanize::to_duration),
    within("now", NONE, |env, _| {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds are exact for long")]
        Ok(Value::Float(env.time_ms as f64 / 1000.0))
    }),
    within("pathPrefix", NONE, |env, _| Ok(Value::text(text::url_path(env.external_url)))),
    within("externalURL", NONE, |env, _| Ok(Value::text(env.external_url))),
    plain("parseDuration", TEXT, parse_duration),
    plain("urlQueryEscape", TEXT, |args| Ok(Value::text(text::query_escape(text_of(&args[0]))))),
];

/// Returns a field of a sample.
fn sample_field(sample: &Value, name: &str) -> Outcome {
    match sample {
        Value::Struct(sample) => {
            Ok(sample.field(name).map_or(Value::Nil, |(value, _)| value.clone()))
        }
        _ => Err("runtime error: invalid memory address or nil pointer dereference".into()),
    }
}

fn label(sample: &Value, name: &[u8]) -> Outcome {
    Ok(match sample_field(sample, "Labels")? {
        Value::Map(labels) => labels.get(name),
        _ => Value::text(""),
    })
}

fn arguments(args: &[Value]) -> Outcome {
    let named = args.iter().enumerate();
    let entries: BTreeMap<Arc<[u8]>, Value> = named
        .map(|(index, arg)| (format!("arg{index}").into_bytes().into(), arg.clone()))
        .collect();
    let map = Map::new(MapType::Any, entries).ok_or("arguments nest too deep")?;
    Ok(Value::Map(Arc::new(map)))
}

fn sort_by_label(args: &[Value]) -> Outcome {
    let name = text_of(&args[0]);
    let mut keyed = items_of(&args[1])
        .iter()
        .map(|sample| Ok((label(sample, name)?.as_text().cloned(), sample.clone())))
        .collect::<Result<Vec<_>, Box<str>>>()?;
    keyed.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(Value::list(ListType::Results, keyed.into_iter().map(|(_, sample)| sample).collect()))
}

/// Returns the address of a graph, or of the table for `tab` 1.
fn graph_link(expression: &[u8], tab: u8) -> Value {
    let mut link = b"/graph?g0.expr=".to_vec();
    link.extend_from_slice(&text::query_escape(expression));
    link.extend_from_slice(format!("&g0.tab={tab}").as_bytes());
    Value::text(link)
}

pub(super) fn safe_html(args: &[Value]) -> Outcome {
    Ok(Value::Text(text_of(&args[0]).into(), TextType::Html))
}

fn parse_duration(args: &[Value]) -> Outcome {
    let text = String::from_utf8_lossy(text_of(&args[0]));
    let (sign, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, &*text),
    };
    let parsed = duration::parse(magnitude).map_err(|error| error.to_string())?;
    #[expect(clippy::cast_precision_loss, reason = "as in Go, which divides nanoseconds")]
    let seconds = parsed.as_nanos() as f64 / 1e9;
    // There is no negative zero of a duration.
    Ok(Value::Float(if seconds == 0.0 { 0.0 } else { sign * seconds }))
}
