use std::mem;

use hashbrown::HashMap;
use narthex_exposition::Value;
use narthex_model::histogram::{Buckets, FloatHistogram, Histogram};

/// Start times for counters that do not say since when they count.
///
/// What a series has when it is first seen is taken as counted before anybody looked. That sample is
/// left out, and the others are what was counted since then. So a counter that is scraped for the first
/// time does not seem to have risen by all that it ever counted.
///
/// # Source
///
/// `stCache` in Prometheus `scrape/st_synthesis.go`.
#[derive(Debug, Default)]
pub(super) struct StartTimes {
    /// By the text of the series.
    series: HashMap<Box<str>, Counted>,
    /// Counts pages.
    generation: u64,
    /// How many series the last good page had.
    good_count: usize,
}

/// What is known of one series.
#[derive(Debug)]
struct Counted {
    start_ms: i64,
    /// The last value, and what it was when it was first seen.
    numbers: Numbers,
    /// The page that had it last.
    seen: u64,
}

#[derive(Debug)]
enum Numbers {
    Float { previous: f64, first: f64 },
    Histogram(Box<Histograms>),
}

#[derive(Debug)]
struct Histograms {
    previous: FloatHistogram,
    /// `None` behind a reset: all was counted since then.
    first: Option<FloatHistogram>,
}

/// What is to be stored of a sample.
#[derive(Debug)]
pub(super) enum Since {
    /// Nothing: it is where counting begins. `is_new` says whether the series was not known before.
    Nothing { is_new: bool },
    /// This, counted since then.
    Counted { start_ms: i64, value: Owned },
}

/// A value that was made here.
#[derive(Clone, Debug)]
pub(super) enum Owned {
    Float(f64),
    Histogram(Histogram),
    FloatHistogram(FloatHistogram),
}

impl Owned {
    pub(super) fn as_value(&self) -> Value<'_> {
        match self {
            Self::Float(value) => Value::Float(*value),
            Self::Histogram(histogram) => Value::Histogram(histogram),
            Self::FloatHistogram(histogram) => Value::FloatHistogram(histogram),
        }
    }
}

impl StartTimes {
    /// Returns whether the series of this text has a start time.
    pub(super) fn has(&self, text: &str) -> bool {
        self.series.contains_key(text)
    }

    /// Returns what is to be stored of the sample `value` at `timestamp_ms` of a series that counts.
    pub(super) fn count(&mut self, text: &str, value: Value<'_>, timestamp_ms: i64) -> Since {
        let seen = self.generation;
        if let Some(known) = self.series.get_mut(text)
            && let Some(since) = known.advance(value, timestamp_ms)
        {
            known.seen = seen;
            return since;
        }
        let numbers = Numbers::first(value);
        let counted = Counted { start_ms: timestamp_ms, numbers, seen };
        let is_new = self.series.insert(text.into(), counted).is_none();
        Since::Nothing { is_new }
    }

    /// Forgets a series: the store refused its sample, and what it counts begins anew.
    pub(super) fn forget(&mut self, text: &str) {
        self.series.remove(text);
    }

    /// Ends a page. `good` ones forget the series that they lack; of failing ones no more are kept than
    /// the last good page explains.
    pub(super) fn finish(&mut self, good: bool) {
        if good {
            let generation = self.generation;
            self.series.retain(|_, counted| counted.seen == generation);
            self.good_count = self.series.len();
        } else if self.series.len() > 2 * self.good_count + GROWTH_MAX {
            self.series = HashMap::new();
        }
        self.generation += 1;
    }
}

/// How many series failed pages may add beyond twice those of the last good one.
const GROWTH_MAX: usize = 1_000;

impl Numbers {
    fn first(value: Value<'_>) -> Self {
        let histogram = |first: FloatHistogram| {
            Self::Histogram(Box::new(Histograms { previous: first.clone(), first: Some(first) }))
        };
        match value {
            Value::Float(first) => Self::Float { previous: first, first },
            Value::Histogram(first) => histogram(first.to_float()),
            Value::FloatHistogram(first) => histogram(first.clone()),
        }
    }
}

impl Counted {
    /// Takes the next value. `None` where the series is of another kind now.
    fn advance(&mut self, value: Value<'_>, timestamp_ms: i64) -> Option<Since> {
        let (value, was_reset) = match (&mut self.numbers, value) {
            (Numbers::Float { previous, first }, Value::Float(value)) => {
                let was_reset = value < mem::replace(previous, value);
                if was_reset {
                    *first = 0.0;
                }
                (Owned::Float(value - *first), was_reset)
            }
            (Numbers::Histogram(known), Value::Histogram(histogram)) => {
                let (since, was_reset) = known.advance(histogram.to_float());
                let owned = since.map_or_else(|| histogram.clone(), |since| in_integers(&since));
                (
                    Owned::Histogram(Histogram { reset_hint: histogram.reset_hint, ..owned }),
                    was_reset,
                )
            }
            (Numbers::Histogram(known), Value::FloatHistogram(histogram)) => {
                let (since, was_reset) = known.advance(histogram.clone());
                (Owned::FloatHistogram(since.unwrap_or_else(|| histogram.clone())), was_reset)
            }
            _ => return None,
        };
        if was_reset {
            // It was some time between the two samples. The shortest time claims least.
            self.start_ms = timestamp_ms - 1;
        }
        Some(Since::Counted { start_ms: self.start_ms, value })
    }
}

