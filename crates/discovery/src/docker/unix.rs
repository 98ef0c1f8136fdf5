//! A daemon behind a socket in the file system.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::Request;
use http::header::HOST;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::daemon::{Answer, DaemonError};
use crate::client::BODY_SIZE_MAX;

/// The path of a socket.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
}

impl Socket {
    pub(super) fn new(path: &str) -> Self {
        Self { path: path.into() }
    }

    /// Asks for `path` by a connection of its own.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, DaemonError> {
        let stream = UnixStream::connect(&self.path).await.map_err(|error| self.failed(&error))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.failed(&error))?;
        let request = Request::get(path)
            .header(HOST, "localhost")
            .header("User-Agent", concat!("narthex/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())?;
        let exchange = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, BODY_SIZE_MAX).collect().await?.to_bytes().into();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        // The connection lives for as long as we ask, and ends with us.
        let answer: Result<Answer, Box<dyn std::error::Error + Send + Sync>> = tokio::select! {
            answer = exchange => answer,
            Err(error) = connection => Err(error.into()),
        };
        answer.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &dyn Display) -> DaemonError {
        let path = Path::display(&self.path);
        DaemonError::Other(format!("unix://{path}: {error}").into())
    }
}
