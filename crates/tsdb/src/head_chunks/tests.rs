use std::path::Path;

use bytes::Bytes;
use narthex_chunk::Encoding;
use narthex_host::{Fault, Files, Simulation};
use proptest::collection::vec;
use proptest::prelude::*;

use super::format::FILE_HEADER;
use super::{ChunkRef, FoundChunk, HeadChunkError, HeadChunks, OpenReport};
use crate::EncodedChunk;

const DIR: &str = "data/chunks_head";

fn open(simulation: &Simulation) -> (HeadChunks, Vec<FoundChunk>, OpenReport) {
    let mut found = Vec::new();
    let files = simulation.host().files;
    let (chunks, report) = HeadChunks::open(files, DIR.into(), |chunk| found.push(chunk)).unwrap();
    (chunks, found, report)
}

/// A chunk of `size` bytes at some time.
fn chunk(time_ms: i64, size: usize) -> EncodedChunk {
    let bytes = (0..size).map(|index| index.to_le_bytes()[0]).collect::<Vec<_>>();
    EncodedChunk {
        min_ms: time_ms,
        max_ms: time_ms + 9,
        encoding: Encoding::Xor,
        bytes: Bytes::from(bytes),
    }
}

fn file(simulation: &Simulation, name: &str) -> Vec<u8> {
    let file = simulation.files().open_read(&Path::new(DIR).join(name)).unwrap();
    let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

#[test]
fn bytes_of_a_file() {
    let simulation = Simulation::new(1);
    let (chunks, ..) = open(&simulation);
    let place = chunks.write(258, &chunk(-1, 2), true).unwrap();
    assert_eq!(place, ChunkRef(1 << 32 | 8));
    chunks.sync().unwrap();
    let header = b"\x01\x30\xbc\x91\x01\0\0\0";
    let meta =
        b"\0\0\0\0\0\0\x01\x02\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\x08\x81\x02\0\x01";
    let crc = crc32c::crc32c(meta).to_be_bytes();
    assert_eq!(file(&simulation, "000001"), [&header[..], meta, &crc].concat());
    let expected = FoundChunk {
        series: 258,
        chunk: place,
        min_ms: -1,
        max_ms: 8,
        sample_count: 1,
        encoding: Encoding::Xor,
        is_out_of_order: true,
        size: 2,
    };
    drop(chunks);
    let (chunks, found, report) = open(&simulation);
    assert_eq!((found, report), (vec![expected], OpenReport { chunks: 1, ..Default::default() }));
    assert_eq!(chunks.read(place).unwrap(), chunk(-1, 2));
    assert_eq!(chunks.size_bytes(), 40);
}

#[test]
fn chunks_can_be_read_before_and_after_they_are_written() {
    let simulation = Simulation::new(1);
    let (chunks, ..) = open(&simulation);
    let sizes = [0, 2, 200, 1_200, 1_300, 70_000, 3, 66_000, 5];
    let places = sizes.map(|size| (chunks.write(1, &chunk(0, size), false).unwrap(), size));
    let check = |chunks: &HeadChunks| {
        for (place, size) in places {
            assert_eq!(chunks.read(place).unwrap(), chunk(0, size), "{size}");
        }
    };
    check(&chunks);
    chunks.sync().unwrap();
    check(&chunks);
    let (chunks, found, _) = open(&simulation);
    assert!(found.iter().map(|item| (item.chunk, item.size)).eq(places));
    check(&chunks);
    // Other places hold no chunk.
    assert!(matches!(chunks.read(ChunkRef(9 << 32)), Err(HeadChunkError::Missing { file: 9 })));
    for offset in [0, 9, 500, 1_000_000] {
        let read = chunks.read(ChunkRef(1 << 32 | offset));
        assert!(matches!(read, Err(HeadChunkError::Damaged { .. })), "{offset}: {read:?}");
    }
}

#[test]
fn old_files_go_and_no_gap_stays() {
    let simulation = Simulation::new(1);
    let (chunks, ..) = open(&simulation);
    // Three files: the second one holds the newest sample.
    let mut places = Vec::new();
    for time_ms in [0, 200, 100] {
        places.push(chunks.write(1, &chunk(time_ms, 50), false).unwrap());
        chunks.truncate(i64::MIN, None).unwrap();
    }
    assert_eq!(places.iter().map(|place| place.0 >> 32).collect::<Vec<_>>(), [1, 2, 3]);
    let names = || {
        let entries = simulation.files().list_dir(Path::new(DIR)).unwrap();
        entries.into_iter().map(|entry| entry.name.into_string()).collect::<Vec<_>>()
    };
    chunks.truncate(9, None).unwrap();
    assert_eq!(names(), ["000001", "000002", "000003"]);
    chunks.truncate(150, None).unwrap();
    assert_eq!(names(), ["000002", "000003"]);
    assert!(matches!(chunks.read(places[0]), Err(HeadChunkError::Missing { file: 1 })));
    chunks.truncate(300, None).unwrap();
    // The newest file may still be written to.
    assert_eq!(names(), ["000003"]);
    let place = chunks.write(1, &chunk(300, 1), false).unwrap();
    assert_eq!(place, ChunkRef(4 << 32 | 8));
}

#[test]
fn every_damaged_byte_drops_what_follows() {
    let write = || {
        let simulation = Simulation::new(1);
        let (chunks, ..) = open(&simulation);
        let mut places = Vec::new();
        for time_ms in 0..3 {
            places.push(chunks.write(1, &chunk(time_ms, 40), false).unwrap());
        }
        chunks.truncate(i64::MIN, None).unwrap();
        places.push(chunks.write(1, &chunk(3, 40), false).unwrap());
        chunks.sync().unwrap();
        (simulation, places)
    };
    let size = file(&write().0, "000001").len();
    for place in 0..size {
        for cut in [false, true] {
            let (simulation, places) = write();
            let path = Path::new(DIR).join("000001");
            let damage = |bytes: &mut Vec<u8>| match cut {
                true => bytes.truncate(place),
                false => bytes[place] ^= 1 << (place % 8),
            };
            simulation.files().edit(&path, damage).unwrap();
            let (chunks, found, report) = open(&simulation);
            let chunk_size = (size - 8) / 3;
            let good = place.saturating_sub(8) / chunk_size;
            // A file that ends with a chunk is whole, as with the zeros of the next one's reference.
            let is_whole = cut && place >= 8 && (place - 8) % chunk_size <= 7;
            let expected = if is_whole {
                [&places[..good], &places[3..]].concat()
            } else {
                places[..good].to_vec()
            };
            assert!(found.iter().map(|item| item.chunk).eq(expected), "{place} {cut}: {found:?}");
            assert_eq!(report.damaged_file.is_some(), !is_whole, "{place} {cut}");
            let next = chunks.write(1, &chunk(9, 40), false).unwrap();
            chunks.sync().unwrap();
            assert_eq!(chunks.read(next).unwrap(), chunk(9, 40));
            let (_, again, report) = open(&simulation);
            assert_eq!(
                (again.len(), report.damaged_file),
                (found.len() + 1, None),
                "{place} {cut}"
            );
        }
    }
}

#[test]
fn a_torn_end_is_a_clean_end() {
    let simulation = Simulation::new(1);
    let (chunks, ..) = open(&simulation);
    chunks.write(1, &chunk(0, 40), false).unwrap();
    chunks.write(1, &chunk(10, 40), false).unwrap();
    chunks.sync().unwrap();
    let bytes = file(&simulation, "000001");
    for size in 0..bytes.len() {
        let path = Path::new(DIR).join("000001");
        simulation.files().open_append(&path).unwrap().truncate(0).unwrap();
        simulation.files().open_append(&path).unwrap().append(&bytes[..size]).unwrap();
        let (_, found, report) = open(&simulation);
        assert_eq!(found.len(), size.saturating_sub(8) / ((bytes.len() - 8) / 2), "{size}");
        assert_eq!(report.damaged_file, None, "{size}");
    }
}

/// Fails each call once: the chunk is refused, and the others are there.
#[test]
fn every_failing_call_refuses_at_most_its_chunk() {
    for fault in [Fault::NoSpace, Fault::ShortWrite, Fault::Io] {
        for call in 0.. {
            let simulation = Simulation::new(call);
            simulation.files().create_dir_all(Path::new(DIR)).unwrap();
            let (chunks, ..) = open(&simulation);
            simulation.files().fail_call(simulation.files().call_count() + call, fault);
            let last = simulation.files().call_count() + call;
            let mut places = Vec::new();
            for time_ms in 0..12 {
                if let Ok(place) = chunks.write(1, &chunk(time_ms, 30_000), false) {
                    places.push((place, time_ms));
                }
                let _ = if time_ms == 8 { chunks.truncate(i64::MIN, None) } else { Ok(()) };
            }
            assert!(places.len() >= 11, "{fault:?} {call}");
            let _ = chunks.sync();
            let is_reached = simulation.files().call_count() > last;
            simulation.files().repair();
            chunks.sync().unwrap();
            for (place, time_ms) in &places {
                assert_eq!(
                    chunks.read(*place).unwrap(),
                    chunk(*time_ms, 30_000),
                    "{fault:?} {call}"
                );
            }
            let (_, found, report) = open(&simulation);
            assert!(found.iter().map(|item| item.chunk).eq(places.iter().map(|item| item.0)));
            assert_eq!(report.damaged_file, None, "{fault:?} {call}");
            if !is_reached {
                break;
            }
        }
    }
}

proptest! {
    #[test]
    fn any_file_opens(bytes in vec(any::<u8>(), 0..300), has_header in any::<bool>()) {
        let simulation = Simulation::new(1);
        let files = simulation.files();
        files.create_dir_all(Path::new(DIR)).unwrap();
        let mut file = files.open_append(&Path::new(DIR).join("000001")).unwrap();
        if has_header {
            file.append(&FILE_HEADER).unwrap();
        }
        file.append(&bytes).unwrap();
        let (chunks, found, _) = open(&simulation);
        for item in found {
            prop_assert!(chunks.read(item.chunk).is_ok());
        }
        let _ = chunks.read(ChunkRef(1 << 32 | 8));
    }

    #[test]
    fn what_was_synced_outlasts_a_crash(seed in any::<u64>(), sizes in vec(0_usize..30_000, 1..12)) {
        let simulation = Simulation::new(seed);
        let (chunks, ..) = open(&simulation);
        let synced = sizes.len() / 2;
        let mut places = Vec::new();
        for (index, size) in sizes.iter().enumerate() {
            if index == synced {
                chunks.sync().unwrap();
            }
            places.push(chunks.write(7, &chunk(5, *size), false).unwrap());
        }
        simulation.files().crash();
        let (chunks, found, _) = open(&simulation);
        prop_assert!(found.len() >= synced);
        for (item, (place, size)) in found.iter().zip(places.iter().zip(&sizes)) {
            prop_assert_eq!(item.chunk, *place);
            prop_assert_eq!(chunks.read(*place).unwrap(), chunk(5, *size));
        }
    }
}
