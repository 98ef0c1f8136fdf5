//! Windows of neighbouring steps, found together.

use narthex_storage::{QueryContext, StorageError};

use super::{BATCH_LEN_MAX, SAMPLES_UNCHECKED_MAX, Samples, Spans, Window, Windows};

/// The windows of some neighbouring steps, whose bits lie in one word of a set of steps.
#[derive(Debug)]
pub(crate) struct Batch<'w, 'a> {
    windows: &'w Windows,
    pub(crate) samples: Samples<'a>,
    /// The first step.
    pub(crate) step: usize,
    /// The samples of each window.
    pub(crate) spans: Spans,
}

impl<'a> Batch<'_, 'a> {
    /// Returns the number of windows, those without samples included.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns the right end of the window at a position.
    pub(crate) fn end_ms(&self, position: usize) -> i64 {
        self.windows.end_ms(self.step + position)
    }

    /// Returns the window at a position, if it holds a sample.
    #[inline]
    pub(crate) fn window(&self, position: usize) -> Option<Window<'a>> {
        let (first, end) = (self.spans.firsts()[position], self.spans.ends()[position]);
        if first >= end {
            return None;
        }
        let end_ms = self.end_ms(position);
        Some(Window {
            step: self.step + position,
            end_ms,
            start_ms: end_ms.saturating_sub(self.windows.range_ms),
            first,
            timestamps_ms: &self.samples.timestamps_ms[first..end],
            values: &self.samples.values[first..end],
        })
    }

    /// Finds the windows of the steps from `self.step` on, as many as a batch takes. The indices are
    /// those of the window before.
    fn find(&mut self, mut first: usize, mut end: usize) {
        let times = self.samples.timestamps_ms;
        let Self { windows, step, .. } = *self;
        let (from_ms, to_ms) = windows.seen_by(step);
        end = advance(times, end, to_ms);
        first = advance(times, first, from_ms);
        // Long windows come in small batches, so that a query is not long without a check.
        let samples_max = SAMPLES_UNCHECKED_MAX / (end - first).max(1);
        let len = (windows.grid.steps() - step)
            .min(BATCH_LEN_MAX - step % BATCH_LEN_MAX)
            .min(samples_max.max(LEN_MIN));
        let step_ms = windows.grid.step_ms();
        let passed_ms = (len as i64 - 1).wrapping_mul(step_ms);
        let even = windows.seen_by(step + len - 1)
            == (from_ms.wrapping_add(passed_ms), to_ms.wrapping_add(passed_ms));
        // PERF: where a step is as long as so many samples, this is known of all windows at once.
        let next_ms = to_ms.wrapping_add(step_ms);
        let stride = advance(times, end, next_ms) - end;
        if even
            && moves_by(stride, times, first, len, from_ms, step_ms)
            && moves_by(stride, times, end, len, to_ms, step_ms)
        {
            return self.spans.roll(len, first, end, stride);
        }
        self.spans.set(len, |position| {
            let (from_ms, to_ms) = windows.seen_by(step + position);
            end = advance(times, end, to_ms);
            first = advance(times, first, from_ms);
            (first, end)
        });
    }
}

impl Windows {
    /// Calls `visit` with the windows of all steps, in rising order.
    ///
    /// # Errors
    ///
    /// Where the query was told to stop.
    #[inline]
    pub(crate) fn batches<'w, 'a>(
        &'w self,
        ctx: &QueryContext,
        samples: Samples<'a>,
        mut visit: impl FnMut(&Batch<'w, 'a>),
    ) -> Result<(), StorageError> {
        let mut batch = Batch { windows: self, samples, step: 0, spans: Spans::new() };
        let (mut first, mut end) = (0, 0);
        let mut unchecked = 0;
        while batch.step < self.grid.steps() {
            batch.find(first, end);
            let last = batch.len() - 1;
            (first, end) = (batch.spans.firsts()[last], batch.spans.ends()[last]);
            unchecked += batch.len() * (1 + end - first);
            if unchecked > SAMPLES_UNCHECKED_MAX {
                ctx.check()?;
                unchecked = 0;
            }
            visit(&batch);
            batch.step += batch.len();
        }
        Ok(())
    }
}

/// Returns the number of samples that are not after `time_ms`, of which there are at least `count`.
fn advance(times: &[i64], count: usize, time_ms: i64) -> usize {
    let mut count = count;
    while count < times.len() && times[count] <= time_ms {
        count += 1;
    }
    count
}

/// Returns whether `stride` samples more, of which there is one at least, are not after the time at
/// each of `len` steps, the first of which is at `time_ms` and has `count` of them.
fn moves_by(
    stride: usize,
    times: &[i64],
    count: usize,
    len: usize,
    time_ms: i64,
    step_ms: i64,
) -> bool {
    let last = len - 1;
    let Some(entering) = times.get(count..count + last * stride) else { return false };
    let rest = &times[count + last * stride..];
    let last_ms = time_ms.wrapping_add((last as i64).wrapping_mul(step_ms));
    // Most series that do not move so are told by this alone.
    if stride == 0 || rest.first().is_some_and(|next_ms| *next_ms <= last_ms) {
        return false;
    }
    let mut now_ms = time_ms;
    let mut all = true;
    let mut enter = |first_ms: i64, last_ms: i64| {
        all &= first_ms > now_ms;
        now_ms = now_ms.wrapping_add(step_ms);
        all &= last_ms <= now_ms;
    };
    if stride == 1 {
        entering.iter().for_each(|time| enter(*time, *time));
    } else {
        entering.chunks_exact(stride).for_each(|times| enter(times[0], times[stride - 1]));
    }
    all
}

/// How many windows a batch has however long they are, steps permitting.
const LEN_MIN: usize = 8;
