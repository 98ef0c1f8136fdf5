use std::path::Path;

use narthex_host::Files;
use serde::{Deserialize, Serialize};

use super::file::{read_file, replace_file};
use super::{BlockError, Ulid};

/// What `meta.json` says of a block.
///
/// Fields that it holds beside these are passed over, and are gone when the file is written again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockMeta {
    /// The name of the block, and of its folder.
    pub ulid: Ulid,
    /// The time of the first sample that the block may hold, in milliseconds since the Unix epoch.
    #[serde(rename = "minTime")]
    pub min_ms: i64,
    /// The time from which on the block holds no sample.
    #[serde(rename = "maxTime")]
    pub end_ms: i64,
    /// How much the block holds.
    #[serde(default)]
    pub stats: BlockStats,
    /// How the block came to be.
    pub compaction: BlockCompaction,
    /// The version of this file: 1, or 2 for blocks of Prometheus 2.1, whose index says that it is
    /// of version 1 and is of version 2.
    pub version: u32,
}

/// How much a block holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockStats {
    /// Samples of all kinds.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_samples: u64,
    /// Floats among them.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_float_samples: u64,
    /// Histograms among them.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_histogram_samples: u64,
    /// Series.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_series: u64,
    /// Chunks.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_chunks: u64,
    /// Ranges of series that were deleted and are still there.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_tombstones: u64,
}

/// How a block came to be, and what is to become of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockCompaction {
    /// How often samples of the block were compacted: 1 for a block of the head.
    pub level: u32,
    /// The blocks of the head that the samples came from, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Ulid>,
    /// Whether nothing of the block is wanted any more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deletable: bool,
    /// The blocks that this one was made from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<BlockDesc>,
    /// Whether a compaction of the block failed, so that no other tries it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub failed: bool,
    /// What else there is to know, sorted: see [`BlockCompaction::OUT_OF_ORDER`] and its like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Box<str>>,
}

/// A block that another was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockDesc {
    /// Its name.
    pub ulid: Ulid,
    /// The time of the first sample that it could hold, in milliseconds since the Unix epoch.
    #[serde(rename = "minTime")]
    pub min_ms: i64,
    /// The time from which on it held none.
    #[serde(rename = "maxTime")]
    pub end_ms: i64,
}

impl BlockCompaction {
    /// The hint of blocks whose samples all came out of order.
    pub const OUT_OF_ORDER: &str = "from-out-of-order";
    /// The hint of blocks of series that had gone stale.
    pub const STALE_SERIES: &str = "from-stale-series";
    /// The hint of blocks of series that somebody chose.
    pub const SELECTED_SERIES: &str = "from-selected-series";

    /// The hints of blocks that hold only a part of what came in their time.
    pub(crate) const PARTIAL: [&str; 3] =
        [Self::OUT_OF_ORDER, Self::STALE_SERIES, Self::SELECTED_SERIES];

    /// Returns whether the block has a hint.
    #[must_use]
    pub fn has_hint(&self, hint: &str) -> bool {
        self.hints.iter().any(|item| **item == *hint)
    }

    /// Gives the block a hint.
    pub fn set_hint(&mut self, hint: &str) {
        if let Err(place) = self.hints.binary_search_by(|item| (**item).cmp(hint)) {
            self.hints.insert(place, hint.into());
        }
    }
}

impl BlockMeta {
    /// Returns what a block of the head is called and says of itself before it is written.
    #[must_use]
    pub fn of_head(ulid: Ulid, min_ms: i64, end_ms: i64) -> Self {
        let compaction = BlockCompaction { level: 1, sources: vec![ulid], ..Default::default() };
        let stats = BlockStats::default();
        Self { ulid, min_ms, end_ms, stats, compaction, version: VERSION }
    }

    /// Returns what stands for the block in those made from it.
    #[must_use]
    pub fn desc(&self) -> BlockDesc {
        BlockDesc { ulid: self.ulid, min_ms: self.min_ms, end_ms: self.end_ms }
    }

    /// Returns whether the block may hold samples from `min_ms` to `max_ms`, both included.
    #[must_use]
    pub fn overlaps(&self, min_ms: i64, max_ms: i64) -> bool {
        self.min_ms <= max_ms && min_ms < self.end_ms
    }

    /// Reads the file in the folder of a block. Returns its size too.
    pub(crate) fn read(files: &dyn Files, dir: &Path) -> Result<(Self, u64), BlockError> {
        let path = dir.join(META_NAME);
        let bytes = read_file(files, &path, META_SIZE_MAX)?;
        let meta = serde_json::from_slice::<Self>(&bytes)
            .map_err(|source| BlockError::Meta { path: path.clone(), source })?;
        if !is_as_written(&bytes) {
            return Err(BlockError::damaged(&path, 0, "the checksum does not match"));
        }
        if !matches!(meta.version, VERSION | VERSION_OF_WRONG_INDEX) {
            return Err(BlockError::damaged(&path, 0, "an unknown version"));
        }
        if meta.min_ms > meta.end_ms {
            return Err(BlockError::damaged(
                &path,
                0,
                "a range of time that ends before it begins",
            ));
        }
        Ok((meta, bytes.len() as u64))
    }

