//! `load`: series, and above them their start timestamps.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use narthex_model::Labels;
use narthex_promql_parser::{SequenceValue, parse_series_description};

use super::{Lines, ScriptError, ScriptProblem, nhcb, start_timestamps, take_word, time_ms};
use crate::{LoadedSample, LoadedSeries, Point};

/// Start timestamps that wait for their series.
struct Pending {
    line: usize,
    labels: Labels,
    /// Relative to the samples.
    offsets_ms: Vec<Option<i64>>,
}

/// Reads the series below the line of the command.
pub(super) fn read(
    line: usize,
    text: &str,
    lines: &mut Lines<'_>,
) -> Result<Vec<LoadedSeries>, ScriptError> {
    let mut rest = text;
    let command = take_word(&mut rest);
    if !matches!(command, "load" | "load_with_nhcb") || rest.is_empty() {
        return Err(ScriptProblem::Load.at(line));
    }
    let step_ms = time_ms("step", rest).map_err(|problem| problem.at(line))?;
    let mut series = read_series(step_ms, lines)?;
    if command == "load_with_nhcb" {
        let native = nhcb::convert(&series).map_err(|problem| problem.at(line))?;
        series.extend(native);
    }
    Ok(series)
}

fn read_series(step_ms: i64, lines: &mut Lines<'_>) -> Result<Vec<LoadedSeries>, ScriptError> {
    let mut all: Vec<LoadedSeries> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut pending: Option<Pending> = None;
    while let Some((line, text)) = lines.next_of_command() {
        if let Some((labels, sequence)) = start_timestamps::split(text) {
            if let Some(before) = pending {
                return Err(before.error(ScriptProblem::LoneStartTimestamps));
            }
            let (labels, offsets_ms) =
                start_timestamps::read(labels, sequence).map_err(|problem| problem.at(line))?;
            lines.count_values(offsets_ms.len()).map_err(|problem| problem.at(line))?;
            pending = Some(Pending { line, labels, offsets_ms });
            continue;
        }
        let series = parse_series_description(text)
            .map_err(|error| ScriptProblem::Series(error).at(line))?;
        lines.count_values(series.values.len()).map_err(|problem| problem.at(line))?;
        let offsets_ms = match pending.take() {
            Some(pending) => pending.offsets_of(&series.labels, series.values.len())?,
            None => Vec::new(),
        };
        let samples = samples(step_ms, &series.values, &offsets_ms);
        let loaded = LoadedSeries { labels: series.labels, samples };
        // The last description of a series counts.
        match places.entry(loaded.labels.clone()) {
            Entry::Occupied(place) => all[*place.get()] = loaded,
            Entry::Vacant(place) => {
                place.insert(all.len());
                all.push(loaded);
            }
        }
    }
    match pending {
        Some(pending) => Err(pending.error(ScriptProblem::LoneStartTimestamps)),
        None => Ok(all),
    }
}

impl Pending {
    /// Returns the start timestamps, which must be those of the series with these labels.
    fn offsets_of(self, labels: &Labels, samples: usize) -> Result<Vec<Option<i64>>, ScriptError> {
        if self.labels != *labels {
            return Err(self.error(ScriptProblem::StartTimestampsOfOther));
        }
        let start_timestamps = self.offsets_ms.len();
        if start_timestamps != samples {
            let problem = ScriptProblem::StartTimestampCount { start_timestamps, samples };
            return Err(self.error(problem));
        }
        Ok(self.offsets_ms)
    }

    fn error(&self, problem: ScriptProblem) -> ScriptError {
        problem.at(self.line)
    }
}

fn samples(
    step_ms: i64,
    values: &[SequenceValue],
    offsets_ms: &[Option<i64>],
) -> Vec<LoadedSample> {
    let mut samples = Vec::with_capacity(values.len());
    let mut timestamp_ms = 0_i64;
    for (index, value) in values.iter().enumerate() {
        if let Some(point) = Point::from_sequence(value) {
            let offset_ms = offsets_ms.get(index).copied().flatten();
            let start_timestamp_ms = offset_ms.map(|offset| timestamp_ms.saturating_add(offset));
            samples.push(LoadedSample { timestamp_ms, start_timestamp_ms, point });
        }
        timestamp_ms = timestamp_ms.saturating_add(step_ms);
    }
    samples
}
