//! The HTTP client of a discovery.

use narthex_http::{Client, ClientError, ClientOptions, HttpClientConfig};

/// The largest answer of a server that is asked for targets, in bytes.
pub(crate) const BODY_SIZE_MAX: usize = 64 << 20;

/// A client, or what to make one of with the first request. Where that fails the next one tries again: a
/// certificate may not be there yet when the program starts.
#[derive(Debug)]
pub(crate) enum LazyClient {
    Made(Client),
    Config(Box<HttpClientConfig>, ClientOptions),
}

impl LazyClient {
    pub(crate) fn new(config: &HttpClientConfig, options: ClientOptions) -> Self {
        Self::Config(Box::new(config.clone()), options)
    }

    pub(crate) fn get(&mut self) -> Result<Client, ClientError> {
        match self {
            Self::Made(client) => Ok(client.clone()),
            Self::Config(config, options) => {
                let client = Client::new(config, options.clone())?;
                *self = Self::Made(client.clone());
                Ok(client)
            }
        }
    }
}
