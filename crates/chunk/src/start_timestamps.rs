//! Since when samples count, as the encodings 4 to 6 keep it.
//!
//! # Format
//!
//! The third byte of the chunk says what there is. Its top bit tells that the first sample has a
//! start: behind that sample stands, as a signed varint, how long before it the start lies. The other
//! bits are the index of the first sample whose start differs from the one before, 0 for none. Behind
//! this one and all later samples stands, as a signed varbit integer, how long the start lies before
//! the *previous* sample: of the first of them in full, of the others the change.
//!
//! As the index has seven bits, starts are written from sample 127 on, whether they change or not.
//!
//! # Source
//!
//! Prometheus `tsdb/chunkenc/st.go` and `xor2.go`, which keep starts in the same way.

use crate::bits::{BitReader, BitSink, varbit, varint};

/// What the third byte of a chunk says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StartHeader(pub(crate) u8);

impl StartHeader {
    const FIRST_KNOWN: u8 = 0x80;
    /// The last sample from which on starts can be written.
    pub(crate) const INDEX_MAX: u16 = 0x7f;

    /// Returns whether any start is written.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn first_is_known(self) -> bool {
        self.0 & Self::FIRST_KNOWN != 0
    }

    /// Returns from which sample on starts are written, where they are.
    fn first_change(self) -> Option<u16> {
        let index = u16::from(self.0) & Self::INDEX_MAX;
        (index > 0).then_some(index)
    }
}

/// Reads the starts of the samples, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartReader {
    header: StartHeader,
    /// When the sample read last starts to count.
    pub(crate) start_ms: i64,
    /// By how much that lies before the sample before.
    distance_ms: i64,
}

impl StartReader {
    pub(crate) fn new(header: StartHeader) -> Self {
        Self { header, start_ms: 0, distance_ms: 0 }
    }

    /// Reads what stands behind the first sample.
    #[inline]
    pub(crate) fn read_first(&mut self, reader: &mut BitReader<'_>, timestamp_ms: i64) {
        if self.header.first_is_known() {
            let distance_ms = reader.take_varint();
            self.start_ms = timestamp_ms.wrapping_sub(distance_ms);
        }
    }

    /// Reads what stands behind the sample `index`, 1 or more.
    #[inline(always)]
    pub(crate) fn read_next(&mut self, reader: &mut BitReader<'_>, index: usize, previous_ms: i64) {
        let Some(first_change) = self.header.first_change().map(usize::from) else { return };
        if index >= first_change {
            let number = reader.take_signed();
            let before = if index == first_change { 0 } else { self.distance_ms };
            self.distance_ms = before.wrapping_add(number);
            self.start_ms = previous_ms.wrapping_sub(self.distance_ms);
        }
    }
}

/// What must be known of a sample to write its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartSample {
    /// How many samples come before it.
    pub(crate) index: u16,
    pub(crate) timestamp_ms: i64,
    pub(crate) start_ms: i64,
    /// The sample before.
    pub(crate) previous: PreviousStart,
}

/// What must be known of the sample before; of no matter where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PreviousStart {
    pub(crate) timestamp_ms: i64,
    /// By how much the sample is newer than the one before it.
    pub(crate) delta_ms: i64,
    pub(crate) start_ms: i64,
}

/// Writes the start of a sample behind it, and returns what the header must say from now on.
#[inline]
pub(crate) fn push_start(
    out: &mut impl BitSink,
    header: StartHeader,
    sample: StartSample,
) -> StartHeader {
    let StartSample { index, start_ms, previous, .. } = sample;
    if index == 0 {
        return push_first(out, sample);
    }
    let is_changed = start_ms != previous.start_ms || index == StartHeader::INDEX_MAX;
    // Only a chunk that others wrote can get beyond that without starts. It stays without.
    let is_changed = is_changed && index <= StartHeader::INDEX_MAX;
    let distance_ms = previous.timestamp_ms.wrapping_sub(start_ms);
    if header.first_change().is_some() {
        let before_ms = previous.timestamp_ms.wrapping_sub(previous.delta_ms);
        let old_distance_ms = before_ms.wrapping_sub(previous.start_ms);
        varbit::push_signed(out, distance_ms.wrapping_sub(old_distance_ms));
    } else if is_changed {
        varbit::push_signed(out, distance_ms);
        let index = u8::try_from(index).expect("an index of seven bits");
        return StartHeader(header.0 | index);
    }
    header
}

#[cold]
fn push_first(out: &mut impl BitSink, sample: StartSample) -> StartHeader {
    if sample.start_ms == 0 {
        return StartHeader::default();
    }
    varint::push_signed(out, sample.timestamp_ms.wrapping_sub(sample.start_ms));
    StartHeader(StartHeader::FIRST_KNOWN)
}
