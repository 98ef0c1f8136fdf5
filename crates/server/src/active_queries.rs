//! The queries that run now, in a file: what stands there at the next start did not end.

use std::io;
use std::path::Path;
use std::sync::Arc;

use narthex_host::{Clock, Files, Host, WriteFile};
use parking_lot::Mutex;

use crate::answer::json::write_string;

/// Queries that run, in the file `queries.active`, so that whoever looks for what killed a server finds
/// what it was doing.
///
/// The file is what Prometheus writes: `[`, then 1,000 bytes for each query that may run at a time, filled
/// with zeros where none does. A query is `{"query":"…","timestamp_sec":…}`, shortened where it does not
/// fit, and a comma as the last byte of its part.
///
/// # Source
///
/// `promql/query_logger.go` of Prometheus, whose file is mapped into memory. There a text that grows as
/// JSON reaches into the part of the next query; here it is shortened until it fits.
#[derive(Debug)]
pub struct ActiveQueries {
    file: Box<dyn WriteFile>,
    clock: Arc<dyn Clock>,
    free: Mutex<Vec<u64>>,
    unfinished: Option<Box<str>>,
}

impl ActiveQueries {
    /// Reads the file in the folder `dir`, and starts a new one for `queries_max` queries at a time.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or written.
    pub fn open(host: &Host, dir: &Path, queries_max: usize) -> io::Result<Self> {
        let path = dir.join(NAME);
        let unfinished = read_unfinished(&*host.files, &path)?;
        let file = host.files.create(&path)?;
        let entries = queries_max as u64;
        file.write_at(0, b"[")?;
        let free =
            (0..entries).map(|entry| 1 + entry * ENTRY_SIZE as u64).rev().collect::<Vec<_>>();
        for offset in &free {
            // Room that is taken now is there when the disk is full.
            file.write_at(*offset, &[0; ENTRY_SIZE])?;
        }
        let clock = Arc::clone(&host.clock);
        Ok(Self { file, clock, free: Mutex::new(free), unfinished })
    }

    /// Returns the queries that the file held when it was opened, as an array in JSON; `None` where all had
    /// ended.
    #[must_use]
    pub fn unfinished(&self) -> Option<&str> {
        self.unfinished.as_deref()
    }

    /// Writes a query to the file, until the returned guard is dropped. Where more run than there is room
    /// for, or the disk fails, it is left out.
    pub fn enter(&self, query: &str) -> Option<ActiveQuery<'_>> {
        let offset = self.free.lock().pop()?;
        let entered = ActiveQuery { queries: self, offset };
        let mut bytes = entry(query, self.clock.now_ms().div_euclid(1_000));
        bytes.resize(ENTRY_SIZE - 1, 0);
        bytes.push(b',');
        self.write(offset, &bytes);
        Some(entered)
    }

    fn write(&self, offset: u64, bytes: &[u8]) {
        if let Err(error) = self.file.write_at(offset, bytes) {
            tracing::warn!(err = %error, "Failed to write {NAME}");
        }
    }
}

/// A query that stands in the file.
#[derive(Debug)]
pub struct ActiveQuery<'a> {
    queries: &'a ActiveQueries,
    offset: u64,
}

impl Drop for ActiveQuery<'_> {
    fn drop(&mut self) {
        self.queries.write(self.offset, &[0; ENTRY_SIZE]);
        self.queries.free.lock().push(self.offset);
    }
}

/// Returns a query as JSON, in less than [`ENTRY_SIZE`] bytes.
fn entry(query: &str, timestamp_s: i64) -> Vec<u8> {
    let written = |query: &str| {
        let mut text = String::with_capacity(ENTRY_SIZE);
        text.push_str("{\"query\":");
        write_string(&mut text, query);
        text.push_str(&format!(",\"timestamp_sec\":{timestamp_s}}}"));
        text
    };
    let query = &query[..query.floor_char_boundary(ENTRY_SIZE)];
    let mut text = written(query);
    if let Some(excess) = text.len().checked_sub(ENTRY_SIZE - 1) {
        // A byte is at least one byte of JSON.
        let size = query.len().saturating_sub(excess);
        text = written(&query[..query.floor_char_boundary(size)]);
    }
    text.into_bytes()
}

/// Returns the queries in the file `path`, if it is there and has any.
fn read_unfinished(files: &dyn Files, path: &Path) -> io::Result<Option<Box<str>>> {
    let file = match files.open_read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let size = usize::try_from(file.size()?).unwrap_or(usize::MAX).min(FILE_SIZE_MAX);
    let mut bytes = vec![0; size];
    let size = file.read_at(0, &mut bytes)?;
    bytes.truncate(size);
    bytes.retain(|byte| *byte != 0);
    if bytes.len() <= 1 {
        return Ok(None);
    }
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if text.ends_with(',') {
        text.pop();
    }
    text.push(']');
    Ok(Some(text.into()))
}

