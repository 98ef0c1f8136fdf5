use narthex_model::is_stale_nan;
use narthex_storage::{Columns, QueryContext};

use crate::block::Column;
use crate::range_fn::RangeFn;
use crate::scalar::Scalar;
use crate::window::{Reach, Samples, Windows};
use crate::{Grid, QueryError};

/// A function that makes one number of each window over a series of floats.
#[derive(Clone, Debug)]
pub struct RangeKernel {
    function: RangeFn,
    params: Vec<Scalar>,
    /// The samples without what the function does not take, of series that have such.
    kept: (Vec<i64>, Vec<f64>),
}

impl RangeKernel {
    /// Returns the function that PromQL calls `name`, with its scalar parameters in their order, or
    /// `None` where there is none of that name and number of parameters.
    ///
    /// `absent_over_time` makes no number of a window, and `info` none of a series: neither is here.
    #[must_use]
    pub fn new(name: &str, params: &[f64]) -> Option<Self> {
        let function = RangeFn::by_name(name)?;
        let params: Vec<Scalar> = params.iter().copied().map(Scalar::Constant).collect();
        let fits = params.len() == function.param_count();
        fits.then(|| Self { function, params, kept: Default::default() })
    }

    /// Fills `out` with the result at each step of `grid`, over the samples of the `range_ms`
    /// milliseconds up to that step: the window is open on the left and closed on the right.
    ///
    /// Staleness markers are left out, and so are native histograms; start timestamps are not looked
    /// at. What `out` held is forgotten. A step whose window holds too few samples has no value.
    ///
    /// # Errors
    ///
    /// Where `ctx` says to stop, or a window meets a parameter that PromQL refuses.
    pub fn run(
        &mut self,
        ctx: &QueryContext,
        series: &Columns,
        grid: Grid,
        range_ms: i64,
        out: &mut Column,
    ) -> Result<(), QueryError> {
        let windows =
            Windows { grid, range_ms, offset_ms: 0, pinned_ms: None, reach: Reach::default() };
        let (mut timestamps_ms, mut values) = (series.timestamps_ms(), series.values());
        if series.has_stale() || series.has_histograms() {
            self.keep_floats(series);
            (timestamps_ms, values) = (&self.kept.0, &self.kept.1);
        }
        let samples = Samples { timestamps_ms, values, histograms: &[], start_timestamps_ms: None };
        out.reset(grid.steps());
        self.function.fill(ctx, &self.params, samples, &windows, out)
    }

    fn keep_floats(&mut self, series: &Columns) {
        let (timestamps_ms, values) = &mut self.kept;
        timestamps_ms.clear();
        values.clear();
        let mut histograms = series.histograms().iter().peekable();
        for (index, sample) in series.iter().enumerate() {
            let is_histogram = histograms.next_if(|(at, _)| *at == index).is_some();
            if !is_histogram && !is_stale_nan(sample.value) {
                timestamps_ms.push(sample.timestamp_ms);
                values.push(sample.value);
            }
        }
    }
}
