//! Which series have which labels.

use std::borrow::Cow;

use hashbrown::HashSet;
use narthex_model::{MatchOp, Matcher};
use smallvec::SmallVec;

use super::labels::{LabelId, NameId};
use super::postings::Postings;
use super::series::Slot;
use super::slots::SlotSet;
use super::table::SeriesTable;

/// For each label, the series that have it.
#[derive(Debug, Default)]
pub(super) struct Index {
    all: SlotSet,
    /// By label id.
    postings: Vec<Postings>,
    /// By name id.
    names: Vec<NameEntry>,
}

/// What is known of one label name.
#[derive(Debug, Default)]
struct NameEntry {
    /// The series that have a label of this name.
    series: SlotSet,
    /// The labels of this name that some series has.
    labels: Vec<LabelId>,
}

impl Index {
    /// Adds a series of `table` that is not in the index yet.
    pub(super) fn add(&mut self, slot: Slot, table: &SeriesTable) {
        self.all.insert(slot);
        for label in table.label_ids(slot) {
            let name = table.labels().name_of(label);
            let postings = at(&mut self.postings, label);
            let entry = at(&mut self.names, name);
            if postings.is_empty() {
                entry.labels.push(label);
            }
            postings.insert(slot);
            entry.series.insert(slot);
        }
    }

    /// Takes series away, which `table` still has.
    pub(super) fn remove(&mut self, slots: &[Slot], table: &SeriesTable) {
        let mut emptied = HashSet::new();
        for &slot in slots {
            if !self.all.remove(slot) {
                continue;
            }
            for label in table.label_ids(slot) {
                let name = table.labels().name_of(label);
                self.names[name as usize].series.remove(slot);
                let postings = &mut self.postings[label as usize];
                postings.remove(slot);
                if postings.is_empty() {
                    emptied.insert(name);
                }
            }
        }
        for name in emptied {
            let labels = &mut self.names[name as usize].labels;
            labels.retain(|label| !self.postings[*label as usize].is_empty());
        }
    }

    /// Returns the names of labels.
    pub(super) fn names(&self) -> impl Iterator<Item = NameId> {
        let names = (0..).zip(&self.names);
        names.filter(|(_, entry)| !entry.series.is_empty()).map(|(name, _)| name)
    }

    /// Returns the names of labels of `series`.
    pub(super) fn names_of(&self, series: &SlotSet) -> impl Iterator<Item = NameId> {
        let names = (0..).zip(&self.names);
        names.filter(|(_, entry)| entry.series.intersects(series)).map(|(name, _)| name)
    }

    /// Returns the labels of one name.
    pub(super) fn labels(&self, name: NameId) -> &[LabelId] {
        self.names.get(name as usize).map_or(&[], |entry| &entry.labels)
    }

    /// Returns how many series have the label.
    pub(super) fn series_count(&self, label: LabelId) -> usize {
        self.postings[label as usize].len()
    }

    /// Returns whether one of `series` has the label.
    pub(super) fn has_any(&self, label: LabelId, series: &SlotSet) -> bool {
        self.postings[label as usize].intersects(series)
    }

    /// Returns the series that meet all `matchers`.
    ///
    /// The cheapest condition goes first, and where few series are left, their labels are looked at
    /// rather than the index.
    pub(super) fn select(&self, matchers: &[Matcher], table: &SeriesTable) -> SlotSet {
        let mut conditions = matchers
            .iter()
            .filter_map(|matcher| self.condition(matcher, table))
            .collect::<Vec<_>>();
        conditions.sort_by_key(|condition| (!condition.asks, condition.cost()));
        let mut found: Option<Cow<'_, SlotSet>> = None;
        for condition in &conditions {
            let series = match found {
                None if condition.asks => condition.series(self, table),
                None => Cow::Owned(self.all.difference(&condition.series(self, table))),
                Some(series) => Cow::Owned(condition.narrow(&series, self, table)),
            };
            if series.is_empty() {
                return series.into_owned();
            }
            found = Some(series);
        }
        found.map_or_else(|| self.all.clone(), Cow::into_owned)
    }

