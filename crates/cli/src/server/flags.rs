use std::time::Duration;

use clap::{ArgAction, Parser};
use narthex_model::{Regex, duration};

use super::storage::StorageFlags;
use crate::{LogFormat, LogLevel};

/// The flags of the Prometheus server.
#[derive(Clone, Debug, Parser)]
#[command(name = "server", version, about = "The Prometheus server, made of narthex.")]
#[non_exhaustive]
pub struct ServerFlags {
    /// Prometheus configuration file path.
    #[arg(long = "config.file", value_name = "FILE", default_value = "prometheus.yml")]
    pub config_file: Box<str>,

    /// Enable automatic configuration file reloading. See also --config.auto-reload-interval.
    #[arg(long = "config.auto-reload")]
    pub auto_reload: bool,

    /// Interval for checking and automatically reloading the configuration file upon detecting changes.
    #[arg(
        long = "config.auto-reload-interval",
        value_name = "DURATION",
        value_parser = parse_duration,
        default_value = "30s"
    )]
    pub auto_reload_interval: Duration,

    /// Address to listen on for UI, API, and telemetry. Repeatable.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    pub listen_addresses: Vec<Box<str>>,

    /// Path to configuration file that can enable TLS or authentication.
    #[arg(long = "web.config.file", value_name = "FILE", default_value = "")]
    pub web_config_file: Box<str>,

    /// Maximum duration before timing out the headers of a request, and closing idle connections.
    #[arg(long = "web.read-timeout", value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    pub read_timeout: Duration,

    /// Maximum number of simultaneous connections.
    #[arg(long = "web.max-connections", value_name = "COUNT", default_value_t = 512)]
    pub connections_max: usize,

    /// The URL under which the server is externally reachable, for links back to itself. Its path
    /// is the prefix of all routes.
    #[arg(long = "web.external-url", value_name = "URL", default_value = "", value_parser = parse_url)]
    pub external_url: Box<str>,

    /// Prefix for the internal routes of web endpoints. Defaults to the path of --web.external-url.
    #[arg(long = "web.route-prefix", value_name = "PATH", value_parser = parse_path)]
    pub route_prefix: Option<Box<str>>,

    /// Enable shutdown and reload via HTTP request.
    #[arg(long = "web.enable-lifecycle")]
    pub enable_lifecycle: bool,

    /// Enable API endpoint accepting remote write requests.
    #[arg(long = "web.enable-remote-write-receiver")]
    pub enable_remote_write_receiver: bool,

    /// Regex for CORS origin. It is fully anchored. Example: 'https?://(domain1|domain2)\.com'
    #[arg(long = "web.cors.origin", value_name = "REGEX", default_value = ".*", value_parser = parse_regex)]
    pub cors_origin: Regex,

    /// The store.
    #[command(flatten)]
    pub storage: StorageFlags,

    /// The maximum lookback duration for retrieving metrics during expression evaluations.
    #[arg(long = "query.lookback-delta", value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    pub lookback_delta: Duration,

    /// Maximum time a query may take before being aborted.
    #[arg(long = "query.timeout", value_name = "DURATION", default_value = "2m", value_parser = parse_duration)]
    pub query_timeout: Duration,

    /// Maximum number of queries executed concurrently.
    #[arg(long = "query.max-concurrency", value_name = "COUNT", default_value_t = 20)]
    pub query_concurrency_max: usize,

    /// Maximum number of samples a single query can load into memory.
    #[arg(long = "query.max-samples", value_name = "COUNT", default_value_t = 50_000_000)]
    pub query_samples_max: usize,

    /// Maximum number of bytes a single query can hold, its answer until it is sent included; 0 for no
    /// limit.
    #[arg(long = "query.max-bytes", value_name = "COUNT", default_value_t = 0)]
    pub query_bytes_max: usize,

    /// Maximum number of bytes all queries together can hold; 0 for no limit.
    #[arg(long = "query.max-total-bytes", value_name = "COUNT", default_value_t = 0)]
    pub queries_bytes_max: usize,

    /// Maximum number of series of one target; 0 for no limit. Samples of new series beyond it are left
    /// out, and those that the target had before go on.
    #[arg(
        long = "scrape.max-series-per-target",
        value_name = "COUNT",
        default_value_t = narthex_scrape::TARGET_SERIES_MAX_DEFAULT
    )]
    pub scrape_target_series_max: u64,

    /// Maximum number of series of all targets together; 0 for no limit.
    #[arg(long = "scrape.max-series", value_name = "COUNT", default_value_t = 0)]
    pub scrape_series_max: u64,

    /// How far a scrape may be off its time to be stored at that time.
    #[arg(
        help = "Timestamp tolerance. See https://github.com/prometheus/prometheus/issues/7846 for more context",
        long = "scrape.timestamp-tolerance",
        value_name = "DURATION",
        value_parser = parse_duration,
        default_value = "2ms"
    )]
    pub scrape_timestamp_tolerance: Duration,

    /// Max time to tolerate prometheus outage for restoring "for" state of alert.
    #[arg(long = "rules.alert.for-outage-tolerance", value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub rules_outage_tolerance: Duration,

    /// Minimum duration between alert and restored "for" state. This is maintained only for alerts with
    /// configured "for" time greater than grace period.
    #[arg(long = "rules.alert.for-grace-period", value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub rules_for_grace_period: Duration,

    /// Minimum amount of time to wait before resending an alert to Alertmanager.
    #[arg(long = "rules.alert.resend-delay", value_name = "DURATION", default_value = "1m", value_parser = parse_duration)]
    pub rules_resend_delay: Duration,

    /// Global concurrency limit for independent rules that can run concurrently. When set, "query.max-concurrency" may need to be adjusted accordingly.
    #[arg(long = "rules.max-concurrent-evals", value_name = "COUNT", default_value_t = 4)]
    pub rules_concurrent_max: usize,

    /// Adjust scrape timestamps by up to scrape.timestamp-tolerance to align them to the intended
    /// schedule.
    #[arg(
        long = "scrape.adjust-timestamps",
        value_name = "BOOL",
        default_value_t = true,
        num_args = 0..=1,
        default_missing_value = "true",
        action = ArgAction::Set,
        hide = true
    )]
    pub scrape_adjust_timestamps: bool,

    /// Scrape targets at the addresses where clouds keep a machine's secrets, such as
    /// 169.254.169.254.
    #[arg(long = "scrape.allow-metadata-addresses")]
    pub scrape_allow_metadata_addresses: bool,

    /// Comma separated feature names to enable, such as promql-experimental-functions. May be given
    /// several times.
    #[arg(long = "enable-feature", value_name = "NAMES")]
    pub enable_feature: Vec<Box<str>>,

    /// Only log messages with the given severity or above.
    #[arg(long = "log.level", value_name = "LEVEL", value_enum, default_value_t)]
    pub log_level: LogLevel,

    /// Output format of log messages.
    #[arg(long = "log.format", value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}

