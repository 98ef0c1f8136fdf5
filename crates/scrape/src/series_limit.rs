//! How many series targets may have, one by one and together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the series of all targets.
#[derive(Debug)]
pub(crate) struct SeriesLimit {
    /// The most series of one target; 0 for any number.
    target_max: u64,
    /// The most series of all targets together; 0 for any number.
    total_max: u64,
    total: AtomicU64,
}

impl SeriesLimit {
    pub(crate) fn new(target_max: u64, total_max: u64) -> Self {
        Self { target_max, total_max, total: AtomicU64::new(0) }
    }

    /// Returns how many series there are.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

/// The series of one target. Those that it has go on, whatever the limits say: only new ones are
/// refused. What it has is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct SeriesShare {
    limit: Arc<SeriesLimit>,
    held: u64,
}

impl SeriesShare {
    pub(crate) fn new(limit: Arc<SeriesLimit>) -> Self {
        Self { limit, held: 0 }
    }

    /// Takes one more series, if there may be one.
    pub(crate) fn take_one(&mut self) -> bool {
        let SeriesLimit { target_max, total_max, total } = &*self.limit;
        if *target_max > 0 && self.held >= *target_max {
            return false;
        }
        if total.fetch_add(1, Ordering::Relaxed) >= *total_max && *total_max > 0 {
            total.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        self.held += 1;
        true
    }

    /// Notes how many series there are now.
    pub(crate) fn set(&mut self, count: u64) {
        self.limit.total.fetch_add(count.wrapping_sub(self.held), Ordering::Relaxed);
        self.held = count;
    }
}

impl Drop for SeriesShare {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(share: &mut SeriesShare, count: usize) -> usize {
        (0..count).filter(|_| share.take_one()).count()
    }

    #[test]
    fn limits_hold_for_one_target_and_for_all() {
        let limit = Arc::new(SeriesLimit::new(3, 5));
        let mut one = SeriesShare::new(Arc::clone(&limit));
        let mut other = SeriesShare::new(Arc::clone(&limit));
        assert_eq!((take(&mut one, 4), take(&mut other, 4)), (3, 2));
        one.set(1);
        assert_eq!((limit.total(), take(&mut other, 4)), (3, 1));
        drop(other);
        assert_eq!(limit.total(), 1);
    }

    #[test]
    fn zero_is_no_limit() {
        let limit = Arc::new(SeriesLimit::new(0, 0));
        let mut share = SeriesShare::new(limit);
        assert_eq!(take(&mut share, 1_000), 1_000);
    }
}
