use std::time::Duration;

use narthex_promql::{Grid, SampleStats};

use crate::engine::QueryStats;

/// Appends the statistics of a query.
///
/// # Source
///
/// `BuiltinStats` in Prometheus `util/stats/query_stats.go`.
pub(super) fn write_stats(out: &mut String, stats: &QueryStats) {
    let QueryStats { queue, total, timings, samples } = stats;
    out.push_str("{\"timings\":{");
    let fields = [
        ("evalTotalTime", *total),
        ("resultSortTime", timings.sort),
        ("queryPreparationTime", timings.prepare),
        ("innerEvalTime", timings.evaluate),
        ("execQueueTime", *queue),
        ("execTotalTime", *queue + *total),
    ];
    for (index, (name, duration)) in fields.into_iter().enumerate() {
        write_name(out, name, index == 0);
        write_seconds(out, duration);
    }
    out.push_str("},\"samples\":");
    write_samples(out, samples);
    out.push('}');
}

fn write_samples(out: &mut String, samples: &SampleStats) {
    let steps = samples.steps.as_ref();
    out.push('{');
    if let Some(steps) = steps {
        write_name(out, "totalQueryableSamplesPerStep", true);
        write_steps(out, steps.grid, &steps.total);
    }
    write_name(out, "totalQueryableSamples", steps.is_none());
    write_number(out, samples.total);
    if let Some(steps) = steps {
        write_name(out, "samplesReadPerStep", false);
        write_steps(out, steps.grid, &steps.read);
    }
    write_name(out, "samplesRead", false);
    write_number(out, samples.read);
    write_name(out, "peakSamples", false);
    write_number(out, samples.peak.unwrap_or_default());
    out.push('}');
}

/// Appends pairs of a step's time, in seconds, and a number.
fn write_steps(out: &mut String, grid: Grid, numbers: &[u64]) {
    out.push('[');
    for (index, (time_ms, number)) in grid.times_ms().zip(numbers).enumerate() {
        out.push_str(if index == 0 { "[" } else { ",[" });
        // The shortest digits, as Go writes a number that is no sample's time.
        out.push_str(&(time_ms as f64 / 1000.0).to_string());
        out.push(',');
        write_number(out, *number);
        out.push(']');
    }
    out.push(']');
}

fn write_name(out: &mut String, name: &str, is_first: bool) {
    out.push_str(if is_first { "\"" } else { ",\"" });
    out.push_str(name);
    out.push_str("\":");
}

fn write_number(out: &mut String, number: u64) {
    out.push_str(itoa::Buffer::new().format(number));
}

fn write_seconds(out: &mut String, duration: Duration) {
    out.push_str(&duration.as_secs_f64().to_string());
}
