//! Answers of the HTTP API: the JSON envelope around data, warnings and infos, or an error.

mod body;
mod error;
pub(crate) mod json;

use axum::response::Response;
use narthex_model::Labels;
use serde::Serialize;

pub(crate) use body::{Pieces, respond};
pub(crate) use error::{ApiError, ErrorKind, with_sources};

/// Data for a client, and what it should know beside.
pub(crate) struct Answer {
    data: Option<Box<dyn Pieces>>,
    warnings: Vec<Box<str>>,
    infos: Vec<Box<str>>,
}

impl Answer {
    /// Returns the answer that writes its data piece by piece.
    pub(crate) fn new(data: impl Pieces + 'static) -> Self {
        Self { data: Some(Box::new(data)), ..Self::without_data() }
    }

    /// Returns the answer that says that all is well, and nothing else.
    pub(crate) fn without_data() -> Self {
        Self { data: None, warnings: Vec::new(), infos: Vec::new() }
    }

    /// Returns the answer with small data, written at once.
    pub(crate) fn of(data: &impl Serialize) -> Result<Self, ApiError> {
        let text = serde_json::to_string(data)
            .map_err(|error| ApiError::internal(format!("error marshaling json: {error}")))?;
        Ok(Self::new(Text(text)))
    }

    pub(crate) fn with_warnings(mut self, warnings: Vec<Box<str>>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    pub(crate) fn with_infos(mut self, infos: Vec<Box<str>>) -> Self {
        self.infos.extend(infos);
        self
    }

    /// Warns that a limit cut the answer off.
    pub(crate) fn with_truncation(mut self, truncated: bool) -> Self {
        if truncated {
            self.warnings.push("results truncated due to limit".into());
        }
        self
    }

    /// Returns the response with status 200.
    pub(crate) fn into_response(self, accepts_gzip: bool) -> Response {
        let Self { data, warnings, infos } = self;
        let notes = Notes { warnings, infos };
        let envelope = Envelope { data, notes, part: Part::Head };
        respond(Box::new(envelope), "application/json", accepts_gzip)
    }
}

/// Warnings and infos, each at most [`NOTES_MAX`].
struct Notes {
    warnings: Vec<Box<str>>,
    infos: Vec<Box<str>>,
}

/// `{"status":"success","data":…,"warnings":[…],"infos":[…]}`; what there is none of is left out.
struct Envelope {
    data: Option<Box<dyn Pieces>>,
    notes: Notes,
    part: Part,
}

#[derive(Clone, Copy)]
enum Part {
    Head,
    Data,
    Tail,
}

impl Pieces for Envelope {
    fn write_piece(&mut self, out: &mut String) -> bool {
        match self.part {
            Part::Head => {
                out.push_str(r#"{"status":"success""#);
                if self.data.is_some() {
                    out.push_str(",\"data\":");
                }
                self.part = Part::Data;
            }
            Part::Data => {
                if !self.data.as_mut().is_some_and(|data| data.write_piece(out)) {
                    self.part = Part::Tail;
                }
            }
            Part::Tail => {
                write_notes(out, "warnings", "warning", &self.notes.warnings);
                write_notes(out, "infos", "info", &self.notes.infos);
                out.push('}');
                return false;
            }
        }
        true
    }
}

fn write_notes(out: &mut String, field: &str, kind: &str, notes: &[Box<str>]) {
    if notes.is_empty() {
        return;
    }
    out.push_str(",\"");
    out.push_str(field);
    out.push_str("\":[");
    for (index, note) in notes.iter().take(NOTES_MAX).enumerate() {
        if index > 0 {
            out.push(',');
        }
        json::write_string(out, note);
    }
    if notes.len() > NOTES_MAX {
        let omitted = notes.len() - NOTES_MAX;
        out.push(',');
        json::write_string(out, &format!("{omitted} more {kind} annotations omitted"));
    }
    out.push(']');
}

/// Data that is JSON already.
struct Text(String);

impl Pieces for Text {
    fn write_piece(&mut self, out: &mut String) -> bool {
        out.push_str(&self.0);
        false
    }
}

/// A JSON array of items that an iterator yields.
pub(crate) struct Array<I, W> {
    items: I,
    write: W,
    index: usize,
}

impl<I: Iterator, W: FnMut(&mut String, I::Item)> Array<I, W> {
    pub(crate) fn new(items: I, write: W) -> Self {
        Self { items, write, index: 0 }
    }
}

impl<I, W> Pieces for Array<I, W>
where
    I: Iterator + Send,
    W: FnMut(&mut String, I::Item) + Send,
{
    fn write_piece(&mut self, out: &mut String) -> bool {
        if self.index == 0 {
            out.push('[');
        }
        let Some(item) = self.items.next() else {
            out.push(']');
            return false;
        };
        if self.index > 0 {
            out.push(',');
        }
        self.index += 1;
        (self.write)(out, item);
        true
    }
}

/// Returns an array of strings as an answer.
pub(crate) fn texts(texts: Vec<Box<str>>) -> Answer {
    Answer::new(Array::new(texts.into_iter(), |out: &mut String, text: Box<str>| {
        json::write_string(out, &text);
    }))
}

/// Returns an array of label sets as an answer.
pub(crate) fn label_sets(sets: Vec<Labels>) -> Answer {
    Answer::new(Array::new(sets.into_iter(), |out: &mut String, labels: Labels| {
        json::write_labels(out, &labels);
    }))
}

/// How many warnings, and how many infos, an answer carries.
const NOTES_MAX: usize = 10;
