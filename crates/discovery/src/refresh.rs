use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use crate::discovery::Discovery;
use crate::updates::Updates;

/// Looks for targets once; [`Refreshing`] makes a discovery of it.
pub trait Refresh: Send + 'static {
    /// Why a look failed.
    type Error: fmt::Display + Send;

    /// Looks for targets and hands them to `updates`. One that failed leaves the targets as they
    /// were, if it handed over none.
    fn refresh(
        &mut self,
        updates: &Updates,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A discovery that looks at once, and again every so often.
///
/// The looks keep their rhythm: a slow one does not move those after it. One that took longer than
/// the interval is followed by the next at once, and slots that passed meanwhile are left out.
#[derive(Debug)]
pub struct Refreshing<R> {
    refresh: R,
    interval: Duration,
}

impl<R: Refresh> Refreshing<R> {
    /// Returns the discovery that looks every `interval`, of which a millisecond is the shortest.
    pub fn new(refresh: R, interval: Duration) -> Self {
        Self { refresh, interval: interval.max(Duration::from_millis(1)) }
    }
}

impl<R: Refresh> Discovery for Refreshing<R> {
    async fn run(mut self, updates: Updates) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let began = Instant::now();
            let result = self.refresh.refresh(&updates).await;
            updates.refreshed(began.elapsed(), result.as_ref().err().map(|error| error as _));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::runtime::Handle;
    use tokio::sync::mpsc;

    use super::*;
    use crate::{Manager, Options, TargetGroup};

    /// A look that takes so long, and reports when it began.
    struct Slow(Vec<u64>, mpsc::UnboundedSender<Duration>, Instant);

    impl Refresh for Slow {
        type Error = Infallible;

        async fn refresh(&mut self, updates: &Updates) -> Result<(), Infallible> {
            // The test may have heard enough.
            let _ = self.1.send(self.2.elapsed());
            tokio::time::sleep(Duration::from_secs(self.0.pop().unwrap_or_default())).await;
            updates.replace([TargetGroup::new("a", ["1"])]);
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn looks_keep_their_rhythm() {
        let manager = Manager::new(Handle::current(), Options::default());
        let (began, mut begins) = mpsc::unbounded_channel();
        let slow = Slow(vec![0, 0, 25, 3, 0], began, Instant::now());
        manager.add("j", "slow", Refreshing::new(slow, Duration::from_secs(10)));
        // The third look takes 25 seconds: its successor follows at once, the next is in rhythm.
        for expected in [0, 10, 20, 45, 50, 60] {
            assert_eq!(begins.recv().await.unwrap().as_secs(), expected);
        }
        let stats = manager.stats().refreshes[&("slow".into(), "j".into())];
        assert_eq!((stats.count, stats.failures, stats.duration.as_secs()), (6, 0, 28));
        assert_eq!(stats.within, [4, 4, 4, 5]);
    }
}
