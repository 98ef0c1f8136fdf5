//! Work that is done again and again, on a thread of its own.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A thread that works at an interval until it is stopped.
#[derive(Debug)]
pub(super) struct Periodic {
    signal: Arc<Signal>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Signal {
    is_stopped: Mutex<bool>,
    changed: Condvar,
}

impl Periodic {
    /// Starts a thread that calls `work` an `interval` after it was started, and an interval after each
    /// call has returned.
    ///
    /// # Errors
    ///
    /// Where the system has no thread left.
    pub(super) fn start(
        name: &str,
        interval: Duration,
        work: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let signal = Arc::<Signal>::default();
        let waiting = Arc::clone(&signal);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while waiting.wait(interval) {
                work();
            }
        })?;
        Ok(Self { signal, thread })
    }

    /// Lets the thread end once its present call returns.
    pub(super) fn stop(&self) {
        *self.signal.is_stopped.lock() = true;
        self.signal.changed.notify_all();
    }

    /// Waits for the end of the thread.
    pub(super) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("A maintenance thread panicked");
        }
    }
}

impl Signal {
    /// Waits for `interval`. Returns whether there is more to do.
    fn wait(&self, interval: Duration) -> bool {
        let mut is_stopped = self.is_stopped.lock();
        if !*is_stopped {
            self.changed.wait_for(&mut is_stopped, interval);
        }
        !*is_stopped
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_is_done_until_it_is_stopped() {
        let (sender, receiver) = mpsc::channel();
        let periodic = Periodic::start("test", Duration::from_millis(1), move || {
            let _ = sender.send(());
        });
        let periodic = periodic.unwrap();
        for _ in 0..3 {
            receiver.recv().unwrap();
        }
        periodic.stop();
        periodic.join();
        // The thread is gone, and with it the sender.
        while receiver.try_recv().is_ok() {}
        assert_eq!(receiver.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }
}
