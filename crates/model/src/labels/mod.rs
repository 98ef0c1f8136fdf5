//! Label sets: one shared allocation each, sorted by name, compared and hashed as bytes.

mod builder;
mod encoding;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

pub use builder::LabelsBuilder;

use crate::quote::write_quoted;

/// The label that holds a series' metric name.
pub const METRIC_NAME_LABEL: &str = "__name__";
/// The label that names the scrape job of a series.
pub const JOB_LABEL: &str = "job";
/// The label that names the scraped target of a series.
pub const INSTANCE_LABEL: &str = "instance";
/// The label that holds a classic histogram bucket's upper bound.
pub const BUCKET_LABEL: &str = "le";
/// The label that holds a summary's quantile.
pub const QUANTILE_LABEL: &str = "quantile";

/// An immutable label set, sorted by name, without duplicates and without empty values.
///
/// The whole set lies in one allocation that clones share, so a clone costs one atomic increment.
/// Equality and hashing look at the bytes; ordering compares label by label, name before value, as
/// the reference sorts results.
///
/// ```
/// use narthex_model::Labels;
///
/// let labels = Labels::from_pairs([("b", "2"), ("a", "1"), ("empty", "")]);
/// assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Labels {
    encoded: Arc<str>,
}

impl Labels {
    /// Returns the set without labels. It allocates nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Returns the set of `pairs`, in any order. The last of equal names wins, and a pair with an
    /// empty value is left out.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// Returns the value of `name`, or `None` where the set has no such label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        for (candidate, value) in self.iter() {
            match candidate.cmp(name) {
                Ordering::Less => {}
                Ordering::Equal => return Some(value),
                Ordering::Greater => return None,
            }
        }
        None
    }

    /// Returns the value of `name`, or the empty string: PromQL treats both alike.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Returns the metric name, or the empty string.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.value(METRIC_NAME_LABEL)
    }

    /// Returns the labels in order of their names.
    #[must_use]
    pub fn iter(&self) -> LabelsIter<'_> {
        LabelsIter { rest: &self.encoded }
    }

    /// Returns the number of labels. It walks the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns whether the set has no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// Returns the encoded set, the same bytes for equal sets. It is a key for hash maps and for
    /// sharding inside one process, not a storage format.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.encoded.as_bytes()
    }

    /// Returns whether both share one allocation: a cheap test that proves equality, and whose
    /// failure proves nothing.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.encoded, &other.encoded)
    }

    /// Returns a view that prints `up{job="node"}`: the metric name first, bare where the legacy
    /// charset allows it.
    #[must_use]
    pub fn as_series(&self) -> SeriesDisplay<'_> {
        SeriesDisplay(self)
    }

    /// Returns the labels as the pieces that [`Labels::as_bytes`] is made of, in order of their
    /// names.
    pub fn encoded_labels(&self) -> impl Iterator<Item = EncodedLabel<'_>> {
        let mut rest = &*self.encoded;
        std::iter::from_fn(move || {
            let piece = encoding::take_label(&mut rest);
            piece.map(EncodedLabel)
        })
    }

    /// Returns the set of such pieces, which must come in order of their names: a store that holds
    /// each label once puts its sets together again.
    pub fn from_encoded_labels<'a>(
        labels: impl IntoIterator<Item = EncodedLabel<'a>, IntoIter: Clone>,
    ) -> Self {
        let labels = labels.into_iter();
        let size = labels.clone().map(|EncodedLabel(piece)| piece.len()).sum();
        let mut encoded = String::with_capacity(size);
        labels.for_each(|EncodedLabel(piece)| encoded.push_str(piece));
        Self::from_encoded(&encoded)
    }

    fn from_encoded(encoded: &str) -> Self {
        if encoded.is_empty() { Self::empty() } else { Self { encoded: encoded.into() } }
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

/// Prints `{__name__="up", job="node"}`, the form of the reference's error messages.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        write_pairs(f, self.iter(), "")?;
        f.write_str("}")
    }
}

/// Prints a label set as a series: see [`Labels::as_series`].
#[derive(Clone, Copy, Debug)]
pub struct SeriesDisplay<'a>(&'a Labels);

