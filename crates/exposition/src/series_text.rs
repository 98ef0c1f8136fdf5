//! Series as a text would name them.

use narthex_model::{is_legacy_label_name, is_legacy_metric_name};

use crate::writer::push_name;
use crate::{escape, number};

/// The text of a series, made in memory that is used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeriesText {
    text: String,
    /// The labels, each as `name="value",`.
    labels: String,
    /// The metric's name with its suffix.
    name: String,
}

impl SeriesText {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Begins a series that has no labels yet.
    pub(crate) fn clear(&mut self) {
        self.labels.clear();
    }

    pub(crate) fn push_label(&mut self, name: &str, value: &str) {
        push_name(&mut self.labels, name, is_legacy_label_name(name));
        self.labels.push_str("=\"");
        escape::push_label(&mut self.labels, value);
        self.labels.push_str("\",");
    }

    /// Makes the text of the series of the metric `family` with that suffix. `bound` is a label
    /// whose value is a float, behind the others.
    pub(crate) fn build(&mut self, family: &str, suffix: &str, bound: Option<(&str, f64)>) {
        self.name.clear();
        self.name.push_str(family);
        self.name.push_str(suffix);
        self.text.clear();
        let is_bare = is_legacy_metric_name(&self.name);
        if is_bare && self.labels.is_empty() && bound.is_none() {
            self.text.push_str(&self.name);
            return;
        }
        if is_bare {
            self.text.push_str(&self.name);
            self.text.push('{');
        } else {
            self.text.push('{');
            push_name(&mut self.text, &self.name, false);
            self.text.push(',');
        }
        self.text.push_str(&self.labels);
        if let Some((name, bound)) = bound {
            self.text.push_str(name);
            self.text.push_str("=\"");
            number::push_bound(&mut self.text, bound);
            self.text.push_str("\",");
        }
        self.text.pop();
        self.text.push('}');
    }
}