impl ServerFlags {
    /// Returns every flag and its value as text, in order of the names: what
    /// `/api/v1/status/flags` shows.
    #[must_use]
    pub fn to_pairs(&self) -> Vec<(Box<str>, Box<str>)> {
        let mut pairs = vec![
            ("config.auto-reload", self.auto_reload.to_string()),
            (
                "config.auto-reload-interval",
                duration::display(self.auto_reload_interval).to_string(),
            ),
            ("config.file", self.config_file.to_string()),
            ("enable-feature", self.enable_feature.join(",")),
            ("log.format", self.log_format.as_str().to_owned()),
            ("log.level", self.log_level.as_str().to_owned()),
            ("query.lookback-delta", duration::display(self.lookback_delta).to_string()),
            ("query.max-bytes", self.query_bytes_max.to_string()),
            ("query.max-concurrency", self.query_concurrency_max.to_string()),
            ("query.max-samples", self.query_samples_max.to_string()),
            ("query.max-total-bytes", self.queries_bytes_max.to_string()),
            ("query.timeout", duration::display(self.query_timeout).to_string()),
            (
                "rules.alert.for-grace-period",
                duration::display(self.rules_for_grace_period).to_string(),
            ),
            (
                "rules.alert.for-outage-tolerance",
                duration::display(self.rules_outage_tolerance).to_string(),
            ),
            ("rules.alert.resend-delay", duration::display(self.rules_resend_delay).to_string()),
            ("rules.max-concurrent-evals", self.rules_concurrent_max.to_string()),
            ("scrape.adjust-timestamps", self.scrape_adjust_timestamps.to_string()),
            ("scrape.allow-metadata-addresses", self.scrape_allow_metadata_addresses.to_string()),
            ("scrape.max-series", self.scrape_series_max.to_string()),
            ("scrape.max-series-per-target", self.scrape_target_series_max.to_string()),
            (
                "scrape.timestamp-tolerance",
                duration::display(self.scrape_timestamp_tolerance).to_string(),
            ),
            ("web.cors.origin", self.cors_origin.as_str().to_owned()),
            ("web.enable-lifecycle", self.enable_lifecycle.to_string()),
            ("web.enable-remote-write-receiver", self.enable_remote_write_receiver.to_string()),
            ("web.external-url", self.external_url.to_string()),
            ("web.config.file", self.web_config_file.to_string()),
            ("web.listen-address", self.listen_addresses.join(",")),
            ("web.max-connections", self.connections_max.to_string()),
            ("web.read-timeout", duration::display(self.read_timeout).to_string()),
            ("web.route-prefix", self.route_prefix.clone().unwrap_or_default().into_string()),
        ];
        pairs.extend(self.storage.to_pairs());
        pairs.sort_unstable();
        pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }
}

