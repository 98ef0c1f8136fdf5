//! Fields of protobuf messages.

use std::ops::Range;

/// Reads one message, field by field. Places are counted from the start of the page.
#[derive(Clone, Debug)]
pub(super) struct Message<'a> {
    page: &'a [u8],
    /// What errors call the message.
    name: &'static str,
    at: usize,
    end: usize,
}

/// The head of a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    wire_type: u8,
    /// Where the head begins.
    start: usize,
}

/// What is wrong with a message, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WireError {
    pub(super) offset: usize,
    pub(super) problem: WireProblem,
}

/// What is wrong with the encoding of a message. It prints the reference's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireProblem {
    /// The message ends within a field.
    #[error("unexpected EOF")]
    Truncated,
    /// A number has more than 64 bits.
    #[error("proto: integer overflow")]
    Overflow,
    /// A size is beyond 63 bits.
    #[error("proto: negative length found during unmarshaling")]
    NegativeLength,
    /// A field is not encoded as its type asks.
    #[error("proto: wrong wireType = {wire_type} for field {field}")]
    WrongWireType {
        /// How it is encoded.
        wire_type: u8,
        /// The field.
        field: &'static str,
    },
    /// A field has the number 0, or one beyond 31 bits.
    #[error("proto: {message}: illegal tag {number} (wire type {tag})")]
    IllegalTag {
        /// The message that has the field.
        message: &'static str,
        /// The number.
        number: i32,
        /// The head of the field as it is encoded.
        tag: u64,
    },
    /// A group ends that did not begin.
    #[error("proto: {message}: wiretype end group for non-group")]
    EndOfGroup {
        /// The message in which it ends.
        message: &'static str,
    },
    /// A field is encoded in a way that there is not.
    #[error("proto: illegal wireType {0}")]
    IllegalWireType(u8),
    /// One metric has more than [`METRIC_PARTS_MAX`](crate::METRIC_PARTS_MAX) buckets, spans,
    /// quantiles, labels or exemplars.
    #[error("more than {} parts in one metric", crate::METRIC_PARTS_MAX)]
    TooManyParts,
}

pub(super) type Read<T> = Result<T, WireError>;

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const GROUP_START: u8 = 3;
const GROUP_END: u8 = 4;
const FIXED32: u8 = 5;

impl<'a> Message<'a> {
    /// Returns a reader of the message that `range` of the page holds.
    pub(super) fn new(page: &'a [u8], range: Range<usize>, name: &'static str) -> Self {
        Self { page, name, at: range.start, end: range.end }
    }

