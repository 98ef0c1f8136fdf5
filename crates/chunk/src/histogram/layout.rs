use std::sync::Arc;

use narthex_model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span, is_known_schema};

use crate::bits::{BitReader, BitSink, varbit};
use crate::error::Fault;

/// What the histograms of a chunk have in common, but for where their buckets are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) custom_bounds: Arc<[f64]>,
}

impl Layout {
    /// Returns whether the bounds of the buckets are named.
    pub(super) fn has_custom_bounds(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }
}

/// Where the buckets of the histograms of a chunk are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spans<S> {
    pub(super) positive: S,
    pub(super) negative: S,
}

/// Writes what comes before the samples.
pub(super) fn push_layout(out: &mut impl BitSink, layout: &Layout, spans: Spans<&[Span]>) {
    push_zero_threshold(out, layout.zero_threshold);
    varbit::push_signed(out, i64::from(layout.schema));
    push_spans(out, spans.positive);
    push_spans(out, spans.negative);
    if layout.has_custom_bounds() {
        varbit::push_unsigned(out, layout.custom_bounds.len() as u64);
        for bound in &*layout.custom_bounds {
            push_bound(out, *bound);
        }
    }
}

/// Reads what [`push_layout`] wrote.
pub(super) fn read_layout(reader: &mut BitReader<'_>) -> Result<(Layout, Spans<Vec<Span>>), Fault> {
    let zero_threshold = read_zero_threshold(reader);
    let schema = reader.take_signed();
    let positive = read_spans(reader)?;
    let negative = read_spans(reader)?;
    let schema = match i32::try_from(schema) {
        Ok(known) if is_known_schema(known) => known,
        _ => return Err(Fault::UnknownSchema(schema)),
    };
    let custom_bounds =
        if schema == CUSTOM_BUCKETS_SCHEMA { read_bounds(reader)? } else { Arc::default() };
    Ok((Layout { schema, zero_threshold, custom_bounds }, Spans { positive, negative }))
}

fn push_spans(out: &mut impl BitSink, spans: &[Span]) {
    varbit::push_unsigned(out, spans.len() as u64);
    for span in spans {
        varbit::push_unsigned(out, u64::from(span.length));
        varbit::push_signed(out, i64::from(span.offset));
    }
}

fn read_spans(reader: &mut BitReader<'_>) -> Result<Vec<Span>, Fault> {
    let count = reader.take_unsigned();
    let mut spans = Vec::new();
    for _ in 0..count {
        let length = u32::try_from(reader.take_unsigned());
        let offset = i32::try_from(reader.take_signed());
        // The count may be anything; the spans must be there.
        if reader.is_overrun() {
            return Err(Fault::Truncated);
        }
        let (Ok(length), Ok(offset)) = (length, offset) else { return Err(Fault::BadSpan) };
        spans.push(Span { offset, length });
    }
    Ok(spans)
}

/// Writes a threshold: zero and the powers of two that one byte describes as a byte, others as 255
/// and their bits.
fn push_zero_threshold(out: &mut impl BitSink, threshold: f64) {
    if threshold == 0.0 {
        return out.push(0, 8);
    }
    let bits = threshold.to_bits();
    let exponent = (bits >> EXPONENT_SHIFT).wrapping_sub(POWER_BIAS);
    if bits.trailing_zeros() >= EXPONENT_SHIFT && (1..RAW_FOLLOWS).contains(&exponent) {
        return out.push(exponent, 8);
    }
    out.push(RAW_FOLLOWS, 8);
    out.push(bits, 64);
}

fn read_zero_threshold(reader: &mut BitReader<'_>) -> f64 {
    reader.refill();
    f64::from_bits(match reader.take(8) {
        0 => 0,
        RAW_FOLLOWS => reader.take_wide(64),
        exponent => (exponent + POWER_BIAS) << EXPONENT_SHIFT,
    })
}

