//! The client side: one request, its credentials, its proxy, its redirects.

mod address;
mod connect;
mod describe;
mod error;
mod headers;
mod oauth2;
mod proxy;
mod redirect;
mod response;
pub(crate) mod secrets;
mod send;
mod stream;
mod tls;

pub use error::{ClientError, RequestError};
pub use response::{BodyError, Response};
pub use send::{Client, ClientOptions};
pub(crate) use tls::{certificates, pair, protocols, provider, versions};
