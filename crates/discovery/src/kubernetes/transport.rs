//! Our HTTP client as one that `kube` can use.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use kube::client::Body;
use narthex_http::{Client, Response};
use tokio::time::{Instant, timeout};
use tower::Service;

use super::stats::KubernetesCounters;

/// How long an API server may say nothing. A watch ends by itself after a little less.
const SILENCE_MAX: Duration = Duration::from_secs(295);

/// The largest list, or event of a watch, in bytes: what comes without the end of a line.
const LINE_SIZE_MAX: usize = 256 << 20;

type BoxError = Box<dyn Error + Send + Sync>;

/// Sends the requests of a `kube` client to one API server.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: Client,
    /// The address of the server, without a slash at its end.
    base: Arc<str>,
    counters: Arc<KubernetesCounters>,
}

impl Transport {
    pub(super) fn new(client: Client, base: &str, counters: Arc<KubernetesCounters>) -> Self {
        Self { client, base: base.trim_end_matches('/').into(), counters }
    }

    async fn send(
        self,
        request: http::Request<Body>,
    ) -> Result<http::Response<impl http_body::Body<Data = Bytes, Error = BoxError>>, BoxError>
    {
        let (mut head, _) = request.into_parts();
        let path = head.uri.path().to_owned();
        let relative = head.uri.path_and_query().map_or("/", |it| it.as_str());
        head.uri = format!("{}{relative}", self.base).parse()?;
        // All that we send are questions: they have no body.
        let request = http::Request::from_parts(head, Bytes::new());
        let began = Instant::now();
        let answer = timeout(SILENCE_MAX, self.client.send(request)).await;
        let status = answer.as_ref().ok().and_then(|answer| answer.as_ref().ok());
        let status = status.map(|response| response.status().as_u16());
        self.counters.count_request(&path, status, began.elapsed());
        let response = answer??;
        let mut answer = http::Response::new(());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        Ok(answer.map(|()| StreamBody::new(frames(response))))
    }
}

/// Returns the body as it comes. It fails where nothing comes for long, or a line has no end.
fn frames(response: Response) -> impl Stream<Item = Result<Frame<Bytes>, BoxError>> + Send {
    stream::try_unfold((response, 0), async |(mut response, line_size)| {
        let Some(chunk) = timeout(SILENCE_MAX, response.chunk()).await?? else { return Ok(None) };
        let line_size = match chunk.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => chunk.len() - end,
            None => line_size + chunk.len(),
        };
        if line_size > LINE_SIZE_MAX {
            return Err(format!("a line of more than {LINE_SIZE_MAX} bytes").into());
        }
        Ok(Some((Frame::data(chunk), (response, line_size))))
    })
}

/// A body of an answer, of a type that can be named.
type AnyBody = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

impl Service<http::Request<Body>> for Transport {
    type Response = http::Response<AnyBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let send = self.clone().send(request);
        Box::pin(async { Ok(send.await?.map(AnyBody::new)) })
    }
}
