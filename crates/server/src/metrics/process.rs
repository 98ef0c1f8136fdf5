//! What the operating system knows of this process. Only Linux is asked; elsewhere nothing is told.

use std::fs;

use narthex_exposition::TextWriter;
use narthex_model::MetricType::Counter;

use super::gauge;

/// Writes what can be found out; what cannot is left out.
pub(crate) fn write(page: &mut TextWriter) {
    if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().and_then(|s| Stat::parse(&s)) {
        page.family(
            "process_cpu_seconds_total",
            Counter,
            "Total user and system CPU time spent in seconds.",
        )
        .sample(&[], stat.cpu_ticks as f64 / TICKS_PER_S);
        if let Some(boot_s) = boot_time_s() {
            let help = "Start time of the process since unix epoch in seconds.";
            let started_s = boot_s as f64 + stat.start_ticks as f64 / TICKS_PER_S;
            gauge(page, "process_start_time_seconds", help, started_s);
        }
        let help = "Virtual memory size in bytes.";
        gauge(page, "process_virtual_memory_bytes", help, stat.virtual_size as f64);
    }
    if let Some(resident_kib) = resident_kib() {
        let help = "Resident memory size in bytes.";
        gauge(page, "process_resident_memory_bytes", help, resident_kib as f64 * 1024.0);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        let help = "Number of open file descriptors.";
        // The directory itself is open while it is read.
        gauge(page, "process_open_fds", help, open.count().saturating_sub(1) as f64);
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    for (name, help, row) in [
        ("process_max_fds", "Maximum number of open file descriptors.", "Max open files"),
        (
            "process_virtual_memory_max_bytes",
            "Maximum amount of virtual memory available in bytes.",
            "Max address space",
        ),
    ] {
        if let Some(limit) = soft_limit(&limits, row) {
            gauge(page, name, help, limit);
        }
    }
}

/// Fields of `/proc/<pid>/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    /// Since the machine started.
    start_ticks: u64,
    /// In bytes.
    virtual_size: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name, which may hold anything; a parenthesis ends it.
        let (_, rest) = text.rsplit_once(") ")?;
        let fields = rest.split_ascii_whitespace().collect::<Vec<_>>();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let cpu_ticks = field(14)? + field(15)?;
        Some(Self { cpu_ticks, start_ticks: field(22)?, virtual_size: field(23)? })
    }
}

fn boot_time_s() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn resident_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let row = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    row.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Returns the soft limit of a row of `/proc/<pid>/limits`; unlimited is infinite, as an `rlimit`
/// of all ones is for the reference.
fn soft_limit(limits: &str, row: &str) -> Option<f64> {
    let values = limits.lines().find_map(|line| line.strip_prefix(row))?;
    match values.split_ascii_whitespace().next()? {
        "unlimited" => Some(u64::MAX as f64),
        number => number.parse().ok(),
    }
}

/// `USER_HZ`, which Linux fixes at 100 for programs on every architecture that Rust has a standard
/// library for.
const TICKS_PER_S: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_past_odd_names() {
        let line = "7 (a) b (c) S 1 7 7 0 -1 4194560 10 0 0 0 120 30 0 0 20 0 4 0 5000 4096000 99";
        let expected = Stat { cpu_ticks: 150, start_ticks: 5_000, virtual_size: 4_096_000 };
        assert_eq!(Stat::parse(line), Some(expected));
        assert_eq!(Stat::parse("7 (a) S 1"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn limits_are_read() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\n\
                      Max open files            1024                 524288               files\n\
                      Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(soft_limit(limits, "Max open files"), Some(1024.0));
        assert_eq!(soft_limit(limits, "Max address space"), Some(u64::MAX as f64));
        assert_eq!(soft_limit(limits, "Max core file size"), None);
    }
}
