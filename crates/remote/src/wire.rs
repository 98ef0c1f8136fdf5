//! The protobuf wire format: as much as remote write needs, read in place.

/// Why bytes are no protobuf message of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end inside a field.
    #[error("proto: message ends inside a field")]
    Truncated,
    /// A variable-length integer has more than 64 bits.
    #[error("proto: integer overflow")]
    Overflow,
    /// A field has the number 0.
    #[error("proto: illegal tag 0")]
    IllegalTag,
    /// A field has a wire type that proto3 does not use, such as a group.
    #[error("proto: illegal wireType {wire_type}")]
    IllegalWireType {
        /// The wire type.
        wire_type: u8,
    },
    /// A known field has another wire type than its own.
    #[error("proto: wrong wireType for field {field}")]
    WrongWireType {
        /// The field's name in the message definition.
        field: &'static str,
    },
    /// A histogram has more than 65,536 buckets on one side of zero.
    #[error("proto: too many items in field {field}")]
    TooManyItems {
        /// The field's name in the message definition.
        field: &'static str,
    },
}

/// The value of one field, as the wire tells it: its type is known only to the reader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

impl<'a> Value<'a> {
    pub(crate) fn bytes(self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(DecodeError::WrongWireType { field }),
        }
    }

    pub(crate) fn double(self, field: &'static str) -> Result<f64, DecodeError> {
        match self {
            Self::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(DecodeError::WrongWireType { field }),
        }
    }

    pub(crate) fn int64(self, field: &'static str) -> Result<i64, DecodeError> {
        match self {
            Self::Varint(bits) => Ok(bits.cast_signed()),
            _ => Err(DecodeError::WrongWireType { field }),
        }
    }
}

impl Value<'_> {
    pub(crate) fn sint32(self, field: &'static str) -> Result<i32, DecodeError> {
        let value = zigzag(self.int64(field)?.cast_unsigned());
        i32::try_from(value).map_err(|_| DecodeError::Overflow)
    }

    /// Appends the items of a repeated field, packed or one of them.
    pub(crate) fn sints(self, field: &'static str, out: &mut Vec<i64>) -> Result<(), DecodeError> {
        let Self::Bytes(rest) = self else {
            out.push(zigzag(self.int64(field)?.cast_unsigned()));
            return Ok(());
        };
        let mut items = Fields { rest };
        while !items.rest.is_empty() {
            if out.len() == BUCKETS_MAX {
                return Err(DecodeError::TooManyItems { field });
            }
            out.push(zigzag(items.varint()?));
        }
        Ok(())
    }

    /// [`Value::sints`] for doubles.
    pub(crate) fn doubles(
        self,
        field: &'static str,
        out: &mut Vec<f64>,
    ) -> Result<(), DecodeError> {
        let Self::Bytes(bytes) = self else {
            out.push(self.double(field)?);
            return Ok(());
        };
        let (items, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(DecodeError::Truncated);
        }
        out.extend(items.iter().map(|item| f64::from_le_bytes(*item)));
        Ok(())
    }
}

fn zigzag(bits: u64) -> i64 {
    (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()
}

/// The fields of a message in the order of its bytes. After an error it is exhausted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), DecodeError> {
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 {
            return Err(DecodeError::IllegalTag);
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(*self.array::<8>()?)),
            2 => {
                let size = usize::try_from(self.varint()?).map_err(|_| DecodeError::Truncated)?;
                let (bytes, rest) =
                    self.rest.split_at_checked(size).ok_or(DecodeError::Truncated)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => {
                self.array::<4>()?;
                Value::Fixed32
            }
            wire_type => {
                let wire_type = u8::try_from(wire_type).unwrap_or(u8::MAX);
                return Err(DecodeError::IllegalWireType { wire_type });
            }
        };
        Ok((number, value))
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(array)
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().enumerate().take(VARINT_SIZE_MAX) {
            // The tenth byte has room for one bit.
            if index == VARINT_SIZE_MAX - 1 && byte > 1 {
                return Err(DecodeError::Overflow);
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < VARINT_SIZE_MAX {
            DecodeError::Truncated
        } else {
            DecodeError::Overflow
        })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Appends a field of varint type. Zero is the default and is left out, as senders in Go do.
pub(crate) fn put_varint_field(out: &mut Vec<u8>, number: u8, value: u64) {
    if value != 0 {
        out.push(number << 3);
        put_varint(out, value);
    }
}

/// Appends a field of eight fixed bytes, left out where all bits are zero.
pub(crate) fn put_double_field(out: &mut Vec<u8>, number: u8, value: f64) {
    if value.to_bits() != 0 {
        out.push(number << 3 | 1);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a text or a message, left out where it is empty.
pub(crate) fn put_bytes_field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_message_field(out, number, bytes);
    }
}

/// Appends an item of a repeated message, also where it is empty.
pub(crate) fn put_message_field(out: &mut Vec<u8>, number: u8, message: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, message.len() as u64);
    out.extend_from_slice(message);
}

/// Appends a signed integer in zigzag form, left out where it is zero.
pub(crate) fn put_sint_field(out: &mut Vec<u8>, number: u8, value: i64) {
    put_varint_field(out, number, to_zigzag(value));
}

/// Appends packed signed integers, left out where there are none.
pub(crate) fn put_sints_field(out: &mut Vec<u8>, number: u8, values: &[i64]) {
    let mut packed = Vec::new();
    for value in values {
        put_varint(&mut packed, to_zigzag(*value));
    }
    put_bytes_field(out, number, &packed);
}

/// Appends packed doubles, left out where there are none.
pub(crate) fn put_doubles_field(out: &mut Vec<u8>, number: u8, values: &[f64]) {
    let packed: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    put_bytes_field(out, number, &packed);
}

fn to_zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Packed buckets grow in memory: a byte becomes eight.
const BUCKETS_MAX: usize = 1 << 16;
const VARINT_SIZE_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &[u8], expected: &[Result<(u64, Value<'_>), DecodeError>]) {
        assert_eq!(Fields::new(message).collect::<Vec<_>>(), expected, "{message:?}");
    }

    #[test]
    fn fields_of_every_wire_type() {
        check(&[], &[]);
        check(&[0x08, 0x96, 0x01], &[Ok((1, Value::Varint(150)))]);
        check(&[0x11, 1, 0, 0, 0, 0, 0, 0, 0], &[Ok((2, Value::Fixed64(1)))]);
        check(&[0x1a, 2, b'h', b'i'], &[Ok((3, Value::Bytes(b"hi")))]);
        check(&[0x25, 1, 2, 3, 4, 0x08, 1], &[Ok((4, Value::Fixed32)), Ok((1, Value::Varint(1)))]);
        let mut largest = vec![0x08];
        put_varint(&mut largest, u64::MAX);
        check(&largest, &[Ok((1, Value::Varint(u64::MAX)))]);
    }

    #[test]
    fn errors_end_the_fields() {
        check(&[0x08], &[Err(DecodeError::Truncated)]);
        check(&[0x08, 0x80], &[Err(DecodeError::Truncated)]);
        check(&[0x11, 1, 2], &[Err(DecodeError::Truncated)]);
        check(&[0x1a, 3, 1, 2], &[Err(DecodeError::Truncated)]);
        check(
            &[0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[Err(DecodeError::Truncated)],
        );
        check(
            &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
            &[Err(DecodeError::Overflow)],
        );
        check(&[0x00, 0x01], &[Err(DecodeError::IllegalTag)]);
        check(&[0x0b, 0x08, 1], &[Err(DecodeError::IllegalWireType { wire_type: 3 })]);
    }
}
