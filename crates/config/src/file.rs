//! The file as it is written: every key may be absent or null.

use std::collections::BTreeMap;

use narthex_yaml::{Spanned, null_as_default};
use serde::Deserialize;

use crate::alerting::AlertmanagerApiVersion;
use crate::discovery::discovering;
use crate::protocol::{Scheme, ScrapeProtocol};
use crate::relabel::RuleFile;
use crate::size::SizeText;
use crate::text::{DurationText, LabelMap};

/// A list whose elements may be null, each with its place.
pub(crate) type List<T> = Vec<Spanned<Option<T>>>;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConfigFile {
    pub(crate) global: Option<GlobalFile>,
    pub(crate) runtime: Option<RuntimeFile>,
    pub(crate) alerting: Option<AlertingFile>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) rule_files: List<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) scrape_configs: List<ScrapeFile>,
    pub(crate) storage: Option<StorageFile>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GlobalFile {
    pub(crate) scrape_interval: Option<DurationText>,
    pub(crate) scrape_timeout: Option<Spanned<DurationText>>,
    pub(crate) scrape_protocols: Option<Spanned<Vec<ScrapeProtocol>>>,
    pub(crate) evaluation_interval: Option<DurationText>,
    pub(crate) rule_query_offset: Option<DurationText>,
    pub(crate) external_labels: Option<LabelMap>,
    pub(crate) body_size_limit: Option<SizeText>,
    pub(crate) sample_limit: Option<u64>,
    pub(crate) target_limit: Option<u64>,
    pub(crate) label_limit: Option<u64>,
    pub(crate) label_name_length_limit: Option<u64>,
    pub(crate) label_value_length_limit: Option<u64>,
    pub(crate) keep_dropped_targets: Option<u64>,
    pub(crate) extra_scrape_metrics: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuntimeFile {
    pub(crate) gogc: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StorageFile {
    pub(crate) tsdb: Option<TsdbFile>,
    pub(crate) exemplars: Option<ExemplarsFile>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TsdbFile {
    pub(crate) out_of_order_time_window: Option<DurationText>,
    pub(crate) retention: Option<RetentionFile>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetentionFile {
    pub(crate) time: Option<DurationText>,
    pub(crate) size: Option<SizeText>,
    pub(crate) percentage: Option<Spanned<f64>>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) rules: List<RetentionRuleFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionRuleFile {
    pub(crate) selector: String,
    pub(crate) time: DurationText,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExemplarsFile {
    pub(crate) max_exemplars: Option<i64>,
}

discovering! {
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub(crate) struct ScrapeFile {
        pub(crate) job_name: Option<Spanned<String>>,
        pub(crate) honor_labels: Option<bool>,
        pub(crate) honor_timestamps: Option<bool>,
        pub(crate) track_timestamps_staleness: Option<bool>,
        #[serde(deserialize_with = "null_as_default")]
        pub(crate) params: BTreeMap<String, Option<Vec<String>>>,
        pub(crate) scrape_interval: Option<DurationText>,
        pub(crate) scrape_timeout: Option<Spanned<DurationText>>,
        pub(crate) scrape_protocols: Option<Spanned<Vec<ScrapeProtocol>>>,
        pub(crate) fallback_scrape_protocol: Option<Spanned<ScrapeProtocol>>,
        pub(crate) metrics_path: Option<String>,
        pub(crate) scheme: Option<Spanned<Scheme>>,
        pub(crate) enable_compression: Option<bool>,
        pub(crate) body_size_limit: Option<SizeText>,
        pub(crate) sample_limit: Option<u64>,
        pub(crate) target_limit: Option<u64>,
        pub(crate) label_limit: Option<u64>,
        pub(crate) label_name_length_limit: Option<u64>,
        pub(crate) label_value_length_limit: Option<u64>,
        pub(crate) keep_dropped_targets: Option<u64>,
        pub(crate) extra_scrape_metrics: Option<bool>,
        #[serde(deserialize_with = "null_as_default")]
        pub(crate) relabel_configs: List<RuleFile>,
        #[serde(deserialize_with = "null_as_default")]
        pub(crate) metric_relabel_configs: List<RuleFile>,
        #[serde(deserialize_with = "null_as_default")]
        pub(crate) static_configs: List<StaticFile>,
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StaticFile {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) targets: List<String>,
    pub(crate) labels: Option<LabelMap>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AlertingFile {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) alert_relabel_configs: List<RuleFile>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) alertmanagers: List<AlertmanagerFile>,
}

discovering! {
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub(crate) struct AlertmanagerFile {
        pub(crate) scheme: Option<Scheme>,
        pub(crate) path_prefix: Option<String>,
        pub(crate) timeout: Option<DurationText>,
        pub(crate) api_version: Option<AlertmanagerApiVersion>,
        #[serde(deserialize_with = "null_as_default")]
        pub(crate) relabel_configs: List<RuleFile>,
        #[serde(deserialize_with = "null_as_default")]
        pub(crate) alert_relabel_configs: List<RuleFile>,
        #[serde(deserialize_with = "null_as_default")]
        pub(crate) static_configs: List<StaticFile>,
    }
}
