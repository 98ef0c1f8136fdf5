//! The flags of the store, and what they and the configuration make of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use narthex_config::{Config, RetentionRuleConfig, SizeError, parse_size};
use narthex_model::duration;
use narthex_promql_parser::parse_metric_selector;
use narthex_tsdb::{Options, Retention, RetentionRule, WalCompression, WalSync};

use super::flags::parse_duration;

/// The flags of the store.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct StorageFlags {
    /// Base path for metrics storage.
    #[arg(long = "storage.tsdb.path", value_name = "DIRECTORY", default_value = "data/")]
    pub path: Box<str>,

    /// How long to retain samples, where the configuration says nothing. Defaults to 15d, unless
    /// --storage.tsdb.retention.size is given.
    #[arg(long = "storage.tsdb.retention.time", value_name = "DURATION", value_parser = parse_duration)]
    pub retention_time: Option<Duration>,

    /// How many bytes to retain, such as 512MB, where the configuration says nothing.
    #[arg(long = "storage.tsdb.retention.size", value_name = "SIZE", default_value = "0", value_parser = parse_bytes)]
    pub retention_size: u64,

    /// When committed samples are forced to the disk: never, commit, or at an interval such as 1s.
    #[arg(long = "storage.tsdb.wal-sync", value_name = "WHEN", default_value = "never", value_parser = parse_wal_sync)]
    pub wal_sync: WalSync,

    /// How much of the disk to keep for when it is full, so that compaction, deletions and shutdown work
    /// then; 0 for nothing.
    #[arg(long = "storage.tsdb.reserve-size", value_name = "SIZE", default_value = "16MB", value_parser = parse_bytes)]
    pub reserve_size: u64,

    /// Do not create lockfile in data directory.
    #[arg(long = "storage.tsdb.no-lockfile")]
    pub no_lockfile: bool,

    /// Path to a JSON file in which another program, such as Thanos, lists the blocks that it
    /// uploaded. Blocks of the first level are compacted once they are listed.
    #[arg(long = "storage.tsdb.delay-compact-file.path", value_name = "FILE", default_value = "")]
    pub delay_compact_file: Box<str>,

    /// Has no effect: chunks of the head are written at once.
    #[arg(
        long = "storage.tsdb.head-chunks-write-queue-size",
        value_name = "COUNT",
        default_value_t = 0
    )]
    pub head_chunks_write_queue_size: usize,

    /// Minimum duration of a data block before being persisted. For use in testing.
    #[arg(long = "storage.tsdb.min-block-duration", value_name = "DURATION", default_value = "2h", hide = true, value_parser = parse_duration)]
    pub min_block_duration: Duration,

    /// Maximum duration compacted blocks may span. Defaults to 10% of the retention period, and 31d at
    /// most.
    #[arg(long = "storage.tsdb.max-block-duration", value_name = "DURATION", hide = true, value_parser = parse_duration)]
    pub max_block_duration: Option<Duration>,

    /// The maximum size for a single chunk segment in a block.
    #[arg(long = "storage.tsdb.max-block-chunk-segment-size", value_name = "SIZE", default_value = "512MB", hide = true, value_parser = parse_segment_size)]
    pub max_block_chunk_segment_size: u64,

    /// Size at which to split the tsdb WAL segment files.
    #[arg(long = "storage.tsdb.wal-segment-size", value_name = "SIZE", default_value = "128MB", hide = true, value_parser = parse_wal_segment_size)]
    pub wal_segment_size: u64,

    /// Allow compaction of overlapping blocks.
    #[arg(long = "storage.tsdb.allow-overlapping-compaction", value_name = "BOOL", default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set, hide = true)]
    pub allow_overlapping_compaction: bool,

    /// Compress the tsdb WAL.
    #[arg(long = "storage.tsdb.wal-compression", value_name = "BOOL", default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set, hide = true)]
    pub wal_compression: bool,

    /// Compression algorithm for the tsdb WAL, used when --storage.tsdb.wal-compression is true.
    #[arg(
        long = "storage.tsdb.wal-compression-type",
        value_name = "TYPE",
        value_enum,
        default_value_t,
        hide = true
    )]
    pub wal_compression_type: WalCompressionType,

    /// Target number of samples per chunk.
    #[arg(
        long = "storage.tsdb.samples-per-chunk",
        value_name = "COUNT",
        default_value_t = 120,
        hide = true
    )]
    pub samples_per_chunk: u16,

    /// Upper limit of the random compaction delay, in hundredths of the block range; see the feature
    /// delayed-compaction.
    #[arg(long = "storage.tsdb.delayed-compaction.max-percent", value_name = "PERCENT", default_value_t = 10, hide = true, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub delay_percent_max: u8,

    /// Interval at which to look for new or removed blocks and for what is to be compacted; at least
    /// 1s.
    #[arg(long = "storage.tsdb.block-reload-interval", value_name = "DURATION", default_value = "1m", hide = true, value_parser = parse_duration)]
    pub block_reload_interval: Duration,
}

