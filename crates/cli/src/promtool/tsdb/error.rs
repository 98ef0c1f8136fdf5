use std::io;
use std::path::PathBuf;

use narthex_exposition::{DuplicateLabel, ParseError};
use narthex_storage::{AppendError, StorageError};
use narthex_tsdb::{BlockError, OpenError, ReadOnlyError, WalError};

/// Why a command could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TsdbError {
    /// The data directory cannot be read.
    #[error(transparent)]
    ReadOnly(#[from] ReadOnlyError),
    /// A block cannot be read or written.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A query failed.
    #[error(transparent)]
    Query(#[from] StorageError),
    /// A part of the samples could not be read; the others were written.
    #[error("{}", .0.join("\n"))]
    Incomplete(Vec<Box<str>>),
    /// What was given as a selector is none.
    #[error(transparent)]
    Selector(#[from] narthex_promql_parser::ParseError),
    /// The results cannot be written.
    #[error("write the results")]
    Output(#[source] io::Error),
    /// An input file cannot be read.
    #[error("read {}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// An output folder cannot be made or cleared.
    #[error("create output dir {}", path.display())]
    OutputDir {
        /// The folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The input is no OpenMetrics.
    #[error("parse the input")]
    Parse(#[from] ParseError),
    /// A series of the input names a label twice.
    #[error("parse the input")]
    Labels(#[from] DuplicateLabel),
    /// A sample of the input says no time.
    #[error("expected timestamp for series {series}, got none")]
    NoTimestamp {
        /// The series as the input has it.
        series: Box<str>,
    },
    /// A sample of the input cannot be stored.
    #[error("add sample of {series} at {timestamp_ms}")]
    Append {
        /// Its series.
        series: Box<str>,
        /// Its time in milliseconds since the Unix epoch.
        timestamp_ms: i64,
        /// Why.
        source: AppendError,
    },
    /// Samples cannot be committed.
    #[error("commit")]
    Commit(#[source] AppendError),
    /// A line of the benchmark's input is no label set.
    #[error("line {line} of {} is no label set", path.display())]
    BenchInput {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The benchmark's database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The benchmark's database cannot be closed.
    #[error("close the database")]
    Close(#[source] WalError),
}
