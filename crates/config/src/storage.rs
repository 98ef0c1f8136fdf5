use std::time::Duration;

use crate::{size, text};

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
    #[serde(serialize_with = "text::write_duration", skip_serializing_if = "Duration::is_zero")]
    pub out_of_order_time_window: Duration,
    /// What is dropped because it is old, or too much, where the file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionConfig>,
}

/// The section `storage.tsdb.retention`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct RetentionConfig {
    /// How long samples are kept; zero for ever.
    #[serde(serialize_with = "text::write_duration", skip_serializing_if = "Duration::is_zero")]
    pub time: Duration,
    /// How many bytes the store may take on disk; 0 for any number.
    #[serde(rename = "size", serialize_with = "size::write", skip_serializing_if = "is_zero")]
    pub size_bytes: u64,
    /// How much of the file system the store may take, in hundredths; 0 for all of it.
    #[serde(skip_serializing_if = "is_none")]
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_none(percentage: &f64) -> bool {
    *percentage == 0.0
}
