use nom::IResult;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::character::complete::char;
use nom::sequence::delimited;

use super::Captures;

/// Appends `template` to `out`, each reference replaced by the text of its group.
///
/// # Source
///
/// `Regexp.Expand` of Go's `regexp`.
pub(super) fn expand(captures: &Captures<'_>, template: &str, out: &mut String) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Ok((after, name)) = reference(after) {
            out.push_str(group(captures, name).unwrap_or_default());
            rest = after;
        } else {
            // A dollar sign that begins no reference is text.
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
}

/// Reads the name of a reference, with or without braces.
fn reference(text: &str) -> IResult<&str, &str> {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    alt((delimited(char('{'), take_while1(is_name), char('}')), take_while1(is_name))).parse(text)
}

fn group<'a>(captures: &Captures<'a>, name: &str) -> Option<&'a str> {
    match parse_group_number(name) {
        Some(index) => captures.get(index),
        None => captures.name(name),
    }
}

/// Reads a decimal number without leading zeros; all else is a name.
fn parse_group_number(name: &str) -> Option<usize> {
    let leading_zero = name.len() > 1 && name.starts_with('0');
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    if digits && !leading_zero { name.parse().ok() } else { None }
}
