use crate::block::Row;
use crate::window_counts::samples_of_histogram;

/// How many values the series of a vector have at each step.
#[derive(Clone, Debug, Default)]
pub(super) struct StepCounts {
    /// The series that have a value at every step.
    full: u64,
    /// The values of the other series at each step; empty where there is none.
    partial: Vec<u64>,
    /// What native histograms count beyond one sample; empty where there is none.
    histograms: Vec<HistogramWeight>,
    /// How many samples all of them are.
    points: u64,
}

/// What the histograms of a step count beyond one sample each: the reference has two ways to round.
#[derive(Clone, Copy, Debug, Default)]
struct HistogramWeight {
    /// As points of a series.
    points: u64,
    /// As samples of a vector.
    vector: u64,
}

impl StepCounts {
    /// Counts a value at each of `steps` steps.
    pub(super) fn add_scalar(&mut self, steps: usize) {
        self.full += 1;
        self.points += steps as u64;
    }

    /// Counts the values of a series.
    pub(super) fn add(&mut self, row: Row<'_>) {
        let steps = row.values().len();
        let count = row.count();
        self.points += points_of(row);
        if count == steps {
            // PERF: series without gaps are the rule, and need no look at each step.
            self.full += 1;
        } else {
            self.partial.resize(steps, 0);
            for (step, _) in row.iter() {
                self.partial[step] += 1;
            }
        }
        for (step, histogram) in row.histograms() {
            self.histograms.resize(steps, HistogramWeight::default());
            let weight = &mut self.histograms[step];
            weight.points += samples_of_histogram(histogram) - 1;
            weight.vector += (histogram.size_bytes() / 16) as u64;
        }
    }

    /// Returns how many samples all values are.
    pub(super) fn points(&self) -> u64 {
        self.points
    }

    /// Returns the number of values at `step`.
    pub(super) fn values_at(&self, step: usize) -> u64 {
        self.full + self.partial.get(step).copied().unwrap_or(0)
    }

    /// Returns how many samples the values at `step` are as points of their series.
    pub(super) fn points_at(&self, step: usize) -> u64 {
        self.values_at(step) + self.histograms.get(step).map_or(0, |weight| weight.points)
    }

    /// Returns how many samples the values at `step` are as those of a vector.
    pub(super) fn vector_at(&self, step: usize) -> u64 {
        self.values_at(step) + self.histograms.get(step).map_or(0, |weight| weight.vector)
    }

    /// Returns whether every step has the same.
    pub(super) fn is_even(&self) -> bool {
        self.partial.is_empty() && self.histograms.is_empty()
    }
}

/// Returns how many samples the values of a series are.
pub(super) fn points_of(row: Row<'_>) -> u64 {
    let histograms = row.histograms().map(|(_, histogram)| samples_of_histogram(histogram) - 1);
    row.count() as u64 + histograms.sum::<u64>()
}
