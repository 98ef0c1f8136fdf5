use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use memchr::memchr_iter;
use narthex_exposition::{Entry, OpenMetricsReader, SampleEntry};
use narthex_model::MetricType;

use super::TsdbError;

/// A page of OpenMetrics that is read several times. Only a part of a file is in memory at a time.
pub(super) struct Page {
    path: PathBuf,
    /// What cannot be read twice, such as a pipe, is kept.
    kept: Option<Vec<u8>>,
}

impl Page {
    pub(super) fn open(path: &Path) -> Result<Self, TsdbError> {
        let mut page = Self { path: path.to_owned(), kept: None };
        let mut file = File::open(path).map_err(|source| page.unreadable(source))?;
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(|source| page.unreadable(source))?;
            page.kept = Some(bytes);
        }
        Ok(page)
    }

    /// Calls `each` with all samples and their times, in the order of the page.
    pub(super) fn for_each_sample(
        &self,
        each: impl FnMut(SampleEntry<'_>, i64) -> Result<(), TsdbError>,
    ) -> Result<(), TsdbError> {
        match &self.kept {
            Some(bytes) => self.read(Cursor::new(bytes), each),
            None => {
                let file = File::open(&self.path).map_err(|source| self.unreadable(source))?;
                self.read(file, each)
            }
        }
    }

    fn read(
        &self,
        mut source: impl Read,
        mut each: impl FnMut(SampleEntry<'_>, i64) -> Result<(), TsdbError>,
    ) -> Result<(), TsdbError> {
        let (mut window, mut line_count) = (Vec::new(), 0);
        let mut metric_type = MetricType::Unknown;
        loop {
            let count = source.by_ref().take(WINDOW_SIZE).read_to_end(&mut window);
            let is_last = count.map_err(|source| self.unreadable(source))? as u64 != WINDOW_SIZE;
            let mut reader = OpenMetricsReader::resume(&window, metric_type);
            let mut used = 0;
            loop {
                match reader.next() {
                    // What ends where the window ends may go on behind it.
                    _ if !is_last && reader.position() == window.len() => break,
                    Some(Ok(Entry::Sample(sample))) => {
                        let none = || TsdbError::NoTimestamp { series: sample.series.into() };
                        each(sample, sample.timestamp_ms.ok_or_else(none)?)?;
                    }
                    Some(Ok(_)) => {}
                    // So may what looks wrong.
                    Some(Err(_)) | None if !is_last && window.len() - used < ENTRY_SIZE_MAX => {
                        break;
                    }
                    Some(Err(error)) => {
                        return Err(error.below(line_count).into());
                    }
                    None => return Ok(()),
                }
                used = reader.position();
                metric_type = reader.metric_type();
            }
            line_count += memchr_iter(b'\n', &window[..used]).count();
            window.drain(..used);
        }
    }

    fn unreadable(&self, source: io::Error) -> TsdbError {
        TsdbError::Input { path: self.path.clone(), source }
    }
}

/// How much of a file is read at a time, in bytes.
const WINDOW_SIZE: u64 = 1 << 20;
/// The longest entry that may be cut by the end of a window, in bytes: one that is longer is an error.
const ENTRY_SIZE_MAX: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::{Page, WINDOW_SIZE};

    /// Checks that a page is read as if it lay in memory as a whole, wherever windows end.
    #[test]
    fn pages_larger_than_a_window() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("page");
        for padding in [0, 1, 2, 3, 70_001] {
            let mut text = format!("# HELP a {}\n", "x".repeat(padding));
            let mut expected = Vec::new();
            let mut number = 0_i64;
            while text.len() < 2 * usize::try_from(WINDOW_SIZE).unwrap() + 100_000 {
                // Each is longer than a quarter of a window once, so that windows end anywhere.
                let filler = if number % 8 == 0 { 300_000 } else { 7 };
                text += &format!("{{\"a\nb\",c=\"{}\"}} {number} {number}\n", "é".repeat(filler));
                expected.push((number as f64, number * 1_000));
                number += 1;
            }
            text += "# EOF\n";
            std::fs::write(&path, &text).unwrap();
            let page = Page::open(&path).unwrap();
            let mut found = Vec::new();
            let read = page.for_each_sample(|sample, timestamp_ms| {
                found.push((sample.value.as_float().unwrap(), timestamp_ms));
                Ok(())
            });
            read.unwrap();
            assert_eq!(found, expected, "{padding}");
            std::fs::write(&path, format!("{text}a")).unwrap();
            let error = page.for_each_sample(|_, _| Ok(())).unwrap_err();
            let source = std::error::Error::source(&error).unwrap().to_string();
            let line = 2 * number + 3;
            let expected = format!("unexpected data after # EOF (line {line}, ");
            assert!(source.starts_with(&expected), "{source}");
        }
    }
}
