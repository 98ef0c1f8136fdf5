//! How a page comes from a target: the trait, and HTTP as one implementation.

mod gunzip;
mod http;
mod request;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use narthex_config::ScrapeConfig;
use narthex_model::quote::Quoted;

pub use http::HttpFetch;
pub use request::Request;

/// Gets pages from targets. [`HttpFetch`] does so over the network; a program that embeds the
/// scraper, and tests, may bring their own.
pub trait Fetch: Debug + Send + Sync {
    /// Asks for a page and puts its body, as it was sent, into `body`, which the caller cleared and
    /// reuses. The caller ends a request that takes longer than its timeout by dropping the future.
    ///
    /// Fails as soon as the body reaches `request.body_size_max` bytes, before they are kept.
    fn fetch<'a>(&'a self, request: &'a Request, body: &'a mut Vec<u8>) -> Fetching<'a>;
}

/// Gives each job what its pages are fetched with.
pub(crate) type Fetchers = Box<dyn Fn(&ScrapeConfig) -> Arc<dyn Fetch> + Send + Sync>;

/// A page on its way: see [`Fetch::fetch`].
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Page, FetchError>> + Send + 'a>>;

/// What a target said of the body that it sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The header `Content-Type`, or nothing.
    pub content_type: Box<str>,
    /// Whether the body is compressed with gzip.
    pub gzip: bool,
}

impl Page {
    /// Returns the text of the page whose body was `received`, uncompressed. `inflated`, which the
    /// caller cleared and reuses, takes it where it was compressed.
    ///
    /// # Errors
    ///
    /// Where the body is no gzip file though it should be one, or its content has `size_max` bytes
    /// or more.
    pub fn text<'a>(
        &self,
        received: &'a [u8],
        size_max: usize,
        inflated: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], FetchError> {
        if !self.gzip {
            return Ok(received);
        }
        gunzip::gunzip(received, size_max, inflated)?;
        Ok(inflated)
    }
}

/// Why a page could not be had. The texts are the reference's where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There was no answer.
    #[error("Get {}: {cause}", Quoted(url))]
    Request {
        /// The page's address.
        url: Box<str>,
        /// What went wrong.
        cause: Box<str>,
    },
    /// The answer was no page.
    #[error("server returned HTTP status {status} {reason}")]
    Status {
        /// The status code.
        status: u16,
        /// What the target said of it.
        reason: Box<str>,
    },
    /// The body broke off.
    #[error("{0}")]
    Body(Box<str>),
    /// The target took longer than it may to send the body.
    #[error("context deadline exceeded")]
    BodyTimeout,
    /// The page is larger than it may be.
    #[error("body size limit exceeded")]
    BodySizeLimit,
}