    /// Returns what `matcher` asks of the index; `None` where every series meets it.
    fn condition<'a>(&'a self, matcher: &'a Matcher, table: &SeriesTable) -> Option<Condition<'a>> {
        if matcher.op() == MatchOp::Regex && matcher.value() == ".*" {
            return None;
        }
        let asks = !matcher.matches_empty();
        let name = table.labels().find_name(matcher.name());
        let Some(entry) = name.and_then(|name| self.names.get(name as usize)) else {
            let source = Source::Labels(SmallVec::new());
            return Some(Condition { matcher, asks, source });
        };
        let find = |value: &str| {
            let label = table.labels().find(matcher.name(), value)?;
            self.postings.get(label as usize)
        };
        let literals = matcher.regex().and_then(|regex| regex.literals());
        // Whether what is asked for, or taken away, are the values that are like the matcher's.
        let takes_like = asks != matcher.op().is_negated();
        let source = match literals {
            _ if takes_like && matcher.regex().is_none() => {
                Source::Labels(find(matcher.value()).into_iter().collect())
            }
            Some(literals) if takes_like => {
                Source::Labels(literals.iter().filter_map(|value| find(value)).collect())
            }
            _ if is_any_value(matcher) => Source::Name(&entry.series),
            _ => Source::Scan(&entry.labels),
        };
        Some(Condition { matcher, asks, source })
    }
}

