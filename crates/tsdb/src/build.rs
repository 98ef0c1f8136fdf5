use std::fmt;
use std::path::Path;

use narthex_host::Host;
use narthex_storage::{Appendable, Appender, TimeRange};

use crate::block::{BlockWriter, SymbolTable};
use crate::head::{Head, HeadAppender, OnDamage, Replayer};
use crate::{BlockError, BlockMeta, Options, Ulid};

/// Gathers samples in memory and makes a block of them, without a database: what imports old data.
///
/// Samples of a series come in order of their times. What is older than the newest sample of all by
/// half of [`Options::block_range_ms`] is refused, so that the option is twice as long as the block.
///
/// ```
/// use narthex_host::Host;
/// use narthex_model::Labels;
/// use narthex_storage::{Appendable, SampleValue, SeriesKey};
/// use narthex_tsdb::{BlockBuilder, Options};
///
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path();
/// let mut options = Options::default();
/// options.block_range_ms *= 2;
/// let builder = BlockBuilder::new(options);
/// let up = Labels::from_pairs([("__name__", "up")]);
/// let mut appender = builder.appender();
/// appender.append(SeriesKey::Labels(&up), 1_000, SampleValue::Float(1.0))?;
/// appender.commit()?;
/// drop(appender);
/// let meta = builder.finish(&Host::real(), path)?.expect("there is a sample");
/// assert_eq!((meta.min_ms, meta.end_ms, meta.stats.num_samples), (1_000, 1_001, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BlockBuilder {
    head: Head,
    options: Options,
}

impl BlockBuilder {
    /// Returns a builder that holds nothing. Of `options` count those of blocks and chunks.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let (head, ..) = Replayer::new(&options, None).finish(&options);
        Self { head, options }
    }

    /// Writes the block into the folder `parent`. Returns what it says of itself; `None` where nothing
    /// was committed.
    ///
    /// # Errors
    ///
    /// Where the block cannot be written.
    pub fn finish(self, host: &Host, parent: &Path) -> Result<Option<BlockMeta>, BlockError> {
        let stats = self.head.stats();
        let Some((min_ms, max_ms)) = stats.min_ms.zip(stats.max_ms) else { return Ok(None) };
        let meta = BlockMeta::of_head(Ulid::generate(host), min_ms, max_ms.saturating_add(1));
        let texts = self.head.label_texts();
        let symbols = SymbolTable::new(texts.iter().map(|text| &**text));
        let segment_size = self.options.compaction.segment_size_bytes;
        let mut writer = BlockWriter::with_symbols(host, parent, meta, symbols, segment_size)?;
        for series in self.head.series_chunks(TimeRange { min_ms, max_ms }, OnDamage::Fail) {
            let fail = |source| BlockError::Head { path: parent.to_owned(), source };
            writer.add(&series.map_err(fail)?)?;
        }
        writer.finish()
    }
}

impl Appendable for BlockBuilder {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(HeadAppender::without_log(&self.head))
    }
}

impl fmt::Debug for BlockBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockBuilder").field("head", &self.head).finish_non_exhaustive()
    }
}
