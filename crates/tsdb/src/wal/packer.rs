use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use zstd::bulk::{Compressor, Decompressor};

use super::frame::{RECORD_SIZE_MAX, SNAPPY_FLAG, ZSTD_FLAG};
use super::record;
use crate::WalCompression;

/// Compresses records where that makes them smaller.
pub(super) struct Packer {
    snappy: snap::raw::Encoder,
    zstd: Option<Compressor<'static>>,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new(compression: WalCompression) -> io::Result<Self> {
        let zstd = match compression {
            WalCompression::Zstd => Some(Compressor::new(ZSTD_LEVEL)?),
            WalCompression::None | WalCompression::Snappy => None,
        };
        Ok(Self { snappy: snap::raw::Encoder::new(), zstd, packed: Vec::new() })
    }

    /// Returns what is to be written for `record`, and the flags of its fragments.
    pub(super) fn pack<'a>(
        &'a mut self,
        compression: WalCompression,
        record: &'a [u8],
    ) -> (&'a [u8], u8) {
        let packed = match compression {
            WalCompression::None => None,
            WalCompression::Snappy => self.pack_snappy(record),
            WalCompression::Zstd => self.pack_zstd(record),
        };
        match packed {
            Some((size, flag)) if size < record.len() => (&self.packed[..size], flag),
            _ => (record, 0),
        }
    }

    /// Only a record of more than 4 GiB fails, and stays as it is.
    fn pack_snappy(&mut self, record: &[u8]) -> Option<(usize, u8)> {
        self.reserve(snap::raw::max_compress_len(record.len()));
        let size = self.snappy.compress(record, &mut self.packed).ok()?;
        Some((size, SNAPPY_FLAG))
    }

    fn pack_zstd(&mut self, record: &[u8]) -> Option<(usize, u8)> {
        self.reserve(zstd::zstd_safe::compress_bound(record.len()));
        let size = self.zstd.as_mut()?.compress_to_buffer(record, &mut self.packed[..]).ok()?;
        Some((size, ZSTD_FLAG))
    }

    fn reserve(&mut self, size: usize) {
        self.packed.resize(size.max(self.packed.len()), 0);
    }
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

/// Takes compressed records apart, and puts what comes out one behind the other.
#[derive(Default)]
pub(super) struct Unpacker {
    snappy: snap::raw::Decoder,
    zstd: Option<Decompressor<'static>>,
    /// As many as were ever needed.
    bytes: Vec<u8>,
    /// How many of them belong to records.
    filled: usize,
}

/// A record that was taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unpacked {
    /// Where it is.
    pub(super) place: Range<usize>,
    /// Whether its flags had a wrong bit.
    pub(super) was_repaired: bool,
}

impl Unpacker {
    /// Unpacks a record whose fragments have these flags. `None` where the bytes make no sense.
    ///
    /// Checksums do not cover the flags, so that another way than they name may be the right one: it is
    /// where it gives a record that is known.
    pub(super) fn unpack(&mut self, packed: &[u8], flags: u8) -> Option<Unpacked> {
        let size = self.try_unpack(packed, flags);
        if let Some(size) = size
            && self.is_known(size)
        {
            return Some(self.keep(size, false));
        }
        for other in [0, SNAPPY_FLAG, ZSTD_FLAG] {
            if (other ^ flags).is_power_of_two()
                && let Some(size) = self.try_unpack(packed, other)
                && self.is_known(size)
            {
                return Some(self.keep(size, true));
            }
        }
        let size = size.and_then(|_| self.try_unpack(packed, flags))?;
        Some(self.keep(size, false))
    }

    /// Returns what [`Unpacker::unpack`] put there.
    pub(super) fn get(&self, unpacked: &Unpacked) -> &[u8] {
        &self.bytes[unpacked.place.clone()]
    }

    /// Forgets all records, and gives memory back but for `kept_size` bytes.
    pub(super) fn clear(&mut self, kept_size: usize) {
        self.filled = 0;
        self.bytes.truncate(kept_size);
        self.bytes.shrink_to(kept_size);
    }

    /// Returns how many bytes a record says that it has.
    pub(super) fn told_size(packed: &[u8], flags: u8) -> Option<usize> {
        match flags {
            SNAPPY_FLAG => snap::raw::decompress_len(packed).ok(),
            ZSTD_FLAG => {
                let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
                size.and_then(|size| usize::try_from(size).ok())
            }
            _ => Some(packed.len()),
        }
    }

    fn keep(&mut self, size: usize, was_repaired: bool) -> Unpacked {
        let start = self.filled;
        self.filled += size;
        Unpacked { place: start..self.filled, was_repaired }
    }

    fn is_known(&self, size: usize) -> bool {
        let kind = self.bytes[self.filled..][..size].first();
        kind.is_some_and(|kind| record::is_known(*kind))
    }

    /// Unpacks behind the records that are there. Returns how many bytes came.
    fn try_unpack(&mut self, packed: &[u8], flags: u8) -> Option<usize> {
        match flags {
            0 => {
                self.room(packed.len()).copy_from_slice(packed);
                Some(packed.len())
            }
            SNAPPY_FLAG => self.unpack_snappy(packed),
            ZSTD_FLAG => self.unpack_zstd(packed),
            _ => None,
        }
    }

    fn unpack_snappy(&mut self, packed: &[u8]) -> Option<usize> {
        let size = Self::told_size(packed, SNAPPY_FLAG)?;
        // A header cannot ask for more memory than so many bytes can fill.
        if size > RECORD_SIZE_MAX.min(packed.len().saturating_mul(SNAPPY_RATIO_MAX)) {
            return None;
        }
        self.room(size);
        self.snappy.decompress(packed, &mut self.bytes[self.filled..][..size]).ok()
    }

    fn unpack_zstd(&mut self, packed: &[u8]) -> Option<usize> {
        let size = Self::told_size(packed, ZSTD_FLAG);
        if let Some(size) = size.filter(|size| *size <= TRUSTED_SIZE_MAX) {
            if self.zstd.is_none() {
                self.zstd = Some(Decompressor::new().ok()?);
            }
            self.room(size);
            let room = &mut self.bytes[self.filled..][..size];
            return self.zstd.as_mut()?.decompress_to_buffer(packed, room).ok();
        }
        // The size is not told, or may be made up: memory grows with what really comes.
        let decoder = zstd::stream::read::Decoder::with_buffer(packed).ok()?;
        self.bytes.truncate(self.filled);
        let limit = RECORD_SIZE_MAX as u64 + 1;
        let size = decoder.take(limit).read_to_end(&mut self.bytes).ok()?;
        (size <= RECORD_SIZE_MAX).then_some(size)
    }

    fn room(&mut self, size: usize) -> &mut [u8] {
        let end = self.filled + size;
        self.bytes.resize(end.max(self.bytes.len()), 0);
        &mut self.bytes[self.filled..end]
    }
}

impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;
/// The largest size that is believed when a zstd frame names it, in bytes.
const TRUSTED_SIZE_MAX: usize = 16 << 20;
/// Three bytes of snappy copy 64 at most.
const SNAPPY_RATIO_MAX: usize = 64;
