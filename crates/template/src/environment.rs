//! What is around a template: time, queries, addresses and limits.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use narthex_model::Labels;
use narthex_model::histogram::FloatHistogram;

use crate::value::{ListType, MapType, Struct, StructType, Value};

/// How much a template may cost.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of what it prints, and of any text that it computes.
    pub output_size_max: usize,
    /// Queries that it may ask.
    pub queries_max: usize,
    /// How long it may take, queries included.
    pub time_max: Duration,
}

impl Default for Limits {
    /// 1 MiB, 100 queries, 1 s.
    fn default() -> Self {
        Self { output_size_max: 1 << 20, queries_max: 100, time_max: Duration::from_secs(1) }
    }
}

impl Limits {
    pub(crate) fn too_long(&self) -> Box<str> {
        format!("text exceeds {} bytes", self.output_size_max).into()
    }
}

/// A series that a query found, and its value.
#[derive(Clone, Debug)]
pub struct QuerySample {
    /// Its labels, the name of the metric among them.
    pub labels: Labels,
    /// Its value.
    pub value: QueryValue,
}

/// The value of a [`QuerySample`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum QueryValue {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Box<FloatHistogram>),
}

impl QueryValue {
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Float(value) => Value::Float(*value),
            Self::Histogram(histogram) => Value::Histogram(Arc::from(histogram.to_string())),
        }
    }
}

impl From<f64> for QueryValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

/// Answers the queries of templates.
pub trait Query {
    /// Evaluates `expression` at the time that the template is executed for.
    ///
    /// # Errors
    ///
    /// What is wrong, in the words of the reference: it becomes part of the template's error.
    fn query(&self, expression: &str) -> Result<Vec<QuerySample>, String>;
}

impl<F: Fn(&str) -> Result<Vec<QuerySample>, String>> Query for F {
    fn query(&self, expression: &str) -> Result<Vec<QuerySample>, String> {
        self(expression)
    }
}

/// What is around a template while it is executed.
///
/// Templates read no clock, file or network of their own: all that they know is here.
pub struct Environment<'a> {
    /// The time that the template is executed for, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// How much it may cost.
    pub limits: Limits,
    pub(crate) external_url: &'a str,
    queries: Option<&'a dyn Query>,
    elapsed: &'a dyn Fn() -> Duration,
    query_count: Cell<usize>,
    started: Duration,
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("time_ms", &self.time_ms)
            .field("limits", &self.limits)
            .field("external_url", &self.external_url)
            .finish_non_exhaustive()
    }
}

impl<'a> Environment<'a> {
    /// Returns what is around a template that is executed for `time_ms`. `elapsed` is a clock that
    /// only goes on, from any start; [`Limits::time_max`] counts from now.
    pub fn new(time_ms: i64, elapsed: &'a dyn Fn() -> Duration) -> Self {
        Self {
            time_ms,
            limits: Limits::default(),
            external_url: "",
            queries: None,
            elapsed,
            query_count: Cell::new(0),
            started: elapsed(),
        }
    }

    /// Sets the address under which the server is reached from elsewhere.
    #[must_use]
    pub fn with_external_url(mut self, external_url: &'a str) -> Self {
        self.external_url = external_url;
        self
    }

    /// Sets what answers queries. Without it they find nothing.
    #[must_use]
    pub fn with_queries(mut self, queries: &'a dyn Query) -> Self {
        self.queries = Some(queries);
        self
    }

    /// Sets how much the template may cost.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns what is wrong where the template has taken too long.
    pub(crate) fn check_time(&self) -> Result<(), Box<str>> {
        let time_max = self.limits.time_max;
        if (self.elapsed)().saturating_sub(self.started) <= time_max {
            return Ok(());
        }
        Err(format!("execution takes longer than {time_max:?}").into())
    }

    /// Asks a query.
    pub(crate) fn query(&self, expression: &str) -> Result<Value, Box<str>> {
        if self.query_count.get() == self.limits.queries_max {
            return Err(format!("more than {} queries", self.limits.queries_max).into());
        }
        self.query_count.set(self.query_count.get() + 1);
        let samples = match self.queries {
            Some(queries) => queries.query(expression)?,
            None => Vec::new(),
        };
        self.check_time()?;
        let items = samples.iter().map(|sample| {
            let labels = Value::text_map(MapType::Texts, &sample.labels);
            let fields = vec![labels, sample.value.to_value()];
            Value::Struct(Arc::new(Struct { struct_type: StructType::Sample, fields }))
        });
        Ok(Value::list(ListType::Results, items.collect()))
    }
}
