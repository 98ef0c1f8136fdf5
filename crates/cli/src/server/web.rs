use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use narthex_http::WebGuard;
use tokio::net::TcpListener;

use super::{RunError, ServerFlags};

/// Where the server listens, and to whom.
pub(super) struct Web {
    pub(super) listeners: Vec<TcpListener>,
    /// The first address.
    pub(super) address: SocketAddr,
    pub(super) guard: Arc<WebGuard>,
}

impl Web {
    /// Reads the web configuration file and takes the addresses.
    pub(super) async fn open(flags: &ServerFlags) -> Result<Self, RunError> {
        let file = Some(&*flags.web_config_file).filter(|file| !file.is_empty());
        let guard = WebGuard::new(file.map(Path::new)).map_err(|source| RunError::WebConfig {
            file: flags.web_config_file.clone(),
            source,
        })?;
        let mut listeners = Vec::with_capacity(flags.listen_addresses.len());
        let mut first = None;
        for address in &flags.listen_addresses {
            let fail = |source| RunError::Listen { address: address.clone(), source };
            let listener = TcpListener::bind(&**address).await.map_err(fail)?;
            let address = listener.local_addr().map_err(fail)?;
            tracing::info!(address = %address, "Listening on");
            if !address.ip().is_loopback() && !guard.asks_who() {
                tracing::warn!(
                    address = %address,
                    "Whoever reaches this address may ask: there are neither users nor client \
                     certificates in --web.config.file"
                );
            }
            first.get_or_insert(address);
            listeners.push(listener);
        }
        let address = first.ok_or(RunError::NoAddress)?;
        Ok(Self { listeners, address, guard: Arc::new(guard) })
    }
}
