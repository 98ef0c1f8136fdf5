//! Sorting that leaves equal elements where Go's `sort.Sort` leaves them.
//!
//! The reference sorts series by value with an unstable sort and an order in which every NaN is
//! below every other one. Which of two equal series comes first is visible in `sort` and `topk`,
//! and depends on the algorithm alone: Go's pattern-defeating quicksort, whose choices this module
//! repeats.
//!
//! # Source
//!
//! Orson Peters, "Pattern-defeating Quicksort" (arXiv 2106.05123), with the pivot choice, the
//! thresholds and the generator of Go's `sort` package.

use std::ops::Range;

/// Sorts `items` so that `less(later, earlier)` never holds, as far as `less` is an order.
pub(crate) fn sort<T: Copy>(items: &mut [T], less: impl Fn(T, T) -> bool) {
    let bad_pivots_max = usize::BITS - items.len().leading_zeros();
    let all = 0..items.len();
    Sorter { items, less }.quicksort(all, bad_pivots_max);
}

struct Sorter<'a, T, F> {
    items: &'a mut [T],
    less: F,
}

/// What the pivot's neighbours say about the order of the whole.
#[derive(PartialEq)]
enum Trend {
    Rising,
    Falling,
    Unknown,
}

impl<T: Copy, F: Fn(T, T) -> bool> Sorter<'_, T, F> {
    fn less(&self, left: usize, right: usize) -> bool {
        (self.less)(self.items[left], self.items[right])
    }

    /// Sorts a range. The smaller part of each partition is sorted by a call, so the depth stays
    /// logarithmic.
    fn quicksort(&mut self, mut range: Range<usize>, mut bad_pivots_left: u32) {
        let (mut balanced, mut partitioned) = (true, true);
        while range.len() > INSERTION_LEN_MAX {
            if bad_pivots_left == 0 {
                return self.heapsort(range);
            }
            if !balanced {
                self.scatter(&range);
                bad_pivots_left -= 1;
            }
            let (mut pivot, mut trend) = self.choose_pivot(&range);
            if trend == Trend::Falling {
                self.items[range.clone()].reverse();
                pivot = range.end - 1 - (pivot - range.start);
                trend = Trend::Rising;
            }
            let maybe_sorted = balanced && partitioned && trend == Trend::Rising;
            if maybe_sorted && self.finish_insertion(&range) {
                return;
            }
            if range.start > 0 && !self.less(range.start - 1, pivot) {
                range.start = self.skip_equal(&range, pivot);
                continue;
            }
            let middle;
            (middle, partitioned) = self.partition(&range, pivot);
            let (left, right) = (range.start..middle, middle + 1..range.end);
            // The pivot counts as one of the right part.
            let left_is_small = left.len() <= right.len();
            let small_len = if left_is_small { left.len() } else { right.len() + 1 };
            balanced = small_len >= range.len() / 8;
            let (small, large) = if left_is_small { (left, right) } else { (right, left) };
            self.quicksort(small, bad_pivots_left);
            range = large;
        }
        self.insertion(range);
    }

    fn insertion(&mut self, range: Range<usize>) {
        for end in range.start + 1..range.end {
            self.sink(end, range.start);
        }
    }

    /// Moves an element left until the one before it is not greater, or `first` is reached.
    fn sink(&mut self, mut index: usize, first: usize) {
        while index > first && self.less(index, index - 1) {
            self.items.swap(index, index - 1);
            index -= 1;
        }
    }

    /// Sorts a range that needs a few insertions at most, or gives up.
    fn finish_insertion(&mut self, range: &Range<usize>) -> bool {
        let mut index = range.start + 1;
        for _ in 0..REPAIRS_MAX {
            while index < range.end && !self.less(index, index - 1) {
                index += 1;
            }
            if index == range.end {
                return true;
            }
            if range.len() < REPAIR_LEN_MIN {
                return false;
            }
            self.items.swap(index, index - 1);
            if index - range.start >= 2 {
                // As far as the start of the items, not of the range.
                self.sink(index - 1, 0);
            }
            if range.end - index >= 2 {
                for next in index + 1..range.end {
                    if !self.less(next, next - 1) {
                        break;
                    }
                    self.items.swap(next, next - 1);
                }
            }
        }
        false
    }

    /// Moves smaller elements before the pivot. Returns where it lies then, and whether nothing
    /// had to move.
    fn partition(&mut self, range: &Range<usize>, pivot: usize) -> (usize, bool) {
        let first = range.start;
        self.items.swap(first, pivot);
        let (mut left, mut right) = (first + 1, range.end - 1);
        let mut untouched = true;
        loop {
            while left <= right && self.less(left, first) {
                left += 1;
            }
            while left <= right && !self.less(right, first) {
                right -= 1;
            }
            if left > right {
                break;
            }
            self.items.swap(left, right);
            untouched = false;
            left += 1;
            right -= 1;
        }
        self.items.swap(right, first);
        (right, untouched)
    }

    /// Moves elements equal to the pivot to the front, where none is smaller. Returns where the
    /// greater ones begin.
    fn skip_equal(&mut self, range: &Range<usize>, pivot: usize) -> usize {
        let first = range.start;
        self.items.swap(first, pivot);
        let (mut left, mut right) = (first + 1, range.end - 1);
        loop {
            while left <= right && !self.less(first, left) {
                left += 1;
            }
            while left <= right && self.less(first, right) {
                right -= 1;
            }
            if left > right {
                return left;
            }
            self.items.swap(left, right);
            left += 1;
            right -= 1;
        }
    }

    /// Returns a pivot for more than [`INSERTION_LEN_MAX`] elements.
    fn choose_pivot(&self, range: &Range<usize>) -> (usize, Trend) {
        let quarter = range.len() / 4;
        let mut picks = [1, 2, 3].map(|number| range.start + quarter * number);
        let mut swaps = 0;
        if range.len() >= NINTHER_LEN_MIN {
            for pick in &mut picks {
                *pick = self.median([*pick - 1, *pick, *pick + 1], &mut swaps);
            }
        }
        match (self.median(picks, &mut swaps), swaps) {
            (pivot, 0) => (pivot, Trend::Rising),
            (pivot, PIVOT_SWAPS_MAX) => (pivot, Trend::Falling),
            (pivot, _) => (pivot, Trend::Unknown),
        }
    }

    fn median(&self, [mut low, mut middle, mut high]: [usize; 3], swaps: &mut u32) -> usize {
        let mut order = |low: &mut usize, high: &mut usize| {
            if self.less(*high, *low) {
                std::mem::swap(low, high);
                *swaps += 1;
            }
        };
        order(&mut low, &mut middle);
        order(&mut middle, &mut high);
        order(&mut low, &mut middle);
        middle
    }

    /// Swaps three elements near the middle with pseudo-random ones, against patterns that made
    /// bad pivots.
    fn scatter(&mut self, range: &Range<usize>) {
        let count = range.len();
        let mask = (1_u64 << (u64::BITS - (count as u64).leading_zeros())) - 1;
        let mut random = count as u64;
        let middle = range.start + count / 4 * 2;
        for index in middle - 1..=middle + 1 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut other = usize::try_from(random & mask).unwrap_or_default();
            if other >= count {
                other -= count;
            }
            self.items.swap(index, range.start + other);
        }
    }

    fn heapsort(&mut self, range: Range<usize>) {
        let count = range.len();
        for root in (0..=(count - 1) / 2).rev() {
            self.sift_down(&range, root, count);
        }
        for end in (0..count).rev() {
            self.items.swap(range.start, range.start + end);
            self.sift_down(&range, 0, end);
        }
    }

    fn sift_down(&mut self, range: &Range<usize>, mut root: usize, count: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= count {
                return;
            }
            if child + 1 < count && self.less(range.start + child, range.start + child + 1) {
                child += 1;
            }
            if !self.less(range.start + root, range.start + child) {
                return;
            }
            self.items.swap(range.start + root, range.start + child);
            root = child;
        }
    }
}

