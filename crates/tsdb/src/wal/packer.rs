use std::fmt;
use std::io::{self, Read};

use zstd::bulk::{Compressor, Decompressor};

use super::frame::{RECORD_SIZE_MAX, SNAPPY_FLAG, ZSTD_FLAG};
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

/// Takes compressed records apart.
#[derive(Default)]
pub(super) struct Unpacker {
    snappy: snap::raw::Decoder,
    zstd: Option<Decompressor<'static>>,
    unpacked: Vec<u8>,
    /// How much of it belongs to the last record; `None` where that was not compressed.
    size: Option<usize>,
}

impl Unpacker {
    /// Unpacks a record whose fragments have these flags. `None` where the bytes make no sense.
    pub(super) fn unpack(&mut self, packed: &[u8], flags: u8) -> Option<()> {
        self.size = match flags {
            0 => None,
            SNAPPY_FLAG => Some(self.unpack_snappy(packed)?),
            ZSTD_FLAG => Some(self.unpack_zstd(packed)?),
            _ => return None,
        };
        Some(())
    }

    /// Returns what [`Unpacker::unpack`] made of `packed`.
    pub(super) fn unpacked<'a>(&'a self, packed: &'a [u8]) -> &'a [u8] {
        self.size.map_or(packed, |size| &self.unpacked[..size])
    }

    fn unpack_snappy(&mut self, packed: &[u8]) -> Option<usize> {
        let size = snap::raw::decompress_len(packed).ok()?;
        // A header cannot ask for more memory than so many bytes can fill.
        if size > RECORD_SIZE_MAX.min(packed.len().saturating_mul(SNAPPY_RATIO_MAX)) {
            return None;
        }
        self.reserve(size);
        self.snappy.decompress(packed, &mut self.unpacked[..size]).ok()
    }

    fn unpack_zstd(&mut self, packed: &[u8]) -> Option<usize> {
        let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
        let size = size.and_then(|size| usize::try_from(size).ok());
        if let Some(size) = size.filter(|size| *size <= TRUSTED_SIZE_MAX) {
            if self.zstd.is_none() {
                self.zstd = Some(Decompressor::new().ok()?);
            }
            self.reserve(size);
            return self
                .zstd
                .as_mut()?
                .decompress_to_buffer(packed, &mut self.unpacked[..size])
                .ok();
        }
        // The size is not told, or may be made up: memory grows with what really comes.
        let decoder = zstd::stream::read::Decoder::with_buffer(packed).ok()?;
        self.unpacked.clear();
        let limit = RECORD_SIZE_MAX as u64 + 1;
        let size = decoder.take(limit).read_to_end(&mut self.unpacked).ok()?;
        (size <= RECORD_SIZE_MAX).then_some(size)
    }

    fn reserve(&mut self, size: usize) {
        self.unpacked.resize(size.max(self.unpacked.len()), 0);
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
