//! Names of any characters, for readers who know those of the legacy charset alone.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use narthex_model::is_legacy_metric_name;

/// What becomes of names outside the legacy charset.
///
/// ```
/// use narthex_exposition::EscapingScheme;
///
/// for (scheme, escaped) in [
///     (EscapingScheme::AllowUtf8, "http.status_code é"),
///     (EscapingScheme::Underscores, "http_status_code__"),
///     (EscapingScheme::Dots, "http_dot_status__code____"),
///     (EscapingScheme::Values, "U__http_2e_status__code_20__e9_"),
/// ] {
///     assert_eq!(scheme.escape("http.status_code é"), escaped, "{scheme}");
/// }
/// let escaped = "U__http_2e_status__code_20__e9_";
/// assert_eq!(EscapingScheme::Values.unescape(escaped), "http.status_code é");
/// ```
///
/// # Source
///
/// `EscapeName` and `UnescapeName` in prometheus/common `model/metric.go`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EscapingScheme {
    /// They stay as they are, in quotes.
    AllowUtf8,
    /// Each such character becomes an underscore. That cannot be undone.
    #[default]
    Underscores,
    /// A dot becomes `_dot_`, an underscore two, and so does any other such character. Legacy names
    /// change, too.
    Dots,
    /// The name begins with `U__`; each such character becomes its number between underscores, an
    /// underscore two.
    Values,
}

impl EscapingScheme {
    const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// Returns what headers call the scheme.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    /// Returns the name of a metric or a label in the legacy charset, unless the scheme allows
    /// others.
    #[must_use]
    pub fn escape(self, name: &str) -> Cow<'_, str> {
        let is_kept = match self {
            Self::AllowUtf8 => true,
            Self::Underscores | Self::Values => is_legacy_metric_name(name) || name.is_empty(),
            Self::Dots => name.is_empty(),
        };
        if is_kept {
            return Cow::Borrowed(name);
        }
        let mut escaped = String::with_capacity(2 * name.len());
        if self == Self::Values {
            escaped.push_str("U__");
        }
        for (at, char) in name.char_indices() {
            match char {
                '_' if self != Self::Underscores => escaped.push_str("__"),
                '.' if self == Self::Dots => escaped.push_str("_dot_"),
                char if is_legacy(char, at) => escaped.push(char),
                _ if self == Self::Underscores => escaped.push('_'),
                _ if self == Self::Dots => escaped.push_str("__"),
                char => escaped.push_str(&format!("_{:x}_", u32::from(char))),
            }
        }
        Cow::Owned(escaped)
    }

    /// Returns the name that was escaped, as far as it can be told. A name that the scheme does not
    /// make stays as it is.
    #[must_use]
    pub fn unescape(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::AllowUtf8 | Self::Underscores => Cow::Borrowed(name),
            Self::Dots if name.contains("__") || name.contains("_dot_") => {
                Cow::Owned(name.replace("_dot_", ".").replace("__", "_"))
            }
            Self::Dots => Cow::Borrowed(name),
            Self::Values => unescape_values(name).map_or(Cow::Borrowed(name), Cow::Owned),
        }
    }
}

fn unescape_values(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("U__")?;
    let mut unescaped = String::with_capacity(name.len());
    while let Some(at) = rest.find('_') {
        unescaped.push_str(&rest[..at]);
        let (code, behind) = rest[at + 1..].split_once('_')?;
        unescaped.push(match code.len() {
            0 => '_',
            1..=CODE_SIZE_MAX if code.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                char::from_u32(u32::from_str_radix(code, 16).ok()?)?
            }
            _ => return None,
        });
        rest = behind;
    }
    unescaped.push_str(rest);
    Some(unescaped)
}

/// The most digits of a character's number.
const CODE_SIZE_MAX: usize = 6;

/// Returns whether a character may stand at that place of a legacy metric name.
fn is_legacy(char: char, at: usize) -> bool {
    matches!(char, 'a'..='z' | 'A'..='Z' | '_' | ':') || char.is_ascii_digit() && at > 0
}

impl fmt::Display for EscapingScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EscapingScheme {
    type Err = UnknownEscapingScheme;

    fn from_str(name: &str) -> Result<Self, UnknownEscapingScheme> {
        let known = Self::ALL.into_iter().find(|scheme| scheme.as_str() == name);
        known.ok_or_else(|| UnknownEscapingScheme { name: name.into() })
    }
}

/// A name of no escaping scheme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format scheme {name}")]
pub struct UnknownEscapingScheme {
    /// The name.
    pub name: Box<str>,
}
