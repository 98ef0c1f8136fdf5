//! `load_with_nhcb`: the native histograms that classic ones make.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use narthex_model::histogram::{ClassicError, ClassicHistogram};
use narthex_model::{BUCKET_LABEL, Labels, LabelsBuilder, METRIC_NAME_LABEL, float};

use super::ScriptProblem;
use crate::{LoadedSample, LoadedSeries, Point};

/// Returns the native histograms of the classic ones among `series`, in the order of those.
pub(super) fn convert(series: &[LoadedSeries]) -> Result<Vec<LoadedSeries>, ScriptProblem> {
    let mut found = Found::default();
    for it in series {
        let name = it.labels.metric_name();
        if let Some(base) = name.strip_suffix("_bucket") {
            let Some(bound) = it.labels.get(BUCKET_LABEL) else {
                let labels = it.labels.clone();
                return Err(ScriptProblem::BucketWithoutBound { labels });
            };
            let Some(bound) = float::parse(bound).filter(|bound| !bound.is_nan()) else { continue };
            found.add(it, base, |histogram, count| histogram.set_bucket(bound, count))?;
        } else if let Some(base) = name.strip_suffix("_count") {
            found.add(it, base, ClassicHistogram::set_count)?;
        } else if let Some(base) = name.strip_suffix("_sum") {
            found.add(it, base, |histogram, sum| {
                histogram.set_sum(sum);
                Ok(())
            })?;
        }
    }
    found.into_series()
}

/// Classic histograms by labels and time.
#[derive(Default)]
struct Found {
    places: HashMap<Labels, usize>,
    series: Vec<(Labels, BTreeMap<i64, ClassicHistogram>)>,
}

impl Found {
    /// Adds the samples of one of the series that a classic histogram is made of.
    fn add(
        &mut self,
        series: &LoadedSeries,
        name: &str,
        set: impl Fn(&mut ClassicHistogram, f64) -> Result<(), ClassicError>,
    ) -> Result<(), ScriptProblem> {
        let mut builder = LabelsBuilder::default();
        builder.reset(&series.labels);
        builder.set(METRIC_NAME_LABEL, name).delete(BUCKET_LABEL);
        let labels = builder.build();
        let place = *self.places.entry(labels.clone()).or_insert_with(|| {
            self.series.push((labels.clone(), BTreeMap::new()));
            self.series.len() - 1
        });
        for sample in &series.samples {
            if let Point::Float(value) = sample.point {
                let histogram = self.series[place].1.entry(sample.timestamp_ms).or_default();
                set(histogram, value).map_err(|source| classic_error(&labels, source))?;
            }
        }
        Ok(())
    }

    fn into_series(self) -> Result<Vec<LoadedSeries>, ScriptProblem> {
        let mut all = Vec::with_capacity(self.series.len());
        for (labels, histograms) in self.series {
            let mut samples = Vec::with_capacity(histograms.len());
            for (timestamp_ms, histogram) in histograms {
                let histogram =
                    histogram.to_float().map_err(|source| classic_error(&labels, source))?;
                let point = Point::Histogram(Arc::new(histogram));
                samples.push(LoadedSample { timestamp_ms, start_timestamp_ms: None, point });
            }
            all.push(LoadedSeries { labels, samples });
        }
        Ok(all)
    }
}

fn classic_error(labels: &Labels, source: ClassicError) -> ScriptProblem {
    ScriptProblem::ClassicHistogram { labels: labels.clone(), source }
}
