use std::collections::HashMap;

use narthex_model::{
    BUCKET_LABEL, Exemplar, LabelsBuilder, METRIC_NAME_LABEL, MetricType, QUANTILE_LABEL, float,
};

use crate::entry::{DuplicateLabel, Entry, SampleEntry, Value};
use crate::error::ParseError;
use crate::escape;
use crate::exemplar::ExemplarEntry;
use crate::options::ReadOptions;
use crate::page::{PageFormat, PageReader};
use crate::writer::{
    ClassicBucket, Family, HistogramPoint, Metric, NativeHistogram, Point, Quantile, SummaryPoint,
};

/// Reads a whole page into the families that [`write_page`](crate::write_page) writes: what a
/// Pushgateway keeps, or a program that passes on what others expose.
///
/// Families come in the order of the page. A sample that fits to no family before it is one of its
/// own, of unknown type.
///
/// ```
/// use narthex_exposition::{PageFormat, Point, read_families};
///
/// let page = b"# TYPE s summary\ns{quantile=\"0.5\"} 2\ns_sum 6\ns_count 3\n";
/// let families = read_families(page, PageFormat::Text)?;
/// let [family] = &families[..] else { panic!("there is one family") };
/// let Point::Summary(summary) = &family.metrics[0].point else { panic!("it is a summary") };
/// assert_eq!((summary.count, summary.sum, summary.quantiles.len()), (3.0, 6.0, 1));
/// # Ok::<(), narthex_exposition::ReadFamiliesError>(())
/// ```
///
/// # Errors
///
/// The first error of the page.
pub fn read_families(page: &[u8], format: PageFormat) -> Result<Vec<Family>, ReadFamiliesError> {
    let options = ReadOptions {
        native_histograms: true,
        keep_classic_histograms: true,
        start_timestamps: true,
        ..ReadOptions::default()
    };
    let mut reader = PageReader::new(page, format, options);
    let mut families = Families::default();
    while let Some(entry) = reader.next_entry() {
        match entry? {
            Entry::Help { name, text } => {
                families.current(name, format).help = text.unescape().into_owned();
            }
            Entry::Type { name, metric_type } => {
                families.current(name, format).metric_type = metric_type;
            }
            Entry::Unit { name, unit } => families.current(name, format).unit = unit.to_owned(),
            Entry::Sample(sample) => families.add(&sample)?,
            Entry::Comment(_) => {}
        }
    }
    Ok(families.families)
}

/// Why a page is no families.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFamiliesError {
    /// The page cannot be read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A series has two labels of one name.
    #[error(transparent)]
    DuplicateLabel(#[from] DuplicateLabel),
}

type SampleLabels = Vec<(String, String)>;

#[derive(Debug, Default)]
struct Families {
    families: Vec<Family>,
    /// The metrics of the last family that have several samples, by their labels and time.
    metrics: HashMap<(SampleLabels, Option<i64>), usize>,
    labels: LabelsBuilder,
}

impl Families {
    /// Returns the family of which the page says something.
    fn current(&mut self, name: &str, format: PageFormat) -> &mut Family {
        let name = match format {
            PageFormat::Protobuf => name.into(),
            PageFormat::Text | PageFormat::OpenMetrics => escape::unescape_label(name),
        };
        if self.families.last().is_none_or(|family| family.name != *name) {
            self.begin(Family { name: name.into_owned(), ..Family::default() });
        }
        self.families.last_mut().expect("one has begun")
    }

    fn begin(&mut self, family: Family) {
        self.metrics.clear();
        self.families.push(family);
    }

    fn add(&mut self, sample: &SampleEntry<'_>) -> Result<(), DuplicateLabel> {
        sample.labels(&mut self.labels)?;
        let name = self.labels.get(METRIC_NAME_LABEL).unwrap_or_default();
        let is_native = sample.value.as_float().is_none();
        let role = self.families.last_mut().and_then(|family| Role::of(family, name, is_native));
        let role = match role {
            Some(role) => role,
            None => {
                let name = name.to_owned();
                self.begin(Family { name, ..Family::default() });
                Role::Number
            }
        };
        let own = match role {
            Role::Bucket => BUCKET_LABEL,
            Role::Quantile => QUANTILE_LABEL,
            _ => METRIC_NAME_LABEL,
        };
        let bound = self.labels.get(own).and_then(float::parse).unwrap_or(f64::NAN);
        self.labels.delete(METRIC_NAME_LABEL).delete(own);
        let labels: SampleLabels =
            self.labels.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let metric = self.metric(role, labels, sample.timestamp_ms);
        if sample.start_timestamp_ms != 0 {
            metric.start_timestamp_ms = sample.start_timestamp_ms;
        }
        metric.point.take(role, bound, sample);
        Ok(())
    }