/// How the write-ahead log is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WalCompressionType {
    /// Snappy's block format.
    #[default]
    Snappy,
    /// Zstandard, which Prometheus reads from 2.47 on.
    Zstd,
}

impl StorageFlags {
    /// Returns every flag and its value as text.
    pub(super) fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let text = |duration| duration::display(duration).to_string();
        let compression = match self.wal_compression_type {
            WalCompressionType::Snappy => "snappy",
            WalCompressionType::Zstd => "zstd",
        };
        let max_block_duration = self.max_block_duration.map(text).unwrap_or_default();
        vec![
            (
                "storage.tsdb.allow-overlapping-compaction",
                self.allow_overlapping_compaction.to_string(),
            ),
            ("storage.tsdb.block-reload-interval", text(self.block_reload_interval)),
            ("storage.tsdb.delay-compact-file.path", self.delay_compact_file.to_string()),
            ("storage.tsdb.delayed-compaction.max-percent", self.delay_percent_max.to_string()),
            (
                "storage.tsdb.head-chunks-write-queue-size",
                self.head_chunks_write_queue_size.to_string(),
            ),
            (
                "storage.tsdb.max-block-chunk-segment-size",
                show_bytes(self.max_block_chunk_segment_size),
            ),
            ("storage.tsdb.max-block-duration", max_block_duration),
            ("storage.tsdb.min-block-duration", text(self.min_block_duration)),
            ("storage.tsdb.no-lockfile", self.no_lockfile.to_string()),
            ("storage.tsdb.path", self.path.to_string()),
            ("storage.tsdb.reserve-size", show_bytes(self.reserve_size)),
            ("storage.tsdb.retention.size", show_bytes(self.retention_size)),
            ("storage.tsdb.retention.time", text(self.retention_time.unwrap_or_default())),
            ("storage.tsdb.samples-per-chunk", self.samples_per_chunk.to_string()),
            ("storage.tsdb.wal-compression", self.wal_compression.to_string()),
            ("storage.tsdb.wal-compression-type", compression.to_owned()),
            ("storage.tsdb.wal-segment-size", show_bytes(self.wal_segment_size)),
            ("storage.tsdb.wal-sync", show_wal_sync(self.wal_sync)),
        ]
    }

    /// Puts what the flags say into `options`, but for the retention, which follows the configuration.
    pub(super) fn apply(&self, options: &mut Options) {
        options.wal_sync = self.wal_sync;
        options.wal_compression = match (self.wal_compression, self.wal_compression_type) {
            (false, _) => WalCompression::None,
            (true, WalCompressionType::Snappy) => WalCompression::Snappy,
            (true, WalCompressionType::Zstd) => WalCompression::Zstd,
        };
        options.wal_segment_size_bytes = self.wal_segment_size;
        options.block_range_ms = to_ms(self.min_block_duration);
        options.samples_per_chunk = self.samples_per_chunk;
        options.clock_lead_max = Some(CLOCK_LEAD_MAX);
        options.reserve_bytes = self.reserve_size;
        options.locks = !self.no_lockfile;
        let compaction = &mut options.compaction;
        compaction.merges_overlapping = self.allow_overlapping_compaction;
        compaction.segment_size_bytes = self.max_block_chunk_segment_size;
        if !self.delay_compact_file.is_empty() {
            compaction.uploads_file = Some(PathBuf::from(&*self.delay_compact_file));
        }
    }

    /// Returns the longest time that a block may span under a retention.
    ///
    /// # Source
    ///
    /// `main` in Prometheus' `cmd/prometheus/main.go`.
    pub(super) fn block_range_max_ms(&self, retention: &Retention) -> i64 {
        let default = match retention.time_ms {
            0 => BLOCK_RANGE_MAX_MS,
            time_ms => BLOCK_RANGE_MAX_MS.min(time_ms / 10),
        };
        self.max_block_duration.map_or(default, to_ms)
    }

    /// Returns what is retained: what the configuration says, else what the flags say.
    ///
    /// # Errors
    ///
    /// Where a selector in the configuration is none.
    pub(super) fn retention(&self, config: &Config) -> Result<Retention, SelectorError> {
        let section = config.storage.as_ref().and_then(|storage| storage.tsdb.as_ref());
        let mut retention = Retention::default();
        match section.and_then(|tsdb| tsdb.retention.as_ref()) {
            Some(section) => {
                retention.time_ms = to_ms(section.time);
                retention.size_bytes = section.size_bytes;
                retention.disk_percentage = section.percentage;
                retention.rules = section.rules.iter().map(rule).collect::<Result<_, _>>()?;
            }
            None => {
                retention.size_bytes = self.retention_size;
                match self.retention_time {
                    Some(time) if !time.is_zero() => retention.time_ms = to_ms(time),
                    _ if self.retention_size > 0 => retention.time_ms = 0,
                    _ => {}
                }
            }
        }
        Ok(retention)
    }
}

