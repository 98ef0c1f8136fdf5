use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::path::Path;

use narthex_model::{Labels, METRIC_NAME_LABEL, float, quote};
use narthex_promql_parser::parse_metric_selector;
use narthex_storage::{Columns, QueryContext, Queryable, SelectHints, Selection, TimeRange};
use narthex_tsdb::{Options, ReadOnlyDb};

use super::{DumpSource, TsdbError};
use crate::promtool::Console;

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Labels, value and milliseconds.
    Prom,
    /// OpenMetrics, with seconds.
    OpenMetrics,
    /// Labels as JSON, each set once.
    SeriesJson,
}

/// Writes the samples of a database that meet one of the selectors.
pub(super) fn dump(
    source: &DumpSource,
    form: Form,
    console: &mut Console<'_>,
) -> Result<(), TsdbError> {
    let parse = |selector: &String| parse_metric_selector(selector);
    let db = ReadOnlyDb::open(&*source.path)?;
    let sets = source.selectors.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let root: &Path = source.sandbox_dir_root.as_ref().unwrap_or(&source.path);
    let sandbox = db.sandbox(root, Options::default())?;
    let range = TimeRange { min_ms: source.min_ms, max_ms: source.max_ms };
    let (ctx, hints) = (QueryContext::default(), SelectHints::default());
    let querier = sandbox.querier(range)?;
    let selections = sets.iter().map(|set| querier.select(&ctx, set, &hints));
    let selections = selections.collect::<Result<Vec<_>, _>>()?;
    let series = in_order(&selections);
    let mut writer = SeriesWriter { form, ..SeriesWriter::new() };
    let progress = console.progress_beside(series.len() as u64, "series");
    let mut columns = Columns::default();
    for (selection, index) in series {
        let labels = selections[selection].series_labels(index);
        if form != Form::SeriesJson {
            selections[selection].read(&ctx, index, &mut columns)?;
        }
        writer.series(&labels, &columns);
        console.out().write_all(writer.text.as_bytes()).map_err(TsdbError::Output)?;
        progress.advance(1);
    }
    if form == Form::OpenMetrics {
        writeln!(console.out(), "# EOF").map_err(TsdbError::Output)?;
    }
    let warnings = ctx.take_warnings();
    if warnings.is_empty() { Ok(()) } else { Err(TsdbError::Incomplete(warnings)) }
}

/// Returns which series of which selection to write: those of one in its order, those of several in
/// the order of their labels and each once.
fn in_order(selections: &[Box<dyn Selection + '_>]) -> Vec<(usize, usize)> {
    if let [selection] = selections {
        return (0..selection.len()).map(|index| (0, index)).collect();
    }
    let all = selections.iter().enumerate().flat_map(|(number, selection)| {
        (0..selection.len()).map(move |index| (selection.series_labels(index), (number, index)))
    });
    let mut all = all.collect::<Vec<_>>();
    all.sort_by(|(left, _), (right, _)| left.cmp(right));
    all.dedup_by(|(later, _), (earlier, _)| later == earlier);
    all.into_iter().map(|(_, place)| place).collect()
}

/// Puts series into words.
struct SeriesWriter {
    form: Form,
    /// What is to be written of the last series.
    text: String,
    labels: String,
    /// The label sets so far, as JSON.
    known: HashSet<String>,
}

impl SeriesWriter {
    fn new() -> Self {
        Self { form: Form::Prom, text: String::new(), labels: String::new(), known: HashSet::new() }
    }

    fn series(&mut self, labels: &Labels, columns: &Columns) {
        self.text.clear();
        self.labels.clear();
        let Self { form, text, labels: prefix, known } = self;
        let written = match form {
            Form::Prom => {
                write!(prefix, "{labels}").and_then(|()| write_samples(prefix, columns, text))
            }
            Form::OpenMetrics => write_condensed(labels, prefix)
                .and_then(|()| write_openmetrics(prefix, columns, text)),
            Form::SeriesJson => {
                write_json(labels, prefix);
                if known.insert(prefix.clone()) { writeln!(text, "{prefix}") } else { Ok(()) }
            }
        };
        written.expect("a String takes all text");
    }
}

fn write_samples(labels: &str, columns: &Columns, out: &mut String) -> fmt::Result {
    for (index, sample) in columns.iter().enumerate() {
        write!(out, "{labels} ")?;
        match columns.histogram(index) {
            Some(histogram) => write!(out, "{histogram}")?,
            None => float::write_general(out, sample.value)?,
        }
        writeln!(out, " {}", sample.timestamp_ms)?;
    }
    Ok(())
}

/// Writes the floats up to the first histogram.
fn write_openmetrics(series: &str, columns: &Columns, out: &mut String) -> fmt::Result {
    for (index, sample) in columns.iter().enumerate() {
        if columns.histogram(index).is_some() {
            break;
        }
        write!(out, "{series} ")?;
        float::write_general(out, sample.value)?;
        #[expect(clippy::cast_precision_loss, reason = "as in the reference")]
        let seconds = sample.timestamp_ms as f64 / 1_000.0;
        writeln!(out, " {seconds:.3}")?;
    }
    Ok(())
}

/// Writes the metric name and the labels without blanks.
fn write_condensed(labels: &Labels, out: &mut String) -> fmt::Result {
    write!(out, "{}{{", labels.metric_name())?;
    let others = labels.iter().filter(|(name, _)| *name != METRIC_NAME_LABEL);
    for (index, (name, value)) in others.enumerate() {
        let separator = if index > 0 { "," } else { "" };
        write!(out, "{separator}{name}=")?;
        quote::write_quoted(out, value)?;
    }
    out.write_char('}')
}

/// Writes labels as Go writes a map in JSON, where what has a meaning in HTML is escaped.
fn write_json(labels: &Labels, out: &mut String) {
    let text = |text: &str| {
        let json = serde_json::Value::from(text).to_string();
        let json = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
    };
    let pairs = labels.iter().map(|(name, value)| format!("{}:{}", text(name), text(value)));
    out.push('{');
    out.push_str(&pairs.collect::<Vec<_>>().join(","));
    out.push('}');
}
