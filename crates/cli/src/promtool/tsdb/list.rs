use narthex_tsdb::{Block, ReadOnlyDb};

use super::{ListFlags, TsdbError, text};
use crate::promtool::Console;

/// Writes one line for each block.
pub(super) fn list(flags: &ListFlags, console: &mut Console<'_>) -> Result<(), TsdbError> {
    let blocks = ReadOnlyDb::open(&*flags.path)?.blocks()?;
    let rows = blocks.iter().map(|block| row(block, flags.human_readable));
    let rows = std::iter::once(header()).chain(rows).collect::<Vec<_>>();
    text::write_table(console.out(), &rows).map_err(TsdbError::Output)
}

pub(super) type Row = [String; 8];

/// Returns the line above those of blocks.
pub(super) fn header() -> Row {
    [
        "BLOCK ULID",
        "MIN TIME",
        "MAX TIME",
        "DURATION",
        "NUM SAMPLES",
        "NUM CHUNKS",
        "NUM SERIES",
        "SIZE",
    ]
    .map(str::to_owned)
}

/// Returns the line of a block.
pub(super) fn row(block: &Block, human_readable: bool) -> Row {
    let meta = block.meta();
    let time = |timestamp_ms: i64| match human_readable {
        true => text::time(timestamp_ms),
        false => timestamp_ms.to_string(),
    };
    [
        meta.ulid.to_string(),
        time(meta.min_ms),
        time(meta.end_ms),
        text::duration_ms(meta.end_ms.saturating_sub(meta.min_ms)),
        meta.stats.num_samples.to_string(),
        meta.stats.num_chunks.to_string(),
        meta.stats.num_series.to_string(),
        if human_readable { text::size(block.size()) } else { block.size().to_string() },
    ]
}
