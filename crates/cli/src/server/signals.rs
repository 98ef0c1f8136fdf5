//! Signals: SIGTERM and SIGINT end the server, SIGHUP makes it load its configuration again. Where
//! there are no such signals, Ctrl-C ends the server.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use narthex_server::Lifecycle as _;
use tokio::sync::mpsc;

use super::process::Process;

pub(super) use system::Hangups;

/// Who asks for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopRequest {
    /// The system, by a signal of this name.
    Signal(&'static str),
    /// Somebody over HTTP.
    Web,
}

/// Where the end is asked for.
pub(super) type StopSender = mpsc::UnboundedSender<StopRequest>;

/// Requests to stop, from signals and over HTTP.
pub(super) struct Stop {
    sender: StopSender,
    requests: mpsc::UnboundedReceiver<StopRequest>,
}

impl Stop {
    /// Begins to listen for signals.
    pub(super) fn listen() -> io::Result<Self> {
        let (sender, requests) = mpsc::unbounded_channel();
        system::forward_stops(&sender)?;
        Ok(Self { sender, requests })
    }

    /// Returns where others may ask for the end.
    pub(super) fn sender(&self) -> StopSender {
        self.sender.clone()
    }

    /// Waits for the first request.
    pub(super) async fn requested(&mut self) {
        match self.requests.recv().await {
            Some(StopRequest::Signal(signal)) => {
                tracing::warn!(signal, "Received an OS signal, exiting gracefully...");
            }
            Some(StopRequest::Web) | None => {
                tracing::warn!(
                    "Received termination request via web service, exiting gracefully..."
                );
            }
        }
    }

    /// Ends the process at the next signal. One that comes at once is not counted: `timeout` and
    /// some supervisors send theirs to a process and to its whole group.
    pub(super) async fn exit_when_requested_again(mut self) {
        let begun = Instant::now();
        while let Some(request) = self.requests.recv().await {
            if begun.elapsed() < SAME_REQUEST_MAX {
                continue;
            }
            if let StopRequest::Signal(signal) = request {
                tracing::error!(signal, "Received a second signal, exiting at once");
                std::process::exit(EXIT_AT_ONCE);
            }
        }
    }
}

/// Loads the configuration again at each hangup.
pub(super) async fn reload_on(mut hangups: Hangups, process: Arc<Process>) {
    while hangups.next().await {
        let process = Arc::clone(&process);
        // It logs its own failure; the configuration in force stays.
        let _ = tokio::task::spawn_blocking(move || process.reload()).await;
    }
}

#[cfg(unix)]
mod system {
    use std::io;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::{StopRequest, StopSender};

    pub(super) fn forward_stops(sender: &StopSender) -> io::Result<()> {
        for (kind, name) in
            [(SignalKind::terminate(), "SIGTERM"), (SignalKind::interrupt(), "SIGINT")]
        {
            let mut signals = signal(kind)?;
            let sender = sender.clone();
            let request = StopRequest::Signal(name);
            tokio::spawn(async move {
                while signals.recv().await.is_some() && sender.send(request).is_ok() {}
            });
        }
        Ok(())
    }

    /// SIGHUP, which ends a process that does not listen for it.
    pub(in super::super) struct Hangups(Signal);

    impl Hangups {
        /// Begins to listen.
        pub(in super::super) fn listen() -> io::Result<Self> {
            signal(SignalKind::hangup()).map(Self)
        }

        pub(super) async fn next(&mut self) -> bool {
            self.0.recv().await.is_some()
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    use super::{StopRequest, StopSender};

    pub(super) fn forward_stops(sender: &StopSender) -> io::Result<()> {
        let sender = sender.clone();
        let request = StopRequest::Signal("Ctrl-C");
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() && sender.send(request).is_ok() {}
        });
        Ok(())
    }

    /// Nothing asks for a reload but the web service.
    pub(in super::super) struct Hangups;

    impl Hangups {
        /// Begins to listen.
        pub(in super::super) fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) -> bool {
            false
        }
    }
}

const EXIT_AT_ONCE: i32 = 1;
/// Signals so close together are one request.
const SAME_REQUEST_MAX: Duration = Duration::from_millis(500);
