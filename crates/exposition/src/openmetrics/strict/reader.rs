use std::collections::HashSet;
use std::iter::FusedIterator;

use narthex_model::{
    EXEMPLAR_LABEL_CHARS_MAX, Labels, LabelsBuilder, METRIC_NAME_LABEL, MetricType,
};

use super::group::Group;
use super::kind::{self, Rule};
use crate::entry::{Entry, SampleEntry};
use crate::error::{ParseError, ParseErrorKind, Place};
use crate::openmetrics::OpenMetricsReader;

/// Reads a page of OpenMetrics 1.0 and refuses what the specification does.
///
/// [`OpenMetricsReader`] takes what the reference takes, for a scraper should not lose a target to a
/// detail. This reader is for whoever wants to know whether a page is good: it yields the same
/// entries up to the first rule that the page breaks.
///
/// It remembers the names of all families and the labels of all metrics of one.
///
/// ```
/// use narthex_exposition::{OpenMetricsReader, StrictReader};
///
/// let page = b"# TYPE a counter\na_total -1\n# EOF\n";
/// assert_eq!(OpenMetricsReader::new(page).filter_map(Result::err).count(), 0);
/// let error = StrictReader::new(page).find_map(Result::err).unwrap();
/// assert_eq!(error.to_string(), "the value must not be negative (line 2, column 1)");
/// ```
///
/// # Source
///
/// The OpenMetrics specification 1.0, and its test suite where that says more. Quoted names, which
/// came later, are taken.
#[derive(Debug)]
pub struct StrictReader<'a> {
    page: &'a [u8],
    lines: OpenMetricsReader<'a>,
    family: Option<Family<'a>>,
    /// The names of all families so far and of all that could be their samples.
    names: HashSet<String>,
    labels: LabelsBuilder,
    is_done: bool,
}

#[derive(Debug)]
struct Family<'a> {
    name: &'a str,
    /// What the lines of metadata said.
    metric_type: Option<MetricType>,
    unit: Option<&'a str>,
    has_help: bool,
    /// The metric whose samples are read, and its labels.
    group: Option<(Labels, Group<'a>)>,
    /// The labels of the family's metrics so far.
    groups: HashSet<Labels>,
}

impl<'a> StrictReader<'a> {
    /// Returns a reader of `page`, which need not be UTF-8 as a whole.
    #[must_use]
    pub fn new(page: &'a [u8]) -> Self {
        Self {
            page,
            lines: OpenMetricsReader::new(page),
            family: None,
            names: HashSet::new(),
            labels: LabelsBuilder::default(),
            is_done: false,
        }
    }

    fn check(&mut self, entry: &Entry<'a>) -> Result<(), Rule> {
        match *entry {
            Entry::Help { name, .. } => {
                let family = self.metadata(name)?;
                set(&mut family.has_help, true, false)
            }
            Entry::Type { name, metric_type } => {
                let family = self.metadata(name)?;
                set(&mut family.metric_type, Some(metric_type), None)
            }
            Entry::Unit { name, unit } => {
                let family = self.metadata(name)?;
                set(&mut family.unit, Some(unit), None)
            }
            Entry::Sample(sample) => self.sample(&sample),
            Entry::Comment(_) => Ok(()),
        }
    }

