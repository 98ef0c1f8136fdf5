use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::RwLock;
use rustls::pki_types::ServerName;

use super::connect::{Connector, Shared};
use super::headers::{self, ExtraHeaders, SENSITIVE};
use super::oauth2::Tokens;
use super::proxy::{self, Proxies};
use super::response::Response;
use super::tls::{self, Materials};
use super::{ClientError, RequestError, address, describe, redirect, secrets};
use crate::config::{Auth, HttpClientConfig, TlsConfig};

/// Sends requests as an [`HttpClientConfig`] says, and keeps connections for the next ones.
///
/// Clones share everything. Certificates, keys and credentials in files are read again whenever they
/// are used. It needs a tokio runtime, and times nothing but the TLS handshake: dropping the future
/// ends a request.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use narthex_http::{Client, ClientOptions, HttpClientConfig};
///
/// let client = Client::new(&HttpClientConfig::default(), ClientOptions::default())?;
/// let request = http::Request::get("http://localhost:9090/metrics").body(Default::default())?;
/// let page = client.send(request).await?.read(64 << 20).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

/// What a client does that no configuration file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// The header `User-Agent` of requests that have none: `narthex/<version>` by default.
    pub user_agent: String,
    /// How often an answer may point elsewhere: 5 times by default.
    pub redirects_max: usize,
    /// Whether to ask addresses where clouds keep a machine's secrets, such as 169.254.169.254. Not
    /// by default: a target, or a redirect, could have them read.
    pub allow_metadata_addresses: bool,
    /// How long an unused connection stays open: 5 minutes by default, longer than most intervals.
    pub idle_timeout: Duration,
    /// The most unused connections to one host: 1000 by default, for as many targets may share it.
    pub idle_connections_max: usize,
    /// The Unix socket to connect to, whatever the host of an address; none by default. Where there are
    /// no such sockets every request fails.
    pub unix_socket: Option<PathBuf>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("narthex/", env!("CARGO_PKG_VERSION")).to_owned(),
            redirects_max: 5,
            allow_metadata_addresses: false,
            idle_timeout: Duration::from_secs(5 * 60),
            idle_connections_max: 1_000,
            unix_socket: None,
        }
    }
}

struct Inner {
    config: HttpClientConfig,
    options: ClientOptions,
    user_agent: HeaderValue,
    extra_headers: ExtraHeaders,
    tokens: Option<Tokens>,
    proxies: Proxies,
    /// Whether certificates may change.
    rotates: bool,
    transport: RwLock<Arc<Transport>>,
}

/// Connections that were made with certain certificates.
struct Transport {
    client: legacy::Client<Connector, Full<Bytes>>,
    materials: Materials,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl Client {
    /// Returns a client. It opens no connection yet.
    ///
    /// # Errors
    ///
    /// Where a certificate or a key is none, a file with one cannot be read, or a header or a proxy
    /// cannot be.
    pub fn new(config: &HttpClientConfig, options: ClientOptions) -> Result<Self, ClientError> {
        let tokens = match &config.auth {
            Some(Auth::OAuth2(oauth2)) => Some(Tokens::new(oauth2, &options)?),
            Some(Auth::Basic(basic)) => {
                secrets::check(basic.username.as_ref(), "username")?;
                secrets::check(basic.password.as_ref(), "password")?;
                None
            }
            Some(Auth::Authorization(authorization)) => {
                secrets::check(authorization.credentials.as_ref(), "credentials")?;
                None
            }
            None => None,
        };
        let proxies = Proxies::new(&config.proxy, |name| std::env::var(name).ok())?;
        let materials = Materials::read(&config.tls)?;
        let transport = Transport::new(config, &options, &proxies, materials)?;
        let user_agent = HeaderValue::try_from(&options.user_agent)
            .map_err(|_| ClientError::Header { name: "User-Agent".into() })?;
        Ok(Self {
            inner: Arc::new(Inner {
                extra_headers: ExtraHeaders::new(&config.http_headers)?,
                rotates: tls::rotates(&config.tls),
                transport: RwLock::new(Arc::new(transport)),
                config: config.clone(),
                user_agent,
                tokens,
                proxies,
                options,
            }),
        })
    }

    /// Sends a request and returns the answer, whatever its status. A redirect is followed if the
    /// configuration says so; then credentials go along to the same host, and to those below it, alone.
    ///
    /// The address needs a scheme and a host. A name and a password in it are sent as a header.
    ///
    /// # Errors
    ///
    /// Where there is no answer: no connection, no trust, no end to the redirects.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response, RequestError> {
        let (head, body) = request.into_parts();
        let mut hop =
            Hop { method: head.method, uri: head.uri, headers: head.headers, body, left: false };
        let check = redirect::parse(&hop.uri.to_string()).map_err(|cause| hop.failed(cause))?;
        let origin = check.clone();
        hop.uri = check;
        for _ in 0..=self.inner.options.redirects_max {
            let response = self.inner.send(&mut hop).await?;
            match redirect::location(&hop.uri, &response) {
                Some(next) if self.inner.config.follow_redirects => {
                    let next = next.map_err(|cause| hop.failed(cause))?;
                    hop.follow(next, &origin, response.status().as_u16())?;
                }
                _ => return Ok(Response::new(response)),
            }
        }
        Err(hop.failed(format!("stopped after {} redirects", self.inner.options.redirects_max)))
    }
}

