use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use narthex_host::Host;
use parking_lot::Mutex;

use super::OutOfOrderWindow;
use super::replay::{Leftovers, LogReplayer};
use crate::head::Head;
use crate::wal::{self, ReplayReport, Wal};
use crate::{Corruption, Options, ReplayStats};

impl OutOfOrderWindow {
    /// Returns a window that is shut.
    pub(in crate::head) fn new(options: &Options) -> Self {
        Self {
            window_ms: AtomicI64::new(0),
            sample_count_max: usize::from(options.out_of_order_chunk_samples.max(1)),
            log: OnceLock::new(),
            starting: Mutex::new(()),
            changing: Mutex::new(()),
        }
    }
}

impl Head {
    /// Reads the log of out-of-order samples in `dir`, where there is one, and opens the window that
    /// `options` ask for. Returns the places that could not be read.
    pub(crate) fn open_out_of_order(
        &mut self,
        host: &Host,
        dir: &Path,
        options: &Options,
        leftovers: Leftovers,
        stats: &mut ReplayStats,
    ) -> io::Result<Vec<Corruption>> {
        let files = &*host.files;
        let has_log = files.list_dir(dir).is_ok_and(|entries| !entries.is_empty());
        let mut replayer = LogReplayer::new(self, leftovers, stats);
        let mut report = ReplayReport::default();
        if has_log {
            report = wal::replay(files, dir, |record| replayer.apply(record))?;
        }
        let is_damaged = |corruption: &Corruption| corruption.size_bytes > 0;
        replayer.finish(has_log && !report.corruptions.iter().any(is_damaged));
        stats.corruptions += report.corruptions.len() as u64;
        stats.repaired_records += report.repaired_records;
        stats.quarantined_bytes += report.quarantined_bytes;
        stats.cut_bytes += report.cut_bytes();
        if has_log {
            // Whatever the window is: what is in the log stays there until a block has it.
            self.start_log(host, dir, options, &report)?;
        }
        self.open_window(options.out_of_order_window_ms, host, dir, options)?;
        Ok(report.corruptions)
    }

    /// Lets samples come out of order that are at most `window_ms` older than the newest.
    pub(crate) fn open_window(
        &self,
        window_ms: i64,
        host: &Host,
        dir: &Path,
        options: &Options,
    ) -> io::Result<()> {
        if window_ms > 0 {
            self.start_log(host, dir, options, &ReplayReport::default())?;
        }
        self.window.window_ms.store(window_ms.max(0), Ordering::Relaxed);
        self.exemplars.write().set_out_of_order_window(window_ms);
        Ok(())
    }

    /// Starts the log, unless it was started before.
    fn start_log(
        &self,
        host: &Host,
        dir: &Path,
        options: &Options,
        report: &ReplayReport,
    ) -> io::Result<()> {
        let _guard = self.window.starting.lock();
        if self.window.log.get().is_some() {
            return Ok(());
        }
        let log = Wal::start(host, dir.to_owned(), report, options)?;
        self.window.log.set(log).expect("nobody else may start it");
        Ok(())
    }
}
