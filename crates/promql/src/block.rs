use std::sync::Arc;

use narthex_model::Labels;
use narthex_model::histogram::FloatHistogram;

use crate::bits;

/// Series over the steps of a grid: for each one a column of values, and the set of steps at which
/// it has one. All columns lie in one allocation.
///
/// Where a value is a native histogram, its sum stands among the values, and the histogram in a
/// column of its own, which series of floats do not have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    steps: usize,
    labels: Vec<Labels>,
    values: Vec<f64>,
    present: Vec<u64>,
    /// Of each series whether it is nameless, as far as any is; see [`Block::set_nameless`].
    nameless: Vec<bool>,
    /// Empty, or one column for each series up to the last that has histograms.
    histograms: Vec<HistogramColumn>,
}

/// The histograms of a series, one place for each step; empty where there is none.
pub(crate) type HistogramColumn = Vec<Option<Arc<FloatHistogram>>>;

/// One series of a [`Block`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    values: &'a [f64],
    present: &'a [u64],
    histograms: &'a [Option<Arc<FloatHistogram>>],
}

impl Block {
    /// Returns a block without series over `steps` steps.
    pub(crate) fn new(steps: usize) -> Self {
        Self { steps, ..Self::default() }
    }

    /// Returns the number of series.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns whether there is no series.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Returns the labels of all series.
    pub(crate) fn labels(&self) -> &[Labels] {
        &self.labels
    }

    /// Returns the column of series `index`.
    pub(crate) fn row(&self, index: usize) -> Row<'_> {
        let words = bits::word_count(self.steps);
        Row {
            values: &self.values[index * self.steps..][..self.steps],
            present: &self.present[index * words..][..words],
            histograms: self.histograms.get(index).map_or(&[], Vec::as_slice),
        }
    }

    /// Returns the labels and columns of all series.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = (&Labels, Row<'_>)> {
        self.labels.iter().enumerate().map(|(index, labels)| (labels, self.row(index)))
    }

    /// Returns the number of values of all series.
    pub(crate) fn samples(&self) -> usize {
        bits::count(&self.present)
    }

    /// Returns the size of one series in bytes, its labels aside.
    pub(crate) fn row_size_bytes(steps: usize) -> usize {
        steps * size_of::<f64>() + bits::word_count(steps) * size_of::<u64>()
    }

    /// Returns the size of all series in bytes, their labels aside.
    pub(crate) fn size_bytes(&self) -> usize {
        let histograms: usize = self.rows().map(|(_, row)| row.histograms_size_bytes()).sum();
        self.len() * Self::row_size_bytes(self.steps) + histograms
    }

    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// Says that the name in the labels of series `index`, and type and unit, are no longer those of
    /// its values, and go at the end of the query.
    pub(crate) fn set_nameless(&mut self, index: usize, nameless: bool) {
        if nameless && self.nameless.len() <= index {
            self.nameless.resize(index + 1, false);
        }
        if let Some(known) = self.nameless.get_mut(index) {
            *known = nameless;
        }
    }

    /// Returns whether name, type and unit of series `index` are to go at the end of the query.
    pub(crate) fn is_nameless(&self, index: usize) -> bool {
        self.nameless.get(index).copied().unwrap_or(false)
    }

    /// Gives every series new labels.
    pub(crate) fn set_labels(&mut self, labels: Vec<Labels>) {
        debug_assert_eq!(labels.len(), self.labels.len());
        self.labels = labels;
    }

    pub(crate) fn push(&mut self, labels: Labels, row: Row<'_>) {
        self.labels.push(labels);
        self.values.extend_from_slice(row.values);
        self.present.extend_from_slice(row.present);
        if row.has_histograms() {
            *self.histograms_mut(self.labels.len() - 1) = row.histograms.to_vec();
        }
    }

    /// Adds a series without values and returns its number.
    pub(crate) fn push_empty(&mut self, labels: Labels) -> usize {
        self.labels.push(labels);
        self.values.resize(self.labels.len() * self.steps, 0.0);
        self.present.resize(self.labels.len() * bits::word_count(self.steps), 0);
        self.labels.len() - 1
    }

    pub(crate) fn row_mut(&mut self, index: usize) -> (&mut [f64], &mut [u64]) {
        let words = bits::word_count(self.steps);
        (
            &mut self.values[index * self.steps..][..self.steps],
            &mut self.present[index * words..][..words],
        )
    }

    pub(crate) fn set(&mut self, index: usize, step: usize, value: f64) {
        self.values[index * self.steps + step] = value;
        let words = bits::word_count(self.steps);
        bits::set(&mut self.present[index * words..][..words], step);
    }

    pub(crate) fn set_histogram(
        &mut self,
        index: usize,
        step: usize,
        histogram: Arc<FloatHistogram>,
    ) {
        self.set(index, step, histogram.sum);
        let steps = self.steps;
        let column = self.histograms_mut(index);
        column.resize(steps, None);
        column[step] = Some(histogram);
    }

    /// Copies what another row, if only at one step, has there.
    pub(crate) fn copy_step(&mut self, index: usize, step: usize, from: Row<'_>) {
        match from.histogram(step) {
            Some(histogram) => self.set_histogram(index, step, Arc::clone(histogram)),
            None => self.set(index, step, from.values[step]),
        }
    }

    fn histograms_mut(&mut self, index: usize) -> &mut HistogramColumn {
        if self.histograms.len() <= index {
            self.histograms.resize(index + 1, Vec::new());
        }
        &mut self.histograms[index]
    }

    /// Returns the block with the series in the given order; those not listed are left out.
    pub(crate) fn pick(&self, order: &[usize]) -> Self {
        let mut picked = Self::new(self.steps);
        picked.values.reserve_exact(order.len() * self.steps);
        for &index in order {
            picked.push(self.labels[index].clone(), self.row(index));
            picked.set_nameless(picked.len() - 1, self.is_nameless(index));
        }
        picked
    }

    /// Returns the block without the series that have no value.
    pub(crate) fn without_empty_rows(self) -> Self {
        let full = |index: &usize| bits::any(self.row(*index).present);
        let keep: Vec<usize> = (0..self.len()).filter(full).collect();
        if keep.len() == self.len() { self } else { self.pick(&keep) }
    }
}

