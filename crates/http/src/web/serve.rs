use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::{Service, ServiceExt};

use super::WebGuard;

/// What a client may keep of the server before it has sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeLimits {
    /// Open connections on all addresses together; more wait in the kernel's queue. 512 by default, as
    /// in the reference.
    pub connections_max: usize,
    /// The bytes of a request's line and headers: 64 KiB by default.
    pub head_size_max: usize,
    /// How long a client may take to agree on TLS and to send them, and how long a connection may be
    /// idle: 30 s by default.
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

/// Serves `app`, such as a router of axum, to whom `guard` lets in, until `shutdown` is done. Then open
/// requests may finish for a while.
///
/// # Errors
///
/// Where a listener fails for good. That one connection could not be accepted, mostly for want of file
/// descriptors, is logged and tried again.
pub async fn serve<S, B>(
    listeners: Vec<TcpListener>,
    app: S,
    guard: Arc<WebGuard>,
    limits: ServeLimits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (stop, stopped) = watch::channel(());
    let site = Site { app, guard, limits, slots: Arc::new(Semaphore::new(limits.connections_max)) };
    let mut doors = JoinSet::new();
    for listener in listeners {
        doors.spawn(site.clone().open(listener, stopped.clone()));
    }
    drop(stopped);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            door = doors.join_next() => match door {
                None => return Ok(()),
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(error)) => return Err(io::Error::other(error)),
            },
        }
    }
    drop(stop);
    while doors.join_next().await.is_some() {}
    Ok(())
}

/// What all addresses serve.
#[derive(Clone)]
struct Site<S> {
    app: S,
    guard: Arc<WebGuard>,
    limits: ServeLimits,
    slots: Arc<Semaphore>,
}

impl<S, B> Site<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Accepts connections until the other end of `stopped` is gone.
    async fn open(self, listener: TcpListener, mut stopped: watch::Receiver<()>) -> io::Result<()> {
        let connections = GracefulShutdown::new();
        loop {
            let accepted = async {
                // The semaphore is never closed.
                let slot =
                    Arc::clone(&self.slots).acquire_owned().await.map_err(io::Error::other)?;
                let (stream, _) = listener.accept().await?;
                Ok::<_, io::Error>((slot, stream))
            };
            let (slot, stream) = tokio::select! {
                _ = stopped.changed() => break,
                accepted = accepted => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(err = %error, "Could not accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            let (site, watcher) = (self.clone(), connections.watcher());
            tokio::spawn(async move {
                // A client that goes away, or breaks the protocol, ends its own connection only.
                if let Err(error) = site.connection(stream, watcher).await {
                    tracing::debug!(err = %error, "Connection ended");
                }
                drop(slot);
            });
        }
        drop(listener);
        let finish = tokio::time::timeout(self.limits.shutdown_timeout, connections.shutdown());
        if finish.await.is_err() {
            tracing::warn!("Open requests were cut off at the shutdown");
        }
        Ok(())
    }

    async fn connection(
        self,
        stream: TcpStream,
        watcher: Watcher,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        // Answers are written in whole chunks, so waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let Some(config) = self.guard.tls()? else {
            return self.requests(stream, false, watcher).await;
        };
        let handshake = TlsAcceptor::from(config).accept(stream);
        let stream = tokio::time::timeout(self.limits.head_timeout, handshake).await??;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.requests(stream, http2, watcher).await
    }

    async fn requests(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        http2: bool,
        watcher: Watcher,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Self { app, guard, limits, .. } = self;
        let service = service_fn(move |request| answer(app.clone(), Arc::clone(&guard), request));
        let builder = auto::Builder::new(TokioExecutor::new());
        let mut builder = if http2 { builder.http2_only() } else { builder.http1_only() };
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_buf_size(limits.head_size_max.max(HEAD_SIZE_MIN));
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.head_timeout)
            .max_header_list_size(u32::try_from(limits.head_size_max).unwrap_or(u32::MAX));
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        watcher.watch(connection).await
    }
}

/// Answers one request: the application does, if the guard lets it in.
async fn answer<S, B>(
    app: S,
    guard: Arc<WebGuard>,
    request: Request<Incoming>,
) -> Result<Response<Either<B, Full<Bytes>>>, Infallible>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    let config = match guard.admit(request.headers()).await {
        Ok(config) => config,
        Err(refusal) => return Ok(refusal.map(|text| Either::Right(Full::from(text)))),
    };
    let mut response = app.oneshot(request).await?.map(Either::Left);
    for (name, value) in &config.headers {
        response.headers_mut().insert(name, value.clone());
    }
    Ok(response)
}

/// How long to wait after a failed accept, so that a want of descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// hyper refuses smaller buffers.
const HEAD_SIZE_MIN: usize = 8 << 10;
