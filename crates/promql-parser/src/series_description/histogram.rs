//! Native histograms among the values of a series: `{{schema:1 count:3 buckets:[1 2]}}`.

use std::sync::Arc;

use narthex_model::histogram::{Added, Buckets, FloatHistogram, HistogramError, ResetHint, Span};

use super::SequenceValue;
use super::sequence::{Sequence, is_space};
use crate::error::SeriesProblem;
use crate::parse::Parsed;

/// A histogram as it is written.
#[derive(Default)]
struct Description {
    histogram: FloatHistogram,
    positive_offset: i32,
    negative_offset: i32,
    has_reset_hint: bool,
    /// The keys so far.
    keys: Vec<Key>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Schema,
    Sum,
    Count,
    ZeroCount,
    ZeroThreshold,
    Buckets,
    Offset,
    NegativeBuckets,
    NegativeOffset,
    CustomBounds,
    ResetHint,
}

const KEYS: [(&str, Key); 11] = [
    ("schema", Key::Schema),
    ("sum", Key::Sum),
    ("count", Key::Count),
    ("z_bucket", Key::ZeroCount),
    ("z_bucket_w", Key::ZeroThreshold),
    ("buckets", Key::Buckets),
    ("offset", Key::Offset),
    ("n_buckets", Key::NegativeBuckets),
    ("n_offset", Key::NegativeOffset),
    ("custom_values", Key::CustomBounds),
    ("counter_reset_hint", Key::ResetHint),
];

const RESET_HINTS: [(&str, ResetHint); 4] = [
    ("unknown", ResetHint::Unknown),
    ("reset", ResetHint::Reset),
    ("not_reset", ResetHint::NotReset),
    ("gauge", ResetHint::Gauge),
];

/// For how many values the fields of a histogram count beside its buckets.
const HISTOGRAM_VALUES: usize = 32;

