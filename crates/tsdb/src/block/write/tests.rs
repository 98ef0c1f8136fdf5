use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use bytes::Bytes;
use narthex_chunk::{Encoding, XorChunk};
use narthex_host::{Host, RealFiles, Simulation};
use narthex_model::{Labels, Matcher};
use narthex_storage::{Columns, QueryContext, Queryable, SelectHints, TimeRange};

use super::{BlockWriter, SymbolTable};
use crate::block::{Block, BlockMeta, Ulid};
use crate::compact::merge_symbols;
use crate::{EncodedChunk, SeriesChunks};

const SEGMENT_SIZE: u64 = 512 << 20;

/// Copies a block by way of reader and writer.
fn rewrite(block: &Block, parent: &Path) -> BlockMeta {
    let mut meta = block.meta();
    meta.stats = Default::default();
    let symbols = merge_symbols(vec![block.symbols().unwrap()]).unwrap();
    let host = Host::real();
    let mut writer = BlockWriter::with_symbols(&host, parent, meta, symbols, SEGMENT_SIZE).unwrap();
    for series in block.series_chunks(TimeRange::ALL).unwrap() {
        writer.add(&series.unwrap()).unwrap();
    }
    writer.finish().unwrap().unwrap()
}

/// Blocks of Prometheus 3.14 with chunks of every encoding.
#[test]
fn the_bytes_are_those_of_the_reference() {
    let Some(conformance) = env::var_os("NARTHEX_CONFORMANCE").map(PathBuf::from) else {
        say_skipped();
        return;
    };
    for folder in ["default", "experimental"] {
        let blocks = conformance.join("datadirs").join(folder).join("blocks");
        let source = fs::read_dir(blocks).unwrap().next().unwrap().unwrap().path();
        let block = Block::open(Arc::new(RealFiles), &source).unwrap();
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(rewrite(&block, dir.path()), block.meta());
        let copy = dir.path().join(block.meta().ulid.to_string());
        let bytes = |dir: &Path, name| fs::read(dir.join(name)).unwrap();
        for name in ["index", "chunks/000001", "tombstones"] {
            assert!(bytes(&copy, name) == bytes(&source, name), "{folder}: {name} differs");
        }
        // This one has a checksum at its end.
        let meta = bytes(&source, "meta.json");
        assert!(bytes(&copy, "meta.json").starts_with(meta.strip_suffix(b"\n}").unwrap()));
    }
}

fn say_skipped() {
    println!("skipped: NARTHEX_CONFORMANCE does not name the folder of conformance data");
}

fn series(number: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", "m"),
        ("few", ["a", "b", "c"][number % 3]),
        ("n", &format!("{number:05}")),
    ])
}

fn chunk(min_ms: i64, count: i64) -> EncodedChunk {
    let mut chunk = XorChunk::default();
    (0..count).for_each(|index| chunk.append(min_ms + index, 1.0 / (index + 1) as f64));
    let bytes = Bytes::copy_from_slice(chunk.as_bytes());
    EncodedChunk { min_ms, max_ms: min_ms + count - 1, encoding: Encoding::Xor, bytes }
}

/// A block with that many series, on simulated files.
fn write(host: &Host, count: usize, segment_size: u64) -> Option<BlockMeta> {
    let parent = Path::new("data");
    host.files.create_dir_all(parent).unwrap();
    let mut labels = (0..count).map(series).collect::<Vec<_>>();
    labels.sort();
    let mut texts = vec!["unused".to_owned()];
    for (name, value) in labels.iter().flatten() {
        texts.extend([name.to_owned(), value.to_owned()]);
    }
    texts.sort();
    texts.dedup();
    let symbols = SymbolTable::new(texts.iter().map(String::as_str));
    let meta = BlockMeta::of_head(Ulid::generate(host), 0, 1_000);
    let mut writer = BlockWriter::with_symbols(host, parent, meta, symbols, segment_size).unwrap();
    for labels in labels {
        let chunks = vec![chunk(0, 120), chunk(500, 7)];
        writer.add(&SeriesChunks { labels, chunks }).unwrap();
    }
    writer.finish().unwrap()
}

fn open(host: &Host, meta: &BlockMeta) -> Block {
    Block::open(Arc::clone(&host.files), Path::new("data").join(meta.ulid.to_string())).unwrap()
}

#[test]
fn what_was_written_is_read() {
    let host = Simulation::new(1).host();
    let meta = write(&host, 1_000, 30_000).unwrap();
    assert_eq!((meta.stats.num_series, meta.stats.num_chunks), (1_000, 2_000));
    assert_eq!((meta.stats.num_samples, meta.stats.num_float_samples), (127_000, 127_000));
    let block = open(&host, &meta);
    assert_eq!(block.meta(), meta);
    let segments = host.files.list_dir(&block.dir().join("chunks")).unwrap();
    assert!(segments.len() > 3, "{segments:?}");
    for segment in &segments {
        let file = host.files.open_read(&block.dir().join("chunks").join(&*segment.name)).unwrap();
        assert!(file.size().unwrap() <= 30_000);
    }
    let found = block.series_chunks(TimeRange::ALL).unwrap().map(Result::unwrap);
    let found = found.collect::<Vec<_>>();
    assert_eq!(found.len(), 1_000);
    assert!(found.is_sorted_by(|a, b| a.labels < b.labels));
    assert!(found.iter().all(|series| series.chunks == [chunk(0, 120), chunk(500, 7)]));

    // The sampled tables, at their steps and between them.
    let ctx = QueryContext::default();
    let querier = block.querier(TimeRange::ALL).unwrap();
    let count =
        |matcher: Matcher| querier.select(&ctx, &[matcher], &SelectHints::default()).unwrap().len();
    for number in 0..1_000 {
        assert_eq!(count(Matcher::equal("n", &format!("{number:05}"))), 1, "{number}");
    }
    for missing in ["", "0", "000000", "00031x", "00032x", "01000", "z"] {
        assert_eq!(count(Matcher::equal("n", missing)), 0, "{missing}");
    }
    assert_eq!(count(Matcher::equal("few", "b")), 333);
    assert_eq!(querier.label_values(&ctx, "n", &[], None).unwrap().len(), 1_000);
    assert_eq!(ctx.take_warnings(), []);
}

#[test]
fn a_range_cuts_chunks() {
    let host = Simulation::new(1).host();
    let meta = write(&host, 3, SEGMENT_SIZE).unwrap();
    let block = open(&host, &meta);
    let range = TimeRange { min_ms: 100, max_ms: 502 };
    for series in block.series_chunks(range).unwrap() {
        let chunks = series.unwrap().chunks;
        let bounds = chunks.iter().map(|chunk| (chunk.min_ms, chunk.max_ms)).collect::<Vec<_>>();
        assert_eq!(bounds, [(100, 119), (500, 502)]);
        let mut columns = Columns::default();
        narthex_chunk::decode(Encoding::Xor, &chunks[0].bytes, 0..=999, &mut columns).unwrap();
        assert_eq!(columns.timestamps_ms(), (100..120).collect::<Vec<_>>());
        assert_eq!(columns.values()[0], 1.0 / 101.0);
    }
}

#[test]
fn a_block_without_series_is_none() {
    let host = Simulation::new(1).host();
    assert_eq!(write(&host, 0, SEGMENT_SIZE), None);
    assert_eq!(host.files.list_dir(Path::new("data")).unwrap(), []);
}
