use std::sync::atomic::Ordering;

use narthex_model::Labels;

use super::series::Slot;
use super::table::{LabelsHash, SeriesTable};

/// The way of one appender from series to series.
///
/// Who sends samples sends the same series in the same order, time after time. So each series knows
/// which one was looked up after it, and that one is looked at before the labels are hashed: its labels
/// are compared, as everybody's are. Where a guess was wrong, none is made until the next would have
/// been right.
#[derive(Debug, Default)]
pub(super) struct Trail {
    last: Option<Slot>,
    is_lost: bool,
}

impl Trail {
    /// Returns the series with these labels, or else their hash.
    pub(super) fn find(
        &mut self,
        labels: &Labels,
        table: &SeriesTable,
    ) -> Result<Slot, LabelsHash> {
        let next = self.last.map(|last| table.get(last).next.load(Ordering::Relaxed));
        if let Some(next) = next
            && !self.is_lost
            && table.is_at(next, labels)
        {
            self.last = Some(next);
            return Ok(next);
        }
        let hash = table.hash(labels);
        let slot = table.find_hashed(labels, hash).ok_or(hash)?;
        self.step(slot, table);
        Ok(slot)
    }

    /// Notes that the series at `slot` comes now.
    pub(super) fn step(&mut self, slot: Slot, table: &SeriesTable) {
        if let Some(last) = self.last {
            let known = table.get(last).next.swap(slot, Ordering::Relaxed);
            self.is_lost = known != slot;
        }
        self.last = Some(slot);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Trail;
    use crate::head::table::SeriesTable;
    use narthex_model::Labels;

    /// Label sets of which some start or end as others do, one of them longer than a text's head.
    fn labels(number: usize) -> Labels {
        let number = number.to_string();
        let value = match number.len() {
            1 => "x".repeat(50) + &number,
            _ => number.clone(),
        };
        Labels::from_pairs([("__name__", "up"), ("number", &*value), (&*value, &*number)])
    }

    #[test]
    fn what_came_next_is_found_without_a_hash() {
        let mut table = SeriesTable::default();
        let sets = (0..4).map(labels).collect::<Vec<_>>();
        let mut trail = Trail::default();
        for labels in &sets {
            let hash = trail.find(labels, &table).expect_err("a new series");
            let slot = table.find_or_create(labels, hash);
            trail.step(slot, &table);
        }
        let guesses = |trail: &mut Trail, order: [usize; 4]| {
            order.map(|number| {
                let next =
                    trail.last.map(|last| table.get(last).next.load(super::Ordering::Relaxed));
                let is_guess = !trail.is_lost;
                let slot = trail.find(&sets[number], &table).expect("a known series");
                is_guess && next == Some(slot)
            })
        };
        assert_eq!(guesses(&mut Trail::default(), [0, 1, 2, 3]), [false, true, true, true]);
        // A wrong guess, three that are not made, and the new order is known.
        assert_eq!(guesses(&mut Trail::default(), [0, 2, 1, 3]), [false; 4]);
        assert_eq!(guesses(&mut Trail::default(), [0, 2, 1, 3]), [false, true, true, true]);
    }

    proptest! {
        #[test]
        fn a_trail_finds_what_a_hash_does(
            steps in prop::collection::vec((0_usize..3, 0_usize..24, any::<bool>()), 0..200),
        ) {
            let mut table = SeriesTable::default();
            let mut trails = [Trail::default(), Trail::default(), Trail::default()];
            for (trail, number, goes) in steps {
                let labels = labels(number);
                let known = table.find(&labels);
                let found = trails[trail].find(&labels, &table);
                prop_assert_eq!(found.ok(), known);
                match found {
                    Ok(slot) => {
                        prop_assert_eq!(table.label_set(slot), labels);
                        if goes {
                            table.remove(slot);
                        }
                    }
                    Err(hash) => {
                        let slot = table.find_or_create(&labels, hash);
                        trails[trail].step(slot, &table);
                    }
                }
            }
        }
    }
}