/// The elements of a binary heap whose first one is the least, as Go's `container/heap` keeps it.
///
/// `less` decides among equals as there, so that the same element of several equal ones leaves.
pub(crate) fn heap_push<T: Copy>(heap: &mut Vec<T>, item: T, less: impl Fn(T, T) -> bool) {
    heap.push(item);
    let mut child = heap.len() - 1;
    while child > 0 {
        let parent = (child - 1) / 2;
        if !less(heap[child], heap[parent]) {
            break;
        }
        heap.swap(parent, child);
        child = parent;
    }
}

/// Restores the order of a heap whose first element was replaced.
pub(crate) fn heap_fix_first<T: Copy>(heap: &mut [T], less: impl Fn(T, T) -> bool) {
    let mut root = 0;
    loop {
        let mut child = 2 * root + 1;
        if child >= heap.len() {
            return;
        }
        if child + 1 < heap.len() && less(heap[child + 1], heap[child]) {
            child += 1;
        }
        if !less(heap[child], heap[root]) {
            return;
        }
        heap.swap(root, child);
        root = child;
    }
}

/// Up to this many elements are sorted by insertion.
const INSERTION_LEN_MAX: usize = 12;
/// From this many elements, the pivot is a median of nine.
const NINTHER_LEN_MIN: usize = 50;
/// The most swaps that choosing a median of nine can take: the elements fall.
const PIVOT_SWAPS_MAX: u32 = 12;
/// How many elements out of place make a range worth finishing by insertion.
const REPAIRS_MAX: usize = 5;
/// Shorter ranges are not finished that way.
const REPAIR_LEN_MIN: usize = 50;

#[cfg(test)]
mod tests {
    use super::sort;

    #[test]
    fn sorts_whatever_the_pattern() {
        for count in [0, 1, 2, 12, 13, 49, 50, 51, 400] {
            for pattern in 0..6_usize {
                let number = |index: usize| match pattern {
                    0 => index,
                    1 => count - index,
                    2 => index * 7919 % 101,
                    3 => 5,
                    4 => index % 3,
                    _ => index ^ 0x55,
                };
                let mut items: Vec<usize> = (0..count).map(number).collect();
                let mut expected = items.clone();
                expected.sort_unstable();
                sort(&mut items, |left, right| left < right);
                assert_eq!(items, expected, "{count} elements of pattern {pattern}");
            }
        }
    }

    /// Every line of the data holds whether the order is reversed, values, and the positions that
    /// Go sorted them into.
    #[test]
    fn equal_elements_lie_where_go_leaves_them() {
        for (number, line) in include_str!("../tests/data/go_sort.txt").lines().enumerate() {
            let mut parts = line.split(' ');
            let reversed = parts.next() == Some("1");
            let mut numbers =
                || parts.next().unwrap().split(',').map(|text| text.parse::<usize>().unwrap());
            let values: Vec<usize> = numbers().collect();
            let expected: Vec<usize> = numbers().collect();
            let mut order: Vec<usize> = (0..values.len()).collect();
            sort(&mut order, |left, right| {
                if reversed { values[right] < values[left] } else { values[left] < values[right] }
            });
            assert_eq!(order, expected, "line {}", number + 1);
        }
    }
}