impl Inner {
    async fn send(&self, hop: &mut Hop) -> Result<http::Response<Incoming>, RequestError> {
        hop.take_user_info();
        let transport = self.transport().map_err(|error| hop.failed(error.to_string()))?;
        let headers = self.headers(hop).await.map_err(|cause| hop.failed(cause))?;
        let message = || {
            let mut request = Request::new(Full::new(hop.body.clone()));
            *request.method_mut() = hop.method.clone();
            *request.uri_mut() = hop.uri.clone();
            *request.headers_mut() = headers.clone();
            request
        };
        let harmless = matches!(hop.method, Method::GET | Method::HEAD);
        let answer = match transport.client.request(message()).await {
            // It may have been a connection of a former request, which the server closed just now.
            Err(error) if harmless && describe::is_broken(&error) => {
                transport.client.request(message()).await
            }
            answer => answer,
        };
        answer.map_err(|error| hop.failed(describe::request(&error, &hop.uri)))
    }

    async fn headers(&self, hop: &Hop) -> Result<HeaderMap, String> {
        let mut headers = hop.headers.clone();
        headers.entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());
        self.extra_headers.add(&mut headers, hop.left)?;
        if !hop.left && !headers.contains_key(AUTHORIZATION) {
            self.authorize(&mut headers).await?;
        }
        let plain = hop.uri.scheme_str() == Some("http");
        let proxy = self.proxies.of(&hop.uri).filter(|proxy| plain && !proxy.is_socks());
        if let Some(authorization) = proxy.and_then(proxy::Proxy::authorization) {
            headers.insert(PROXY_AUTHORIZATION, authorization);
        }
        Ok(headers)
    }

    async fn authorize(&self, headers: &mut HeaderMap) -> Result<(), String> {
        let value = match &self.config.auth {
            None => return Ok(()),
            Some(Auth::Basic(basic)) => {
                let user = secrets::fetch(basic.username.as_ref())
                    .map_err(|cause| format!("unable to read basic auth username: {cause}"))?;
                let password = secrets::fetch(basic.password.as_ref())
                    .map_err(|cause| format!("unable to read basic auth password: {cause}"))?;
                let value = proxy::basic(user.expose(), password.expose());
                value.ok_or("the name and the password cannot be sent")?
            }
            Some(Auth::Authorization(authorization)) => {
                let credentials =
                    secrets::fetch(authorization.credentials.as_ref()).map_err(|cause| {
                        format!("unable to read authorization credentials: {cause}")
                    })?;
                let text = format!("{} {}", authorization.kind, credentials.expose());
                headers::secret_value(&AUTHORIZATION, &text)?
            }
            Some(Auth::OAuth2(_)) => match &self.tokens {
                Some(tokens) => {
                    let token = tokens.authorization().await?;
                    headers::secret_value(&AUTHORIZATION, token.expose())?
                }
                None => return Ok(()),
            },
        };
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    /// Returns the connections to use, new ones where certificates have changed.
    fn transport(&self) -> Result<Arc<Transport>, ClientError> {
        let current = Arc::clone(&self.transport.read());
        if !self.rotates {
            return Ok(current);
        }
        let materials = Materials::read(&self.config.tls)?;
        if materials == current.materials {
            return Ok(current);
        }
        let new = Transport::new(&self.config, &self.options, &self.proxies, materials)?;
        let new = Arc::new(new);
        *self.transport.write() = Arc::clone(&new);
        Ok(new)
    }
}

