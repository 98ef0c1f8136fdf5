//! What the reference knows and this crate does not yet: refused by name, never ignored.

/// Returns whether the reference knows `key` in the section at `path`, such as
/// `scrape_configs[2]`, though this crate does not.
pub(crate) fn is_known(path: &str, key: &str) -> bool {
    let section = path.rsplit_once('[').map_or(path, |(section, _)| section);
    FIELDS.iter().any(|(sections, keys)| sections.contains(&section) && keys.contains(&key))
        || (DISCOVERING.contains(&section)
            && key.strip_suffix("_sd_configs").is_some_and(is_provider))
}

fn is_provider(name: &str) -> bool {
    PROVIDERS.contains(&name)
}

/// Keys by the sections that have them. A key leaves the table when it starts to work.
const FIELDS: &[(&[&str], &[&str])] = &[
    (&[""], &["scrape_config_files", "tracing", "remote_write", "remote_read", "otlp"]),
    (&["storage.tsdb"], &["stale_series_compaction_threshold", "chunk_encoding"]),
    (&["global"], &["query_log_file"]),
    (
        &["global", "scrape_configs"],
        &[
            "scrape_failure_log_file",
            "metric_name_validation_scheme",
            "metric_name_escaping_scheme",
            "scrape_native_histograms",
            "convert_classic_histograms_to_nhcb",
            "always_scrape_classic_histograms",
        ],
    ),
    (&["scrape_configs"], &["native_histogram_bucket_limit", "native_histogram_min_bucket_factor"]),
    (
        DISCOVERING,
        &[
            "basic_auth",
            "authorization",
            "oauth2",
            "bearer_token",
            "bearer_token_file",
            "tls_config",
            "proxy_url",
            "no_proxy",
            "proxy_from_environment",
            "proxy_connect_header",
            "follow_redirects",
            "enable_http2",
            "http_headers",
        ],
    ),
    (&["alerting.alertmanagers"], &["sigv4"]),
];

/// The sections that find their targets by service discovery and reach them by HTTP.
const DISCOVERING: &[&str] = &["scrape_configs", "alerting.alertmanagers"];

/// The service discoveries, by what stands before `_sd_configs`.
const PROVIDERS: &[&str] = &[
    "aws",
    "azure",
    "consul",
    "digitalocean",
    "docker",
    "dockerswarm",
    "ec2",
    "ecs",
    "elasticache",
    "eureka",
    "gce",
    "hetzner",
    "http",
    "ionos",
    "kubernetes",
    "kuma",
    "lightsail",
    "linode",
    "marathon",
    "msk",
    "nerve",
    "nomad",
    "oci",
    "openstack",
    "outscale",
    "ovhcloud",
    "puppetdb",
    "rds",
    "scaleway",
    "serverset",
    "stackit",
    "triton",
    "uyuni",
    "vultr",
];
