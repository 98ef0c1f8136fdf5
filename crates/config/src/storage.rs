use std::time::Duration;

use narthex_yaml::{Spanned, null_as_default};
use serde::Deserialize;
use serde::ser::{SerializeMap, Serializer};

use crate::error::{ConfigProblem, Flaw};
use crate::list::{List, present};
use crate::size;
use crate::text::{self, DurationText, nonzero};

/// The `storage` section: what of the store can be changed while it is open.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct StorageConfig {
    /// How samples are held, where the file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tsdb: Option<TsdbConfig>,
    /// How exemplars are held, where the file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemplars: Option<ExemplarsConfig>,
}

/// The section `storage.tsdb`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct TsdbConfig {
    /// How much older than the newest sample one may be that comes out of order; zero for none may.
    #[serde(flatten, serialize_with = "write_window")]
    pub out_of_order_time_window: Duration,
    /// The share of series in memory that get no more samples, from 0 to 1, above which they are written
    /// out early; 0 for never.
    #[serde(skip_serializing_if = "text::is_zero_float")]
    pub stale_series_compaction_threshold: f64,
    /// How chunks are written.
    #[serde(skip_serializing_if = "text::is_default")]
    pub chunk_encoding: ChunkEncodingConfig,
    /// What is dropped because it is old, or too much, where the file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionConfig>,
}

/// The section `storage.tsdb.chunk_encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ChunkEncodingConfig {
    /// The form of chunks of floats; none for the default of the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floats: Option<FloatChunkEncoding>,
}

/// A form of chunks of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FloatChunkEncoding {
    /// `xor`: Gorilla's.
    Xor,
    /// `xor2`: its successor.
    Xor2,
}

/// The section `storage.tsdb.retention`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct RetentionConfig {
    /// How long samples are kept; zero for ever.
    #[serde(serialize_with = "text::write_duration", skip_serializing_if = "Duration::is_zero")]
    pub time: Duration,
    /// How many bytes the store may take on disk; 0 for any number.
    #[serde(
        rename = "size",
        serialize_with = "size::write",
        skip_serializing_if = "text::is_zero"
    )]
    pub size_bytes: u64,
    /// How much of the file system the store may take, in hundredths; 0 for all of it.
    #[serde(skip_serializing_if = "text::is_zero_float")]
    pub percentage: f64,
    /// Series that are kept for a shorter time; the first rule that applies to one counts. Prometheus has
    /// no such rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RetentionRuleConfig>,
}

/// An element of the section `storage.tsdb.retention.rules`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RetentionRuleConfig {
    /// Which series, such as `{job="debug"}`.
    pub selector: String,
    /// How long their samples are kept.
    #[serde(serialize_with = "text::write_duration")]
    pub time: Duration,
}

/// The section `storage.exemplars`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExemplarsConfig {
    /// How many exemplars are held, of all series together: 100,000 by default, 0 or less for none.
    pub max_exemplars: i64,
}

impl Default for ExemplarsConfig {
    fn default() -> Self {
        Self { max_exemplars: 100_000 }
    }
}

/// The section as a file writes it: every key may be absent or null.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StorageFile {
    tsdb: Option<TsdbFile>,
    exemplars: Option<ExemplarsFile>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TsdbFile {
    out_of_order_time_window: Option<DurationText>,
    /// The same in milliseconds, which the reference prints, too, and does not heed when it reads it.
    #[serde(rename = "outofordertimewindow")]
    _out_of_order_time_window_ms: Option<i64>,
    stale_series_compaction_threshold: Option<f64>,
    chunk_encoding: Option<ChunkEncodingFile>,
    retention: Option<RetentionFile>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ChunkEncodingFile {
    floats: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RetentionFile {
    time: Option<DurationText>,
    size: Option<Spanned<String>>,
    percentage: Option<Spanned<f64>>,
    #[serde(deserialize_with = "null_as_default")]
    rules: List<RetentionRuleFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RetentionRuleFile {
    selector: String,
    time: DurationText,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ExemplarsFile {
    max_exemplars: Option<i64>,
}

impl StorageFile {
    pub(crate) fn resolve(self) -> Result<StorageConfig, Flaw> {
        let exemplars = |ExemplarsFile { max_exemplars }| {
            // An empty section has the number of an empty struct in the reference.
            ExemplarsConfig { max_exemplars: max_exemplars.unwrap_or(0) }
        };
        Ok(StorageConfig {
            tsdb: self.tsdb.map(TsdbFile::resolve).transpose()?,
            exemplars: self.exemplars.map(exemplars),
        })
    }
}

impl TsdbFile {
    fn resolve(self) -> Result<TsdbConfig, Flaw> {
        let floats = self.chunk_encoding.and_then(|section| section.floats);
        Ok(TsdbConfig {
            out_of_order_time_window: nonzero(self.out_of_order_time_window).unwrap_or_default(),
            stale_series_compaction_threshold: self
                .stale_series_compaction_threshold
                .unwrap_or_default(),
            chunk_encoding: ChunkEncodingConfig { floats: floats.map_or(Ok(None), encoding)? },
            retention: self.retention.map(RetentionFile::resolve).transpose()?,
        })
    }
}

fn encoding(floats: Spanned<String>) -> Result<Option<FloatChunkEncoding>, Flaw> {
    match floats.value.as_str() {
        "" => Ok(None),
        "xor" => Ok(Some(FloatChunkEncoding::Xor)),
        "xor2" => Ok(Some(FloatChunkEncoding::Xor2)),
        other => {
            let encoding = other.into();
            Err(Flaw::new(floats.position, ConfigProblem::ChunkEncoding { encoding }))
        }
    }
}

impl RetentionFile {
    fn resolve(self) -> Result<RetentionConfig, Flaw> {
        let size_bytes = self.size.map(retention_size).transpose()?.unwrap_or(0);
        if let Some(Spanned { value, position }) = self.percentage
            && !(0.0..=100.0).contains(&value)
        {
            let percentage = value.to_string().into();
            return Err(Flaw::new(position, ConfigProblem::RetentionPercentage { percentage }));
        }
        let rule = |file: Spanned<RetentionRuleFile>| {
            let RetentionRuleFile { selector, time } = file.value;
            RetentionRuleConfig { selector, time: time.0 }
        };
        let rules = present(self.rules, "retention rule")?;
        Ok(RetentionConfig {
            time: self.time.map_or(Duration::ZERO, |time| time.0),
            size_bytes,
            percentage: self.percentage.map_or(0.0, |percentage| percentage.value),
            rules: rules.into_iter().map(rule).collect(),
        })
    }
}

fn retention_size(size: Spanned<String>) -> Result<u64, Flaw> {
    let problem = match size.value.strip_prefix('-').map(size::parse) {
        Some(Ok(bytes)) => {
            let size = format!("-{}", size::display(bytes)).into();
            ConfigProblem::RetentionSize { size }
        }
        _ => match size::parse(&size.value) {
            Ok(bytes) => return Ok(bytes),
            Err(error) => ConfigProblem::Size(error),
        },
    };
    Err(Flaw::new(size.position, problem))
}

/// Writes the window twice, as the reference does: in milliseconds, and as a duration if it is any.
fn write_window<S: Serializer>(window: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("outofordertimewindow", &window.as_millis())?;
    if !window.is_zero() {
        let window = narthex_model::duration::display(*window).to_string();
        map.serialize_entry("out_of_order_time_window", &window)?;
    }
    map.end()
}