/// Why a URL or a path is none that the server can be reached under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum AddressError {
    #[error("a URL begins with http:// or https:// and a host")]
    Url,
    #[error("a path holds letters, digits and any of /-._~")]
    Path,
}

fn parse_url(text: &str) -> Result<Box<str>, AddressError> {
    if text.is_empty() {
        return Ok(text.into());
    }
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let (host, path) = rest
        .map(|rest| rest.split_at(rest.find('/').unwrap_or(rest.len())))
        .filter(|(host, _)| !host.is_empty())
        .ok_or(AddressError::Url)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:[]".contains(c);
    if !host.chars().all(is_plain) {
        return Err(AddressError::Url);
    }
    parse_path(path)?;
    Ok(text.into())
}

fn parse_path(text: &str) -> Result<Box<str>, AddressError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    if text.chars().all(is_plain) { Ok(text.into()) } else { Err(AddressError::Path) }
}

pub(super) fn parse_duration(text: &str) -> Result<Duration, duration::DurationError> {
    duration::parse(text)
}

fn parse_regex(pattern: &str) -> Result<Regex, narthex_model::RegexError> {
    Regex::new(pattern)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        ServerFlags::command().debug_assert();
    }

    #[test]
    fn every_flag_is_shown() {
        let flags = ServerFlags::parse_from(["server"]);
        let shown = flags.to_pairs();
        let command = ServerFlags::command();
        let mut defined: Vec<&str> = command.get_arguments().filter_map(|a| a.get_long()).collect();
        defined.sort_unstable();
        assert_eq!(shown.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), defined);
        let value = |name: &str| shown.iter().find(|(n, _)| **n == *name).map(|(_, v)| &**v);
        assert_eq!(value("query.timeout"), Some("2m"));
        assert_eq!(value("log.level"), Some("info"));
        assert_eq!(value("web.enable-lifecycle"), Some("false"));
    }

    #[test]
    fn unknown_flags_and_bad_values_are_refused() {
        for arguments in [
            &["server", "--no.such.flag"][..],
            &["server", "--query.timeout=soon"],
            &["server", "--web.cors.origin=("],
            &["server", "--log.level=loud"],
            &["server", "--web.external-url=example.org"],
            &["server", "--web.external-url=http:///x"],
            &["server", "--web.external-url=http://x/{y}"],
            &["server", "--web.route-prefix=/*"],
            &["server", "more"],
        ] {
            let error = ServerFlags::try_parse_from(arguments).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
    }
}
