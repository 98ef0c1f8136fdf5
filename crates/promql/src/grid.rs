/// The steps at which an expression is evaluated: equally spaced, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    steps: usize,
}

impl Grid {
    /// Returns the one step at `time_ms`.
    #[must_use]
    pub fn instant(time_ms: i64) -> Self {
        Self { start_ms: time_ms, end_ms: time_ms, step_ms: 1, steps: 1 }
    }

    /// Returns the steps from `start_ms` to at most `end_ms`, `step_ms` apart, or `None` where
    /// `step_ms` is not positive. There is no step where the end lies before the start.
    #[must_use]
    pub fn range(start_ms: i64, end_ms: i64, step_ms: i64) -> Option<Self> {
        if step_ms <= 0 {
            return None;
        }
        let steps = if end_ms < start_ms {
            0
        } else {
            // The distance of two `i64` may not fit one.
            let last = (i128::from(end_ms) - i128::from(start_ms)) / i128::from(step_ms);
            usize::try_from(last).unwrap_or(usize::MAX).saturating_add(1)
        };
        Some(Self { start_ms, end_ms, step_ms, steps })
    }

    /// Returns the first step, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn start_ms(&self) -> i64 {
        self.start_ms
    }

    /// Returns the end as it was given, which need not be a step.
    #[must_use]
    pub fn end_ms(&self) -> i64 {
        self.end_ms
    }

    /// Returns the distance of two steps in milliseconds.
    #[must_use]
    pub fn step_ms(&self) -> i64 {
        self.step_ms
    }

    /// Returns the number of steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Returns the time of step `step` in milliseconds since the Unix epoch.
    #[must_use]
    pub fn time_ms(&self, step: usize) -> i64 {
        self.start_ms.wrapping_add((step as i64).wrapping_mul(self.step_ms))
    }

    /// Returns the time of the last step, or the start where there is no step.
    #[must_use]
    pub fn last_ms(&self) -> i64 {
        self.time_ms(self.steps.saturating_sub(1))
    }

    /// Returns whether start and end are one time. Only then does the order of the series mean
    /// anything: a vector keeps it, a matrix does not.
    #[must_use]
    pub fn is_instant(&self) -> bool {
        self.start_ms == self.end_ms
    }

    /// Returns the times of all steps.
    pub fn times_ms(&self) -> impl ExactSizeIterator<Item = i64> + use<> {
        let grid = *self;
        (0..grid.steps).map(move |step| grid.time_ms(step))
    }
}
