use narthex_model::histogram::ClassicHistogram;
use narthex_model::{BUCKET_LABEL, LabelsBuilder, METRIC_NAME_LABEL, MetricType, float};

use super::reader::Lines;
use crate::entry::{Entry, SampleEntry};
use crate::error::ParseError;
use crate::exemplar::{ExemplarEntry, Exemplars};
use crate::native::Native;
use crate::series_text::SeriesText;

/// Makes native histograms with custom buckets of the classic ones on a page.
///
/// The samples of one histogram follow one another: those of the family declared last that differ in
/// suffix and bound alone. What ends them, ends the histogram, which is an entry before it. A group
/// that does not fit together becomes no histogram.
///
/// # Source
///
/// Prometheus 3.14 `model/textparse/nhcbparse.go`, with its oddities: a histogram has the time of the
/// sample that was read last, which may be the one behind it, and from the first histogram on, samples
/// of OpenMetrics that are start timestamps are no entries.
#[derive(Debug)]
pub(super) struct Converter<'a> {
    lines: Lines<'a>,
    /// Whether the classic samples are entries, too.
    keep_classic: bool,
    /// What the last `TYPE` line said.
    family: String,
    metric_type: MetricType,
    /// The entry that ended a group, which comes behind the histogram.
    held: Option<Entry<'a>>,
    /// The labels and the time of the sample that was read last.
    labels: LabelsBuilder,
    timestamp_ms: Option<i64>,
    group: Option<Group>,
    classic: ClassicHistogram,
    exemplars: Vec<ExemplarEntry<'a>>,
    native: Native,
    series: SeriesText,
}

/// The samples of one histogram so far.
#[derive(Debug)]
struct Group {
    /// The name of the family and the labels of all of them.
    labels: LabelsBuilder,
    start_timestamp_ms: i64,
    /// Whether a sample did not fit to the others.
    is_broken: bool,
}

/// What a sample says of a classic histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Bucket(f64),
    Count,
    Sum,
}

impl<'a> Converter<'a> {
    pub(super) fn new(lines: Lines<'a>, keep_classic: bool) -> Self {
        Self {
            lines,
            keep_classic,
            family: String::new(),
            metric_type: MetricType::Unknown,
            held: None,
            labels: LabelsBuilder::default(),
            timestamp_ms: None,
            group: None,
            classic: ClassicHistogram::default(),
            exemplars: Vec::new(),
            native: Native::default(),
            series: SeriesText::default(),
        }
    }

    pub(super) fn metric_type(&self) -> MetricType {
        self.metric_type
    }

    pub(super) fn next_entry(&mut self) -> Option<Result<Entry<'_>, ParseError>> {
        loop {
            let entry = match self.held.take() {
                Some(entry) => entry,
                None => match self.lines.next() {
                    Some(Ok(entry)) => {
                        if self.ends_group(&entry)
                            && let Some(group) = self.group.take()
                            && self.convert(&group)
                        {
                            self.held = Some(entry);
                            return Some(Ok(self.converted(&group)));
                        }
                        entry
                    }
                    Some(Err(error)) => return Some(Err(error)),
                    None => {
                        let group = self.group.take()?;
                        return self.convert(&group).then(|| Ok(self.converted(&group)));
                    }
                },
            };
            match entry {
                Entry::Type { name, metric_type } => {
                    self.family.clear();
                    self.family.push_str(name);
                    self.metric_type = metric_type;
                }
                // The histogram has its exemplars, so they are not there twice.
                Entry::Sample(sample) if self.collect(&sample) => match self.keep_classic {
                    true => return Some(Ok(Entry::Sample(sample.without_exemplars()))),
                    false => continue,
                },
                _ => {}
            }
            return Some(Ok(entry));
        }
    }

    /// Returns whether an entry is no part of the group, and reads its labels where it is a sample.
    fn ends_group(&mut self, entry: &Entry<'_>) -> bool {
        let Entry::Sample(sample) = entry else { return true };
        // A label that occurs twice is for the caller to find, who reads the labels again.
        let _ = sample.labels(&mut self.labels);
        self.timestamp_ms = sample.timestamp_ms;
        let Some(group) = &self.group else { return true };
        let name = self.labels.get(METRIC_NAME_LABEL).unwrap_or_default();
        let in_group = Some(split_suffix(name).0) == group.labels.get(METRIC_NAME_LABEL)
            && shared_labels(&self.labels).eq(shared_labels(&group.labels));
        self.metric_type != MetricType::Histogram || !in_group
    }

    /// Takes a sample, whose labels were read, into the group. Returns whether it is part of a
    /// classic histogram.
    fn collect(&mut self, sample: &SampleEntry<'a>) -> bool {
        let Some(role) = self.role() else { return false };
        let Some(value) = sample.value.as_float() else { return false };
        let group = self.group.get_or_insert_with(|| {
            self.classic.clear();
            self.exemplars.clear();
            let mut labels = self.labels.clone();
            labels.set(METRIC_NAME_LABEL, &self.family).delete(BUCKET_LABEL);
            let start_timestamp_ms = sample.start_timestamp_ms;
            self.lines.drop_created();
            Group { labels, start_timestamp_ms, is_broken: false }
        });
        self.exemplars.extend(sample.exemplars());
        let fits = match role {
            Role::Bucket(bound) => self.classic.set_bucket(bound, value).is_ok(),
            Role::Count => self.classic.set_count(value).is_ok(),
            Role::Sum => {
                self.classic.set_sum(value);
                true
            }
        };
        group.is_broken |= !fits;
        true
    }

    fn role(&self) -> Option<Role> {
        if self.metric_type != MetricType::Histogram {
            return None;
        }
        let (family, suffix) = split_suffix(self.labels.get(METRIC_NAME_LABEL)?);
        if family != self.family {
            return None;
        }
        match suffix {
            "_bucket" => {
                let bound = float::parse(self.labels.get(BUCKET_LABEL)?)?;
                (!bound.is_nan()).then_some(Role::Bucket(bound))
            }
            "_count" => Some(Role::Count),
            "_sum" => Some(Role::Sum),
            _ => None,
        }
    }

    /// Returns whether the group makes a histogram, which is then there.
    fn convert(&mut self, group: &Group) -> bool {
        let converts = !group.is_broken
            && self.native.convert(&self.classic, MetricType::Histogram).is_ok()
            && self.native.is_valid();
        if converts {
            self.series.clear();
            for (name, value) in shared_labels(&group.labels) {
                self.series.push_label(name, value);
            }
            let family = group.labels.get(METRIC_NAME_LABEL).unwrap_or_default();
            self.series.build(family, "", None);
        }
        converts
    }

    fn converted(&self, group: &Group) -> Entry<'_> {
        Entry::Sample(SampleEntry {
            series: self.series.as_str(),
            timestamp_ms: self.timestamp_ms,
            value: self.native.value(),
            start_timestamp_ms: group.start_timestamp_ms,
            metric_type: MetricType::Histogram,
            exemplars: Exemplars::List(&self.exemplars),
        })
    }
}

/// Returns the labels that all samples of a histogram have in common, but for the name.
fn shared_labels(labels: &LabelsBuilder) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().filter(|(name, _)| !matches!(*name, METRIC_NAME_LABEL | BUCKET_LABEL))
}

/// Splits off the suffix that a sample of a histogram has.
fn split_suffix(name: &str) -> (&str, &str) {
    let suffix = ["_bucket", "_sum", "_count"].into_iter().find(|suffix| name.ends_with(suffix));
    name.split_at(name.len() - suffix.map_or(0, str::len))
}