impl<'a> Row<'a> {
    /// Returns a row of floats.
    pub(crate) fn of_floats(values: &'a [f64], present: &'a [u64]) -> Self {
        Self { values, present, histograms: &[] }
    }

    /// Returns the values, one for each step. Where the series has none, the number means nothing.
    pub(crate) fn values(self) -> &'a [f64] {
        self.values
    }

    /// Returns the value at `step`, if the series has one.
    pub(crate) fn get(self, step: usize) -> Option<f64> {
        bits::get(self.present, step).then(|| self.values[step])
    }

    /// Returns the values that exist with their steps.
    pub(crate) fn iter(self) -> impl Iterator<Item = (usize, f64)> + 'a {
        bits::ones(self.present).map(move |step| (step, self.values[step]))
    }

    /// Returns the number of values.
    pub(crate) fn count(self) -> usize {
        bits::count(self.present)
    }

    pub(crate) fn present(self) -> &'a [u64] {
        self.present
    }

    /// Returns whether any value may be a histogram.
    pub(crate) fn has_histograms(self) -> bool {
        !self.histograms.is_empty()
    }

    /// Returns the histogram at `step`, if there is one.
    pub(crate) fn histogram(self, step: usize) -> Option<&'a Arc<FloatHistogram>> {
        self.histograms.get(step)?.as_ref()
    }

    /// Returns the histograms with their steps.
    pub(crate) fn histograms(self) -> impl Iterator<Item = (usize, &'a Arc<FloatHistogram>)> {
        let places = self.histograms.iter().enumerate();
        places.filter_map(|(step, histogram)| Some((step, histogram.as_ref()?)))
    }

    /// Returns the size of all histograms in bytes.
    pub(crate) fn histograms_size_bytes(self) -> usize {
        self.histograms().map(|(_, histogram)| histogram.size_bytes()).sum()
    }

    /// Returns the value at `step` where it is a float.
    pub(crate) fn float(self, step: usize) -> Option<f64> {
        self.get(step).filter(|_| self.histogram(step).is_none())
    }

    /// Returns the values that are floats with their steps.
    pub(crate) fn floats(self) -> impl Iterator<Item = (usize, f64)> + 'a {
        self.iter().filter(move |(step, _)| self.histogram(*step).is_none())
    }
}

