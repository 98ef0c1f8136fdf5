use narthex_model::histogram::{
    Buckets, EXPONENTIAL_SCHEMA_MAX, FloatHistogram, Histogram, ResetHint, Span, is_known_schema,
};

use super::{
    CUSTOM_FLOAT_HISTOGRAMS, CUSTOM_HISTOGRAMS, FLOAT_HISTOGRAMS, FLOAT_HISTOGRAMS_V2, HISTOGRAMS,
    HISTOGRAMS_V2, RefHistogram, StartTimes,
};
use crate::codec::{Cursor, put_float, put_signed, put_unsigned};

/// Both kinds of histograms. They differ in the kinds of their records and in how counts are
/// written.
pub(crate) trait WalHistogram: Sized {
    /// The kinds of records for exponential buckets, for custom ones, and for all with start times.
    const KINDS: [u8; 3];

    fn has_custom_buckets(&self) -> bool;
    fn decode(body: &mut Cursor<'_>) -> Option<Self>;
    fn encode(&self, out: &mut Vec<u8>);
    fn schema(&self) -> i32;
    fn reduce_resolution(&mut self, schema: i32);
}

/// References and times are differences to the first histogram.
pub(super) fn decode<'a, H: WalHistogram>(
    body: &mut Cursor<'_>,
    items: &'a mut Vec<RefHistogram<H>>,
) -> Option<&'a [RefHistogram<H>]> {
    items.clear();
    if body.is_empty() {
        return Some(items);
    }
    let (first_reference, first_ms) = (body.word()?, body.word()?.cast_signed());
    while !body.is_empty() {
        let reference = first_reference.wrapping_add_signed(body.signed()?);
        let timestamp_ms = first_ms.wrapping_add(body.signed()?);
        let item = (reference, timestamp_ms, 0);
        items.extend(decode_item(item, body)?);
    }
    Some(items)
}

/// References are differences to the histogram before, times to the first one.
pub(super) fn decode_with_starts<'a, H: WalHistogram>(
    body: &mut Cursor<'_>,
    items: &'a mut Vec<RefHistogram<H>>,
) -> Option<&'a [RefHistogram<H>]> {
    items.clear();
    if body.is_empty() {
        return Some(items);
    }
    let mut reference = body.signed()?.cast_unsigned();
    let first_ms = body.signed()?;
    let mut start_ms = body.signed()?;
    let mut timestamp_ms = first_ms;
    let mut starts = StartTimes::new(start_ms);
    loop {
        items.extend(decode_item((reference, timestamp_ms, start_ms), body)?);
        if body.is_empty() {
            return Some(items);
        }
        reference = reference.wrapping_add_signed(body.signed()?);
        timestamp_ms = first_ms.wrapping_add(body.signed()?);
        start_ms = starts.decode(body)?;
    }
}

/// The inner option is `None` for a histogram of a schema that nobody knows, which is left out.
#[expect(clippy::option_option, reason = "the outer one is a record that makes no sense")]
fn decode_item<H: WalHistogram>(
    (reference, timestamp_ms, start_timestamp_ms): (u64, i64, i64),
    body: &mut Cursor<'_>,
) -> Option<Option<RefHistogram<H>>> {
    let mut histogram = H::decode(body)?;
    if !is_known_schema(histogram.schema()) {
        return Some(None);
    }
    histogram.reduce_resolution(EXPONENTIAL_SCHEMA_MAX);
    Some(Some(RefHistogram { reference, timestamp_ms, start_timestamp_ms, histogram }))
}

/// Adds records of `items` to `records`: those with custom buckets in one of their own, unless start
/// times are written too.
pub(crate) fn encode_histograms<'a, H: WalHistogram + 'a>(
    items: impl Iterator<Item = RefHistogram<&'a H>> + Clone,
    with_starts: bool,
    records: &mut Vec<Vec<u8>>,
) {
    let [exponential, custom, all] = H::KINDS;
    let encoded = if with_starts {
        vec![encode_with_starts(all, items)]
    } else {
        let is_custom = |item: &RefHistogram<&H>| item.histogram.has_custom_buckets();
        vec![
            encode(exponential, items.clone().filter(|item| !is_custom(item))),
            encode(custom, items.filter(is_custom)),
        ]
    };
    records.extend(encoded.into_iter().filter(|record| record.len() > 1));
}

fn encode<'a, H: WalHistogram + 'a>(
    kind: u8,
    items: impl Iterator<Item = RefHistogram<&'a H>>,
) -> Vec<u8> {
    let mut out = vec![kind];
    let mut items = items.peekable();
    let Some(&RefHistogram { reference, timestamp_ms, .. }) = items.peek() else { return out };
    out.extend_from_slice(&reference.to_be_bytes());
    out.extend_from_slice(&timestamp_ms.to_be_bytes());
    for item in items {
        put_signed(&mut out, item.reference.wrapping_sub(reference).cast_signed());
        put_signed(&mut out, item.timestamp_ms.wrapping_sub(timestamp_ms));
        item.histogram.encode(&mut out);
    }
    out
}

fn encode_with_starts<'a, H: WalHistogram + 'a>(
    kind: u8,
    mut items: impl Iterator<Item = RefHistogram<&'a H>>,
) -> Vec<u8> {
    let mut out = vec![kind];
    let Some(first) = items.next() else { return out };
    put_signed(&mut out, first.reference.cast_signed());
    put_signed(&mut out, first.timestamp_ms);
    put_signed(&mut out, first.start_timestamp_ms);
    first.histogram.encode(&mut out);
    let (mut starts, mut reference) = (StartTimes::new(first.start_timestamp_ms), first.reference);
    for item in items {
        put_signed(&mut out, item.reference.wrapping_sub(reference).cast_signed());
        put_signed(&mut out, item.timestamp_ms.wrapping_sub(first.timestamp_ms));
        starts.encode(item.start_timestamp_ms, &mut out);
        item.histogram.encode(&mut out);
        reference = item.reference;
    }
    out
}

