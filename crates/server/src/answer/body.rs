//! Bodies that are written while they are sent, so that a large answer never exists as text.

use std::convert::Infallible;
use std::fmt;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY};
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Frame;

/// Text that is written piece by piece.
pub(crate) trait Pieces: Send {
    /// Appends the next piece, a few kilobytes at most, and returns whether more may follow.
    fn write_piece(&mut self, out: &mut String) -> bool;
}

/// Returns the response with the whole text of `pieces`, compressed where that pays.
///
/// What fits one chunk is sent with its length; more is written while the client reads.
pub(crate) fn respond(
    mut pieces: Box<dyn Pieces>,
    content_type: &'static str,
    accepts_gzip: bool,
) -> Response {
    let mut text = String::new();
    let more = fill(pieces.as_mut(), &mut text);
    let compress = accepts_gzip && (more || text.len() >= COMPRESS_MIN);
    let mut stream = PieceStream {
        pieces,
        text,
        gzip: compress.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
        more,
    };
    let body = if more {
        Body::new(stream)
    } else {
        // Only a compressor could fail, and one that writes to memory does not.
        Body::from(stream.next_chunk().unwrap_or_default())
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if compress {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    response
}

/// Appends pieces until a chunk is full. Returns whether more may follow.
fn fill(pieces: &mut dyn Pieces, text: &mut String) -> bool {
    while text.len() < CHUNK_SIZE {
        if !pieces.write_piece(text) {
            return false;
        }
    }
    true
}

struct PieceStream {
    pieces: Box<dyn Pieces>,
    /// Written and not yet sent.
    text: String,
    gzip: Option<GzEncoder<Vec<u8>>>,
    more: bool,
}

impl fmt::Debug for PieceStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PieceStream").field("more", &self.more).finish_non_exhaustive()
    }
}

impl PieceStream {
    /// Returns what is to be sent next, or `None` at the end.
    fn next_chunk(&mut self) -> Option<Bytes> {
        loop {
            if self.text.is_empty() && self.more {
                self.text.reserve(CHUNK_CAPACITY);
                self.more = fill(self.pieces.as_mut(), &mut self.text);
            }
            let text = std::mem::take(&mut self.text);
            let Some(gzip) = &mut self.gzip else {
                return (!text.is_empty()).then(|| Bytes::from(text));
            };
            // The encoder writes to memory, which does not fail.
            let _ = gzip.write_all(text.as_bytes());
            if !self.more {
                return self.gzip.take()?.finish().ok().map(Bytes::from);
            }
            let compressed = std::mem::take(gzip.get_mut());
            if !compressed.is_empty() {
                return Some(Bytes::from(compressed));
            }
        }
    }
}

impl hyper::body::Body for PieceStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_chunk().map(|chunk| Ok(Frame::data(chunk))))
    }
}

/// A chunk is formatted within a fraction of a millisecond, so other connections wait no longer.
const CHUNK_SIZE: usize = 64 << 10;
/// A chunk and the piece that makes it full.
const CHUNK_CAPACITY: usize = CHUNK_SIZE + (24 << 10);
/// Shorter texts fit a packet either way.
const COMPRESS_MIN: usize = 1_400;

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use http_body_util::BodyExt as _;
    use proptest::prelude::*;

    use super::*;

    struct Lines(std::vec::IntoIter<String>);

    impl Pieces for Lines {
        fn write_piece(&mut self, out: &mut String) -> bool {
            if let Some(line) = self.0.next() {
                out.push_str(&line);
            }
            self.0.len() > 0
        }
    }

    fn read(response: Response) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = runtime.block_on(response.into_body().collect()).unwrap();
        body.to_bytes().to_vec()
    }

    proptest! {
        #[test]
        fn every_piece_arrives(
            sizes in proptest::collection::vec(0_usize..30_000, 0..12),
            accepts_gzip: bool,
        ) {
            let lines = sizes.iter().enumerate().map(|(i, n)| i.to_string().repeat(*n));
            let lines = lines.collect::<Vec<_>>();
            let expected = lines.concat();
            let response = respond(Box::new(Lines(lines.into_iter())), "text/plain", accepts_gzip);
            let compressed = response.headers().contains_key(CONTENT_ENCODING);
            prop_assert!(accepts_gzip || !compressed);
            let mut text = String::new();
            let bytes = read(response);
            if compressed {
                flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
            } else {
                text = String::from_utf8(bytes).unwrap();
            }
            prop_assert_eq!(text, expected);
        }
    }
}
