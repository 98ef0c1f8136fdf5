use std::fmt;

use serde_path_to_error::{Path, Segment};
use serde_saphyr::{Error, Location, UserMessageFormatter};

use crate::nearest::nearest;

/// A place in a document. Both numbers start at 1; both are 0 where the place is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        Self { line: location.line(), column: location.column() }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return f.write_str("unknown place");
        }
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a text could not be read: `line 5, column 3: scrape_configs[0]: unknown field "bogus"`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {}{message}", path_prefix(path))]
pub struct YamlError {
    position: Position,
    path: Box<str>,
    message: Box<str>,
    unknown_field: Option<Box<str>>,
}

impl YamlError {
    pub(crate) fn new(error: &Error, path: &Path) -> Self {
        let error = error.without_snippet();
        let location = error.location();
        let unknown_field = match error {
            Error::SerdeUnknownField { field, .. } => Some(field.as_str().into()),
            _ => None,
        };
        Self {
            unknown_field,
            position: location.map(Position::from).unwrap_or_default(),
            path: path_text(error, path).into(),
            message: message(error, location).into(),
        }
    }

    /// Returns where the document is wrong.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Returns the field that could not be read, such as `scrape_configs[0].sample_limit`, or the
    /// empty string for the document itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the key that the type at [`path`](Self::path) does not know, if that is what is wrong.
    #[must_use]
    pub fn unknown_field(&self) -> Option<&str> {
        self.unknown_field.as_deref()
    }

    /// Returns what is wrong, without the position and the path.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Returns the line of `text` at `position`, and a caret below the column.
///
/// The line may hold a secret: show it to whoever wrote the file, and do not log it.
///
/// ```
/// use narthex_yaml::{Position, snippet};
///
/// let shown = snippet("a: 1\nb: x\n", Position { line: 2, column: 4 });
/// assert_eq!(shown, "2 | b: x\n  |    ^");
/// ```
#[must_use]
pub fn snippet(text: &str, position: Position) -> String {
    let index = usize::try_from(position.line.saturating_sub(1)).unwrap_or(usize::MAX);
    let line = text.lines().nth(index).unwrap_or_default();
    let number = position.line.to_string();
    let column = usize::try_from(position.column.saturating_sub(1)).unwrap_or(usize::MAX);
    // Tabs stay tabs, so that the caret stands below the character on any terminal.
    let indent: String =
        line.chars().take(column).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    format!("{number} | {line}\n{:width$} | {indent}^", "", width = number.len())
}

fn path_prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

/// The path to the value that failed. `Spanned` shows as a field of its own, which is left out.
fn path_text(error: &Error, path: &Path) -> String {
    let mut out = String::new();
    let mut segments: Vec<&Segment> = path.iter().collect();
    // The message names the key already, and the path reads better as its parent.
    if matches!(error, Error::SerdeUnknownField { .. } | Error::DuplicateMappingKey { .. })
        && matches!(segments.last(), Some(Segment::Map { .. }))
    {
        segments.pop();
    }
    for segment in segments {
        match segment {
            Segment::Seq { index } => out.push_str(&format!("[{index}]")),
            Segment::Map { key } if key == "value" || key.is_empty() => {}
            Segment::Map { key } if out.is_empty() => out.push_str(key),
            Segment::Map { key } => {
                out.push('.');
                out.push_str(key);
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    out
}

/// The message without its position, in the words of somebody who edits a file.
fn message(error: &Error, location: Option<Location>) -> String {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => match nearest(field, expected) {
            Some(near) => format!("unknown field `{field}`, did you mean `{near}`?"),
            None => format!("unknown field `{field}`"),
        },
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("field `{key}` already set"),
        Error::MultipleDocuments { .. } => "more than one YAML document".to_owned(),
        Error::Unexpected { expected, .. } => format!("expected {}", plain_kind(expected)),
        Error::InvalidScalar { ty, .. } => format!("expected {}", plain_kind(ty)),
        Error::InvalidBinaryBase64 { .. } => {
            "!!binary value contains invalid base64 data".to_owned()
        }
        Error::BinaryNotUtf8 { .. } => "!!binary value is not UTF-8 text".to_owned(),
        other => {
            let text = other.render_with_formatter(&UserMessageFormatter);
            let suffix =
                location.map(|at| format!(" at line {}, column {}", at.line(), at.column()));
            match suffix.and_then(|suffix| text.strip_suffix(&suffix).map(str::to_owned)) {
                Some(bare) => bare,
                None => text,
            }
        }
    }
}

/// The plain name of what the reader or Rust calls `kind`.
fn plain_kind(kind: &str) -> &str {
    match kind {
        "sequence start" => "a list",
        "mapping start" => "a map",
        "string scalar" => "text",
        "bool" | "boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" => "a whole number of at least 0",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        other => other,
    }
}