impl WalHistogram for Histogram {
    const KINDS: [u8; 3] = [HISTOGRAMS, CUSTOM_HISTOGRAMS, HISTOGRAMS_V2];

    fn has_custom_buckets(&self) -> bool {
        self.has_custom_buckets()
    }

    fn decode(body: &mut Cursor<'_>) -> Option<Self> {
        let mut histogram = Self {
            reset_hint: decode_hint(body.byte()?),
            schema: i32::try_from(body.signed()?).ok()?,
            zero_threshold: body.float()?,
            zero_count: body.unsigned()?,
            count: body.unsigned()?,
            sum: body.float()?,
            ..Self::default()
        };
        let Self { positive, negative, .. } = &mut histogram;
        decode_buckets(body, positive, negative, Cursor::signed)?;
        if histogram.has_custom_buckets() {
            histogram.custom_bounds = decode_list(body, Cursor::float)?.into();
        }
        Some(histogram)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(encode_hint(self.reset_hint));
        put_signed(out, self.schema.into());
        put_float(out, self.zero_threshold);
        put_unsigned(out, self.zero_count);
        put_unsigned(out, self.count);
        put_float(out, self.sum);
        encode_buckets(&self.positive, &self.negative, put_signed, out);
        if self.has_custom_buckets() {
            encode_list(&self.custom_bounds, put_float, out);
        }
    }

    fn schema(&self) -> i32 {
        self.schema
    }

    fn reduce_resolution(&mut self, schema: i32) {
        self.reduce_resolution(schema);
    }
}

impl WalHistogram for FloatHistogram {
    const KINDS: [u8; 3] = [FLOAT_HISTOGRAMS, CUSTOM_FLOAT_HISTOGRAMS, FLOAT_HISTOGRAMS_V2];

    fn has_custom_buckets(&self) -> bool {
        self.has_custom_buckets()
    }

    fn decode(body: &mut Cursor<'_>) -> Option<Self> {
        let mut histogram = Self {
            reset_hint: decode_hint(body.byte()?),
            schema: i32::try_from(body.signed()?).ok()?,
            zero_threshold: body.float()?,
            zero_count: body.float()?,
            count: body.float()?,
            sum: body.float()?,
            ..Self::default()
        };
        let Self { positive, negative, .. } = &mut histogram;
        decode_buckets(body, positive, negative, Cursor::float)?;
        if histogram.has_custom_buckets() {
            histogram.custom_bounds = decode_list(body, Cursor::float)?.into();
        }
        Some(histogram)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(encode_hint(self.reset_hint));
        put_signed(out, self.schema.into());
        for value in [self.zero_threshold, self.zero_count, self.count, self.sum] {
            put_float(out, value);
        }
        encode_buckets(&self.positive, &self.negative, put_float, out);
        if self.has_custom_buckets() {
            encode_list(&self.custom_bounds, put_float, out);
        }
    }

    fn schema(&self) -> i32 {
        self.schema
    }

    fn reduce_resolution(&mut self, schema: i32) {
        self.reduce_resolution(schema);
    }
}

/// The spans of both sides come first, then the counts of both.
fn decode_buckets<'a, N>(
    body: &mut Cursor<'a>,
    positive: &mut Buckets<N>,
    negative: &mut Buckets<N>,
    count: impl Fn(&mut Cursor<'a>) -> Option<N>,
) -> Option<()> {
    positive.spans = decode_list(body, decode_span)?;
    negative.spans = decode_list(body, decode_span)?;
    positive.counts = decode_list(body, &count)?;
    negative.counts = decode_list(body, &count)?;
    Some(())
}

fn encode_buckets<N: Copy>(
    positive: &Buckets<N>,
    negative: &Buckets<N>,
    put_count: impl Fn(&mut Vec<u8>, N),
    out: &mut Vec<u8>,
) {
    encode_list(&positive.spans, put_span, out);
    encode_list(&negative.spans, put_span, out);
    encode_list(&positive.counts, &put_count, out);
    encode_list(&negative.counts, &put_count, out);
}

fn decode_list<'a, T>(
    body: &mut Cursor<'a>,
    item: impl Fn(&mut Cursor<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = usize::try_from(body.unsigned()?).ok()?;
    // Each item takes a byte at least.
    if count > body.len() {
        return None;
    }
    (0..count).map(|_| item(body)).collect()
}

fn encode_list<T: Copy>(items: &[T], put: impl Fn(&mut Vec<u8>, T), out: &mut Vec<u8>) {
    put_unsigned(out, items.len() as u64);
    for item in items {
        put(out, *item);
    }
}

fn decode_span(body: &mut Cursor<'_>) -> Option<Span> {
    let offset = i32::try_from(body.signed()?).ok()?;
    Some(Span { offset, length: u32::try_from(body.unsigned()?).ok()? })
}

fn put_span(out: &mut Vec<u8>, span: Span) {
    put_signed(out, span.offset.into());
    put_unsigned(out, span.length.into());
}

fn decode_hint(byte: u8) -> ResetHint {
    match byte {
        1 => ResetHint::Reset,
        2 => ResetHint::NotReset,
        3 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}

fn encode_hint(hint: ResetHint) -> u8 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NotReset => 2,
        ResetHint::Gauge => 3,
    }
}
