use narthex_exposition::{Bucket, TextWriter};
use narthex_model::MetricType::{Counter, Gauge, Histogram, Summary};
use narthex_rules::{NamedGroupStats, Stats, TIMING_BOUNDS_S, TimingStats};

/// Writes what is counted of rules, under the reference's names.
///
/// # Source
///
/// `rules/group.go` of Prometheus. The reference's summaries also hold quantiles.
pub fn write_rule_stats(page: &mut TextWriter, stats: &Stats) {
    write_timing(
        page,
        "prometheus_rule_evaluation_duration",
        "The duration for a rule to execute.",
        &stats.rules,
    );
    write_timing(
        page,
        "prometheus_rule_group_duration",
        "The duration of rule group evaluations.",
        &stats.groups,
    );
    for (name, help, value) in COUNTERS {
        let mut family = page.family(name, Counter, help);
        for group in &stats.by_group {
            family.sample(&[("rule_group", &key(group))], value(group) as f64);
        }
    }
    for (name, help, value) in GAUGES {
        let mut family = page.family(name, Gauge, help);
        for group in &stats.by_group {
            family.sample(&[("rule_group", &key(group))], value(group));
        }
    }
}

fn write_timing(page: &mut TextWriter, name: &str, help: &str, timing: &TimingStats) {
    let (sum_s, count) = (timing.sum.as_secs_f64(), timing.count as f64);
    page.family(&format!("{name}_seconds"), Summary, help).summary(&[], &[], sum_s, count);
    let buckets = TIMING_BOUNDS_S
        .iter()
        .zip(timing.buckets)
        .map(|(&upper_bound, count)| Bucket { upper_bound, cumulative_count: count as f64 });
    let buckets: Vec<_> = buckets.collect();
    page.family(&format!("{name}_histogram_seconds"), Histogram, help).histogram(
        &[],
        &buckets,
        sum_s,
        count,
    );
}

fn key(group: &NamedGroupStats) -> String {
    format!("{};{}", group.file, group.name)
}

type Family<T> = (&'static str, &'static str, fn(&NamedGroupStats) -> T);

const COUNTERS: [Family<u64>; 4] = [
    (
        "prometheus_rule_group_iterations_missed_total",
        "The total number of rule group evaluations missed due to slow rule group evaluation.",
        |group| group.stats.iterations_missed,
    ),
    (
        "prometheus_rule_group_iterations_total",
        "The total number of scheduled rule group evaluations, whether executed or missed.",
        |group| group.stats.iterations,
    ),
    ("prometheus_rule_evaluations_total", "The total number of rule evaluations.", |group| {
        group.stats.evaluations
    }),
    (
        "prometheus_rule_evaluation_failures_total",
        "The total number of rule evaluation failures.",
        |group| group.stats.failures,
    ),
];

const GAUGES: [Family<f64>; 7] = [
    ("prometheus_rule_group_interval_seconds", "The interval of a rule group.", |group| {
        group.interval.as_secs_f64()
    }),
    (
        "prometheus_rule_group_last_evaluation_timestamp_seconds",
        "The timestamp of the last rule group evaluation in seconds.",
        |group| group.evaluated_at_ms.map_or(0.0, |at_ms| at_ms as f64 / 1_000.0),
    ),
    (
        "prometheus_rule_group_last_duration_seconds",
        "The duration of the last rule group evaluation.",
        |group| group.took.as_secs_f64(),
    ),
    (
        "prometheus_rule_group_last_rule_duration_sum_seconds",
        "The sum of time in seconds it took to evaluate each rule in the group regardless of concurrency. This should be higher than the group duration if rules are evaluated concurrently.",
        |group| group.stats.rules_took.as_secs_f64(),
    ),
    (
        "prometheus_rule_group_last_restore_duration_seconds",
        "The duration of the last alert rules alerts restoration using the `ALERTS_FOR_STATE` series.",
        |group| group.stats.restore_took.as_secs_f64(),
    ),
    ("prometheus_rule_group_rules", "The number of rules.", |group| group.rules as f64),
    (
        "prometheus_rule_group_last_evaluation_samples",
        "The number of samples returned during the last rule group evaluation.",
        |group| group.stats.samples as f64,
    ),
];
