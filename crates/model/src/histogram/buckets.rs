use std::slice;

/// Buckets that follow one another without a gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The index of the first bucket in the first span, which can be negative; the number of absent
    /// buckets since the span before in the others.
    pub offset: i32,
    /// The number of buckets.
    pub length: u32,
}

/// The buckets on one side of zero: which of them there are, and their counts.
///
/// In a valid histogram the spans have as many buckets as there are counts, and no span but the
/// first has a negative offset. Whatever is not so is read as far as both last.
#[derive(Clone, Debug, Default)]
pub struct Buckets<N> {
    /// Where the buckets are, in order of their index.
    pub spans: Vec<Span>,
    /// One number for each bucket: its count in a [`FloatHistogram`](super::FloatHistogram), the
    /// difference to the bucket before in a [`Histogram`](super::Histogram).
    pub counts: Vec<N>,
}

impl<N: Copy> Buckets<N> {
    /// Returns the index of each bucket and its number, in order of the index.
    pub fn iter(&self) -> Entries<'_, N> {
        Entries { spans: self.spans.iter(), counts: &self.counts, index: 0, left: 0 }
    }

    /// Returns what [`Buckets::iter`] does in the opposite order.
    pub fn iter_back(&self) -> EntriesBack<'_, N> {
        let end = self.spans.iter().fold(0_i32, |end, span| {
            end.wrapping_add(span.offset).wrapping_add_unsigned(span.length)
        });
        EntriesBack { spans: self.spans.iter(), counts: &self.counts, end, left: 0, gap: 0 }
    }

    /// Returns whether there is no bucket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Forgets all buckets and keeps the memory.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.counts.clear();
    }

    /// Returns whether both have the same buckets in the same spans.
    pub(super) fn same_layout<M>(&self, other: &Buckets<M>) -> bool {
        self.spans == other.spans && self.counts.len() == other.counts.len()
    }

    /// Returns the bytes behind the two vectors.
    pub(super) fn size_bytes(&self) -> usize {
        size_of_val(self.spans.as_slice()) + size_of_val(self.counts.as_slice())
    }
}

impl<'a, N: Copy> IntoIterator for &'a Buckets<N> {
    type Item = (i32, N);
    type IntoIter = Entries<'a, N>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Buckets with as few spans as there can be.
impl<N: Copy> FromIterator<(i32, N)> for Buckets<N> {
    /// The indices must rise.
    fn from_iter<I: IntoIterator<Item = (i32, N)>>(entries: I) -> Self {
        let mut spans: Vec<Span> = Vec::new();
        let mut end = 0_i32;
        let place = |(index, count): (i32, N)| {
            match spans.last_mut() {
                Some(span) if index == end => span.length += 1,
                _ => spans.push(Span { offset: index.wrapping_sub(end), length: 1 }),
            }
            end = index.wrapping_add(1);
            count
        };
        let counts = entries.into_iter().map(place).collect();
        Self { spans, counts }
    }
}

/// The entries of [`Buckets`], in order of their index.
#[derive(Clone, Debug)]
pub struct Entries<'a, N> {
    spans: slice::Iter<'a, Span>,
    counts: &'a [N],
    /// The index of the next bucket.
    index: i32,
    /// How many buckets of the current span are still to come.
    left: u32,
}

impl<N: Copy> Iterator for Entries<'_, N> {
    type Item = (i32, N);

    fn next(&mut self) -> Option<Self::Item> {
        let (&count, rest) = self.counts.split_first()?;
        while self.left == 0 {
            let span = self.spans.next()?;
            self.index = self.index.wrapping_add(span.offset);
            self.left = span.length;
        }
        let index = self.index;
        self.counts = rest;
        self.index = index.wrapping_add(1);
        self.left -= 1;
        Some((index, count))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.counts.len()))
    }
}

/// The entries of [`Buckets`], the highest index first.
#[derive(Clone, Debug)]
pub struct EntriesBack<'a, N> {
    spans: slice::Iter<'a, Span>,
    counts: &'a [N],
    /// One more than the index of the next bucket.
    end: i32,
    left: u32,
    /// The offset of the current span, which lies between it and the one before.
    gap: i32,
}

impl<N: Copy> Iterator for EntriesBack<'_, N> {
    type Item = (i32, N);

    fn next(&mut self) -> Option<Self::Item> {
        let (&count, rest) = self.counts.split_last()?;
        while self.left == 0 {
            let span = self.spans.next_back()?;
            self.end = self.end.wrapping_sub(self.gap);
            self.left = span.length;
            self.gap = span.offset;
        }
        self.counts = rest;
        self.end = self.end.wrapping_sub(1);
        self.left -= 1;
        Some((self.end, count))
    }
}
