use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use narthex_model::duration;

/// What promtool can do with blocks and data directories.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum TsdbCommand {
    /// Run benchmarks.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Analyze churn, label pair cardinality and compaction efficiency.
    Analyze(AnalyzeFlags),
    /// List tsdb blocks.
    List(ListFlags),
    /// Dump data (series+samples or optionally just series) from a TSDB.
    Dump(DumpFlags),
    /// Dump samples from a TSDB into OpenMetrics text format, excluding native histograms, which are
    /// not representable in OpenMetrics.
    DumpOpenmetrics(DumpSource),
    /// Import samples from input and produce TSDB blocks.
    CreateBlocksFrom(CreateBlocksFlags),
}

/// The benchmarks.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum BenchCommand {
    /// Run a write performance benchmark.
    Write(BenchWriteFlags),
}

/// The flags of `promtool tsdb bench write`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct BenchWriteFlags {
    /// Set the output path. What is there is removed.
    #[arg(long = "out", value_name = "DIR", default_value = "benchout")]
    pub out: PathBuf,
    /// Number of metrics to read.
    #[arg(long = "metrics", value_name = "COUNT", default_value_t = 10_000)]
    pub metric_count: usize,
    /// Number of scrapes to simulate, in steps of 100.
    #[arg(long = "scrapes", value_name = "COUNT", default_value_t = 3_000)]
    pub scrape_count: u32,
    /// Input file with samples data.
    #[arg(value_name = "FILE", default_value = "../../tsdb/testdata/20kseries.json")]
    pub file: PathBuf,
}

/// The flags of `promtool tsdb analyze`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct AnalyzeFlags {
    /// How many items to show in each list.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub limit: usize,
    /// Run extended analysis.
    #[arg(long)]
    pub extended: bool,
    /// Series selector to analyze. Only 1 set of matchers is supported now.
    #[arg(long = "match", value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Database path.
    #[arg(value_name = "DB PATH", default_value = DEFAULT_PATH)]
    pub path: PathBuf,
    /// Block to analyze (default is the last block).
    #[arg(value_name = "BLOCK ID")]
    pub block: Option<String>,
}

/// The flags of `promtool tsdb list`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct ListFlags {
    /// Print human readable values.
    #[arg(short = 'r', long)]
    pub human_readable: bool,
    /// Database path.
    #[arg(value_name = "DB PATH", default_value = DEFAULT_PATH)]
    pub path: PathBuf,
}

/// The flags of `promtool tsdb dump`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct DumpFlags {
    /// What to dump.
    #[command(flatten)]
    pub source: DumpSource,
    /// Output format of the dump.
    #[arg(long, default_value = "prom")]
    pub format: DumpFormat,
}

/// How `promtool tsdb dump` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum DumpFormat {
    /// A line for each sample: labels, value and milliseconds since the Unix epoch.
    Prom,
    /// The labels of each series as a JSON object.
    Seriesjson,
}

/// Which samples to dump.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct DumpSource {
    /// Root directory where a sandbox directory will be created, into which the WAL is copied to be
    /// read (default is the database path). The sandbox is cleaned up at the end.
    #[arg(long = "sandbox-dir-root", value_name = "DIR")]
    pub sandbox_dir_root: Option<PathBuf>,
    /// Minimum timestamp to dump, in milliseconds since the Unix epoch.
    #[arg(long = "min-time", value_name = "MS", default_value_t = i64::MIN, allow_negative_numbers = true)]
    pub min_ms: i64,
    /// Maximum timestamp to dump, in milliseconds since the Unix epoch.
    #[arg(long = "max-time", value_name = "MS", default_value_t = i64::MAX, allow_negative_numbers = true)]
    pub max_ms: i64,
    /// Series selector. Can be specified multiple times.
    #[arg(long = "match", value_name = "SELECTOR", default_value = "{__name__=~'(?s:.*)'}")]
    pub selectors: Vec<String>,
    /// Database path.
    #[arg(value_name = "DB PATH", default_value = DEFAULT_PATH)]
    pub path: PathBuf,
}

/// The flags of `promtool tsdb create-blocks-from`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct CreateBlocksFlags {
    /// Print human readable values.
    #[arg(short = 'r', long, global = true)]
    pub human_readable: bool,
    /// Do not print created blocks.
    #[arg(short = 'q', long, global = true)]
    pub quiet: bool,
    /// Maximum duration created blocks may span. Anything less than 2h is ignored.
    #[arg(long, hide = true, global = true, value_name = "DURATION", value_parser = duration::parse)]
    pub max_block_duration: Option<Duration>,
    /// What blocks are made of.
    #[command(subcommand)]
    pub command: CreateBlocksCommand,
}

/// What blocks can be made of.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum CreateBlocksCommand {
    /// Import samples from OpenMetrics input and produce TSDB blocks.
    Openmetrics(OpenMetricsFlags),
}

/// The flags of `promtool tsdb create-blocks-from openmetrics`.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct OpenMetricsFlags {
    /// Label to attach to metrics. Can be specified multiple times. Example
    /// --label=label_name=label_value
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub labels: Vec<ExternalLabel>,
    /// OpenMetrics file to read samples from.
    #[arg(value_name = "INPUT FILE")]
    pub input: PathBuf,
    /// Output directory for generated blocks.
    #[arg(value_name = "OUTPUT DIRECTORY", default_value = DEFAULT_PATH)]
    pub output: PathBuf,
}

/// A label that every imported series gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalLabel {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The text is no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected NAME=VALUE")]
pub struct InvalidLabel;

impl FromStr for ExternalLabel {
    type Err = InvalidLabel;

    fn from_str(text: &str) -> Result<Self, InvalidLabel> {
        // As the reference's flags have it, a colon does too.
        let (name, value) = text.split_once(['=', ':']).ok_or(InvalidLabel)?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

const DEFAULT_PATH: &str = "data/";