/// Returns what is retained as people read it, such as `15d or 1GiB`.
pub(super) fn show_retention(retention: &Retention) -> String {
    let mut parts = Vec::new();
    if retention.time_ms > 0 {
        let time = Duration::from_millis(retention.time_ms.unsigned_abs());
        parts.push(duration::display(time).to_string());
    }
    if retention.size_bytes > 0 {
        parts.push(show_bytes(retention.size_bytes));
    }
    if retention.disk_percentage > 0.0 {
        parts.push(format!("{}%", retention.disk_percentage));
    }
    parts.join(" or ")
}

/// A selector of a retention rule cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("storage.tsdb.retention.rules: selector {selector:?}: {source}")]
pub(super) struct SelectorError {
    selector: Box<str>,
    source: Box<dyn std::error::Error + Send + Sync>,
}

fn rule(rule: &RetentionRuleConfig) -> Result<RetentionRule, SelectorError> {
    let matchers = parse_metric_selector(&rule.selector).map_err(|error| SelectorError {
        selector: rule.selector.as_str().into(),
        source: Box::new(error),
    })?;
    Ok(RetentionRule { matchers, horizon_ms: to_ms(rule.time) })
}

/// Why a value of a flag is refused.
#[derive(Debug, thiserror::Error)]
enum ValueError {
    #[error(transparent)]
    Size(#[from] SizeError),
    #[error("it must be between 10MB and 256MB")]
    WalSegmentSize,
    #[error("it must be at least 1MB")]
    SegmentSize,
    #[error("it is never, commit, or a duration")]
    WalSync,
}

fn parse_bytes(text: &str) -> Result<u64, ValueError> {
    Ok(parse_size(text)?)
}

fn parse_wal_segment_size(text: &str) -> Result<u64, ValueError> {
    let size = parse_size(text)?;
    let is_good = (10 << 20..=256 << 20).contains(&size);
    is_good.then_some(size).ok_or(ValueError::WalSegmentSize)
}

fn parse_segment_size(text: &str) -> Result<u64, ValueError> {
    let size = parse_size(text)?;
    (size >= 1 << 20).then_some(size).ok_or(ValueError::SegmentSize)
}

fn parse_wal_sync(text: &str) -> Result<WalSync, ValueError> {
    match text {
        "never" => Ok(WalSync::Never),
        "commit" => Ok(WalSync::Commit),
        _ => duration::parse(text).map(WalSync::Interval).map_err(|_| ValueError::WalSync),
    }
}

fn show_wal_sync(wal_sync: WalSync) -> String {
    match wal_sync {
        WalSync::Never => "never".to_owned(),
        WalSync::Commit => "commit".to_owned(),
        WalSync::Interval(interval) => duration::display(interval).to_string(),
    }
}

fn show_bytes(bytes: u64) -> String {
    narthex_config::display_size(bytes).to_string()
}

fn to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// As long as Prometheus bears with a sender whose clock is wrong.
const CLOCK_LEAD_MAX: Duration = Duration::from_secs(10 * 60);
const BLOCK_RANGE_MAX_MS: i64 = 31 * 24 * 60 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::server::ServerFlags;

    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