    /// Returns what was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.page[self.at..self.end]
    }

    /// Returns the head of the next field, whose value is to be read next, or `None` at the end.
    pub(super) fn next_field(&mut self) -> Read<Option<Field>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let start = self.at;
        let tag = self.varint()?;
        let wire_type = u8::try_from(tag & 7).expect("three bits");
        #[expect(clippy::cast_possible_truncation, reason = "the reference cuts it, too")]
        let number = (tag >> 3) as i32;
        if wire_type == GROUP_END {
            return Err(self.error(start, WireProblem::EndOfGroup { message: self.name }));
        }
        match u32::try_from(number) {
            Ok(number) if number > 0 => Ok(Some(Field { number, wire_type, start })),
            _ => {
                let message = self.name;
                Err(self.error(start, WireProblem::IllegalTag { message, number, tag }))
            }
        }
    }

    /// Reads a number that errors call `name`.
    pub(super) fn number(&mut self, field: Field, name: &'static str) -> Read<u64> {
        self.expect(field, VARINT, name)?;
        self.varint()
    }

    /// Reads a float that errors call `name`.
    pub(super) fn float(&mut self, field: Field, name: &'static str) -> Read<f64> {
        self.expect(field, FIXED64, name)?;
        self.fixed64()
    }

    /// Reads a text or a message that errors call `name`. Returns where it is.
    pub(super) fn range(&mut self, field: Field, name: &'static str) -> Read<Range<usize>> {
        self.expect(field, BYTES, name)?;
        self.sized()
    }

    /// Reads bytes that errors call `name`.
    pub(super) fn bytes(&mut self, field: Field, name: &'static str) -> Read<&'a [u8]> {
        self.range(field, name).map(|range| &self.page[range])
    }

    /// Reads the message `message` in a field that errors call `name`.
    pub(super) fn message(
        &mut self,
        field: Field,
        name: &'static str,
        message: &'static str,
    ) -> Read<Self> {
        self.range(field, name).map(|range| Self::new(self.page, range, message))
    }

    /// Calls `each` with each of the numbers of a field that errors call `name`: one, or many of them
    /// packed.
    pub(super) fn numbers(
        &mut self,
        field: Field,
        name: &'static str,
        mut each: impl FnMut(u64) -> Read<()>,
    ) -> Read<()> {
        if field.wire_type != BYTES {
            return self.number(field, name).and_then(each);
        }
        let mut packed = self.message(field, name, name)?;
        while packed.at < packed.end {
            each(packed.varint()?)?;
        }
        Ok(())
    }

    /// Calls `each` with each of the floats of a field that errors call `name`: one, or many of them
    /// packed.
    pub(super) fn floats(
        &mut self,
        field: Field,
        name: &'static str,
        mut each: impl FnMut(f64) -> Read<()>,
    ) -> Read<()> {
        if field.wire_type != BYTES {
            return self.float(field, name).and_then(each);
        }
        let mut packed = self.message(field, name, name)?;
        while packed.at < packed.end {
            each(packed.fixed64()?)?;
        }
        Ok(())
    }

    /// Passes over a field that is not known.
    pub(super) fn skip(&mut self, field: Field) -> Read<()> {
        self.skip_value(field.wire_type)?;
        let mut depth = usize::from(field.wire_type == GROUP_START);
        while depth > 0 {
            let tag = self.varint()?;
            match u8::try_from(tag & 7).expect("three bits") {
                GROUP_START => depth += 1,
                GROUP_END => depth -= 1,
                wire_type => self.skip_value(wire_type)?,
            }
        }
        Ok(())
    }

    /// Returns an error at the start of the field.
    pub(super) fn error_at(&self, field: Field, problem: WireProblem) -> WireError {
        self.error(field.start, problem)
    }

    fn skip_value(&mut self, wire_type: u8) -> Read<()> {
        match wire_type {
            VARINT => self.varint().map(drop),
            FIXED64 => self.take(8).map(drop),
            BYTES => self.sized().map(drop),
            FIXED32 => self.take(4).map(drop),
            GROUP_START => Ok(()),
            _ => Err(self.error(self.at, WireProblem::IllegalWireType(wire_type))),
        }
    }

    fn expect(&self, field: Field, wire_type: u8, name: &'static str) -> Read<()> {
        if field.wire_type == wire_type {
            return Ok(());
        }
        let problem = WireProblem::WrongWireType { wire_type: field.wire_type, field: name };
        Err(self.error(field.start, problem))
    }

    // PERF: nearly all numbers of a page, heads and sizes above all, are one byte.
    fn varint(&mut self) -> Read<u64> {
        match self.page[..self.end].get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Read<u64> {
        let start = self.at;
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.page[..self.end].get(self.at) else {
                return Err(self.error(start, WireProblem::Truncated));
            };
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.error(start, WireProblem::Overflow))
    }

    fn fixed64(&mut self) -> Read<f64> {
        let start = self.at;
        let range = self.take(8)?;
        let bytes = self.page[range].try_into();
        bytes.map(f64::from_le_bytes).map_err(|_| self.error(start, WireProblem::Truncated))
    }

    fn sized(&mut self) -> Read<Range<usize>> {
        let start = self.at;
        let size = self.varint()?;
        if i64::try_from(size).is_err() {
            return Err(self.error(start, WireProblem::NegativeLength));
        }
        let size = usize::try_from(size);
        size.map_err(|_| self.error(start, WireProblem::Truncated)).and_then(|size| self.take(size))
    }

    /// Passes over `size` bytes.
    fn take(&mut self, size: usize) -> Read<Range<usize>> {
        let start = self.at;
        if size > self.end - start {
            return Err(self.error(start, WireProblem::Truncated));
        }
        self.at += size;
        Ok(start..self.at)
    }

    #[cold]
    fn error(&self, offset: usize, problem: WireProblem) -> WireError {
        WireError { offset, problem }
    }
}