/// Returns whether the series that `matcher` asks for, or takes away, are those with the label.
fn is_any_value(matcher: &Matcher) -> bool {
    match matcher.op() {
        MatchOp::Equal | MatchOp::NotEqual => matcher.value().is_empty(),
        MatchOp::Regex | MatchOp::NotRegex => matcher.value() == ".+",
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
    /// They have one of these labels.
    Labels(SmallVec<[&'a Postings; 1]>),
    /// They have one of those labels that pass or fail the matcher.
    Scan(&'a [LabelId]),
    /// They have a label of the name.
    Name(&'a SlotSet),
}

impl<'a> Condition<'a> {
    /// Returns about how many steps [`Condition::series`] takes.
    fn cost(&self) -> usize {
        match &self.source {
            Source::Labels(lists) => weight(lists),
            Source::Scan(labels) => labels.len() * SCAN_COST,
            Source::Name(series) => series.weight(),
        }
    }

    /// Returns those of `series` that meet the condition.
    fn narrow(&self, series: &SlotSet, index: &'a Index, table: &SeriesTable) -> SlotSet {
        let (weight_before, count) = (series.weight(), series.len());
        if self.cost() > count * LABELS_COST {
            let name = self.matcher.name();
            let slots = series.to_vec().into_iter();
            return slots
                .filter(|slot| self.matcher.matches(table.label_value(*slot, name)))
                .collect();
        }
        let lists = match self.lists(index, table) {
            Lists::Set(other) if self.asks => return series.intersection(other),
            Lists::Set(other) => return series.difference(other),
            Lists::Labels(lists) => lists,
        };
        // Where there is less to go through than in the lists, each list is gone through by itself.
        if self.asks && lists.len() * weight_before <= weight(&lists) {
            let parts = lists.iter().map(|list| list.intersection(series)).collect::<Vec<_>>();
            return SlotSet::disjoint_union(&parts.iter().collect::<Vec<_>>());
        }
        let other = Postings::disjoint_union(&lists);
        if self.asks { series.intersection(&other) } else { series.difference(&other) }
    }

    /// Returns the series that are asked for, or taken away.
    fn series(&self, index: &'a Index, table: &SeriesTable) -> Cow<'a, SlotSet> {
        match self.lists(index, table) {
            Lists::Set(series) => Cow::Borrowed(series),
            Lists::Labels(lists) => Cow::Owned(Postings::disjoint_union(&lists)),
        }
    }

    fn lists(&self, index: &'a Index, table: &SeriesTable) -> Lists<'a> {
        match &self.source {
            Source::Labels(lists) => match &**lists {
                [Postings::Many(series)] => Lists::Set(series),
                lists => Lists::Labels(lists.into()),
            },
            Source::Name(series) => Lists::Set(series),
            Source::Scan(labels) => Lists::Labels(self.scan(labels, index, table)),
        }
    }

    /// Returns the series of those labels that pass or fail the matcher.
    fn scan(
        &self,
        labels: &[LabelId],
        index: &'a Index,
        table: &SeriesTable,
    ) -> SmallVec<[&'a Postings; 1]> {
        let prefix = self.matcher.regex().map_or("", |regex| regex.prefix());
        let is_negated = self.matcher.op() == MatchOp::NotRegex;
        // No value without the prefix meets the pattern.
        let meets = |value: &str| match value.starts_with(prefix) {
            true => self.matcher.matches(value),
            false => is_negated,
        };
        let taken = labels.iter().filter(|label| {
            let (_, value) = table.labels().get(**label).split();
            meets(value) == self.asks
        });
        taken.map(|label| &index.postings[*label as usize]).collect()
    }
}

/// The series that a condition asks for, or takes away.
enum Lists<'a> {
    Set(&'a SlotSet),
    /// One for each label, and each series in one of them.
    Labels(SmallVec<[&'a Postings; 1]>),
}

fn weight(lists: &[&Postings]) -> usize {
    lists.iter().map(|list| list.weight()).sum()
}

/// Returns the item at `id`, behind as many empty ones as are missing.
fn at<T: Default>(items: &mut Vec<T>, id: u32) -> &mut T {
    let index = id as usize;
    if items.len() <= index {
        items.resize_with(index + 1, T::default);
    }
    &mut items[index]
}

/// A value that is tested costs about as much as this many steps through a list.
const SCAN_COST: usize = 8;
/// As does a series whose labels are looked at.
const LABELS_COST: usize = 32;

#[cfg(test)]
mod tests {
    use narthex_model::{Labels, MatchOp, Matcher};
    use proptest::prelude::*;

    use super::Index;
    use crate::head::series::Slot;
    use crate::head::table::SeriesTable;

    /// As many series as make lists, runs and bitmaps: values that stay for long, that take turns, that
    /// few series have and that nearly all have; some series lack some labels.
    const SERIES_COUNT: usize = 70_000;

    fn labels(number: usize) -> Labels {
        let scattered = number.wrapping_mul(7_919) % 1_009;
        Labels::from_pairs([
            ("__name__", format!("metric_{}", number % 3)),
            ("block", format!("b{}", number / 1_000)),
            ("number", number.to_string()),
            ("scattered", format!("s{}", scattered % 7)),
            ("some", if scattered < 200 { format!("x{}", scattered / 20) } else { String::new() }),
            ("turn", format!("t{}", number / 7 % 20)),
            ("yes", if number.is_multiple_of(997) { "no" } else { "yes" }.to_owned()),
        ])
    }

    /// The table and the index of all series but those that went, and those that are there.
    fn filled() -> (SeriesTable, Index, Vec<(Slot, Labels)>) {
        let (mut table, mut index) = (SeriesTable::default(), Index::default());
        let mut series = Vec::with_capacity(SERIES_COUNT);
        for number in 0..SERIES_COUNT {
            let labels = labels(number);
            let hash = table.hash(&labels);
            let slot = table.find_or_create(&labels, hash);
            index.add(slot, &table);
            series.push((slot, labels));
        }
        let goes = |slot: Slot| slot % 10_007 < 40 || (20_000..20_900).contains(&slot);
        let gone = series.iter().map(|(slot, _)| *slot).filter(|slot| goes(*slot));
        let gone = gone.collect::<Vec<_>>();
        index.remove(&gone, &table);
        gone.iter().for_each(|slot| table.remove(*slot));
        series.retain(|(slot, _)| !goes(*slot));
        (table, index, series)
    }

    fn any_matcher() -> impl Strategy<Value = Matcher> {
        let names = ["__name__", "block", "number", "scattered", "some", "turn", "yes", "none"];
        let op = prop_oneof![
            4 => Just(MatchOp::Equal),
            1 => Just(MatchOp::NotEqual),
            4 => Just(MatchOp::Regex),
            1 => Just(MatchOp::NotRegex),
        ];
        let value = prop_oneof![
            "(metric_|b|s|x|t)[0-9]",
            "b[1-6][0-9]",
            Just("yes".to_owned()),
            Just("no".to_owned()),
            Just(String::new()),
        ];
        let pattern = prop_oneof![
            value.clone(),
            "(t|s|b|x)[0-9]\\|(t|s|b|x)[0-9]\\|(t|s|b|x)1[0-9]",
            "\\.\\*[0-9]\\.\\*",
            "(b|t|metric_)\\.\\+",
            Just(".*".to_owned()),
            Just(".+".to_owned()),
            "[bst]\\[0-4\\]\\?",
        ];
        (op, proptest::sample::select(names.to_vec()), value, pattern).prop_map(
            |(op, name, value, pattern)| match op {
                MatchOp::Equal | MatchOp::NotEqual => {
                    Matcher::new(op, name, &value).expect("a text")
                }
                MatchOp::Regex | MatchOp::NotRegex => {
                    Matcher::new(op, name, &pattern).expect("a pattern")
                }
            },
        )
    }

    #[test]
    fn what_is_selected_meets_all_matchers() {
        let (table, index, series) = filled();
        let config = ProptestConfig::with_cases(48);
        let matchers = prop::collection::vec(any_matcher(), 0..4);
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let outcome = runner.run(&matchers, |matchers| {
            let meets = |labels: &Labels| {
                matchers.iter().all(|matcher| matcher.matches(labels.value(matcher.name())))
            };
            let expected = series.iter().filter(|(_, labels)| meets(labels));
            let expected = expected.map(|(slot, _)| *slot).collect::<Vec<_>>();
            let found = index.select(&matchers, &table);
            prop_assert_eq!(found.len(), expected.len());
            prop_assert!(found.to_vec() == expected, "{:?}", matchers);
            Ok(())
        });
        outcome.expect("the index and a look at each series agree");
    }
}
