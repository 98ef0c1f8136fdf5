use std::time::Duration;

use narthex_yaml::Spanned;
use serde::Deserialize;

use crate::error::{ConfigProblem, Flaw};
use crate::text::{self, DurationText};

/// `queue_config`: how much waits to be sent, and how it is sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct QueueConfig {
    /// How many samples may wait in one shard: 10,000 by default. At least 1.
    pub capacity: i64,
    /// The most shards, which send at the same time: 50 by default.
    pub max_shards: i64,
    /// The fewest shards: 1 by default. At least 1, at most [`max_shards`](Self::max_shards).
    pub min_shards: i64,
    /// The most samples of one request: 2000 by default. At least 1.
    pub max_samples_per_send: i64,
    /// How long a sample may wait for a request to fill: 5s by default.
    #[serde(serialize_with = "text::write_duration")]
    pub batch_send_deadline: Duration,
    /// How long to wait before the first time that a request is tried again: 30ms by default.
    #[serde(serialize_with = "text::write_duration")]
    pub min_backoff: Duration,
    /// How long to wait at most: 5s by default. Never shorter than [`min_backoff`](Self::min_backoff).
    #[serde(serialize_with = "text::write_duration")]
    pub max_backoff: Duration,
    /// Whether a request is tried again that the receiver refused for coming too soon (429): false by
    /// default.
    #[serde(skip_serializing_if = "text::is_false")]
    pub retry_on_http_429: bool,
    /// The age from which samples are dropped, not sent; zero for none.
    #[serde(serialize_with = "text::write_duration", skip_serializing_if = "Duration::is_zero")]
    pub sample_age_limit: Duration,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            capacity: 10_000,
            max_shards: 50,
            min_shards: 1,
            max_samples_per_send: 2000,
            batch_send_deadline: Duration::from_secs(5),
            min_backoff: Duration::from_millis(30),
            max_backoff: Duration::from_secs(5),
            retry_on_http_429: false,
            sample_age_limit: Duration::ZERO,
        }
    }
}

/// `metadata_config`: how the types and help texts of metrics are sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MetadataConfig {
    /// Whether they are sent: true by default.
    pub send: bool,
    /// How often they are sent: 1m by default.
    #[serde(serialize_with = "text::write_duration")]
    pub send_interval: Duration,
    /// How many metrics one request holds at most: 2000 by default.
    pub max_samples_per_send: i64,
}

impl Default for MetadataConfig {
    fn default() -> Self {
        Self { send: true, send_interval: Duration::from_secs(60), max_samples_per_send: 2000 }
    }
}

/// `queue_config` as a file writes it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct QueueFile {
    capacity: Option<i64>,
    max_shards: Option<i64>,
    min_shards: Option<i64>,
    max_samples_per_send: Option<i64>,
    batch_send_deadline: Option<DurationText>,
    min_backoff: Option<DurationText>,
    max_backoff: Option<DurationText>,
    retry_on_http_429: Option<bool>,
    sample_age_limit: Option<DurationText>,
}

pub(super) fn resolve(
    Spanned { value: file, position }: Spanned<QueueFile>,
) -> Result<QueueConfig, Flaw> {
    let default = QueueConfig::default();
    let or = |own: Option<DurationText>, default| own.map_or(default, |own| own.0);
    let config = QueueConfig {
        capacity: file.capacity.unwrap_or(default.capacity),
        max_shards: file.max_shards.unwrap_or(default.max_shards),
        min_shards: file.min_shards.unwrap_or(default.min_shards),
        max_samples_per_send: file.max_samples_per_send.unwrap_or(default.max_samples_per_send),
        batch_send_deadline: or(file.batch_send_deadline, default.batch_send_deadline),
        min_backoff: or(file.min_backoff, default.min_backoff),
        max_backoff: or(file.max_backoff, default.max_backoff),
        retry_on_http_429: file.retry_on_http_429.unwrap_or_default(),
        sample_age_limit: or(file.sample_age_limit, default.sample_age_limit),
    };
    let rules = [
        (config.max_shards > 0, "max_shards must be positive"),
        (config.min_shards > 0, "min_shards must be positive"),
        (config.min_shards <= config.max_shards, "min_shards must not be greater than max_shards"),
        (config.max_samples_per_send > 0, "max_samples_per_send must be positive"),
        (config.capacity > 0, "capacity must be positive"),
        (config.min_backoff <= config.max_backoff, "max_backoff must not be less than min_backoff"),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, rule)) => Err(Flaw::new(position, ConfigProblem::Queue { rule })),
        None => Ok(config),
    }
}

/// `metadata_config` as a file writes it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MetadataFile {
    send: Option<bool>,
    send_interval: Option<DurationText>,
    max_samples_per_send: Option<i64>,
}

impl MetadataFile {
    pub(super) fn resolve(self) -> MetadataConfig {
        let default = MetadataConfig::default();
        MetadataConfig {
            send: self.send.unwrap_or(default.send),
            send_interval: self.send_interval.map_or(default.send_interval, |own| own.0),
            max_samples_per_send: self.max_samples_per_send.unwrap_or(default.max_samples_per_send),
        }
    }
}
