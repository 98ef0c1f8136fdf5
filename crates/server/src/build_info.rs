//! Which version this is, of which version of Prometheus it speaks the API, and where it runs.

/// The version of this package.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of Prometheus whose API this is. Clients switch features on by it.
pub(crate) const COMPATIBLE_VERSION: &str = "3.14.0";

/// Returns the name of this machine; empty where the system does not tell it in a file or the
/// environment.
#[must_use]
pub fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let name = name.ok().or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    name.trim().to_owned()
}
