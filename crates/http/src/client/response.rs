use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;

use super::describe;

/// An answer: its head, and its body, which comes in pieces.
#[derive(Debug)]
pub struct Response {
    head: http::response::Parts,
    body: Incoming,
}

impl Response {
    pub(crate) fn new(response: http::Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        Self { head, body }
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// Returns what the server said of the status: `Not Found`.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.head.extensions.get::<ReasonPhrase>() {
            Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
            None => self.head.status.canonical_reason().unwrap_or_default().to_owned(),
        }
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Returns the version of HTTP that the server spoke.
    #[must_use]
    pub fn version(&self) -> http::Version {
        self.head.version
    }

    /// Returns the next piece of the body as it was sent, or `None` at its end.
    ///
    /// # Errors
    ///
    /// [`BodyError::Broken`] where the connection ends before the body.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| BodyError::Broken(describe::body(&error).into()))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    ///
    /// [`BodyError::TooLarge`] where it has more than `size_max` bytes: no more than that are kept.
    pub async fn read(mut self, size_max: usize) -> Result<Vec<u8>, BodyError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len().saturating_add(chunk.len()) > size_max {
                return Err(BodyError::TooLarge { size_max });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The connection ended before the body.
    #[error("{0}")]
    Broken(Box<str>),
    /// The body is larger than it may be.
    #[error("the body has more than {size_max} bytes")]
    TooLarge {
        /// The most bytes.
        size_max: usize,
    },
}
