use narthex_model::Labels;

use crate::bits;

/// Series over the steps of a grid: for each one a column of values, and the set of steps at which
/// it has one. All columns lie in one allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    steps: usize,
    labels: Vec<Labels>,
    values: Vec<f64>,
    present: Vec<u64>,
    /// Of each series whether it is nameless, as far as any is; see [`Block::set_nameless`].
    nameless: Vec<bool>,
}

/// One series of a [`Block`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    values: &'a [f64],
    present: &'a [u64],
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
}

/// A column that is filled, read and filled again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    values: Vec<f64>,
    present: Vec<u64>,
}

impl Column {
    /// Forgets all values and takes `steps` steps.
    pub(crate) fn reset(&mut self, steps: usize) {
        self.values.clear();
        self.values.resize(steps, 0.0);
        self.present.clear();
        self.present.resize(bits::word_count(steps), 0);
    }

    pub(crate) fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        bits::set(&mut self.present, step);
    }

    pub(crate) fn copy_from(&mut self, row: Row<'_>) {
        self.values.clear();
        self.values.extend_from_slice(row.values);
        self.present.clear();
        self.present.extend_from_slice(row.present);
    }

    /// Gives every step the value of the first, where that has one.
    pub(crate) fn spread(&mut self, first: Row<'_>, steps: usize) {
        self.reset(steps);
        if let Some(value) = first.get(0) {
            self.values.fill(value);
            bits::set_all(&mut self.present, steps);
        }
    }

    pub(crate) fn row(&self) -> Row<'_> {
        Row { values: &self.values, present: &self.present }
    }

    pub(crate) fn parts_mut(&mut self) -> (&mut [f64], &mut [u64]) {
        (&mut self.values, &mut self.present)
    }
}