const NAME: &str = "queries.active";
const ENTRY_SIZE: usize = 1_000;
/// How much of a file is read: a thousand queries.
const FILE_SIZE_MAX: usize = 1 + 1_000 * ENTRY_SIZE;

#[cfg(test)]
mod tests {
    use narthex_host::{Fault, Simulation};
    use proptest::prelude::*;

    use super::*;

    fn contents(host: &Host) -> Vec<u8> {
        let file = host.files.open_read(Path::new(NAME)).unwrap();
        let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
        file.read_at(0, &mut bytes).unwrap();
        bytes
    }

    fn open(host: &Host, queries_max: usize) -> ActiveQueries {
        ActiveQueries::open(host, Path::new(""), queries_max).unwrap()
    }

    #[test]
    fn the_file_is_that_of_the_reference() {
        let simulation = Simulation::new(1);
        simulation.clock().set_now_ms(1_700_000_000_999);
        let host = simulation.host();
        let queries = open(&host, 3);
        let mut expected = vec![0; 3_001];
        expected[0] = b'[';
        assert_eq!(contents(&host), expected);

        let first = queries.enter("up").unwrap();
        let _second = queries.enter("a == \"b\"").unwrap();
        let text = b"{\"query\":\"up\",\"timestamp_sec\":1700000000}";
        expected[1..=text.len()].copy_from_slice(text);
        expected[1_000] = b',';
        let text = b"{\"query\":\"a == \\\"b\\\"\",\"timestamp_sec\":1700000000}";
        expected[1_001..1_001 + text.len()].copy_from_slice(text);
        expected[2_000] = b',';
        assert_eq!(contents(&host), expected);

        drop(first);
        expected[1..1_001].fill(0);
        assert_eq!(contents(&host), expected);
    }

    #[test]
    fn what_did_not_end_is_told_once() {
        let simulation = Simulation::new(1);
        let host = simulation.host();
        let killed = open(&host, 4);
        assert_eq!(killed.unfinished(), None);
        let ended = killed.enter("ended").unwrap();
        let running = ["first", "second"].map(|query| killed.enter(query).unwrap());
        drop(ended);
        // A process that is killed drops nothing.
        running.into_iter().for_each(std::mem::forget);
        let next = open(&host, 2);
        let unfinished: serde_json::Value =
            serde_json::from_str(next.unfinished().unwrap()).unwrap();
        let queries = unfinished.as_array().unwrap().iter().map(|entry| &entry["query"]);
        assert_eq!(queries.collect::<Vec<_>>(), ["first", "second"]);
        assert_eq!(open(&host, 2).unfinished(), None);
    }

    #[test]
    fn queries_beyond_the_room_are_left_out() {
        let host = Simulation::new(1).host();
        let queries = open(&host, 1);
        let only = queries.enter("1").unwrap();
        assert!(queries.enter("2").is_none());
        drop(only);
        assert!(queries.enter("3").is_some());
    }

    #[test]
    fn a_failing_disk_fails_no_query() {
        let simulation = Simulation::new(1);
        let host = simulation.host();
        let queries = open(&host, 1);
        let files = simulation.files();
        files.fail_from(files.call_count(), Fault::Io);
        drop(queries.enter("up").unwrap());
        files.repair();
        drop(queries.enter("up").unwrap());
        assert_eq!(contents(&host)[1..], [0; 1_000]);
    }

    #[test]
    fn files_that_nobody_wrote_are_read() {
        let host = Simulation::new(1).host();
        for (bytes, unfinished) in
            [(&b""[..], None), (b"[", None), (b"\0\0", None), (b"[{\0},", Some("[{}]"))]
        {
            host.files.create(Path::new(NAME)).unwrap().write_at(0, bytes).unwrap();
            assert_eq!(open(&host, 1).unfinished(), unfinished);
        }
        let bytes = vec![0xff; 2 * FILE_SIZE_MAX];
        host.files.create(Path::new(NAME)).unwrap().write_at(0, &bytes).unwrap();
        assert!(open(&host, 1).unfinished().is_some());
    }

    proptest! {
        #[test]
        fn entries_fit_and_are_json(query in "\\PC{0,1200}|[\"\\\\\u{1}]{0,1200}", time: i64) {
            let entry = entry(&query, time);
            prop_assert!(entry.len() < ENTRY_SIZE);
            let value: serde_json::Value = serde_json::from_slice(&entry).unwrap();
            prop_assert!(query.starts_with(value["query"].as_str().unwrap()));
            prop_assert_eq!(value["timestamp_sec"].as_i64(), Some(time));
            if query.len() < 100 {
                prop_assert_eq!(value["query"].as_str(), Some(&*query));
            }
        }
    }
}
