//! The functions of Alertmanager's notifications.

use super::{Function, Outcome, Parameter, Run, humanize, items_of, prometheus, text, text_of};
use crate::environment::Environment;
use crate::value::{Pointer, TextType, Time, Value};

const TEXT: &[Parameter] = &[Parameter::Text];

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

pub(super) const FUNCTIONS: &[Function] = &[
    plain("toUpper", TEXT, |args| Ok(Value::text(text::to_upper(text_of(&args[0]))))),
    plain("toLower", TEXT, |args| Ok(Value::text(text::to_lower(text_of(&args[0]))))),
    plain("title", TEXT, |args| Ok(Value::text(text::title(text_of(&args[0]), true)))),
    plain("trimSpace", TEXT, |args| {
        let text = String::from_utf8_lossy(text_of(&args[0]));
        Ok(Value::text(text.trim()))
    }),
    within("join", &[Parameter::Text, Parameter::Strings], join),
    plain("match", &[Parameter::Text; 2], text::is_match),
    plain("safeHtml", TEXT, prometheus::safe_html),
    plain("safeUrl", TEXT, |args| Ok(Value::Text(text_of(&args[0]).into(), TextType::Url))),
    within("reReplaceAll", &[Parameter::Text; 3], text::replace_all),
    Function {
        name: "stringSlice",
        parameters: &[],
        rest: Some(Parameter::Text),
        run: Run::Plain(|args| Ok(Value::text_list(args.iter().map(text_of)))),
    },
    plain("date", &[Parameter::Text, Parameter::Time], |args| {
        super::methods::format_time(&args[1], &args[0])
    }),
    within("now", &[], |env, _| Ok(Value::Time(Time::from_unix_ms(env.time_ms), Pointer::No))),
    within("since", &[Parameter::Time], |env, args| {
        let now = Time::from_unix_ms(env.time_ms);
        super::methods::time_since(now, &args[0])
    }),
    plain("humanizeDuration", &[Parameter::Any], humanize::humanize_duration),
];

fn join(env: &Environment<'_>, args: &[Value]) -> Outcome {
    let parts: Vec<&[u8]> = items_of(&args[1]).iter().map(text_of).collect();
    let separator = text_of(&args[0]);
    let size = parts.iter().map(|part| part.len() + separator.len()).sum::<usize>();
    if size > env.limits.output_size_max {
        return Err(env.limits.too_long());
    }
    Ok(Value::text(parts.join(separator)))
}
