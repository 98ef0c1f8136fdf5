//! Which series have which labels.

use hashbrown::HashMap;
use narthex_model::{Labels, MatchOp, Matcher};
use smallvec::SmallVec;

use super::series::{SeriesTable, Slot};

/// For each label name and value, the series that have it.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: HashMap<Box<str>, Values>,
    all: Vec<Slot>,
}

type Values = HashMap<Box<str>, Postings>;

/// Series of one label value, rising. Most values of the labels that differ between series name very
/// few.
type Postings = SmallVec<[Slot; 4]>;

impl Index {
    /// Adds a series that is not in the index yet.
    pub(super) fn add(&mut self, slot: Slot, labels: &Labels) {
        let place = place_of(&self.all, slot);
        self.all.insert(place, slot);
        for (name, value) in labels {
            let values = get_or_default(&mut self.names, name);
            let postings = get_or_default(values, value);
            postings.insert(place_of(postings, slot), slot);
        }
    }

    /// Returns the label names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(|name| &**name)
    }

    /// Returns the values of one label.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.names.get(name).into_iter().flat_map(|values| values.keys().map(|value| &**value))
    }

    /// Returns the series that meet all `matchers`, rising.
    ///
    /// The cheapest condition goes first, and where few series are left, their labels are looked at
    /// rather than the index.
    pub(super) fn select(&self, matchers: &[Matcher], table: &SeriesTable) -> Vec<Slot> {
        let mut conditions =
            matchers.iter().filter_map(|matcher| self.condition(matcher)).collect::<Vec<_>>();
        conditions.sort_by_key(|condition| (!condition.asks, condition.cost()));
        let mut found: Option<Vec<Slot>> = None;
        for condition in conditions {
            let slots = match found {
                None if condition.asks => condition.union(),
                None => subtract(&self.all, &condition.union()),
                Some(slots) if condition.cost() > slots.len() => condition.filter(slots, table),
                Some(slots) if condition.asks => intersect(&slots, &condition.union()),
                Some(slots) => subtract(&slots, &condition.union()),
            };
            if slots.is_empty() {
                return slots;
            }
            found = Some(slots);
        }
        found.unwrap_or_else(|| self.all.clone())
    }

    /// Returns what `matcher` asks of the index; `None` where every series meets it.
    fn condition<'a>(&'a self, matcher: &'a Matcher) -> Option<Condition<'a>> {
        if matcher.op() == MatchOp::Regex && matcher.value() == ".*" {
            return None;
        }
        let asks = !matcher.matches_empty();
        let Some(values) = self.names.get(matcher.name()) else {
            let source = Source::Lists(SmallVec::new());
            return Some(Condition { matcher, asks, source });
        };
        let literals = matcher.regex().and_then(|regex| regex.literals());
        let find = |value: &str| values.get(value);
        let source = match (matcher.op(), literals) {
            (MatchOp::Equal, _) if asks => {
                Source::Lists(find(matcher.value()).into_iter().collect())
            }
            (MatchOp::NotEqual, _) if !asks => {
                Source::Lists(find(matcher.value()).into_iter().collect())
            }
            (MatchOp::Regex, Some(literals)) if asks => {
                Source::Lists(literals.iter().filter_map(|value| find(value)).collect())
            }
            (MatchOp::NotRegex, Some(literals)) if !asks => {
                Source::Lists(literals.iter().filter_map(|value| find(value)).collect())
            }
            _ => Source::Scan(values),
        };
        Some(Condition { matcher, asks, source })
    }
}

/// One matcher, seen from the index.
struct Condition<'a> {
    matcher: &'a Matcher,
    /// Whether series must have a value that meets the matcher. Else the empty value meets it, so
    /// that series without the label do too, and those go whose value does not.
    asks: bool,
    source: Source<'a>,
}