impl Transport {
    fn new(
        config: &HttpClientConfig,
        options: &ClientOptions,
        proxies: &Proxies,
        materials: Materials,
    ) -> Result<Self, ClientError> {
        let tls = OnceLock::new();
        if config.tls != TlsConfig::default() {
            let _ = tls.set(tls::config(&config.tls, &materials, config.enable_http2)?);
        }
        let server_name = match &*config.tls.server_name {
            "" => None,
            name => Some(
                ServerName::try_from(name.to_owned())
                    .map_err(|_| ClientError::Header { name: config.tls.server_name.clone() })?,
            ),
        };
        let connector = Connector::new(Shared {
            proxies: proxies.clone(),
            connect_headers: headers::for_proxy(&config.proxy.connect_headers)?,
            tls,
            server_name,
            http2: config.enable_http2,
            allow_metadata: options.allow_metadata_addresses,
            unix_socket: options.unix_socket.clone(),
        });
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(options.idle_timeout)
            .pool_max_idle_per_host(options.idle_connections_max)
            .http1_max_buf_size(BUFFER_SIZE_MAX)
            .http2_keep_alive_interval(HTTP2_PING_INTERVAL)
            .build(connector);
        Ok(Self { client, materials })
    }
}

/// One request on the way through redirects.
struct Hop {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    /// Whether the host was left that credentials are for. There is no way back.
    left: bool,
}

impl Hop {
    fn failed(&self, cause: impl Into<Box<str>>) -> RequestError {
        RequestError::new(&self.method, &self.uri.to_string(), cause)
    }

    fn follow(&mut self, next: Uri, origin: &Uri, status: u16) -> Result<(), RequestError> {
        let host = next.host().unwrap_or_default();
        if address::literal(host).is_some_and(address::is_link_local) {
            return Err(self.failed(format!("redirect to link-local address {host} is refused")));
        }
        self.uri = next;
        if !redirect::stays(origin, &self.uri) {
            self.left = true;
            for name in SENSITIVE {
                self.headers.remove(*name);
            }
        }
        // 307 and 308 ask for the same request again; the others want the page there.
        if !matches!(status, 307 | 308) && self.method != Method::HEAD {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers.remove(CONTENT_TYPE);
            self.headers.remove(CONTENT_LENGTH);
        }
        Ok(())
    }

    /// Moves a name and a password in the address to a header.
    fn take_user_info(&mut self) {
        let Some(authority) = self.uri.authority() else { return };
        let Some((user_info, host)) = authority.as_str().rsplit_once('@') else { return };
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let value = proxy::basic(&proxy::percent_decoded(user), &proxy::percent_decoded(password));
        if let Some(value) = value
            && !self.headers.contains_key(AUTHORIZATION)
        {
            self.headers.insert(AUTHORIZATION, value);
        }
        let mut parts = self.uri.clone().into_parts();
        parts.authority = host.parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            self.uri = uri;
        }
    }
}

/// How often to ask a silent HTTP/2 server whether it is there, as the reference does.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(60);

/// What an HTTP/1 connection reads at once at most, in bytes; the head of an answer must fit. A connection
/// keeps its buffer while it waits for the next request: most wait nearly all of the time.
const BUFFER_SIZE_MAX: usize = 32 << 10;