    fn flags(arguments: &[&str]) -> StorageFlags {
        ServerFlags::parse_from([&["server"], arguments].concat()).storage
    }

    #[test]
    fn the_configuration_goes_before_the_flags() {
        for (arguments, config, expected) in [
            (&[][..], "", "15d"),
            (&["--storage.tsdb.retention.size=1GB"], "", "1GiB"),
            (
                &["--storage.tsdb.retention.size=1GB", "--storage.tsdb.retention.time=3d"],
                "",
                "3d or 1GiB",
            ),
            (&["--storage.tsdb.retention.time=3d"], "{retention: {size: 5MB}}", "5MiB"),
            (&["--storage.tsdb.retention.time=3d"], "{}", "3d"),
            (&[], "{retention: {time: 1y, percentage: 2.5}}", "1y or 2.5%"),
        ] {
            let text = format!("storage: {{tsdb: {config}}}");
            let config = Config::load(&text, "c.yml", |_| None).unwrap();
            let retention = flags(arguments).retention(&config).unwrap();
            assert_eq!(show_retention(&retention), expected, "{arguments:?} {text}");
        }
    }

    #[test]
    fn rules_name_series_by_selectors() {
        let load = |selector: &str| {
            let rules = format!("[{{selector: '{selector}', time: 2h}}]");
            let text = format!("storage: {{tsdb: {{retention: {{rules: {rules}}}}}}}");
            flags(&[]).retention(&Config::load(&text, "c.yml", |_| None).unwrap())
        };
        let retention = load("{job=\"a\"}").unwrap();
        let matchers = vec![narthex_model::Matcher::equal("job", "a")];
        assert_eq!(retention.rules, [RetentionRule { matchers, horizon_ms: 7_200_000 }]);
        let error = load("{job=").unwrap_err().to_string();
        assert!(error.starts_with("storage.tsdb.retention.rules: selector"), "{error}");
    }

    #[test]
    fn flags_become_options() {
        let mut options = Options::default();
        flags(&["--storage.tsdb.reserve-size=0"]).apply(&mut options);
        let mut expected = Options::default();
        expected.clock_lead_max = Some(Duration::from_secs(600));
        assert_eq!(options, expected);
        let flags = flags(&[
            "--storage.tsdb.wal-sync=5s",
            "--storage.tsdb.wal-compression-type=zstd",
            "--storage.tsdb.no-lockfile",
            "--storage.tsdb.allow-overlapping-compaction=false",
            "--storage.tsdb.min-block-duration=10m",
        ]);
        flags.apply(&mut options);
        assert_eq!(options.wal_sync, WalSync::Interval(Duration::from_secs(5)));
        assert_eq!(options.wal_compression, WalCompression::Zstd);
        assert!(!options.locks && !options.compaction.merges_overlapping);
        assert_eq!(options.block_range_ms, 600_000);
        let mut retention = Retention::default();
        assert_eq!(flags.block_range_max_ms(&retention), 15 * DAY_MS / 10);
        retention.time_ms = 0;
        assert_eq!(flags.block_range_max_ms(&retention), 31 * DAY_MS);
    }

    #[test]
    fn bad_values_are_refused() {
        for argument in [
            "--storage.tsdb.wal-sync=sometimes",
            "--storage.tsdb.wal-segment-size=9MB",
            "--storage.tsdb.wal-segment-size=257MB",
            "--storage.tsdb.max-block-chunk-segment-size=1023KB",
            "--storage.tsdb.retention.size=5",
            "--storage.tsdb.delayed-compaction.max-percent=101",
        ] {
            assert!(ServerFlags::try_parse_from(["server", argument]).is_err(), "{argument}");
        }
    }
}
