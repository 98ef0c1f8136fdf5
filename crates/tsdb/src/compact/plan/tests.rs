use std::collections::BTreeMap;

use super::{Planner, ranges};
use crate::{BlockCompaction, BlockMeta, Ulid};

/// The name of a block, its first time, and its end.
type Span = (char, i64, i64);

/// Blocks by letters, each from its first time to before its last.
#[derive(Default)]
struct Blocks {
    metas: Vec<BlockMeta>,
    names: BTreeMap<Ulid, char>,
}

impl Blocks {
    fn new(blocks: &[Span]) -> Self {
        let mut found = Self::default();
        for (name, min_ms, end_ms) in blocks {
            let digit = char::from_digit(u32::from(*name) - 96, 32).unwrap().to_ascii_uppercase();
            let ulid = format!("{digit:0>26}").parse::<Ulid>().unwrap();
            let mut meta = BlockMeta::of_head(ulid, *min_ms, *end_ms);
            meta.stats.num_series = 100;
            found.metas.push(meta);
            found.names.insert(ulid, *name);
        }
        found
    }

    fn edit(mut self, name: char, edit: impl Fn(&mut BlockMeta)) -> Self {
        let ulid = self.names.iter().find(|(_, item)| **item == name).map(|(ulid, _)| *ulid);
        self.metas.iter_mut().filter(|meta| Some(meta.ulid) == ulid).for_each(edit);
        self
    }

    fn plan(&self, held: &str) -> String {
        let planner = Planner::new(ranges(20, 540), true);
        let is_held = |meta: &BlockMeta| held.contains(self.names[&meta.ulid]);
        let plan = planner.plan(&self.metas, is_held);
        plan.iter().map(|ulid| self.names[ulid]).collect()
    }
}

#[test]
fn ranges_triple_up_to_the_longest() {
    assert_eq!(ranges(20, 540), [20, 60, 180, 540]);
    assert_eq!(ranges(20, 539), [20, 60, 180]);
    assert_eq!(ranges(20, 5), [20]);
    assert_eq!(ranges(1, i64::MAX).len(), 10);
}

/// What `TestLeveledCompactor_plan` of the reference expects, among others.
#[test]
fn blocks_that_become_one() {
    let cases: [(&[Span], &str); 14] = [
        (&[('a', 0, 20)], ""),
        (&[('a', 0, 20), ('b', 20, 40)], ""),
        (&[('a', 0, 20), ('b', 20, 40), ('c', 40, 60)], ""),
        // The range is full, and a newer block is there.
        (&[('a', 0, 20), ('b', 20, 40), ('c', 40, 60), ('d', 60, 80)], "abc"),
        // The range is not full, and is over.
        (&[('a', 0, 20), ('c', 40, 60), ('d', 60, 80), ('e', 80, 100)], "ac"),
        (&[('a', 0, 20), ('b', 20, 40), ('d', 60, 80)], ""),
        (&[('b', 20, 40), ('d', 60, 80), ('e', 80, 100)], ""),
        (&[('a', 0, 60), ('d', 60, 80), ('e', 80, 100), ('f', 100, 120), ('g', 120, 140)], "def"),
        (&[('a', 0, 60), ('b', 60, 120), ('c', 120, 180), ('d', 180, 200)], "abc"),
        (&[('a', 0, 60), ('c', 120, 180), ('d', 180, 200), ('e', 200, 220)], "ac"),
        (&[('a', -60, -40), ('b', -40, -20), ('c', -20, 0), ('d', 0, 20)], "abc"),
        // Overlaps go first, a chain of them together.
        (&[('a', 0, 20), ('b', 19, 40), ('c', 40, 60)], "ab"),
        (&[('a', 0, 20), ('b', 15, 40), ('c', 30, 60), ('d', 60, 80), ('e', 70, 90)], "abc"),
        (&[('a', 0, 60), ('b', 10, 20), ('c', 30, 40), ('d', 60, 80)], "abc"),
    ];
    for (blocks, expected) in cases {
        assert_eq!(Blocks::new(blocks).plan(""), expected, "{blocks:?}");
    }
}

#[test]
fn failed_and_held_blocks_stay() {
    let blocks: &[_] = &[
        ('a', 0, 20),
        ('b', 20, 40),
        ('c', 40, 60),
        ('d', 60, 80),
        ('e', 80, 100),
        ('f', 100, 120),
    ];
    assert_eq!(Blocks::new(blocks).plan("b"), "");
    let more = [blocks, &[('g', 120, 140)]].concat();
    assert_eq!(Blocks::new(&more).plan("b"), "def");
    let failed = Blocks::new(&more).edit('a', |meta| meta.compaction.failed = true);
    assert_eq!(failed.plan(""), "def");
    let overlap: &[_] = &[('a', 0, 20), ('b', 10, 30), ('c', 20, 40)];
    assert_eq!(Blocks::new(overlap).plan("b"), "");
    assert_eq!(Blocks::new(overlap).plan("a"), "bc");
}

#[test]
fn deleted_series_are_cleaned_out_of_large_blocks() {
    let blocks = || Blocks::new(&[('a', 0, 180), ('b', 180, 200), ('c', 200, 220)]);
    let with = |name, count| blocks().edit(name, |meta| meta.stats.num_tombstones = count);
    assert_eq!(with('a', 5).plan(""), "");
    // The walk from the newest block ends at the first small one.
    assert_eq!(with('a', 50).plan(""), "");
    assert_eq!(with('b', 99).plan(""), "");
    assert_eq!(with('b', 100).plan(""), "b");
    assert_eq!(with('b', 100).plan("b"), "");
    let large = Blocks::new(&[('a', 0, 180), ('b', 180, 360)]);
    assert_eq!(large.edit('a', |meta| meta.stats.num_tombstones = 6).plan(""), "a");
}

/// Blocks of stale series lie over the others on purpose.
#[test]
fn classes_do_not_mix() {
    let blocks = Blocks::new(&[('a', 0, 20), ('b', 0, 20), ('c', 20, 40), ('d', 10, 20)]);
    let stale = |meta: &mut BlockMeta| meta.compaction.set_hint(BlockCompaction::STALE_SERIES);
    let blocks = blocks.edit('b', stale);
    assert_eq!(blocks.plan("d"), "");
    assert_eq!(blocks.edit('d', stale).plan(""), "bd");
}
