//! The experimental features that `--enable-feature` names.

use narthex_config::ConfigDefaults;
use narthex_promql_parser::ParseOptions;
use narthex_server::ServerOptions;
use narthex_tsdb::FloatEncoding;

use super::rules::RuleFeatures;

/// What flags and features set.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) server: ServerOptions,
    pub(super) storage: narthex_tsdb::Options,
    pub(super) scraping: narthex_scrape::Options,
    /// Whether exemplars are held, as many as the configuration says.
    pub(super) exemplar_storage: bool,
    pub(super) rules: RuleFeatures,
    /// Whether blocks of the head wait for a time that chance decides.
    pub(super) delayed_compaction: bool,
    /// What holds where the configuration says nothing.
    pub(super) config_defaults: ConfigDefaults,
    /// Whether the configuration is loaded again when it changes.
    pub(super) auto_reload: bool,
}

/// What a feature's name stands for.
#[derive(Clone, Copy)]
enum Feature {
    /// It is switched on; the text goes to the log.
    Enable(fn(&mut Options), &'static str),
    /// It is switched on, though there is a better way, which the text names as a warning.
    Deprecated(fn(&mut Options), &'static str),
    /// It changes nothing; the text says why.
    NoEffect(&'static str),
    /// The reference has it.
    Missing,
    Unknown,
}

/// Switches on in `options` what `lists` name, names separated by commas, and logs what becomes of
/// each name. No name is an error, as in the reference.
pub(super) fn enable(lists: &[Box<str>], options: &mut Options) {
    for name in lists.iter().flat_map(|list| list.split(',')) {
        match feature(name) {
            Feature::Enable(enable, message) => {
                enable(options);
                tracing::info!("{message}");
            }
            Feature::Deprecated(enable, message) => {
                enable(options);
                tracing::warn!(option = name, "{message}");
            }
            Feature::NoEffect(message) => tracing::warn!(option = name, "{message}"),
            Feature::Missing => tracing::warn!(
                option = name,
                "This option for --enable-feature is not supported yet and has no effect."
            ),
            Feature::Unknown => {
                tracing::warn!(option = name, "Unknown option for --enable-feature");
            }
        }
    }
}

/// Returns which parts of the query language the lists switch on.
pub(super) fn parse_options(lists: &[Box<str>]) -> ParseOptions {
    let mut options = Options::default();
    for name in lists.iter().flat_map(|list| list.split(',')) {
        if let Feature::Enable(enable, _) = feature(name) {
            enable(&mut options);
        }
    }
    options.server.parse
}

/// Returns what the reference's name of a feature stands for here.
///
/// # Source
///
/// `setFeatureListOptions` in Prometheus `cmd/prometheus/main.go`.
fn feature(name: &str) -> Feature {
    match name {
        "delayed-compaction" => Feature::Enable(
            |options| options.delayed_compaction = true,
            "Experimental delayed compaction is enabled.",
        ),
        "concurrent-rule-eval" => Feature::Enable(
            |options| options.rules.concurrent = true,
            "Experimental concurrent rule evaluation enabled.",
        ),
        "promql-experimental-functions" => Feature::Enable(
            |options| options.server.parse.experimental_functions = true,
            "Experimental PromQL functions enabled.",
        ),
        "promql-extended-range-selectors" => Feature::Enable(
            |options| options.server.parse.extended_range_selectors = true,
            "Experimental PromQL extended range selectors enabled.",
        ),
        "promql-binop-fill-modifiers" => Feature::Enable(
            |options| options.server.parse.fill_modifiers = true,
            "Experimental PromQL binary operator fill modifiers enabled.",
        ),
        "promql-per-step-stats" => Feature::Enable(
            |options| options.server.step_stats = true,
            "Experimental per-step statistics reporting",
        ),
        "promql-delayed-name-removal" => Feature::Enable(
            |options| options.server.delayed_name_removal = true,
            "Experimental PromQL delayed name removal enabled.",
        ),
        "use-start-timestamps" => Feature::Enable(
            |options| options.server.use_start_timestamps = true,
            "Experimental usage of start timestamps in PromQL engine is enabled.",
        ),
        "type-and-unit-labels" => Feature::Enable(
            |options| {
                options.server.type_and_unit_labels = true;
                options.scraping.features.type_and_unit_labels = true;
            },
            "Experimental type and unit labels enabled.",
        ),
        "created-timestamp-zero-ingestion" => Feature::Enable(
            |options| {
                options.scraping.features.start_timestamps = true;
                options.scraping.features.start_timestamp_zeros = true;
            },
            "Experimental start timestamp zero ingestion enabled.",
        ),
        "metadata-wal-records" => Feature::Enable(
            |options| options.scraping.features.metadata_records = true,
            "Experimental metadata records in WAL enabled.",
        ),
        "extra-scrape-metrics" => Feature::Deprecated(
            |options| options.config_defaults.extra_scrape_metrics = true,
            "This option for --enable-feature is being phased out. It changes the default for the \
             extra_scrape_metrics config setting to true. Set extra_scrape_metrics in the config instead.",
        ),
        "st-synthesis" => Feature::Enable(
            |options| options.scraping.features.start_timestamp_synthesis = true,
            "Experimental start timestamp synthesis enabled.",
        ),
        "auto-reload-config" => Feature::Deprecated(
            |options| options.auto_reload = true,
            "This option for --enable-feature is deprecated. Use --config.auto-reload instead.",
        ),
        "exemplar-storage" => Feature::Enable(
            |options| options.exemplar_storage = true,
            "Experimental in-memory exemplar storage enabled",
        ),
        "memory-snapshot-on-shutdown" => Feature::Enable(
            |options| options.storage.memory_snapshot = true,
            "Experimental memory snapshot on shutdown enabled",
        ),
        "xor2-encoding" => Feature::Enable(
            |options| options.storage.float_encoding = FloatEncoding::Xor2,
            "Experimental XOR2 encoding of float chunks enabled.",
        ),
        "histograms-st-encoding" => Feature::Enable(
            |options| options.storage.histogram_start_timestamps = true,
            "Experimental ST-capable histogram chunk encoding enabled.",
        ),
        "st-storage" => Feature::Enable(
            |options| {
                options.storage.start_timestamps = true;
                options.scraping.features.start_timestamps = true;
            },
            "Experimental start timestamp storage enabled.",
        ),
        "promql-duration-expr" | "ooo-native-histograms" => Feature::NoEffect(
            "This option for --enable-feature is now permanently enabled and therefore a no-op.",
        ),
        "native-histograms" => Feature::NoEffect(
            "This option for --enable-feature is a no-op. To scrape native histograms, set the \
             scrape_native_histograms scrape config setting to true.",
        ),
        "fast-startup" => Feature::NoEffect(
            "This option for --enable-feature is a no-op: samples are taken while the write-ahead log \
             is read.",
        ),
        _ if MISSING.contains(&name) => Feature::Missing,
        _ => Feature::Unknown,
    }
}

/// The features of the reference that do not exist here.
const MISSING: [&str; 5] = [
    "old-ui",
    "otlp-deltatocumulative",
    "otlp-native-delta-ingestion",
    "search-api",
    "use-uncached-io",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn enabled(lists: &[&str]) -> Options {
        let lists: Vec<Box<str>> = lists.iter().map(|&list| list.into()).collect();
        let mut options = Options::default();
        enable(&lists, &mut options);
        options
    }

    #[test]
    fn names_switch_features_on() {
        let options = enabled(&[
            "promql-experimental-functions,unknown,promql-extended-range-selectors",
            "promql-binop-fill-modifiers",
        ]);
        let parse = options.server.parse;
        assert!(parse.experimental_functions);
        assert!(parse.extended_range_selectors && parse.fill_modifiers);
        let switches = |options: Options| {
            [
                options.server.delayed_name_removal,
                options.server.type_and_unit_labels,
                options.server.use_start_timestamps,
                options.exemplar_storage,
                options.storage.memory_snapshot,
            ]
        };
        assert_eq!(switches(options), [false; 5]);
        for (name, expected) in [
            ("promql-delayed-name-removal", [true, false, false, false, false]),
            ("type-and-unit-labels", [false, true, false, false, false]),
            ("use-start-timestamps", [false, false, true, false, false]),
            ("exemplar-storage", [false, false, false, true, false]),
            ("memory-snapshot-on-shutdown", [false, false, false, false, true]),
        ] {
            assert_eq!(switches(enabled(&[name])), expected, "{name}");
        }
    }

    #[test]
    fn names_choose_encodings() {
        let encodings = |list: &str| {
            let storage = enabled(&[list]).storage;
            let histograms = storage.histogram_start_timestamps;
            (storage.float_encoding, storage.start_timestamps, histograms)
        };
        assert_eq!(encodings("old-ui"), (FloatEncoding::Xor, false, false));
        assert_eq!(encodings("xor2-encoding,st-storage"), (FloatEncoding::Xor2, true, false));
        assert_eq!(encodings("histograms-st-encoding"), (FloatEncoding::Xor, false, true));
    }

    #[test]
    fn scrapes_learn_of_their_features() {
        let features = |list: &str| {
            let features = enabled(&[list]).scraping.features;
            [
                features.start_timestamps,
                features.start_timestamp_zeros,
                features.type_and_unit_labels,
                features.metadata_records,
                features.start_timestamp_synthesis,
            ]
        };
        assert_eq!(features("old-ui"), [false; 5]);
        assert_eq!(features("st-storage"), [true, false, false, false, false]);
        assert_eq!(features("created-timestamp-zero-ingestion"), [true, true, false, false, false]);
        assert_eq!(features("type-and-unit-labels"), [false, false, true, false, false]);
        assert_eq!(features("metadata-wal-records"), [false, false, false, true, false]);
        assert_eq!(features("st-synthesis"), [false, false, false, false, true]);
    }

    #[test]
    fn deprecated_names_still_work() {
        let options = enabled(&["extra-scrape-metrics", "auto-reload-config"]);
        assert!(options.config_defaults.extra_scrape_metrics && options.auto_reload);
    }

    #[test]
    fn what_is_missing_is_told_from_what_nobody_knows() {
        for name in MISSING {
            assert!(matches!(feature(name), Feature::Missing), "{name}");
        }
        for name in ["", "PROMQL-DURATION-EXPR", "promql", " old-ui"] {
            assert!(matches!(feature(name), Feature::Unknown), "{name:?}");
        }
        assert!(matches!(feature("native-histograms"), Feature::NoEffect(_)));
    }
}
