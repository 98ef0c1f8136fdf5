//! Addresses that a client does not ask.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

/// Where a cloud tells a machine its secrets: whoever can make a client ask there reads them.
const METADATA: &[IpAddr] = &[
    // Amazon, Google, Azure, and most others.
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    // Amazon, for containers.
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    // Alibaba.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    // Google.
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Returns whether a cloud's metadata is at an address.
pub(crate) fn is_metadata(address: IpAddr) -> bool {
    METADATA.contains(&address.to_canonical())
}

/// Returns whether an address is one of the local link, where a redirect has no business.
pub(crate) fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Returns the address that a host of a URL is, if it is no name.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The refusal of an address.
pub(crate) fn refusal(address: IpAddr) -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("address {address} is refused: it belongs to a metadata service"),
    )
}

/// The system's resolver, less the addresses that are refused: what a name means is judged when it
/// means it, for it may mean something else a moment later.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    pub(crate) inner: GaiResolver,
    pub(crate) allow_metadata: bool,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolved = self.inner.call(name);
        let allow_metadata = self.allow_metadata;
        Box::pin(async move {
            let mut addresses: Vec<SocketAddr> = resolved.await?.collect();
            let refused = addresses.iter().map(SocketAddr::ip).find(|&ip| is_metadata(ip));
            if let Some(address) = refused.filter(|_| !allow_metadata) {
                addresses.retain(|address| !is_metadata(address.ip()));
                if addresses.is_empty() {
                    return Err(refusal(address));
                }
            }
            Ok(addresses.into_iter())
        })
    }
}
