//! Whether a histogram can go to a chunk, and what has to change for it.
//!
//! # Source
//!
//! `appendable`, `appendableGauge` and those who call them in Prometheus `tsdb/chunkenc/histogram.go`
//! and `float_histogram.go`. Which spans a chunk gets that is written anew is theirs, to the byte.

use narthex_model::histogram::{Buckets, ResetHint, Span};

use super::field::Field;
use super::kind::{ChunkHistogram, Number, Parts};
use super::layout::Spans;
use super::state::State;

/// What has to be done to append a histogram to a chunk.
#[derive(Clone, Debug)]
pub(super) enum Fit {
    /// Nothing.
    Same,
    /// The histogram gets the buckets that only the chunk has.
    Expand,
    /// The chunk is written anew with buckets in these spans, and the histogram gets them too.
    Recode(Spans<Vec<Span>>),
    /// It cannot be. The header of the chunk to which it goes says this.
    Elsewhere(ResetHint),
}

/// Returns how a histogram fits in a chunk whose header says `reset`.
pub(super) fn fit<H: ChunkHistogram>(state: &State<H>, reset: ResetHint, histogram: &H) -> Fit {
    let parts = histogram.parts();
    let is_gauge = parts.reset_hint == ResetHint::Gauge;
    if is_gauge != (reset == ResetHint::Gauge) {
        return Fit::Elsewhere(if is_gauge { ResetHint::Gauge } else { H::HEADER_AFTER_GAUGES });
    }
    if parts.reset_hint == ResetHint::Reset {
        return Fit::Elsewhere(ResetHint::Reset);
    }
    if histogram.is_stale() {
        return Fit::Same;
    }
    if let Some(header) = start_elsewhere(state, &parts) {
        return Fit::Elsewhere(if is_gauge { ResetHint::Gauge } else { header });
    }
    let positive = compare::<H>(&state.positive, parts.positive);
    let negative = compare::<H>(&state.negative, parts.negative);
    if !is_gauge && (positive.fell || negative.fell) {
        return Fit::Elsewhere(ResetHint::Reset);
    }
    let is_expanded = positive.lacks || negative.lacks;
    if !positive.adds && !negative.adds {
        return if is_expanded { Fit::Expand } else { Fit::Same };
    }
    // Gauges join both sides where one is joined.
    let joins = |side: &Comparison| side.lacks || (is_gauge && is_expanded);
    Fit::Recode(Spans {
        positive: spans::<H>(joins(&positive), &state.positive, parts.positive),
        negative: spans::<H>(joins(&negative), &state.negative, parts.negative),
    })
}

/// Returns what the header says of the next chunk where a histogram cannot follow for other reasons
/// than its buckets, taken for a counter.
fn start_elsewhere<H: ChunkHistogram>(
    state: &State<H>,
    parts: &Parts<'_, Number<H>>,
) -> Option<ResetHint> {
    let is_gauge = parts.reset_hint == ResetHint::Gauge;
    let layout = &state.layout;
    if state.is_stale() {
        // Nothing but further markers can follow a staleness marker.
        return Some(ResetHint::Unknown);
    }
    if !is_gauge && H::fell(state.count.number(), parts.count) {
        return Some(ResetHint::Reset);
    }
    if parts.schema != layout.schema || parts.zero_threshold != layout.zero_threshold {
        return Some(ResetHint::Unknown);
    }
    let zero_fell = || !is_gauge && H::fell(state.zero_count.number(), parts.zero_count);
    let other_bounds = layout.has_custom_bounds() && *parts.custom_bounds != layout.custom_bounds;
    (other_bounds || zero_fell()).then_some(ResetHint::Reset)
}

/// How one side of a histogram compares to that of the chunk.
#[derive(Clone, Copy, Debug, Default)]
struct Comparison {
    /// It has buckets that the chunk has not.
    adds: bool,
    /// The chunk has buckets that it has not.
    lacks: bool,
    /// A bucket has fewer observations than before.
    fell: bool,
}

fn compare<H: ChunkHistogram>(
    chunk: &Buckets<H::Field>,
    sample: &Buckets<Number<H>>,
) -> Comparison {
    let mut found = Comparison::default();
    for (_, before, now) in join::<H>(chunk, sample) {
        match (before, now) {
            (Some(before), Some(now)) => found.fell |= before > now,
            (Some(before), None) => {
                found.lacks = true;
                found.fell |= before != Number::<H>::default();
            }
            _ => found.adds = true,
        }
    }
    found
}

/// Returns the spans of one side of a chunk that is written anew.
fn spans<H: ChunkHistogram>(
    joined: bool,
    chunk: &Buckets<H::Field>,
    sample: &Buckets<Number<H>>,
) -> Vec<Span> {
    if !joined {
        return sample.spans.clone();
    }
    let joined: Buckets<()> = join::<H>(chunk, sample).map(|(index, _, _)| (index, ())).collect();
    joined.spans
}

/// Returns the index of each bucket that either has, with its observations in both.
fn join<'a, H: ChunkHistogram>(
    chunk: &'a Buckets<H::Field>,
    sample: &'a Buckets<Number<H>>,
) -> impl Iterator<Item = (i32, Option<Number<H>>, Option<Number<H>>)> + 'a {
    let mut before =
        H::counts(chunk.iter().map(|(index, field)| (index, field.number()))).peekable();
    let mut now = H::counts(sample.iter()).peekable();
    std::iter::from_fn(move || {
        let next =
            [before.peek(), now.peek()].into_iter().flatten().map(|(index, _)| *index).min()?;
        let is_next = |(index, _): &(i32, Number<H>)| *index == next;
        let before = before.next_if(is_next).map(|(_, count)| count);
        Some((next, before, now.next_if(is_next).map(|(_, count)| count)))
    })
}

/// Returns the numbers of buckets as they are in the spans of others, with zeros for what is not
/// there and without what has no place.
pub(super) fn spread<H: ChunkHistogram, N: Copy>(
    buckets: &Buckets<Number<H>>,
    onto: &Buckets<N>,
) -> Buckets<Number<H>> {
    let mut counts = H::counts(buckets.iter()).peekable();
    let mut before = Number::<H>::default();
    let number = |(index, _): (i32, N)| {
        while counts.next_if(|(here, _)| *here < index).is_some() {}
        let count = counts.next_if(|(here, _)| *here == index).map(|(_, count)| count);
        let count = count.unwrap_or_default();
        let number = H::to_number(before, count);
        before = count;
        number
    };
    Buckets { spans: onto.spans.clone(), counts: onto.iter().map(number).collect() }
}