/// Values over the steps of a grid, in a buffer that is filled, read and filled again. A step may be
/// without a value.
#[derive(Clone, Debug, Default)]
pub struct Column {
    values: Vec<f64>,
    present: Vec<u64>,
    histograms: HistogramColumn,
}

impl Column {
    /// Forgets all values and takes `steps` steps.
    pub fn reset(&mut self, steps: usize) {
        self.values.clear();
        self.values.resize(steps, 0.0);
        self.present.clear();
        self.present.resize(bits::word_count(steps), 0);
        self.histograms.clear();
    }

    /// Gives `step` a value.
    ///
    /// # Panics
    ///
    /// Where the column has no such step.
    pub fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        bits::set(&mut self.present, step);
    }

    /// Returns the value at `step`, if there is one.
    ///
    /// # Panics
    ///
    /// Where the column has no such step.
    #[must_use]
    pub fn get(&self, step: usize) -> Option<f64> {
        self.row().get(step)
    }

    /// Returns the values that exist with their steps, in rising order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, f64)> {
        self.row().iter()
    }

    /// Sets the values of the steps from `step` on that are in the set `present`, of which `step` is
    /// the lowest bit. All lie in one word of the set of steps.
    pub(crate) fn store(&mut self, step: usize, values: &[f64], present: u64) {
        self.values[step..][..values.len()].copy_from_slice(values);
        self.present[step / 64] |= present << (step % 64);
    }

    pub(crate) fn set_histogram(&mut self, step: usize, histogram: Arc<FloatHistogram>) {
        self.set(step, histogram.sum);
        self.histograms.resize(self.values.len(), None);
        self.histograms[step] = Some(histogram);
    }

    pub(crate) fn copy_from(&mut self, row: Row<'_>) {
        self.values.clear();
        self.values.extend_from_slice(row.values);
        self.present.clear();
        self.present.extend_from_slice(row.present);
        self.histograms.clear();
        self.histograms.extend_from_slice(row.histograms);
    }

    /// Gives every step the value of the first, where that has one.
    pub(crate) fn spread(&mut self, first: Row<'_>, steps: usize) {
        self.reset(steps);
        if let Some(value) = first.get(0) {
            self.values.fill(value);
            bits::set_all(&mut self.present, steps);
        }
        if let Some(histogram) = first.histogram(0) {
            self.histograms.resize(steps, Some(Arc::clone(histogram)));
        }
    }

    pub(crate) fn row(&self) -> Row<'_> {
        Row { values: &self.values, present: &self.present, histograms: &self.histograms }
    }

    pub(crate) fn has_histograms(&self) -> bool {
        !self.histograms.is_empty()
    }

    /// Takes the histograms away. Returns whether there was one.
    pub(crate) fn drop_histograms(&mut self) -> bool {
        let mut any = false;
        for (step, histogram) in self.histograms.drain(..).enumerate() {
            if histogram.is_some() {
                bits::clear(&mut self.present, step);
                any = true;
            }
        }
        any
    }

    /// Returns the histograms, to be replaced one by one: [`Column::set`] and
    /// [`Column::set_histogram`] put something in their place.
    pub(crate) fn take_histograms(&mut self) -> HistogramColumn {
        std::mem::take(&mut self.histograms)
    }

    /// Takes the value at `step` away.
    pub(crate) fn clear(&mut self, step: usize) {
        bits::clear(&mut self.present, step);
        if let Some(histogram) = self.histograms.get_mut(step) {
            *histogram = None;
        }
    }

    pub(crate) fn parts_mut(&mut self) -> (&mut [f64], &mut [u64]) {
        (&mut self.values, &mut self.present)
    }
}
