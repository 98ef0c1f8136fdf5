//! The arithmetic of queries, for who has columns of samples and no query.
//!
//! A [`RangeKernel`] is a function over a range vector. It slides its windows over one decoded series
//! and fills a [`Column`]: a value for each step of a [`Grid`](crate::Grid) that has one. These are
//! the loops that [`Engine`](crate::Engine) runs, and their digits are those of Prometheus. A
//! [`FoldKernel`] aggregates such columns.
//!
//! ```
//! use narthex_promql::Grid;
//! use narthex_promql::kernel::{Column, RangeKernel};
//! use narthex_storage::{Columns, QueryContext};
//!
//! let mut samples = Columns::default();
//! samples.extend_from_slices(&[0, 15_000, 30_000, 45_000], &[1.0, 2.0, 4.0, 8.0]);
//! let grid = Grid::range(30_000, 60_000, 15_000).unwrap();
//!
//! let mut sums = Column::default();
//! let mut kernel = RangeKernel::new("sum_over_time", &[]).unwrap();
//! kernel.run(&QueryContext::default(), &samples, grid, 30_000, &mut sums)?;
//! assert_eq!(sums.iter().collect::<Vec<_>>(), [(0, 6.0), (1, 12.0), (2, 8.0)]);
//! # Ok::<(), narthex_promql::QueryError>(())
//! ```

mod fold;
mod range;

pub use crate::block::Column;
pub use fold::FoldKernel;
pub use range::RangeKernel;
