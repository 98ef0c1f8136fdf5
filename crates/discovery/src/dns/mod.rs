//! Targets from DNS records: `dns_sd_configs`.

mod lookup;
mod resolve;

pub(crate) use lookup::DnsCounters;
pub use lookup::DnsLookup;
pub use lookup::DnsStats;
pub use resolve::NameServers;

#[cfg(test)]
mod tests;