    /// Returns the family of that name, to which a line of metadata is added.
    fn metadata(&mut self, name: &'a str) -> Result<&mut Family<'a>, Rule> {
        let continues = self.family.as_ref().is_some_and(|family| family.name == name);
        if !continues {
            self.end_family()?;
        }
        let family = self.family.get_or_insert_with(|| Family::new(name));
        if family.group.is_some() {
            return Err("metadata must come before the samples");
        }
        Ok(family)
    }

    fn sample(&mut self, sample: &SampleEntry<'a>) -> Result<(), Rule> {
        if sample.labels(&mut self.labels).is_err() {
            return Err("the labels of a series must have different names");
        }
        if sample.series.ends_with(",}") {
            return Err("a comma must come before another label");
        }
        let name = kind::raw_label(sample.series, METRIC_NAME_LABEL).unwrap_or_default();
        if self.family.as_ref().is_none_or(|family| family.suffix(name).is_none()) {
            self.end_family()?;
        }
        let family = self.family.get_or_insert_with(|| Family::new(name));
        let suffix = family.suffix(name).unwrap_or_default();
        kind::check(family.metric_type(), family.name, suffix, sample)?;
        check_exemplar(family.metric_type(), suffix, sample)?;
        self.labels.delete(METRIC_NAME_LABEL);
        if let Some(own) = kind::own_label(family.metric_type(), family.name) {
            self.labels.delete(own);
        }
        family.add(self.labels.build(), suffix, sample)
    }

    fn end_family(&mut self) -> Result<(), Rule> {
        let Some(mut family) = self.family.take() else { return Ok(()) };
        family.end_group()?;
        let metric_type = family.metric_type();
        if matches!(metric_type, MetricType::Info | MetricType::StateSet)
            && family.unit.is_some_and(|unit| !unit.is_empty())
        {
            return Err("infos and states have no unit");
        }
        let mut names: Vec<String> = kind::suffixes(metric_type)
            .iter()
            .map(|suffix| format!("{}{suffix}", family.name))
            .chain([family.name.to_owned()])
            .collect();
        names.sort_unstable();
        names.dedup();
        if names.iter().any(|name| self.names.contains(name)) {
            return Err("no two families may have samples of one name");
        }
        self.names.extend(names);
        Ok(())
    }
}

impl<'a> Family<'a> {
    fn new(name: &'a str) -> Self {
        Self {
            name,
            metric_type: None,
            unit: None,
            has_help: false,
            group: None,
            groups: HashSet::new(),
        }
    }

    fn metric_type(&self) -> MetricType {
        self.metric_type.unwrap_or_default()
    }

    /// Returns what a name has behind the family's, where it is that of one of its samples.
    fn suffix(&self, name: &str) -> Option<&'static str> {
        let rest = name.strip_prefix(self.name)?;
        kind::suffixes(self.metric_type()).iter().copied().find(|suffix| *suffix == rest)
    }

    /// Adds a sample of the metric with those labels.
    fn add(&mut self, labels: Labels, suffix: &str, sample: &SampleEntry<'a>) -> Result<(), Rule> {
        if self.group.as_ref().is_none_or(|(group, _)| *group != labels) {
            self.end_group()?;
            if !self.groups.insert(labels.clone()) {
                return Err("the samples of a metric must stand together");
            }
        }
        let metric_type = self.metric_type();
        let (_, group) = self.group.get_or_insert_with(|| (labels, Group::new(sample)));
        group.add(metric_type, suffix, sample)
    }

    fn end_group(&mut self) -> Result<(), Rule> {
        let metric_type = self.metric_type();
        self.group.take().map_or(Ok(()), |(_, mut group)| group.end_point(metric_type))
    }
}

/// Sets what may be said but once.
fn set<T: PartialEq>(place: &mut T, value: T, unset: T) -> Result<(), Rule> {
    if *place != unset {
        return Err("metadata must not be repeated");
    }
    *place = value;
    Ok(())
}

fn check_exemplar(
    metric_type: MetricType,
    suffix: &str,
    sample: &SampleEntry<'_>,
) -> Result<(), Rule> {
    let mut labels = LabelsBuilder::default();
    for exemplar in sample.exemplars() {
        if !kind::takes_exemplar(metric_type, suffix) {
            return Err("only counters and buckets have exemplars");
        }
        exemplar.labels(&mut labels);
        let chars = |text: &str| text.chars().count();
        let size: usize = labels.iter().map(|(name, value)| chars(name) + chars(value)).sum();
        if size > EXEMPLAR_LABEL_CHARS_MAX {
            return Err("the labels of an exemplar may have 128 characters");
        }
    }
    Ok(())
}

impl<'a> Iterator for StrictReader<'a> {
    type Item = Result<Entry<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let line_start = self.lines.position();
        let (entry, checked) = match self.lines.next() {
            Some(Ok(entry)) => (Some(Ok(entry)), self.check(&entry)),
            Some(Err(error)) => (Some(Err(error)), Ok(())),
            None => (None, self.end_family()),
        };
        self.is_done = checked.is_err() || !matches!(entry, Some(Ok(_)));
        match checked {
            Ok(()) => entry,
            Err(rule) => Some(Err(ParseError {
                place: Place::in_text(self.page, line_start),
                kind: Box::new(ParseErrorKind::Specification(rule)),
            })),
        }
    }
}

impl FusedIterator for StrictReader<'_> {}
