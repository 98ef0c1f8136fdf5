//! Signals: SIGTERM and SIGINT end the server, SIGHUP makes it load its configuration again.

use std::io;
use std::sync::Arc;

use narthex_server::Lifecycle as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::process::Process;

/// Requests to stop, from signals and over HTTP.
pub(super) struct Stop {
    sender: mpsc::UnboundedSender<&'static str>,
    requests: mpsc::UnboundedReceiver<&'static str>,
}

impl Stop {
    /// Begins to listen for signals.
    pub(super) fn listen() -> io::Result<Self> {
        let (sender, requests) = mpsc::unbounded_channel();
        for (kind, name) in
            [(SignalKind::terminate(), "SIGTERM"), (SignalKind::interrupt(), "SIGINT")]
        {
            let mut signals = signal(kind)?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() && sender.send(name).is_ok() {}
            });
        }
        Ok(Self { sender, requests })
    }

    /// Returns where others may ask for the end.
    pub(super) fn requests(&self) -> mpsc::UnboundedSender<&'static str> {
        self.sender.clone()
    }

    /// Waits for the first request.
    pub(super) async fn requested(&mut self) {
        match self.requests.recv().await {
            Some("/-/quit") => {
                tracing::warn!(
                    "Received termination request via web service, exiting gracefully..."
                );
            }
            signal => {
                let signal = signal.unwrap_or("none");
                tracing::warn!(signal, "Received an OS signal, exiting gracefully...");
            }
        }
    }

    /// Ends the process at the next signal.
    pub(super) async fn exit_when_requested_again(mut self) {
        while let Some(request) = self.requests.recv().await {
            if request != "/-/quit" {
                tracing::error!(signal = request, "Received a second signal, exiting at once");
                std::process::exit(EXIT_AT_ONCE);
            }
        }
    }
}

/// Loads the configuration again at each SIGHUP.
pub(super) async fn reload_on_hangup(process: Arc<Process>) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            tracing::error!(err = %error, "Unable to catch SIGHUP");
            return;
        }
    };
    while hangups.recv().await.is_some() {
        let process = Arc::clone(&process);
        // It logs its own failure; the configuration in force stays.
        let _ = tokio::task::spawn_blocking(move || process.reload()).await;
    }
}

const EXIT_AT_ONCE: i32 = 1;
