use std::fmt;
use std::sync::Arc;

use narthex_model::{Labels, Sample};
use narthex_promql::{Answer, Engine, EngineOptions, Grid, MatrixSeries, Severity};
use narthex_promql_parser::{ParseOptions, parse_with};
use narthex_storage::{Appendable, QueryContext, Queryable, SampleTime, SampleValue, SeriesKey};

use crate::{
    LoadedSample, LoadedSeries, Outcome, Point, ResultSeries, Subject, SubjectError, Value,
};

/// A store below our evaluator.
///
/// The evaluator has the options of the reference's runner: every experimental part of the language
/// is on, a query may hold [`EngineSubject::SAMPLES_MAX`] samples at a time, and a subquery without a
/// step has one of a minute.
pub struct EngineSubject<S, F> {
    engine: Engine,
    parse_options: ParseOptions,
    new_store: F,
    store: S,
}

impl<S, F> EngineSubject<S, F>
where
    S: Appendable + Queryable,
    F: FnMut() -> Result<S, SubjectError>,
{
    /// How many samples a query may hold at a time.
    pub const SAMPLES_MAX: usize = 10_000;

    /// Returns a subject whose stores come from `new_store`: one now, and one for each time that a
    /// script forgets all series.
    ///
    /// # Errors
    ///
    /// Where `new_store` fails.
    pub fn new(mut new_store: F) -> Result<Self, SubjectError> {
        let mut options = EngineOptions::default();
        options.max_samples = Self::SAMPLES_MAX;
        options.delayed_name_removal = true;
        options.use_start_timestamps = true;
        options.unreleased_changes = true;
        let store = new_store()?;
        Ok(Self {
            engine: Engine::new(options),
            parse_options: ParseOptions::experimental(),
            new_store,
            store,
        })
    }
}

impl<S, F> Subject for EngineSubject<S, F>
where
    S: Appendable + Queryable,
    F: FnMut() -> Result<S, SubjectError>,
{
    fn clear(&mut self) -> Result<(), SubjectError> {
        self.store = (self.new_store)()?;
        Ok(())
    }

    fn load(&mut self, series: &[LoadedSeries]) -> Result<(), SubjectError> {
        let mut appender = self.store.appender();
        for LoadedSeries { labels, samples } in series {
            let mut key = SeriesKey::Labels(labels);
            for LoadedSample { timestamp_ms, start_timestamp_ms, point } in samples {
                let time = SampleTime {
                    timestamp_ms: *timestamp_ms,
                    start_timestamp_ms: start_timestamp_ms.unwrap_or(0),
                };
                let value = match point {
                    Point::Float(value) => SampleValue::Float(*value),
                    Point::Histogram(histogram) => SampleValue::FloatHistogram(histogram),
                };
                key = SeriesKey::Ref(appender.append_with_start(key, time, value)?);
            }
        }
        appender.commit()?;
        Ok(())
    }

    fn instant(&mut self, query: &str, time_ms: i64) -> Result<Outcome, SubjectError> {
        let expr = parse_with(query, &self.parse_options)?;
        let ctx = QueryContext::default();
        let answer = self.engine.instant(&ctx, &self.store, &expr, time_ms)?;
        Ok(outcome(answer, query))
    }

    fn range(&mut self, query: &str, steps: Grid) -> Result<Outcome, SubjectError> {
        let expr = parse_with(query, &self.parse_options)?;
        let answer = self.engine.range(&QueryContext::default(), &self.store, &expr, steps)?;
        Ok(outcome(answer, query))
    }
}

fn outcome(answer: Answer, query: &str) -> Outcome {
    let texts = |severity| answer.annotations.texts(severity, query, 0);
    Outcome {
        warnings: texts(Severity::Warning),
        infos: texts(Severity::Info),
        value: value(answer.value),
    }
}

fn value(value: narthex_promql::Value) -> Value {
    match value {
        narthex_promql::Value::Scalar(sample) => Value::Scalar(sample.value),
        narthex_promql::Value::String { text, .. } => Value::String(text),
        narthex_promql::Value::Vector(vector) => {
            let point = |(index, (labels, sample)): (usize, (&Labels, Sample))| {
                let point = match vector.histogram(index) {
                    Some(histogram) => Point::Histogram(Arc::clone(histogram)),
                    None => Point::Float(sample.value),
                };
                (labels.clone(), point)
            };
            Value::Vector(vector.iter().enumerate().map(point).collect())
        }
        narthex_promql::Value::Matrix(matrix) => {
            let series = matrix.iter().map(|series| ResultSeries {
                labels: series.labels().clone(),
                points: points(series),
            });
            Value::Matrix(series.collect())
        }
    }
}

/// Returns floats and histograms in the order of their times.
fn points(series: MatrixSeries<'_>) -> Vec<(i64, Point)> {
    let floats = series.samples().map(|it| (it.timestamp_ms, Point::Float(it.value)));
    let histograms = series
        .histograms()
        .map(|(timestamp_ms, histogram)| (timestamp_ms, Point::Histogram(Arc::clone(histogram))));
    let mut points: Vec<(i64, Point)> = floats.chain(histograms).collect();
    points.sort_by_key(|(timestamp_ms, _)| *timestamp_ms);
    points
}

impl<S: fmt::Debug, F> fmt::Debug for EngineSubject<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineSubject")
            .field("engine", &self.engine)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