impl Histograms {
    /// Takes the next histogram. Returns what was counted since the first one, or `None` where that is
    /// all of it, and whether it was reset since the last one.
    fn advance(&mut self, histogram: FloatHistogram) -> (Option<FloatHistogram>, bool) {
        let was_reset = histogram.detect_reset(&self.previous);
        if was_reset {
            self.first = None;
        }
        let since = self.first.as_ref().and_then(|first| {
            let mut since = histogram.clone();
            since.sub(first).ok()?;
            since.compact();
            Some(since)
        });
        self.previous = histogram;
        (since, was_reset)
    }
}

/// Returns a histogram whose counts are whole numbers with integers for them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "differences of counts without a reset between them are counts; others saturate"
)]
fn in_integers(histogram: &FloatHistogram) -> Histogram {
    let buckets = |buckets: &Buckets<f64>| {
        let mut before = 0;
        let differences = buckets.counts.iter().map(|&count| {
            let count = count as i64;
            count - mem::replace(&mut before, count)
        });
        Buckets { counts: differences.collect(), spans: buckets.spans.clone() }
    };
    Histogram {
        reset_hint: histogram.reset_hint,
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero_count: histogram.zero_count as u64,
        count: histogram.count as u64,
        sum: histogram.sum,
        positive: buckets(&histogram.positive),
        negative: buckets(&histogram.negative),
        custom_bounds: histogram.custom_bounds.clone(),
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::histogram::Span;

    use super::*;

    /// Returns the start time and the number that are stored, or `None` where nothing is.
    fn count(times: &mut StartTimes, value: f64, timestamp_ms: i64) -> Option<(i64, f64)> {
        match times.count("c_total", Value::Float(value), timestamp_ms) {
            Since::Nothing { .. } => None,
            Since::Counted { start_ms, value: Owned::Float(value) } => Some((start_ms, value)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_counted_before_is_taken_off() {
        let mut times = StartTimes::default();
        for (timestamp_ms, value, expected) in [
            (1_000, 100.0, None),
            (2_000, 100.0, Some((1_000, 0.0))),
            (3_000, 107.5, Some((1_000, 7.5))),
            // A reset, and all is counted since then.
            (4_000, 3.0, Some((3_999, 3.0))),
            (5_000, 4.0, Some((3_999, 4.0))),
        ] {
            assert_eq!(count(&mut times, value, timestamp_ms), expected, "{timestamp_ms}");
            times.finish(true);
        }
        times.forget("c_total");
        assert_eq!(count(&mut times, 9.0, 6_000), None);
        times.finish(true);
        // A page without the series.
        times.finish(true);
        assert!(!times.has("c_total"));
    }

    #[test]
    fn histograms_are_counted_bucket_by_bucket() {
        let histogram = |counts: [i64; 3], hint| Histogram {
            count: counts.iter().sum::<i64>().unsigned_abs(),
            sum: 10.0 * counts.iter().sum::<i64>() as f64,
            reset_hint: hint,
            positive: Buckets {
                spans: vec![Span { offset: 0, length: 3 }],
                counts: vec![counts[0], counts[1] - counts[0], counts[2] - counts[1]],
            },
            ..Histogram::default()
        };
        let unknown = Default::default();
        let first = histogram([2, 0, 1], unknown);
        let next = histogram([2, 5, 4], unknown);
        let difference = Histogram { sum: 80.0, ..histogram([0, 5, 3], unknown) };
        let reset = histogram([1, 0, 0], unknown);
        let mut times = StartTimes::default();
        let mut advance = |value: &Histogram, at: i64| {
            let integers = times.count("h", Value::Histogram(value), at);
            let floats = times.count("f", Value::FloatHistogram(&value.to_float()), at);
            match (integers, floats) {
                (Since::Nothing { .. }, Since::Nothing { .. }) => None,
                (
                    Since::Counted { start_ms, value: Owned::Histogram(integers) },
                    Since::Counted { start_ms: same, value: Owned::FloatHistogram(floats) },
                ) => {
                    assert_eq!((start_ms, integers.to_float()), (same, floats));
                    Some((start_ms, integers))
                }
                other => panic!("{other:?}"),
            }
        };
        assert!(advance(&first, 1_000).is_none());
        let mut compact = difference;
        compact.compact();
        assert_eq!(advance(&next, 2_000), Some((1_000, compact)));
        assert_eq!(advance(&reset, 3_000), Some((2_999, reset.clone())));
    }

    #[test]
    fn failing_pages_do_not_pile_up_series() {
        let mut times = StartTimes::default();
        for index in 0..3_000 {
            times.count(&format!("c{index}_total"), Value::Float(1.0), 1);
            times.finish(false);
            assert!(times.series.len() <= GROWTH_MAX + 1);
        }
    }
}
