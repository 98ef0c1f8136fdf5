use std::borrow::Cow;

use narthex_model::histogram::{FloatHistogram, Histogram};
use narthex_model::{BUCKET_LABEL, LabelsBuilder, MetricType, QUANTILE_LABEL};

use crate::exemplar::{ExemplarEntry, Exemplars};
use crate::text::series_labels;
use crate::{escape, number};

/// One thing that a page says, in whichever format. It borrows from the page or from its reader.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Entry<'a> {
    /// `# HELP name text`: what a metric means.
    Help {
        /// The metric's name; of a quoted one, what stands between the quotes, escapes and all.
        name: &'a str,
        /// What it means.
        text: HelpText<'a>,
    },
    /// `# TYPE name type`: which kind of instrument a metric is.
    Type {
        /// The metric's name; of a quoted one, what stands between the quotes, escapes and all.
        name: &'a str,
        /// The kind.
        metric_type: MetricType,
    },
    /// `# UNIT name unit`, which OpenMetrics knows: the unit is the end of the name, or empty.
    Unit {
        /// The metric's name; of a quoted one, what stands between the quotes, escapes and all.
        name: &'a str,
        /// What values are measured in.
        unit: &'a str,
    },
    /// Any other line that begins with `#`: what follows that character. It need not be UTF-8.
    Comment(&'a [u8]),
    /// A value of a series.
    Sample(SampleEntry<'a>),
}

/// The text of a `# HELP` line, as it stands on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HelpText<'a> {
    raw: &'a str,
    escapes: Escapes,
}

/// What a backslash stands before, where it is no plain character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Escapes {
    /// The text is as it is meant.
    None,
    /// Line feeds and backslashes are escaped.
    Lines,
    /// So are quotes.
    Quotes,
}

impl<'a> HelpText<'a> {
    pub(crate) fn new(raw: &'a str) -> Self {
        Self { raw, escapes: Escapes::Lines }
    }

    /// Returns a text in which quotes may be escaped, as OpenMetrics has it.
    pub(crate) fn with_quotes(raw: &'a str) -> Self {
        Self { raw, escapes: Escapes::Quotes }
    }

    /// Returns a text without escapes.
    pub(crate) fn plain(raw: &'a str) -> Self {
        Self { raw, escapes: Escapes::None }
    }

    /// Returns the text with its escapes: equal for equal lines, so that a caller can tell a known
    /// text without unescaping it.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.raw
    }

    /// Returns the text without escapes. It allocates only where there are some.
    #[must_use]
    pub fn unescape(self) -> Cow<'a, str> {
        match self.escapes {
            Escapes::None => Cow::Borrowed(self.raw),
            Escapes::Lines => escape::unescape_help(self.raw),
            Escapes::Quotes => escape::unescape_label(self.raw),
        }
    }
}

/// A value of a series at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SampleEntry<'a> {
    /// The series as it stands on the page, from the start of the line to the end of the name or to
    /// the closing brace; of a format that is no text, what a text would say. Equal texts after the
    /// same `TYPE` mean equal series; one series may have several texts.
    pub series: &'a str,
    /// Milliseconds since the Unix epoch, where the sample has a timestamp.
    pub timestamp_ms: Option<i64>,
    /// The value.
    pub value: Value<'a>,
    /// Since when the value counts, in milliseconds since the Unix epoch; 0 where that is not known,
    /// or was not [asked for](crate::ReadOptions::start_timestamps).
    pub start_timestamp_ms: i64,
    /// The type that the page declared last. It decides how `le` and `quantile` are written.
    pub metric_type: MetricType,
    pub(crate) exemplars: Exemplars<'a>,
}

/// What a series has for a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A number. In text, a NaN has the bits of [`NORMAL_NAN`](narthex_model::NORMAL_NAN), however
    /// it is written.
    Float(f64),
    /// A native histogram that counts in integers. It is not validated.
    Histogram(&'a Histogram),
    /// A native histogram that counts in floats. It is not validated.
    FloatHistogram(&'a FloatHistogram),
}

impl Value<'_> {
    /// Returns the number, unless the value is a histogram.
    #[must_use]
    pub fn as_float(self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(value),
            Self::Histogram(_) | Self::FloatHistogram(_) => None,
        }
    }
}

impl PartialEq<f64> for Value<'_> {
    fn eq(&self, other: &f64) -> bool {
        self.as_float() == Some(*other)
    }
}

