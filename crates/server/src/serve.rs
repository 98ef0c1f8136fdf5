use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// What a client may keep of the server before it has sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeLimits {
    /// Open connections; more wait in the kernel's queue. 512 by default, as in the reference.
    pub connections_max: usize,
    /// The bytes of a request's line and headers: 64 KiB by default.
    pub head_size_max: usize,
    /// How long a client may take to send them, and how long a connection may be idle: 30 s by
    /// default.
    pub head_timeout: Duration,
    /// How long open requests may go on after a shutdown began: 5 s by default.
    pub shutdown_timeout: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            head_size_max: 64 << 10,
            head_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(5),
        }
    }
}

/// Serves `app` on `listener` until `shutdown` is done, then lets open requests finish for a while.
///
/// # Errors
///
/// Where the listener fails for good. That one connection could not be accepted, mostly for want
/// of file descriptors, is logged and tried again.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: ServeLimits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(limits.connections_max));
    let connections = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let slot = Arc::clone(&slots).acquire_owned().await.map_err(io::Error::other)?;
            let (stream, _) = listener.accept().await?;
            Ok::<_, io::Error>((slot, stream))
        };
        let (slot, stream) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(err = %error, "Could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let connection = connections.watch(open(stream, app.clone(), limits));
        tokio::spawn(async move {
            // A client that goes away, or breaks the protocol, ends its own connection only.
            if let Err(error) = connection.await {
                tracing::debug!(err = %error, "Connection ended");
            }
            drop(slot);
        });
    }
    drop(listener);
    let finish = tokio::time::timeout(limits.shutdown_timeout, connections.shutdown());
    if finish.await.is_err() {
        tracing::warn!("Open requests were cut off at the shutdown");
    }
    Ok(())
}

fn open(
    stream: TcpStream,
    app: Router,
    limits: ServeLimits,
) -> http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>> {
    // Answers are written in whole chunks, so waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_size_max.max(HEAD_SIZE_MIN))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
}

/// How long to wait after a failed accept, so that a want of descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// hyper refuses smaller buffers.
const HEAD_SIZE_MIN: usize = 8 << 10;
