//! Connections: through a proxy, if there is one, and by TLS, if the address asks for it.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tower::Service;

use super::address::{self, Resolver};
use super::proxy::{Proxies, Proxy};
use super::stream::Stream;
use super::tls;

/// Makes the connections of one client.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector<Resolver>,
    shared: Arc<Shared>,
}

/// What all connections of a client have in common.
pub(crate) struct Shared {
    pub(crate) proxies: Proxies,
    pub(crate) connect_headers: HeaderMap,
    /// How to speak TLS. Made when it is first needed, unless the configuration says how.
    pub(crate) tls: OnceLock<Arc<ClientConfig>>,
    /// The name to expect in place of the address's own.
    pub(crate) server_name: Option<ServerName<'static>>,
    pub(crate) http2: bool,
    pub(crate) allow_metadata: bool,
    /// Where to connect, whatever the address says.
    pub(crate) unix_socket: Option<PathBuf>,
}

type Cause = Box<dyn Error + Send + Sync>;

impl Connector {
    pub(crate) fn new(shared: Shared) -> Self {
        let resolver =
            Resolver { inner: GaiResolver::new(), allow_metadata: shared.allow_metadata };
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        Self { tcp, shared: Arc::new(shared) }
    }

    async fn connect(mut self, uri: Uri) -> Result<Stream, Cause> {
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default();
        if let Some(address) = address::literal(host)
            && address::is_metadata(address)
            && !self.shared.allow_metadata
            && self.shared.unix_socket.is_none()
        {
            return Err(address::refusal(address).into());
        }
        let proxy = self.shared.proxies.of(&uri).cloned();
        let stream = match &proxy {
            None => self.tcp(uri.clone()).await?,
            Some(proxy) if proxy.is_socks() && self.shared.unix_socket.is_none() => {
                self.socks(proxy, uri.clone()).await?
            }
            Some(proxy) => self.proxied(proxy, &uri, secure).await?,
        };
        if !secure {
            return Ok(stream);
        }
        let name = match &self.shared.server_name {
            Some(name) => name.clone(),
            None => server_name(host)?,
        };
        self.secure(stream, name, true).await
    }

    async fn tcp(&mut self, uri: Uri) -> Result<Stream, Cause> {
        if let Some(path) = &self.shared.unix_socket {
            return Ok(unix_stream(path).await?);
        }
        Ok(Stream::tcp(self.tcp.call(uri).await?.into_inner()))
    }

    async fn socks(&mut self, proxy: &Proxy, uri: Uri) -> Result<Stream, Cause> {
        let mut socks = SocksV5::new(proxy.uri.clone(), self.tcp.clone());
        if let Some((user, password)) = &proxy.credentials {
            socks = socks.with_auth(user.clone(), password.expose().to_owned());
        }
        Ok(Stream::tcp(socks.call(uri).await?.into_inner()))
    }

    /// Returns a connection to the proxy for plain requests, a tunnel through it for secure ones.
    async fn proxied(&mut self, proxy: &Proxy, uri: &Uri, secure: bool) -> Result<Stream, Cause> {
        let mut stream = self.tcp(proxy.uri.clone()).await?;
        if proxy.uri.scheme_str() == Some("https") {
            let name = server_name(proxy.uri.host().unwrap_or_default())?;
            stream = self.secure(stream, name, false).await?;
        }
        if !secure {
            stream.proxied = true;
            return Ok(stream);
        }
        let mut headers = self.shared.connect_headers.clone();
        if let Some(authorization) = proxy.authorization() {
            headers.entry(PROXY_AUTHORIZATION).or_insert(authorization);
        }
        tunnel(stream, uri, headers).await
    }

    async fn secure(
        &self,
        stream: Stream,
        name: ServerName<'static>,
        may_be_http2: bool,
    ) -> Result<Stream, Cause> {
        let http2 = self.shared.http2;
        let config = Arc::clone(self.shared.tls.get_or_init(|| tls::default_config(http2)));
        let connector = TlsConnector::from(config);
        let handshake = if may_be_http2 {
            connector.connect(name, stream)
        } else {
            connector.with_alpn(Vec::new()).connect(name, stream)
        };
        let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await.map_err(|_| {
            io::Error::new(io::ErrorKind::Unsupported, "net/http: TLS handshake timeout")
        })??;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let mut stream = Stream::other(stream);
        stream.http2 = http2;
        Ok(stream)
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = Cause;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Cause>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(uri).await.map(TokioIo::new) })
    }
}

#[cfg(unix)]
async fn unix_stream(path: &Path) -> io::Result<Stream> {
    Ok(Stream::other(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn unix_stream(_: &Path) -> io::Result<Stream> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "there are no Unix sockets here"))
}

/// Asks a proxy for a tunnel to `uri`, and returns it.
async fn tunnel(stream: Stream, uri: &Uri, headers: HeaderMap) -> Result<Stream, Cause> {
    let target = format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(443));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection.with_upgrades());
    let mut request = Request::connect(&target).header(HOST, &target).body(Empty::<Bytes>::new())?;
    request.headers_mut().extend(headers);
    let response = sender.send_request(request).await?;
    if response.status() != http::StatusCode::OK {
        let status = response.status();
        let reason = status.canonical_reason().unwrap_or_else(|| status.as_str()).to_owned();
        return Err(io::Error::new(io::ErrorKind::Unsupported, reason).into());
    }
    let upgraded = hyper::upgrade::on(response).await?;
    Ok(Stream::other(TokioIo::new(upgraded)))
}

fn server_name(host: &str) -> Result<ServerName<'static>, Cause> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok(ServerName::try_from(host.to_owned())?)
}

/// How long a server may take to agree on TLS: the reference's time.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
