use super::{Labels, encoding};

/// Edits a label set, or makes one, and keeps its buffers from one set to the next.
///
/// Names are unique: setting one again replaces its value, and an empty value deletes the label.
///
/// ```
/// use narthex_model::{Labels, LabelsBuilder};
///
/// let mut builder = LabelsBuilder::default();
/// builder.reset(&Labels::from_pairs([("job", "node"), ("env", "dev")]));
/// builder.set("env", "prod").delete("job");
/// assert_eq!(builder.build(), Labels::from_pairs([("env", "prod")]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    /// Names and values of all labels ever set since the last reset, unordered.
    text: String,
    /// The live labels, sorted by name.
    entries: Vec<Entry>,
    encoded: String,
}

/// Where a label's name and value lie in the builder's text.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name_start: usize,
    name_end: usize,
    value_start: usize,
    value_end: usize,
}

impl LabelsBuilder {
    /// Starts again from `base`.
    pub fn reset(&mut self, base: &Labels) {
        self.clear();
        for (name, value) in base {
            let entry = self.push_label(name, value);
            self.entries.push(entry);
        }
    }

    /// Starts again from no labels.
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }

    /// Sets `name` to `value`, or deletes it where `value` is empty.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        if value.is_empty() {
            return self.delete(name);
        }
        match self.position(name) {
            Ok(index) => {
                self.entries[index].value_start = self.text.len();
                self.text.push_str(value);
                self.entries[index].value_end = self.text.len();
            }
            Err(index) => {
                let entry = self.push_label(name, value);
                self.entries.insert(index, entry);
            }
        }
        self
    }

    /// Deletes `name` where it is set.
    pub fn delete(&mut self, name: &str) -> &mut Self {
        if let Ok(index) = self.position(name) {
            self.entries.remove(index);
        }
        self
    }

    /// Deletes every label for which `keep(name, value)` is false.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) -> &mut Self {
        let text = &self.text;
        self.entries.retain(|entry| keep(entry.name(text), entry.value(text)));
        self
    }

    /// Returns the value of `name`, or `None` where it is not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let index = self.position(name).ok()?;
        Some(self.entries[index].value(&self.text))
    }

    /// Returns the labels in order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (entry.name(&self.text), entry.value(&self.text)))
    }

    /// Returns the labels in the order in which they were first set since they were last deleted;
    /// those of the set that [`LabelsBuilder::reset`] took come first.
    pub fn iter_in_set_order(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_unstable_by_key(|entry| entry.name_start);
        entries.into_iter().map(|entry| (entry.name(&self.text), entry.value(&self.text)))
    }

    /// Returns whether no label is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the label set. The builder keeps its state, so more edits may follow.
    #[must_use]
    pub fn build(&mut self) -> Labels {
        self.encoded.clear();
        for entry in &self.entries {
            encoding::push_text(&mut self.encoded, entry.name(&self.text));
            encoding::push_text(&mut self.encoded, entry.value(&self.text));
        }
        Labels::from_encoded(&self.encoded)
    }

    fn push_label(&mut self, name: &str, value: &str) -> Entry {
        let name_start = self.text.len();
        self.text.push_str(name);
        let value_start = self.text.len();
        self.text.push_str(value);
        Entry { name_start, name_end: value_start, value_start, value_end: self.text.len() }
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        // Labels mostly arrive in order, so the common case looks at the last one alone.
        match self.entries.last() {
            None => Err(0),
            Some(last) if last.name(&self.text) < name => Err(self.entries.len()),
            Some(_) => self.entries.binary_search_by(|entry| entry.name(&self.text).cmp(name)),
        }
    }
}

impl Entry {
    fn name<'a>(&self, text: &'a str) -> &'a str {
        &text[self.name_start..self.name_end]
    }

    fn value<'a>(&self, text: &'a str) -> &'a str {
        &text[self.value_start..self.value_end]
    }
}
