use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::character::complete::char;
use nom::combinator::all_consuming;
use nom::error::Error;
use nom::multi::many1_count;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

/// Returns whether references to groups may stand in `template`.
pub(crate) fn has_reference(template: &str) -> bool {
    template.contains('$')
}

/// Returns whether `name` is of the legacy charset but for references, `$1` or `${name}`. It must
/// not begin with a digit, while a reference may turn out to.
pub(crate) fn is_legacy_name(name: &str) -> bool {
    let reference = preceded(char('$'), alt((delimited(char('{'), word, char('}')), word)));
    let parts = many1_count(alt((word, reference)));
    let parsed: Result<_, nom::Err<Error<&str>>> = all_consuming(parts).parse(name);
    parsed.is_ok() && !name.starts_with(|first: char| first.is_ascii_digit())
}

fn word(text: &str) -> IResult<&str, &str> {
    take_while1(|character: char| character.is_ascii_alphanumeric() || character == '_').parse(text)
}