/// Where the series come from that a condition asks for, or takes away.
enum Source<'a> {
    /// From the lists of known values.
    Lists(SmallVec<[&'a Postings; 1]>),
    /// From the lists of those values that pass or fail the matcher.
    Scan(&'a Values),
}

impl Condition<'_> {
    /// Returns about how many steps [`Condition::union`] takes.
    fn cost(&self) -> usize {
        match &self.source {
            Source::Lists(lists) => lists.iter().map(|list| list.len()).sum(),
            Source::Scan(values) => values.len() * SCAN_COST,
        }
    }

    /// Returns the series that are asked for, or taken away, rising.
    fn union(&self) -> Vec<Slot> {
        let mut union = Vec::new();
        let list_count = match &self.source {
            Source::Lists(lists) => {
                lists.iter().for_each(|list| union.extend_from_slice(list));
                lists.len()
            }
            Source::Scan(values) => {
                let prefix = self.matcher.regex().map_or("", |regex| regex.prefix());
                let is_negated = self.matcher.op() == MatchOp::NotRegex;
                // No value without the prefix meets the pattern.
                let meets = |value: &str| match value.starts_with(prefix) {
                    true => self.matcher.matches(value),
                    false => is_negated,
                };
                let lists = values.iter().filter(|(value, _)| meets(value) == self.asks);
                lists.inspect(|(_, list)| union.extend_from_slice(list)).count()
            }
        };
        // A series has one value of a label, so no two lists share one.
        if list_count > 1 {
            union.sort_unstable();
        }
        union
    }

    /// Returns those of `slots` that meet the matcher.
    fn filter(&self, mut slots: Vec<Slot>, table: &SeriesTable) -> Vec<Slot> {
        let name = self.matcher.name();
        slots.retain(|slot| self.matcher.matches(table.get(*slot).labels.value(name)));
        slots
    }
}

fn get_or_default<'a, V: Default>(map: &'a mut HashMap<Box<str>, V>, key: &str) -> &'a mut V {
    // Looked up twice rather than copied: nearly all keys are there already.
    if !map.contains_key(key) {
        map.insert(key.into(), V::default());
    }
    map.get_mut(key).expect("it was there or was inserted")
}

/// Returns the items of both lists, which rise.
fn intersect(left: &[Slot], right: &[Slot]) -> Vec<Slot> {
    let (few, many) = if left.len() < right.len() { (left, right) } else { (right, left) };
    let mut rest = many;
    let is_in_rest = |slot: &&Slot| {
        rest = &rest[gallop(rest, **slot)..];
        rest.first() == Some(*slot)
    };
    few.iter().filter(is_in_rest).copied().collect()
}

/// Returns the items of `from` that are not in `gone`. Both rise.
fn subtract(from: &[Slot], gone: &[Slot]) -> Vec<Slot> {
    let mut rest = gone;
    let stays = |slot: &&Slot| {
        rest = &rest[gallop(rest, **slot)..];
        rest.first() != Some(*slot)
    };
    from.iter().filter(stays).copied().collect()
}

/// Returns how many items of `list` are below `slot`, in steps that grow with the answer.
fn gallop(list: &[Slot], slot: Slot) -> usize {
    let mut reach = 1;
    while list.get(reach - 1).is_some_and(|item| *item < slot) {
        reach *= 2;
    }
    let (start, end) = (reach / 2, reach.min(list.len()));
    start + list[start..end].partition_point(|item| *item < slot)
}

/// Returns where `slot` belongs in `list`: at the end, but for series that were committed late.
fn place_of(list: &[Slot], slot: Slot) -> usize {
    match list.last() {
        Some(last) if *last > slot => list.partition_point(|item| *item < slot),
        _ => list.len(),
    }
}

/// A value that is tested costs about as much as this many items that are copied.
const SCAN_COST: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{gallop, intersect, subtract};

    proptest! {
        #[test]
        fn lists_are_sets(
            left in prop::collection::btree_set(0_u32..200, 0..80),
            right in prop::collection::btree_set(0_u32..200, 0..80),
        ) {
            let lists = [left.iter().copied().collect::<Vec<_>>(), right.iter().copied().collect()];
            let expected = left.intersection(&right).copied().collect::<Vec<_>>();
            prop_assert_eq!(intersect(&lists[0], &lists[1]), expected);
            let expected = left.difference(&right).copied().collect::<Vec<_>>();
            prop_assert_eq!(subtract(&lists[0], &lists[1]), expected);
            for slot in 0..200 {
                prop_assert_eq!(gallop(&lists[0], slot), left.range(..slot).count());
            }
        }
    }
}
