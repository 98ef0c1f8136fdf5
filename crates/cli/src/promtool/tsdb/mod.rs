//! `promtool tsdb`: what blocks and data directories hold, and blocks made of other data.

mod analyze;
mod backfill;
mod bench;
mod dump;
mod error;
mod flags;
mod input;
mod list;
mod text;

pub use error::TsdbError;
pub use flags::{
    AnalyzeFlags, BenchCommand, BenchWriteFlags, CreateBlocksCommand, CreateBlocksFlags, DumpFlags,
    DumpFormat, DumpSource, ExternalLabel, InvalidLabel, ListFlags, OpenMetricsFlags, TsdbCommand,
};

use super::Console;
use dump::Form;

/// Does what the command says.
///
/// # Errors
///
/// [`TsdbError`]. What was written until then stays written.
pub fn run(command: &TsdbCommand, console: &mut Console<'_>) -> Result<(), TsdbError> {
    match command {
        TsdbCommand::Bench(BenchCommand::Write(flags)) => bench::write(flags, console),
        TsdbCommand::Analyze(flags) => analyze::analyze(flags, console),
        TsdbCommand::List(flags) => list::list(flags, console),
        TsdbCommand::Dump(DumpFlags { source, format: DumpFormat::Prom }) => {
            dump::dump(source, Form::Prom, console)
        }
        TsdbCommand::Dump(DumpFlags { source, format: DumpFormat::Seriesjson }) => {
            dump::dump(source, Form::SeriesJson, console)
        }
        TsdbCommand::DumpOpenmetrics(source) => dump::dump(source, Form::OpenMetrics, console),
        TsdbCommand::CreateBlocksFrom(flags) => {
            let CreateBlocksCommand::Openmetrics(input) = &flags.command;
            backfill::backfill(input, flags, console)
        }
    }
}

#[cfg(test)]
mod tests;