impl Sequence<'_> {
    /// Reads a histogram and how it goes on.
    pub(super) fn histograms(&mut self) -> Parsed<()> {
        let first = self.histogram()?;
        match self.peek() {
            Some('x') => {
                let repetitions = self.times()?;
                self.repeat(first.into_value(), repetitions.saturating_add(1))
            }
            Some('+') => self.sums(first, FloatHistogram::add),
            Some('-') => self.sums(first, FloatHistogram::sub),
            _ => self.repeat(first.into_value(), 1),
        }
    }

    /// Reads `+{{…}}x2` behind a histogram.
    fn sums(
        &mut self,
        first: Description,
        combine: fn(&mut FloatHistogram, &FloatHistogram) -> Result<Added, HistogramError>,
    ) -> Parsed<()> {
        self.skip(1);
        if !self.rest().starts_with("{{") {
            return self.unexpected("");
        }
        let Description { histogram: step, has_reset_hint, .. } = self.histogram()?;
        let times_at = self.position() + 1;
        let repetitions = self.times()?;
        let buckets =
            [&first.histogram, &step].map(|it| it.positive.counts.len() + it.negative.counts.len());
        let size = HISTOGRAM_VALUES + buckets[0] + buckets[1];
        self.allow(repetitions.saturating_add(1).saturating_mul(size))?;

        let mut sum = Arc::new(first.histogram);
        self.push(SequenceValue::Histogram { histogram: Arc::clone(&sum), has_reset_hint });
        for _ in 0..repetitions {
            if sum.schema > step.schema {
                let problem = SeriesProblem::SchemaMismatch { from: step.schema, to: sum.schema };
                return self.fail(times_at, problem);
            }
            let mut next = (*sum).clone();
            if let Err(error) = combine(&mut next, &step) {
                return self.fail(times_at, SeriesProblem::Histogram(error));
            }
            sum = Arc::new(next);
            self.push(SequenceValue::Histogram { histogram: Arc::clone(&sum), has_reset_hint });
        }
        Ok(())
    }

    /// Reads from `{{` to `}}`.
    fn histogram(&mut self) -> Parsed<Description> {
        self.skip("{{".len());
        let mut description = Description::default();
        let mut after_space = !self.take_while(is_space).is_empty();
        while !self.rest().starts_with("}}") {
            // A space stands between entries, and nowhere else but before the end.
            if after_space == description.keys.is_empty() {
                return self.unexpected_in_histogram();
            }
            self.entry(&mut description)?;
            after_space = !self.take_while(is_space).is_empty();
        }
        self.skip("}}".len());
        description.finish();
        Ok(description)
    }

    fn entry(&mut self, description: &mut Description) -> Parsed<()> {
        let start = self.position();
        let word = self.take_while(is_key);
        if word.is_empty() {
            return self.unexpected_in_histogram();
        }
        let Some(key) = find(&KEYS, word) else {
            return self.fail(start, SeriesProblem::UnknownKey { key: word.into() });
        };
        if !self.take(':') {
            return self.fail(start, SeriesProblem::MissingColon);
        }
        if description.keys.contains(&key) {
            // The reference names no place, which prints as the first.
            return self.fail_nowhere(SeriesProblem::DuplicateKey { key: word.into() });
        }
        description.keys.push(key);
        let histogram = &mut description.histogram;
        match key {
            Key::Schema => histogram.schema = self.integer()?,
            Key::Offset => description.positive_offset = self.integer()?,
            Key::NegativeOffset => description.negative_offset = self.integer()?,
            Key::Sum => histogram.sum = self.signed_or_not()?,
            Key::Count => histogram.count = self.signed_or_not()?,
            Key::ZeroCount => histogram.zero_count = self.signed_or_not()?,
            Key::ZeroThreshold => histogram.zero_threshold = self.unsigned()?,
            Key::Buckets => histogram.positive.counts = self.numbers()?,
            Key::NegativeBuckets => histogram.negative.counts = self.numbers()?,
            Key::CustomBounds => histogram.custom_bounds = self.numbers()?.into(),
            Key::ResetHint => {
                histogram.reset_hint = self.reset_hint()?;
                description.has_reset_hint = true;
            }
        }
        Ok(())
    }

    fn reset_hint(&mut self) -> Parsed<ResetHint> {
        let start = self.position();
        let word = self.take_while(is_key);
        match find(&RESET_HINTS, word) {
            Some(hint) => Ok(hint),
            None if word.is_empty() => self.unexpected_in_histogram(),
            None => self.fail(start, SeriesProblem::UnknownKey { key: word.into() }),
        }
    }

    fn integer(&mut self) -> Parsed<i32> {
        let start = self.position();
        let negative = self.take('-');
        let magnitude = i64::try_from(self.repetitions()?).unwrap_or(i64::MAX);
        let number = if negative { -magnitude } else { magnitude };
        match i32::try_from(number) {
            Ok(number) => Ok(number),
            Err(_) => self.fail(start, SeriesProblem::IntegerOutOfRange),
        }
    }

    /// Reads a number that `-` may stand before, but not `+`.
    fn signed_or_not(&mut self) -> Parsed<f64> {
        let negative = self.take('-');
        let magnitude = self.unsigned()?;
        Ok(if negative { -magnitude } else { magnitude })
    }

    /// Reads `[1 -2 3]`.
    fn numbers(&mut self) -> Parsed<Vec<f64>> {
        if !self.take('[') {
            return self.unexpected_in_histogram();
        }
        let mut numbers = vec![self.signed_or_not()?];
        loop {
            let after_space = !self.take_while(is_space).is_empty();
            if self.take(']') {
                return Ok(numbers);
            }
            if !after_space {
                return self.unexpected_in_histogram();
            }
            numbers.push(self.signed_or_not()?);
        }
    }

    /// Complains about what stands here.
    fn unexpected_in_histogram<T>(&self) -> Parsed<T> {
        let found = match self.peek() {
            Some(found) if !is_space(found) && !is_key(found) && !found.is_ascii_digit() => found,
            _ => return self.unexpected(""),
        };
        self.fail(self.position(), SeriesProblem::UnexpectedInHistogram { found })
    }
}

impl Description {
    /// Puts the buckets in their places.
    fn finish(&mut self) {
        let histogram = &mut self.histogram;
        for (buckets, offset) in [
            (&mut histogram.positive, self.positive_offset),
            (&mut histogram.negative, self.negative_offset),
        ] {
            place(buckets, offset);
        }
    }

    fn into_value(self) -> SequenceValue {
        let histogram = Arc::new(self.histogram);
        SequenceValue::Histogram { histogram, has_reset_hint: self.has_reset_hint }
    }
}

fn place(buckets: &mut Buckets<f64>, offset: i32) {
    if !buckets.counts.is_empty() {
        let length = u32::try_from(buckets.counts.len()).unwrap_or(u32::MAX);
        buckets.spans = vec![Span { offset, length }];
    }
}

fn find<T: Copy>(words: &[(&str, T)], word: &str) -> Option<T> {
    words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, meaning)| *meaning)
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}