/// Writes a bound: a number of thousandths that has up to 25 bits as an integer, others as zero and
/// their bits.
#[expect(clippy::cast_possible_truncation, reason = "the range is looked at before")]
#[expect(clippy::cast_sign_loss, reason = "the range is looked at before")]
fn push_bound(out: &mut impl BitSink, bound: f64) {
    let thousandths = (bound * 1_000.0).round();
    let is_short = (0.0..=THOUSANDTHS_MAX).contains(&(bound * 1_000.0));
    if is_short && thousandths / 1_000.0 == bound {
        return varbit::push_unsigned(out, thousandths as u64 + 1);
    }
    varbit::push_unsigned(out, 0);
    out.push(bound.to_bits(), 64);
}

#[expect(clippy::cast_precision_loss, reason = "numbers that were written are far smaller")]
fn read_bounds(reader: &mut BitReader<'_>) -> Result<Arc<[f64]>, Fault> {
    let count = reader.take_unsigned();
    let mut bounds = Vec::new();
    for _ in 0..count {
        bounds.push(match reader.take_unsigned() {
            0 => f64::from_bits(reader.take_wide(64)),
            number => (number - 1) as f64 / 1_000.0,
        });
        // The count may be anything; the bounds must be there.
        if reader.is_overrun() {
            return Err(Fault::Truncated);
        }
    }
    Ok(bounds.into())
}

/// In place of a power of two, says that 64 bits follow.
const RAW_FOLLOWS: u64 = 255;
/// What a power of two is short of its exponent as floats have it: 2^-243 is 1.
const POWER_BIAS: u64 = 1023 - 244;
/// How many bits of a float lie below its exponent.
const EXPONENT_SHIFT: u32 = 52;
/// The greatest number of thousandths whose successor has 25 bits.
const THOUSANDTHS_MAX: f64 = 33_554_430.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::BitVec;

    fn bytes(write: impl FnOnce(&mut BitVec)) -> Vec<u8> {
        let mut out = BitVec::resume(Vec::new(), 0);
        write(&mut out);
        out.as_bytes().to_vec()
    }

    #[test]
    fn zero_thresholds() {
        for (threshold, first, size) in [
            (0.0, 0, 1),
            (2_f64.powi(-243), 1, 1),
            (2_f64.powi(-128), 116, 1),
            (1.0, 244, 1),
            (1_024.0, 254, 1),
            (2_f64.powi(-244), 255, 9),
            (2_048.0, 255, 9),
            (0.3, 255, 9),
            (-1.0, 255, 9),
            (f64::INFINITY, 255, 9),
            (f64::from_bits(1), 255, 9),
        ] {
            let bytes = bytes(|out| push_zero_threshold(out, threshold));
            assert_eq!((bytes[0], bytes.len()), (first, size), "{threshold}");
            assert_eq!(read_zero_threshold(&mut BitReader::new(&bytes)), threshold);
        }
    }

    #[test]
    fn bounds() {
        for (bound, bit_count) in [
            (0.0, 5),
            (0.005, 5),
            (0.25, 13),
            (1.0, 17),
            (33_554.43, 32),
            (33_554.431, 65),
            (33_554.5, 65),
            (0.0005, 65),
            (-1.0, 65),
            (f64::NEG_INFINITY, 65),
            (0.1 + 0.2, 65),
        ] {
            let layout = Layout {
                schema: CUSTOM_BUCKETS_SCHEMA,
                custom_bounds: [bound].into(),
                ..Layout::default()
            };
            let none = Spans { positive: &[][..], negative: &[] };
            let bytes = bytes(|out| push_layout(out, &layout, none));
            // The threshold, the schema, no spans, and one bound.
            assert_eq!(bytes.len(), usize::div_ceil(8 + 13 + 2 + 5 + bit_count, 8), "{bound}");
            let (read, _) = read_layout(&mut BitReader::new(&bytes)).unwrap();
            assert_eq!(read, layout);
        }
    }
}
