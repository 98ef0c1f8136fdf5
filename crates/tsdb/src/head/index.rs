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

impl Condition<'_> {
    /// Returns about how many steps [`Condition::series`] takes.
    fn cost(&self) -> usize {
        match &self.source {
            Source::Labels(lists) => lists.iter().map(|list| list.len()).sum(),
            Source::Scan(labels) => labels.len() * SCAN_COST,
            Source::Name(series) => series.len(),
        }
    }

    /// Returns those of `series` that meet the condition.
    fn narrow(&self, series: &SlotSet, index: &Index, table: &SeriesTable) -> SlotSet {
        let is_one = match &self.source {
            Source::Labels(lists) => lists.len() == 1,
            Source::Name(_) => true,
            Source::Scan(_) => false,
        };
        if !is_one && self.cost() > series.len() {
            let name = self.matcher.name();
            let slots = series.to_vec().into_iter();
            return slots
                .filter(|slot| self.matcher.matches(table.label_value(*slot, name)))
                .collect();
        }
        let other = self.series(index, table);
        if self.asks { series.intersection(&other) } else { series.difference(&other) }
    }

    /// Returns the series that are asked for, or taken away.
    fn series<'b>(&'b self, index: &'b Index, table: &SeriesTable) -> Cow<'b, SlotSet> {
        Cow::Owned(match &self.source {
            Source::Labels(lists) => match &**lists {
                [Postings::Many(series)] => return Cow::Borrowed(series),
                lists => union(lists.iter().copied()),
            },
            Source::Name(series) => return Cow::Borrowed(series),
            Source::Scan(labels) => {
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
                union(taken.map(|label| &index.postings[*label as usize]))
            }
        })
    }
}

/// Returns the series of all lists.
fn union<'a>(lists: impl Iterator<Item = &'a Postings>) -> SlotSet {
    let mut set = SlotSet::default();
    let mut few = Vec::new();
    for list in lists {
        match list {
            Postings::Many(many) => set.union_with(many),
            _ => few.extend_from_slice(list.small()),
        }
    }
    // Sorted, they go in at the end, one after another.
    few.sort_unstable();
    let few = few.into_iter().collect::<SlotSet>();
    if set.is_empty() {
        return few;
    }
    set.union_with(&few);
    set
}

/// Returns the item at `id`, behind as many empty ones as are missing.
fn at<T: Default>(items: &mut Vec<T>, id: u32) -> &mut T {
    let index = id as usize;
    if items.len() <= index {
        items.resize_with(index + 1, T::default);
    }
    &mut items[index]
}

/// A value that is tested costs about as much as this many series that are copied.
const SCAN_COST: usize = 8;
