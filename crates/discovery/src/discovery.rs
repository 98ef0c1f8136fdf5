use std::future::Future;
use std::pin::Pin;

use crate::updates::Updates;

/// Finds targets for as long as it is polled.
///
/// That is all of it: a type that says now and then, through [`Updates`], what it knows. The
/// [`Manager`](crate::Manager) gives the future a task of its own and drops it when nobody wants the
/// targets any more, so a discovery need not watch for its end. One that returns is not started
/// again; its targets stay.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use narthex_discovery::{Discovery, TargetGroup, Updates};
///
/// /// The machines of an inventory that is asked every minute.
/// struct Inventory;
///
/// impl Discovery for Inventory {
///     async fn run(self, updates: Updates) {
///         loop {
///             updates.replace([TargetGroup::new("inventory", ["db-1:9100", "db-2:9100"])]);
///             tokio::time::sleep(Duration::from_secs(60)).await;
///         }
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// use narthex_discovery::{Manager, Options};
///
/// let manager = Manager::new(tokio::runtime::Handle::current(), Options::default());
/// manager.add("databases", "inventory", Inventory);
/// let mut sets = manager.subscribe();
/// let sets = sets.wait_for(|sets| !sets["databases"].is_empty()).await?;
/// assert_eq!(sets["databases"][0].targets.len(), 2);
/// # Ok::<(), tokio::sync::watch::error::RecvError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Discovery: Send + 'static {
    /// Finds targets and hands them to `updates`.
    fn run(self, updates: Updates) -> impl Future<Output = ()> + Send;
}

/// A discovery of any type, ready to run.
pub(crate) type Run = Box<dyn FnOnce(Updates) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

pub(crate) fn boxed(discovery: impl Discovery) -> Run {
    Box::new(|updates| Box::pin(discovery.run(updates)))
}
