use crate::{size, text};

/// How much one scrape, or one job, may bring. 0 stands for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ScrapeLimits {
    /// The largest uncompressed body, in bytes: [`BODY_SIZE_LIMIT_DEFAULT`] by default.
    #[serde(serialize_with = "size::write")]
    pub body_size_limit: u64,
    /// The most samples of a scrape, after relabelling.
    #[serde(skip_serializing_if = "text::is_zero")]
    pub sample_limit: u64,
    /// The most targets of a job, after relabelling.
    #[serde(skip_serializing_if = "text::is_zero")]
    pub target_limit: u64,
    /// The most labels of a sample, after relabelling.
    #[serde(skip_serializing_if = "text::is_zero")]
    pub label_limit: u64,
    /// The longest label name, in bytes, after relabelling.
    #[serde(skip_serializing_if = "text::is_zero")]
    pub label_name_length_limit: u64,
    /// The longest label value, in bytes, after relabelling.
    #[serde(skip_serializing_if = "text::is_zero")]
    pub label_value_length_limit: u64,
    /// The most dropped targets of a job that are kept for display.
    #[serde(skip_serializing_if = "text::is_zero")]
    pub keep_dropped_targets: u64,
}

impl Default for ScrapeLimits {
    fn default() -> Self {
        Self {
            body_size_limit: BODY_SIZE_LIMIT_DEFAULT,
            sample_limit: 0,
            target_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            keep_dropped_targets: 0,
        }
    }
}

/// The body size limit of a file that sets none: 64 MiB, in bytes.
///
/// Prometheus has no limit here, and a target that answers with two megabytes of compressed zeros
/// then costs it gigabytes. `body_size_limit: 0` in `global` asks for that.
pub const BODY_SIZE_LIMIT_DEFAULT: u64 = 64 << 20;