impl fmt::Display for SeriesDisplay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric_name = self.0.metric_name();
        let others = self.0.iter().filter(|(name, _)| *name != METRIC_NAME_LABEL);
        if is_legacy_metric_name(metric_name) {
            f.write_str(metric_name)?;
            if others.clone().next().is_none() {
                return Ok(());
            }
            f.write_str("{")?;
            write_pairs(f, others, "")?;
        } else {
            f.write_str("{")?;
            let mut separator = "";
            if !metric_name.is_empty() {
                write_quoted(f, metric_name)?;
                separator = ", ";
            }
            write_pairs(f, others, separator)?;
        }
        f.write_str("}")
    }
}

fn write_pairs<'a>(
    f: &mut fmt::Formatter<'_>,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    mut separator: &str,
) -> fmt::Result {
    for (name, value) in pairs {
        f.write_str(separator)?;
        if is_legacy_label_name(name) {
            f.write_str(name)?;
        } else {
            write_quoted(f, name)?;
        }
        f.write_str("=")?;
        write_quoted(f, value)?;
        separator = ", ";
    }
    Ok(())
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = LabelsIter<'a>;

    fn into_iter(self) -> LabelsIter<'a> {
        self.iter()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self::from_pairs(pairs)
    }
}

/// The labels of a set, `(name, value)` in order of the names.
#[derive(Clone, Debug)]
pub struct LabelsIter<'a> {
    rest: &'a str,
}

impl<'a> Iterator for LabelsIter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (name, rest) = encoding::take_text(self.rest);
        let (value, rest) = encoding::take_text(rest);
        self.rest = rest;
        Some((name, value))
    }
}

/// One label as it lies in a set: the same text for equal labels, and another for others.
///
/// ```
/// use narthex_model::{EncodedLabel, Labels};
///
/// let labels = Labels::from_pairs([("a", "1"), ("b", "2")]);
/// let texts = labels.encoded_labels().map(|label| label.as_str().to_owned()).collect::<Vec<_>>();
/// let pieces = texts.iter().map(|text| EncodedLabel::from_text(text));
/// assert!(pieces.clone().map(|label| label.split()).eq(&labels));
/// assert_eq!(Labels::from_encoded_labels(pieces), labels);
/// assert_eq!(EncodedLabel::encode("a", "1", &mut String::new()).as_str(), texts[0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EncodedLabel<'a>(&'a str);

impl<'a> EncodedLabel<'a> {
    /// `text` is what [`EncodedLabel::as_str`] gave; of another text nothing is promised.
    #[must_use]
    pub fn from_text(text: &'a str) -> Self {
        Self(text)
    }

    /// Returns the label of a set that has `name` with `value`, written to `buffer`.
    #[must_use]
    pub fn encode(name: &str, value: &str, buffer: &'a mut String) -> Self {
        buffer.clear();
        encoding::push_text(buffer, name);
        encoding::push_text(buffer, value);
        Self(buffer)
    }

    /// Returns the text. It is a key inside one process, not a storage format.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Returns the name and the value.
    ///
    /// # Panics
    ///
    /// Where the text is not one of [`EncodedLabel::as_str`].
    #[must_use]
    pub fn split(self) -> (&'a str, &'a str) {
        let (name, rest) = encoding::take_text(self.0);
        (name, encoding::take_text(rest).0)
    }
}

/// Returns whether `name` is a metric name of the charset before UTF-8 names:
/// `[a-zA-Z_:][a-zA-Z0-9_:]*`.
#[must_use]
pub fn is_legacy_metric_name(name: &str) -> bool {
    let legal = |(index, byte): (usize, u8)| {
        byte.is_ascii_alphabetic()
            || byte == b'_'
            || byte == b':'
            || (byte.is_ascii_digit() && index > 0)
    };
    !name.is_empty() && name.bytes().enumerate().all(legal)
}

/// Returns whether `name` is a label name of the charset before UTF-8 names:
/// `[a-zA-Z_][a-zA-Z0-9_]*`.
#[must_use]
pub fn is_legacy_label_name(name: &str) -> bool {
    is_legacy_metric_name(name) && !name.contains(':')
}

#[cfg(test)]
mod tests;
