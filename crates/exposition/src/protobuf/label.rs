//! The message `io.prometheus.client.LabelPair`.

use std::str;

use super::wire::{Message, Read};

/// A label as it stands in its message. Neither text need be UTF-8.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LabelPair<'a> {
    /// `None` where the message has no such field.
    pub(super) name: Option<&'a [u8]>,
    pub(super) value: &'a [u8],
}

impl<'a> LabelPair<'a> {
    pub(super) fn read(mut message: Message<'a>) -> Read<Self> {
        let mut pair = Self::default();
        while let Some(field) = message.next_field()? {
            match field.number {
                1 => pair.name = Some(message.bytes(field, "Name")?),
                2 => pair.value = message.bytes(field, "Value")?,
                _ => message.skip(field)?,
            }
        }
        Ok(pair)
    }

    pub(super) fn is_utf8(self) -> bool {
        self.as_str().is_some()
    }

    /// Returns name and value.
    fn as_str(self) -> Option<(&'a str, &'a str)> {
        let name = str::from_utf8(self.name.unwrap_or_default()).ok()?;
        Some((name, str::from_utf8(self.value).ok()?))
    }
}

/// Returns the labels in the message of an exemplar that was read before.
pub(crate) fn exemplar_labels(message: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let mut message = Message::new(message, 0..message.len(), "Exemplar");
    std::iter::from_fn(move || {
        loop {
            let field = message.next_field().ok()??;
            if field.number == 1 {
                let label = message.message(field, "Label", "LabelPair").ok()?;
                return LabelPair::read(label).ok()?.as_str();
            }
            message.skip(field).ok()?;
        }
    })
}
