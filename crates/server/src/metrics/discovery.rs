use narthex_discovery::{
    ConsulStats, DnsStats, FileStats, REFRESH_DURATION_BUCKETS, RefreshStats, Stats,
};
use narthex_exposition::{Bucket, TextWriter};
use narthex_model::MetricType::{Counter, Gauge, Histogram, Summary};

use super::{counter, unix_seconds};

/// Writes what discovery counts, under the reference's names. `name` tells the server's managers
/// apart: `scrape` finds targets.
///
/// # Source
///
/// `discovery/metrics.go`, `discovery/metrics_refresh.go` and the `metrics.go` of each kind in
/// Prometheus. Its summaries come without quantiles.
pub fn write_discovery_stats(page: &mut TextWriter, name: &str, stats: &Stats) {
    page.family(
        "prometheus_sd_failed_configs",
        Gauge,
        "Current number of service discovery configurations that failed to load.",
    )
    .sample(&[("name", name)], stats.failed_configs as f64);
    for (family, help, value) in [
        (
            "prometheus_sd_received_updates_total",
            "Total number of update events received from the SD providers.",
            stats.received_updates,
        ),
        (
            "prometheus_sd_updates_delayed_total",
            "Total number of update events that couldn't be sent immediately.",
            stats.delayed_updates,
        ),
        (
            "prometheus_sd_updates_total",
            "Total number of update events sent to the SD consumers.",
            stats.sent_updates,
        ),
    ] {
        page.family(family, Counter, help).sample(&[("name", name)], value as f64);
    }
    write_jobs(page, name, stats);
    write_refreshes(page, stats);
    write_files(page, &stats.file);
    write_dns(page, stats.dns);
    write_consul(page, stats.consul);
    #[cfg(feature = "kubernetes")]
    write_kubernetes(page, &stats.kubernetes);
    let help = "Number of HTTP service discovery refresh failures.";
    counter(page, "prometheus_sd_http_failures_total", help, stats.http_failures);
}

fn write_jobs(page: &mut TextWriter, name: &str, stats: &Stats) {
    let mut targets = page.family(
        "prometheus_sd_discovered_targets",
        Gauge,
        "Current number of discovered targets.",
    );
    for (job, counts) in &stats.jobs {
        targets.sample(&[("config", job), ("name", name)], counts.targets as f64);
    }
    let mut sent = page.family(
        "prometheus_sd_last_update_timestamp_seconds",
        Gauge,
        "Timestamp of the last update sent to the SD consumers.",
    );
    for (job, counts) in &stats.jobs {
        if let Some(last) = counts.last_sent {
            sent.sample(&[("config", job), ("name", name)], unix_seconds(last));
        }
    }
}

fn write_refreshes(page: &mut TextWriter, stats: &Stats) {
    let mut failures = page.family(
        "prometheus_sd_refresh_failures_total",
        Counter,
        "Number of refresh failures for the given SD mechanism.",
    );
    for ((mechanism, job), refreshes) in &stats.refreshes {
        failures.sample(&[("config", job), ("mechanism", mechanism)], refreshes.failures as f64);
    }
    let mut durations = page.family(
        "prometheus_sd_refresh_duration_seconds",
        Summary,
        "The duration of a refresh in seconds for the given SD mechanism.",
    );
    for ((mechanism, job), refreshes) in &stats.refreshes {
        let (sum_s, count) = (refreshes.duration.as_secs_f64(), refreshes.count as f64);
        durations.summary(&[("config", job), ("mechanism", mechanism)], &[], sum_s, count);
    }
    let mut durations = page.family(
        "prometheus_sd_refresh_duration_histogram_seconds",
        Histogram,
        "The duration of a refresh for the given SD mechanism.",
    );
    for (mechanism, refreshes) in stats.refreshes_by_mechanism() {
        let RefreshStats { count, duration, within, .. } = refreshes;
        let buckets = REFRESH_DURATION_BUCKETS.iter().zip(within).map(|(bound, count)| Bucket {
            upper_bound: bound.as_secs_f64(),
            cumulative_count: count as f64,
        });
        let buckets = buckets.collect::<Vec<_>>();
        let labels = [("mechanism", mechanism)];
        durations.histogram(&labels, &buckets, duration.as_secs_f64(), count as f64);
    }
}

fn write_files(page: &mut TextWriter, files: &FileStats) {
    for (family, help, value) in [
        (
            "prometheus_sd_file_read_errors_total",
            "The number of File-SD read errors.",
            files.read_errors,
        ),
        (
            "prometheus_sd_file_watcher_errors_total",
            "The number of File-SD errors caused by filesystem watch failures.",
            files.watcher_errors,
        ),
    ] {
        counter(page, family, help, value);
    }
    page.family(
        "prometheus_sd_file_scan_duration_seconds",
        Summary,
        "The duration of the File-SD scan in seconds.",
    )
    .summary(&[], &[], files.scan_duration.as_secs_f64(), files.scans as f64);
    let mut changed = page.family(
        "prometheus_sd_file_mtime_seconds",
        Gauge,
        "Timestamp (mtime) of files read by FileSD. Timestamp is set at read time.",
    );
    for (path, at) in &files.changed {
        changed.sample(&[("filename", path)], unix_seconds(*at).floor());
    }
}

fn write_dns(page: &mut TextWriter, dns: DnsStats) {
    for (family, help, value) in [
        ("prometheus_sd_dns_lookups_total", "The number of DNS-SD lookups.", dns.lookups),
        (
            "prometheus_sd_dns_lookup_failures_total",
            "The number of DNS-SD lookup failures.",
            dns.lookup_failures,
        ),
    ] {
        counter(page, family, help, value);
    }
}

fn write_consul(page: &mut TextWriter, consul: ConsulStats) {
    let help = "The number of Consul RPC call failures.";
    counter(page, "prometheus_sd_consul_rpc_failures_total", help, consul.failures);
    let mut durations = page.family(
        "prometheus_sd_consul_rpc_duration_seconds",
        Summary,
        "The duration of a Consul RPC call in seconds.",
    );
    for (call, calls) in [("service", consul.service), ("services", consul.services)] {
        let labels = [("call", call), ("endpoint", "catalog")];
        durations.summary(&labels, &[], calls.duration.as_secs_f64(), calls.count as f64);
    }
}

#[cfg(feature = "kubernetes")]
fn write_kubernetes(page: &mut TextWriter, kubernetes: &narthex_discovery::KubernetesStats) {
    let help = "The number of failed WATCH/LIST requests.";
    counter(page, "prometheus_sd_kubernetes_failures_total", help, kubernetes.failures);
    let mut events = page.family(
        "prometheus_sd_kubernetes_events_total",
        Counter,
        "The number of Kubernetes events handled.",
    );
    for ((role, event), count) in &kubernetes.events {
        events.sample(&[("event", event), ("role", role)], *count as f64);
    }
    let mut requests = page.family(
        "prometheus_sd_kubernetes_http_request_total",
        Counter,
        "Total number of HTTP requests to the Kubernetes API by status code.",
    );
    for (status, count) in &kubernetes.requests {
        requests.sample(&[("status_code", status)], *count as f64);
    }
    let mut durations = page.family(
        "prometheus_sd_kubernetes_http_request_duration_seconds",
        Summary,
        "Summary of latencies for HTTP requests to the Kubernetes API by endpoint.",
    );
    for (endpoint, requests) in &kubernetes.endpoints {
        let (sum_s, count) = (requests.duration.as_secs_f64(), requests.count as f64);
        durations.summary(&[("endpoint", endpoint)], &[], sum_s, count);
    }
}
