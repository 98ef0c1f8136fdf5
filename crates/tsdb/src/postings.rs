//! Which series meet matchers, by way of sorted lists of series for each label value.

use narthex_model::{MatchOp, Matcher};

/// Where lists of series come from, such as the index of a block.
pub(crate) trait PostingsSource {
    /// The series with one value of a label, rising.
    type List: AsRef<[u32]>;
    /// Why the index cannot be read.
    type Error;

    /// Returns all series, rising.
    fn all(&self) -> Result<Vec<u32>, Self::Error>;

    /// Returns how many values a label has.
    fn value_count(&self, name: &str) -> usize;

    /// Returns the series with one value of a label, if there are any.
    fn find(&self, name: &str, value: &str) -> Result<Option<Self::List>, Self::Error>;

    /// Appends the series whose value of a label `is_wanted`, in any order. Where `prefix` is not
    /// empty, no value without it is.
    fn scan(
        &self,
        name: &str,
        prefix: &str,
        is_wanted: &mut dyn FnMut(&str) -> bool,
        out: &mut Vec<u32>,
    ) -> Result<(), Self::Error>;

    /// Returns those of `series` whose labels meet the matcher.
    fn filter(&self, series: Vec<u32>, matcher: &Matcher) -> Result<Vec<u32>, Self::Error>;
}

/// Returns the series that meet all `matchers`, rising.
///
/// The cheapest condition goes first, and where few series are left, their labels are looked at
/// rather than the index.
pub(crate) fn select<S: PostingsSource>(
    source: &S,
    matchers: &[Matcher],
) -> Result<Vec<u32>, S::Error> {
    let mut conditions = Vec::with_capacity(matchers.len());
    for matcher in matchers {
        conditions.extend(Condition::new(source, matcher)?);
    }
    conditions.sort_by_key(|condition| (!condition.asks, condition.cost));
    let mut found: Option<Vec<u32>> = None;
    for condition in conditions {
        let series = match found {
            None if condition.asks => condition.union(source)?,
            None => subtract(&source.all()?, &condition.union(source)?),
            Some(series) if condition.cost > series.len() * LABELS_COST => {
                source.filter(series, condition.matcher)?
            }
            Some(series) if condition.asks => intersect(&series, &condition.union(source)?),
            Some(series) => subtract(&series, &condition.union(source)?),
        };
        if series.is_empty() {
            return Ok(series);
        }
        found = Some(series);
    }
    found.map_or_else(|| source.all(), Ok)
}

/// One matcher, seen from the index.
struct Condition<'a, L> {
    matcher: &'a Matcher,
    /// Whether series must have a value that meets the matcher. Else the empty value meets it, so
    /// that series without the label do too, and those go whose value does not.
    asks: bool,
    /// The lists of the series that are asked for, or taken away, where the matcher names their
    /// values; else the values are tested.
    lists: Option<Vec<L>>,
    /// About how many series are copied to find them.
    cost: usize,
}

impl<'a, L: AsRef<[u32]>> Condition<'a, L> {
    /// Returns what `matcher` asks of the index; `None` where every series meets it.
    fn new<S: PostingsSource<List = L>>(
        source: &S,
        matcher: &'a Matcher,
    ) -> Result<Option<Self>, S::Error> {
        if matcher.op() == MatchOp::Regex && matcher.value() == ".*" {
            return Ok(None);
        }
        let asks = !matcher.matches_empty();
        let value = [Box::from(matcher.value())];
        let literals = match matcher.regex() {
            Some(regex) => regex.literals(),
            None => Some(&value[..]),
        };
        let names_values = matcher.op().is_negated() != asks;
        let lists = match literals.filter(|_| names_values) {
            Some(literals) => {
                let lists = literals.iter();
                let lists =
                    lists.filter_map(|value| source.find(matcher.name(), value).transpose());
                Some(lists.collect::<Result<Vec<_>, _>>()?)
            }
            None => None,
        };
        let cost = match &lists {
            Some(lists) => lists.iter().map(|list| list.as_ref().len()).sum(),
            None => source.value_count(matcher.name()) * SCAN_COST,
        };
        Ok(Some(Self { matcher, asks, lists, cost }))
    }

    /// Returns the series that are asked for, or taken away, rising.
    fn union<S: PostingsSource>(&self, source: &S) -> Result<Vec<u32>, S::Error> {
        let mut union = Vec::new();
        match &self.lists {
            Some(lists) => lists.iter().for_each(|list| union.extend_from_slice(list.as_ref())),
            None => {
                let Self { matcher, asks, .. } = *self;
                // Values that a pattern does not match may be any.
                let takes_matches = matcher.op().is_negated() != asks;
                let prefix = matcher.regex().filter(|_| takes_matches);
                let prefix = prefix.map_or("", |regex| regex.prefix());
                let mut is_wanted = |value: &str| matcher.matches(value) == asks;
                source.scan(matcher.name(), prefix, &mut is_wanted, &mut union)?;
            }
        }
        // A series has one value of a label, so no two lists share one; where there is one list, or
        // few, this finds them sorted at once.
        union.sort();
        Ok(union)
    }
}

/// Returns the items of both lists, which rise.
pub(crate) fn intersect(left: &[u32], right: &[u32]) -> Vec<u32> {
    let (few, many) = if left.len() < right.len() { (left, right) } else { (right, left) };
    let mut rest = many;
    let is_in_rest = |item: &&u32| {
        rest = &rest[gallop(rest, **item)..];
        rest.first() == Some(*item)
    };
    few.iter().filter(is_in_rest).copied().collect()
}

/// Returns the items of `from` that are not in `gone`. Both rise.
pub(crate) fn subtract(from: &[u32], gone: &[u32]) -> Vec<u32> {
    let mut rest = gone;
    let stays = |item: &&u32| {
        rest = &rest[gallop(rest, **item)..];
        rest.first() != Some(*item)
    };
    from.iter().filter(stays).copied().collect()
}

/// Returns how many items of `list` are below `bound`, in steps that grow with the answer.
fn gallop(list: &[u32], bound: u32) -> usize {
    let mut reach = 1;
    while list.get(reach - 1).is_some_and(|item| *item < bound) {
        reach *= 2;
    }
    let (start, end) = (reach / 2, reach.min(list.len()));
    start + list[start..end].partition_point(|item| *item < bound)
}

/// A value that is tested costs about as much as this many series that are copied.
const SCAN_COST: usize = 8;
/// A series whose labels are looked at costs about as much as this many that are copied.
const LABELS_COST: usize = 16;

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
            for bound in 0..200 {
                prop_assert_eq!(gallop(&lists[0], bound), left.range(..bound).count());
            }
        }
    }
}
