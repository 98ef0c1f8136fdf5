//! Queries on blocking threads: the engine and the stores are synchronous.

use std::sync::Arc;
use std::time::Duration;

use narthex_storage::{Interrupt, QueryContext};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::answer::{Answer, ApiError, ErrorKind};
use crate::state::ServerState;

/// Runs `query` on a blocking thread, at most as many at a time as the options say.
///
/// The query is told to stop when its time is over, and when the returned future is dropped: the
/// HTTP server does so when the client goes away.
pub(crate) async fn run_query(
    state: &Arc<ServerState>,
    timeout: Option<Duration>,
    query: impl FnOnce(&ServerState, &Arc<QueryContext>) -> Result<Answer, ApiError> + Send + 'static,
) -> Result<Answer, ApiError> {
    let limit = state.options.query_timeout;
    let deadline = Instant::now() + timeout.unwrap_or(limit).min(limit);
    let slot = timeout_at(deadline, Arc::clone(&state.query_slots).acquire_owned());
    let slot = slot.await.ok().filter(|_| Instant::now() < deadline);
    let Some(Ok(slot)) = slot else {
        return Err(ApiError::new(ErrorKind::Timeout, "query timed out in query queue"));
    };
    let budget = Arc::clone(&state.query_budget);
    let ctx = Arc::new(QueryContext::with_budgets(state.options.query_bytes_max, budget));
    let cancel = CancelOnDrop(Arc::clone(&ctx));
    let (sender, mut answer) = oneshot::channel();
    let shared = Arc::clone(state);
    tokio::task::spawn_blocking(move || {
        let answer = query(&shared, &ctx);
        drop(slot);
        // Nobody waits where the client went away.
        let _ = sender.send(answer);
    });
    let received = tokio::select! {
        received = &mut answer => received,
        () = sleep_until(deadline) => {
            cancel.0.interrupt(Interrupt::TimedOut);
            answer.await
        }
    };
    // The sender is gone where the query panicked.
    received.unwrap_or_else(|_| Err(ApiError::internal("unexpected error: the query panicked")))
}

struct CancelOnDrop(Arc<QueryContext>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.interrupt(Interrupt::Canceled);
    }
}
