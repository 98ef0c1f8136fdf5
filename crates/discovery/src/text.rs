//! How addresses and label names are written.

/// Returns `host:port`, with brackets around an IPv6 address.
pub(crate) fn host_port(host: &str, port: impl std::fmt::Display) -> String {
    if host.contains([':', '%']) { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
