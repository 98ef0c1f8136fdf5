use std::sync::Arc;
use std::time::Duration;

use narthex_server::Lifecycle as _;

use super::process::Process;
use crate::config_file;

/// Loads the configuration again whenever its file changed, or one that it names.
///
/// # Source
///
/// `GenerateChecksum` in Prometheus `config/reload.go`.
pub(super) async fn reload_on_change(process: Arc<Process>, interval: Duration) {
    let interval = interval.max(INTERVAL_MIN);
    tracing::info!(?interval, "Automatic configuration file reloading enabled");
    let mut ticks = tokio::time::interval(interval);
    let file = process.flags().config_file.clone();
    let mut loaded = None;
    loop {
        // The first tick comes at once.
        ticks.tick().await;
        let (process, file) = (Arc::clone(&process), file.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let now = config_file::fingerprint(&file);
            if loaded.is_some_and(|before| before != now) {
                tracing::warn!("Configuration file change detected, reloading the configuration.");
                // It logs its own failure; the configuration in force stays until the next change.
                let _ = process.reload();
            }
            now
        });
        loaded = looking.await.ok().or(loaded);
    }
}

/// How often files are looked at, at most.
const INTERVAL_MIN: Duration = Duration::from_secs(1);