impl<'a> SampleEntry<'a> {
    /// Returns a sample of a number, with nothing but its value.
    pub(crate) fn float(series: &'a str, value: f64, metric_type: MetricType) -> Self {
        Self {
            series,
            timestamp_ms: None,
            value: Value::Float(value),
            start_timestamp_ms: 0,
            metric_type,
            exemplars: Exemplars::None,
        }
    }

    pub(crate) fn without_exemplars(self) -> Self {
        Self { exemplars: Exemplars::None, ..self }
    }

    /// Returns the exemplars of the sample, in the order of the page.
    ///
    /// ```
    /// use narthex_exposition::{Entry, OpenMetricsReader};
    /// use narthex_model::LabelsBuilder;
    ///
    /// let page = b"a_total 3 # {trace_id=\"7f\"} 0.5 1700000000\n# EOF\n";
    /// let Some(Ok(Entry::Sample(sample))) = OpenMetricsReader::new(page).next() else {
    ///     panic!("the page has one sample");
    /// };
    /// let exemplar = sample.exemplars().next().expect("it has one exemplar");
    /// assert_eq!((exemplar.value, exemplar.timestamp_ms), (0.5, Some(1_700_000_000_000)));
    /// let mut labels = LabelsBuilder::default();
    /// exemplar.labels(&mut labels);
    /// assert_eq!(labels.get("trace_id"), Some("7f"));
    /// ```
    pub fn exemplars(&self) -> impl Iterator<Item = ExemplarEntry<'a>> + use<'a> {
        self.exemplars.iter()
    }

    /// Replaces what `out` holds by the labels of the series, with the metric name among them and
    /// escapes undone.
    ///
    /// The bounds in the label `le` after `# TYPE … histogram`, and in `quantile` after
    /// `# TYPE … summary`, are written as OpenMetrics writes floats (`1` becomes `1.0`), so that
    /// one series does not become two when a target changes its format. As in the reference the
    /// type is that of the last `TYPE` line, whichever metric it names.
    ///
    /// A label with an empty value is absent. Names and values are not checked against any charset.
    /// Blanks before a bare metric name belong to it, as in the reference.
    ///
    /// # Errors
    ///
    /// [`DuplicateLabel`] where a name occurs twice, `__name__` beside the metric name included.
    /// `out` then holds some of the labels.
    pub fn labels(&self, out: &mut LabelsBuilder) -> Result<(), DuplicateLabel> {
        out.clear();
        let float_label = match self.metric_type {
            MetricType::Histogram => Some(BUCKET_LABEL),
            MetricType::Summary => Some(QUANTILE_LABEL),
            _ => None,
        };
        let mut label_count = 0;
        for (name, value) in series_labels(self.series) {
            let name = name.unescape();
            let mut value = value.unescape();
            if float_label == Some(&*name)
                && let Some(canonical) = number::canonical_bound(&value)
            {
                value = Cow::Owned(canonical);
            }
            out.set(&name, &value);
            label_count += usize::from(!value.is_empty());
        }
        // A builder replaces the label of an equal name, which shows in the count alone.
        if out.iter().len() == label_count { Ok(()) } else { Err(self.find_duplicate()) }
    }

    /// Returns the names of the labels that the series sets to nothing, which
    /// [`labels`](Self::labels) leaves out: to a scraper that honors a target's labels they say that
    /// the series has none of that name.
    ///
    /// ```
    /// use narthex_exposition::{Entry, TextReader};
    ///
    /// let Some(Ok(Entry::Sample(sample))) = TextReader::new(b"up{job=\"\",x=\"1\"} 1\n").next() else {
    ///     panic!("the page has one sample");
    /// };
    /// assert_eq!(sample.empty_labels().collect::<Vec<_>>(), ["job"]);
    /// ```
    pub fn empty_labels(&self) -> impl Iterator<Item = Cow<'_, str>> + Clone {
        let labels = series_labels(self.series);
        labels.filter(|(_, value)| value.unescape().is_empty()).map(|(name, _)| name.unescape())
    }

    #[cold]
    fn find_duplicate(&self) -> DuplicateLabel {
        let mut names: Vec<Cow<'_, str>> =
            series_labels(self.series).map(|(name, _)| name.unescape()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        DuplicateLabel { name: twice.map(|pair| pair[0].as_ref()).unwrap_or_default().into() }
    }
}

/// A series names a label twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("label name \"{name}\" is not unique: invalid sample")]
pub struct DuplicateLabel {
    /// The label's name.
    pub name: Box<str>,
}