    /// Returns the metric to which a sample belongs.
    fn metric(
        &mut self,
        role: Role,
        labels: SampleLabels,
        timestamp_ms: Option<i64>,
    ) -> &mut Metric {
        let family = self.families.last_mut().expect("one has begun");
        let metrics = &mut family.metrics;
        let index = match role {
            Role::Number => metrics.len(),
            _ => *self.metrics.entry((labels.clone(), timestamp_ms)).or_insert(metrics.len()),
        };
        if index == metrics.len() {
            let point = match (role, family.metric_type) {
                (Role::Number, _) => Point::Number { value: 0.0, exemplar: None },
                (_, MetricType::Summary) => Point::Summary(SummaryPoint::default()),
                _ => Point::Histogram(HistogramPoint::default()),
            };
            metrics.push(Metric { labels, point, timestamp_ms, start_timestamp_ms: 0 });
        }
        &mut metrics[index]
    }
}

/// What a sample says of its metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Number,
    Bucket,
    Quantile,
    Count,
    Sum,
    Native,
}

impl Role {
    /// Returns the role of a sample of that name in `family`, unless it belongs to another one. The
    /// family of a counter or an info gets the name of its samples.
    fn of(family: &mut Family, name: &str, is_native: bool) -> Option<Self> {
        let suffix = name.strip_prefix(family.name.as_str())?;
        match (family.metric_type, suffix) {
            (MetricType::Histogram | MetricType::GaugeHistogram, suffix) => match suffix {
                "_bucket" => Some(Self::Bucket),
                "_count" | "_gcount" => Some(Self::Count),
                "_sum" | "_gsum" => Some(Self::Sum),
                "" if is_native => Some(Self::Native),
                _ => None,
            },
            (MetricType::Summary, "") => Some(Self::Quantile),
            (MetricType::Summary, "_count") => Some(Self::Count),
            (MetricType::Summary, "_sum") => Some(Self::Sum),
            (MetricType::Summary, _) => None,
            (MetricType::Counter, "_total") | (MetricType::Info, "_info") => {
                family.name.push_str(suffix);
                Some(Self::Number)
            }
            (_, "") => Some(Self::Number),
            _ => None,
        }
    }
}

impl Point {
    /// Takes up what a sample says.
    fn take(&mut self, role: Role, bound: f64, sample: &SampleEntry<'_>) {
        let number = sample.value.as_float().unwrap_or_default();
        let mut exemplars = sample.exemplars().map(to_exemplar);
        match (self, role) {
            (Self::Number { value, exemplar }, _) => {
                *value = number;
                *exemplar = exemplars.next();
            }
            (Self::Histogram(histogram), Role::Bucket) => {
                histogram.buckets.push(ClassicBucket {
                    upper_bound: bound,
                    cumulative_count: number,
                    exemplar: exemplars.next(),
                });
            }
            (Self::Histogram(histogram), Role::Count) => histogram.count = number,
            (Self::Histogram(histogram), Role::Sum) => histogram.sum = number,
            (Self::Histogram(histogram), _) => {
                histogram.take_native(sample.value);
                histogram.exemplars.extend(exemplars);
            }
            (Self::Summary(summary), Role::Count) => summary.count = number,
            (Self::Summary(summary), Role::Sum) => summary.sum = number,
            (Self::Summary(summary), _) => {
                summary.quantiles.push(Quantile { quantile: bound, value: number });
            }
        }
    }
}

impl HistogramPoint {
    #[expect(clippy::cast_precision_loss, reason = "classic histograms count in floats")]
    fn take_native(&mut self, value: Value<'_>) {
        let (native, count, sum) = match value {
            Value::Float(_) => return,
            Value::Histogram(native) => {
                (NativeHistogram::Integer(native.clone()), native.count as f64, native.sum)
            }
            Value::FloatHistogram(native) => {
                (NativeHistogram::Float(native.clone()), native.count, native.sum)
            }
        };
        (self.native, self.count, self.sum) = (Some(native), count, sum);
    }
}

fn to_exemplar(entry: ExemplarEntry<'_>) -> Exemplar {
    let mut labels = LabelsBuilder::default();
    entry.labels(&mut labels);
    Exemplar {
        labels: labels.build(),
        value: entry.value,
        timestamp_ms: entry.timestamp_ms.unwrap_or_default(),
        has_own_timestamp: entry.timestamp_ms.is_some(),
    }
}
