//! A block whose index, chunks and tombstones are damaged: errors and warnings, and of what is read
//! samples in order of their time. Checksums are passed over, so that damage gets through.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use narthex_chunk::{Columns, Encoding, XorChunk};
use narthex_host::{Files, Simulation};
use narthex_model::{Labels, MatchOp, Matcher};
use narthex_storage::{QueryContext, Queryable, SelectHints, TimeRange};
use narthex_tsdb::{Block, BlockMeta, BlockWriter, EncodedChunk, SeriesChunks, Ulid};

const NAMES: [&str; 4] = ["index", "chunks/000001", "tombstones", "meta.json"];

/// The files of a good block of 70 series.
static GOOD: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| {
    let simulation = Simulation::new(1);
    let host = simulation.host();
    host.files.create_dir_all(Path::new("")).unwrap();
    let series = (0..70)
        .map(|number| Labels::from_pairs([("__name__", "m"), ("n", &format!("{number:02}"))]));
    let mut texts = vec!["__name__".to_owned(), "m".into(), "n".into()];
    texts.extend((0..70).map(|number| format!("{number:02}")));
    texts.sort();
    let meta = BlockMeta::of_head(Ulid::generate(&host), 0, 1_000);
    let dir = meta.ulid.to_string();
    let texts = texts.iter().map(String::as_str);
    let mut writer = BlockWriter::create(&host, Path::new(""), meta, texts).unwrap();
    for labels in series {
        let chunks = (0..2).map(|part| {
            let mut chunk = XorChunk::default();
            (0..4).for_each(|step| chunk.append(part * 100 + step, step as f64));
            let (min_ms, max_ms) = (part * 100, part * 100 + 3);
            let bytes = chunk.as_bytes().to_vec().into();
            EncodedChunk { min_ms, max_ms, encoding: Encoding::Xor, bytes }
        });
        writer.add(&SeriesChunks { labels, chunks: chunks.collect() }).unwrap();
    }
    writer.finish().unwrap();
    NAMES.map(|name| {
        let file = host.files.open_read(&Path::new(&dir).join(name)).unwrap();
        let mut bytes = vec![0; file.size().unwrap() as usize];
        file.read_at(0, &mut bytes).unwrap();
        bytes
    })
});

fn write(files: &dyn Files, name: &str, bytes: &[u8]) {
    let mut file = files.open_append(Path::new(name)).unwrap();
    file.append(bytes).unwrap();
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&[kind, cut], rest)) = bytes.split_first_chunk::<2>() else { return };
    let mut files = GOOD.clone();
    let damaged = &mut files[usize::from(kind & 3)];
    if kind & 4 == 0 {
        // Single bytes, from the end of the file where the table of contents stands.
        for edit in rest.as_chunks::<3>().0 {
            let place = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % damaged.len();
            let place = damaged.len() - 1 - place;
            damaged[place] = edit[2];
        }
        damaged
            .truncate(damaged.len().saturating_sub(usize::from(cut & 1) * usize::from(cut >> 1)));
    } else {
        *damaged = rest.to_vec();
    }
    let simulation = Simulation::new(1);
    let host = simulation.host();
    host.files.create_dir_all(Path::new("chunks")).unwrap();
    NAMES.iter().zip(&files).for_each(|(name, bytes)| write(&*host.files, name, bytes));
    let Ok(block) = Block::open(host.files, "") else { return };

    let ctx = QueryContext::default();
    let querier = block.querier(TimeRange::ALL).unwrap();
    let names = querier.label_names(&ctx, &[], None).unwrap();
    for name in names {
        querier.label_values(&ctx, &name, &[], Some(40)).unwrap();
    }
    let matchers = [
        vec![],
        vec![Matcher::equal("n", "33")],
        vec![Matcher::new(MatchOp::Regex, "n", "3.*").unwrap(), Matcher::equal("__name__", "m")],
        vec![Matcher::new(MatchOp::NotRegex, "n", "[0-5].|60").unwrap()],
    ];
    let mut columns = Columns::default();
    for matchers in matchers {
        let selection = querier.select(&ctx, &matchers, &SelectHints::default()).unwrap();
        for series in 0..selection.len() {
            selection.read(&ctx, series, &mut columns).unwrap();
            assert!(columns.timestamps_ms().is_sorted_by(|a, b| a < b));
        }
    }
});
