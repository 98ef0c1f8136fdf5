//! The message `io.prometheus.client.MetricFamily`.

use std::ops::Range;
use std::str;

use narthex_model::MetricType;

use super::wire::{Message, Read, WireError};
use crate::error::{Excerpt, ParseError, ParseErrorKind, Place};

/// A family that was read, but for its metrics.
#[derive(Debug, Default)]
pub(super) struct Family<'a> {
    /// Where its message begins.
    pub(super) start: usize,
    name: &'a [u8],
    help: &'a [u8],
    unit: &'a [u8],
    type_number: i32,
    /// Known once the family is checked.
    pub(super) metric_type: MetricType,
    /// What is left of the message, for the metrics in it.
    rest: Option<Message<'a>>,
}

impl<'a> Family<'a> {
    /// Reads the family at `position` of `page`, which has at least a byte there, and moves behind.
    pub(super) fn read(&mut self, page: &'a [u8], position: &mut usize) -> Result<(), ParseError> {
        self.start = *position;
        self.rest = None;
        (self.name, self.help, self.unit, self.type_number) = (&[], &[], &[], 0);
        let (size, digit_count) = length(&page[self.start..])
            .ok_or_else(|| self.error(self.start, ParseErrorKind::InvalidVarint))?;
        let found = page.len() - self.start;
        let needed = size.saturating_add(digit_count);
        if needed > found {
            return Err(self.error(self.start, ParseErrorKind::FamilyCut { needed, found }));
        }
        let begin = self.start + digit_count;
        *position = begin + size;
        let message = Message::new(page, begin..*position, "MetricFamily");
        self.rest = Some(message.clone());
        self.read_fields(message).map_err(|error| self.wire_error(error))
    }

    fn read_fields(&mut self, mut message: Message<'a>) -> Read<()> {
        while let Some(field) = message.next_field()? {
            match field.number {
                1 => self.name = message.bytes(field, "Name")?,
                2 => self.help = message.bytes(field, "Help")?,
                #[expect(clippy::cast_possible_truncation, reason = "the reference cuts it, too")]
                3 => self.type_number = message.number(field, "Type")? as i32,
                METRIC => _ = message.range(field, "Metric")?,
                5 => self.unit = message.bytes(field, "Unit")?,
                _ => message.skip(field)?,
            }
        }
        Ok(())
    }

    /// Returns where the message of the next metric is, or `None` behind the last.
    // A family's metrics are found twice, first to read what else there is, which may follow them.
    // That is cheaper than it sounds, and needs no list of them.
    pub(super) fn next_metric(&mut self) -> Result<Option<Range<usize>>, ParseError> {
        let Some(rest) = &mut self.rest else { return Ok(None) };
        find_metric(rest).map_err(|error| self.wire_error(error))
    }

    /// Checks what the family says of itself.
    pub(super) fn check(&mut self) -> Result<(), ParseError> {
        let name = Excerpt::new(self.name);
        if self.name.is_empty() || str::from_utf8(self.name).is_err() {
            return Err(self.error(self.start, ParseErrorKind::InvalidMetricName { name }));
        }
        if str::from_utf8(self.help).is_err() {
            let help = Excerpt::new(self.help);
            return Err(self.error(self.start, ParseErrorKind::InvalidFamilyHelp { name, help }));
        }
        let Some(metric_type) = metric_type(self.type_number) else {
            let number = self.type_number;
            let kind = ParseErrorKind::UnknownTypeNumber { name, number };
            return Err(self.error(self.start, kind));
        };
        self.metric_type = metric_type;
        Ok(())
    }

    /// Returns the name of a family that was checked.
    pub(super) fn name(&self) -> &'a str {
        str::from_utf8(self.name).unwrap_or_default()
    }

    /// Returns the help of a family that was checked.
    pub(super) fn help(&self) -> &'a str {
        str::from_utf8(self.help).unwrap_or_default()
    }

    /// Returns the unit. One that is not UTF-8 is none.
    pub(super) fn unit(&self) -> &'a str {
        str::from_utf8(self.unit).unwrap_or_default()
    }

    pub(super) fn wire_error(&self, error: WireError) -> ParseError {
        let WireError { offset, problem } = error;
        self.error(offset, ParseErrorKind::Wire(problem))
    }

    #[cold]
    pub(super) fn error(&self, offset: usize, kind: ParseErrorKind) -> ParseError {
        let place = Place::Message { offset, family: Excerpt::new(self.name) };
        ParseError { place, kind: Box::new(kind) }
    }
}

fn find_metric(message: &mut Message<'_>) -> Read<Option<Range<usize>>> {
    while let Some(field) = message.next_field()? {
        match field.number {
            METRIC => return message.range(field, "Metric").map(Some),
            _ => message.skip(field)?,
        }
    }
    Ok(None)
}

/// Reads the length before a message. Returns it with the number of its bytes, which may not be more
/// than a number of 32 bits takes.
fn length(page: &[u8]) -> Option<(usize, usize)> {
    let mut size = 0_usize;
    for (index, byte) in page.iter().take(LENGTH_BYTES_MAX).enumerate() {
        size |= usize::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            return Some((size, index + 1));
        }
    }
    None
}

const LENGTH_BYTES_MAX: usize = 5;

/// The number of the field that holds the metrics.
const METRIC: u32 = 4;

fn metric_type(number: i32) -> Option<MetricType> {
    Some(match number {
        0 => MetricType::Counter,
        1 => MetricType::Gauge,
        2 => MetricType::Summary,
        3 => MetricType::Unknown,
        4 => MetricType::Histogram,
        5 => MetricType::GaugeHistogram,
        _ => return None,
    })
}