    /// Writes the file, in place of an older one. Returns its size.
    pub(crate) fn write(&self, files: &dyn Files, dir: &Path) -> Result<u64, BlockError> {
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        self.serialize(&mut serializer).expect("plain fields, written to memory");
        let body_size = bytes.len() - END.len();
        let checksum = crc32c::crc32c(&bytes[..body_size]);
        bytes.truncate(body_size);
        bytes.extend_from_slice(CHECKSUM_FIELD.as_bytes());
        bytes.extend_from_slice(checksum.to_string().as_bytes());
        bytes.extend_from_slice(END.as_bytes());
        replace_file(files, &dir.join(META_NAME), &bytes)?;
        Ok(bytes.len() as u64)
    }

    /// Returns whether the index says that it is of version 1 and is of version 2.
    pub(super) fn has_wrong_index_version(&self) -> bool {
        self.version == VERSION_OF_WRONG_INDEX
    }
}

/// Returns whether nothing in front of the checksum changed, where there is one: the reference
/// writes none, and drops ours when it writes the file again.
///
/// Without it a bit that turns in a time would hide samples, or refuse later ones as too old.
fn is_as_written(bytes: &[u8]) -> bool {
    let field = CHECKSUM_FIELD.as_bytes();
    let Some(place) = bytes.windows(field.len()).rposition(|window| window == field) else {
        return true;
    };
    let (body, rest) = bytes.split_at(place);
    let number = rest[field.len()..].strip_suffix(END.as_bytes());
    let number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    number == Some(crc32c::crc32c(body))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

const META_NAME: &str = "meta.json";
/// A block of ten years, made from blocks of two hours, names 44,000 sources of 34 bytes.
const META_SIZE_MAX: u64 = 16 << 20;
/// The last field of the file, of our own: a CRC-32C of all that stands before it.
const CHECKSUM_FIELD: &str = ",\n\t\"narthexChecksum\": ";
const END: &str = "\n}";
const VERSION: u32 = 1;
const VERSION_OF_WRONG_INDEX: u32 = 2;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use narthex_host::Simulation;

    use super::{BlockCompaction, BlockMeta, CHECKSUM_FIELD, Ulid};

    #[test]
    fn the_file_is_written_as_the_reference_writes_it_but_for_a_checksum() {
        let simulation = Simulation::new(1);
        let files = &*simulation.host().files;
        let dir = Path::new("block");
        files.create_dir_all(dir).unwrap();
        let ulid = "01M81NJWN008SWVKYS99C8K2ZS".parse::<Ulid>().unwrap();
        let mut meta = BlockMeta::of_head(ulid, 1_000, 2_000);
        meta.stats.num_samples = 7;
        meta.compaction.set_hint(BlockCompaction::STALE_SERIES);
        meta.compaction.set_hint(BlockCompaction::OUT_OF_ORDER);
        meta.compaction.set_hint(BlockCompaction::OUT_OF_ORDER);
        let size = meta.write(files, dir).unwrap();
        let text = concat!(
            "{\n\t\"ulid\": \"01M81NJWN008SWVKYS99C8K2ZS\",\n\t\"minTime\": 1000,\n",
            "\t\"maxTime\": 2000,\n\t\"stats\": {\n\t\t\"numSamples\": 7\n\t},\n",
            "\t\"compaction\": {\n\t\t\"level\": 1,\n\t\t\"sources\": [\n",
            "\t\t\t\"01M81NJWN008SWVKYS99C8K2ZS\"\n\t\t],\n\t\t\"hints\": [\n",
            "\t\t\t\"from-out-of-order\",\n\t\t\t\"from-stale-series\"\n\t\t]\n\t},\n",
            "\t\"version\": 1,\n\t\"narthexChecksum\": 4141227441\n}"
        );
        let mut found = vec![0; text.len() + 1];
        let file = files.open_read(&dir.join("meta.json")).unwrap();
        let count = file.read_at(0, &mut found).unwrap();
        assert_eq!(std::str::from_utf8(&found[..count]).unwrap(), text);
        assert_eq!(BlockMeta::read(files, dir).unwrap(), (meta, size));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let simulation = Simulation::new(1);
        let files = &*simulation.host().files;
        files.create_dir_all(Path::new("")).unwrap();
        let good = r#"{"ulid":"01M81NJWN008SWVKYS99C8K2ZS","minTime":1,"maxTime":2,
            "compaction":{"level":1},"version":1,"thanos":{"labels":{}}}"#;
        let unmarked = good.strip_suffix('}').unwrap();
        let checksum = crc32c::crc32c(unmarked.as_bytes());
        let cases = [
            ("", false),
            ("{}", false),
            (good, true),
            (&format!("{unmarked}{CHECKSUM_FIELD}{checksum}\n}}"), true),
            (&format!("{unmarked}{CHECKSUM_FIELD}{}\n}}", checksum ^ 1), false),
            (&format!("{unmarked}{CHECKSUM_FIELD}\"{checksum}\"\n}}"), false),
            (&format!("{unmarked}{CHECKSUM_FIELD}{checksum}, \"mine\": 1\n}}"), false),
            (&good.replace("\"version\":1", "\"version\":3"), false),
            (&good.replace("\"minTime\":1", "\"minTime\":3"), false),
            (&good.replace("01M8", "U1M8"), false),
            (&good[..good.len() / 2], false),
        ];
        for (text, is_good) in cases {
            let path = Path::new("meta.json");
            let mut file = files.open_append(path).unwrap();
            file.truncate(0).unwrap();
            file.append(text.as_bytes()).unwrap();
            assert_eq!(BlockMeta::read(files, Path::new("")).is_ok(), is_good, "{text}");
        }
    }
}
