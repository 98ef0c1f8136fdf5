//! A server that answers as a test says, and remembers what it was asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    /// Returns the values of a header, separated by commas.
    pub(crate) fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter().map(|value| value.to_str().unwrap());
        values.collect::<Vec<_>>().join(",")
    }
}

/// A running server. It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts a server without TLS.
    pub(crate) async fn plain(
        answer: impl Fn(&Asked) -> Response<String> + Send + Sync + 'static,
    ) -> Self {
        Self::start(None, answer).await
    }

    /// Starts a server that says `ok` by TLS.
    pub(crate) async fn secure(config: Arc<rustls::ServerConfig>) -> Self {
        Self::start(Some(config), |_| Response::new("ok".to_owned())).await
    }

    pub(crate) async fn start(
        tls: Option<Arc<rustls::ServerConfig>>,
        answer: impl Fn(&Asked) -> Response<String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let (asked, answer) = (Arc::clone(&server.asked), Arc::new(answer));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (asked, answer, tls) = (Arc::clone(&asked), Arc::clone(&answer), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, asked, answer).await,
                        Some(config) => {
                            if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                                serve(stream, asked, answer).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    /// Returns what was asked, and forgets it.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Returns the address of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the address of a page by TLS, under the name that certificates have.
    pub(crate) fn secure_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }
}

/// Starts a proxy that opens every tunnel to `to`, whatever name it is asked for.
pub(crate) async fn tunnels(to: SocketAddr, status: u16) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server { address: listener.local_addr().unwrap(), asked: Arc::default() };
    let asked = Arc::clone(&server.asked);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let asked = Arc::clone(&asked);
            let service = service_fn(move |request: Request<Incoming>| {
                let asked = Arc::clone(&asked);
                async move {
                    let (head, _) = request.into_parts();
                    asked.lock().unwrap().push(Asked {
                        method: head.method.clone(),
                        uri: head.uri.clone(),
                        version: head.version,
                        headers: head.headers.clone(),
                        body: String::new(),
                    });
                    let request = Request::from_parts(head, ());
                    if status == 200 {
                        tokio::spawn(async move {
                            let mut client =
                                TokioIo::new(hyper::upgrade::on(request).await.unwrap());
                            let mut server = TcpStream::connect(to).await.unwrap();
                            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                        });
                    }
                    let mut response = Response::new(Full::new(Bytes::new()));
                    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades(),
            );
        }
    });
    server
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<impl Fn(&Asked) -> Response<String> + Send + Sync + 'static>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let request = Asked {
                method: head.method,
                uri: head.uri,
                version: head.version,
                headers: head.headers,
                body: String::from_utf8(body.to_vec()).unwrap(),
            };
            let response = answer(&request).map(|text| Full::new(Bytes::from(text)));
            asked.lock().unwrap().push(request);
            Ok::<_, Infallible>(response)
        }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}
