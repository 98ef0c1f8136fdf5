//! Small buffers of bytes, packed by size.
//!
//! A series has a handful of them: its label ids, its open chunk, its list of full chunks. Named by
//! four bytes, and rounded up by an eighth on average, they cost half of what the system's allocator
//! takes for them.

/// Buffers of bytes in a row of sizes. What a new one holds is anything.
#[derive(Debug)]
pub(super) struct Slab {
    classes: Vec<Class>,
}

/// Names one buffer of a [`Slab`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BufferId(u32);

/// The buffers of one size.
#[derive(Debug)]
struct Class {
    size: usize,
    /// A page holds so many of them, which are numbered by so many bits.
    page_len: u32,
    page_shift: u32,
    /// Those without a buffer in use hold no memory: series that began together outgrow a size
    /// together, and another size has use for it.
    pages: Vec<Page>,
    /// Pages that may have room.
    open: Vec<u32>,
}

#[derive(Debug)]
struct Page {
    bytes: Box<[u8]>,
    used_count: u32,
    /// How many buffers were ever handed out.
    count: u32,
    /// The buffer that was given back last. Its first bytes name the one before.
    free: u32,
    is_open: bool,
}

impl BufferId {
    /// Names no buffer.
    pub(super) const NONE: Self = Self(u32::MAX);

    pub(super) fn is_none(self) -> bool {
        self == Self::NONE
    }

    pub(super) fn to_bits(self) -> u32 {
        self.0
    }

    /// `bits` are those of [`BufferId::to_bits`].
    pub(super) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    fn class(self) -> usize {
        (self.0 >> INDEX_BITS) as usize
    }

    fn index(self) -> u32 {
        self.0 & INDEX_MAX
    }
}

impl Default for Slab {
    fn default() -> Self {
        Self { classes: class_sizes().map(Class::new).collect() }
    }
}

impl Slab {
    /// Returns a buffer of at least `size` bytes.
    ///
    /// # Panics
    ///
    /// Where `size` is above [`BUFFER_SIZE_MAX`].
    pub(super) fn allocate(&mut self, size: usize) -> BufferId {
        assert!(size <= BUFFER_SIZE_MAX, "a buffer of {size} bytes");
        let class = self.classes.partition_point(|class| class.size < size);
        let index = self.classes[class].allocate();
        BufferId(u32::try_from(class).expect("few classes") << INDEX_BITS | index)
    }

    /// Gives a buffer back, if it is one.
    pub(super) fn free(&mut self, id: BufferId) {
        if !id.is_none() {
            self.classes[id.class()].free(id.index());
        }
    }

    #[inline]
    pub(super) fn get(&self, id: BufferId) -> &[u8] {
        let class = &self.classes[id.class()];
        let (page, start) = class.place(id.index());
        &class.pages[page].bytes[start..start + class.size]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: BufferId) -> &mut [u8] {
        let class = &mut self.classes[id.class()];
        let (page, start) = class.place(id.index());
        &mut class.pages[page].bytes[start..start + class.size]
    }

    /// Makes ready for [`Slab::pack`]: new buffers come from the pages with the least room.
    pub(super) fn start_packing(&mut self) {
        for Class { open, pages, .. } in &mut self.classes {
            open.sort_unstable_by_key(|number| pages[*number as usize].used_count);
        }
    }

    /// Returns a buffer with what is in `id`, which is given back or returned: it is another one where
    /// most of its page is free and another page has room.
    ///
    /// Series that began together outgrow a size together, but for a few: the pages would stay for
    /// those.
    pub(super) fn pack(&mut self, id: BufferId) -> BufferId {
        let class = &mut self.classes[id.class()];
        let (page, start) = class.place(id.index());
        let fullest = class.open.last().is_some_and(|number| *number as usize != page);
        if !fullest || class.pages[page].used_count > class.page_len / PACKED_SHARE {
            return id;
        }
        let index = class.allocate();
        let (to_page, to_start) = class.place(index);
        if let Ok([from, to]) = class.pages.get_disjoint_mut([page, to_page]) {
            let kept = &from.bytes[start..start + class.size];
            to.bytes[to_start..to_start + class.size].copy_from_slice(kept);
        }
        class.free(id.index());
        BufferId(id.0 & !INDEX_MAX | index)
    }

    /// Returns a buffer of at least `size` bytes that starts with the first `kept_size` of `id`, which
    /// is given back or returned.
    pub(super) fn resize(&mut self, id: BufferId, kept_size: usize, size: usize) -> BufferId {
        let resized = self.allocate(size);
        if resized.class() == id.class() {
            self.free(resized);
            return id;
        }
        if let Ok([old, new]) = self.classes.get_disjoint_mut([id.class(), resized.class()]) {
            let (page, start) = old.place(id.index());
            let kept = &old.pages[page].bytes[start..start + kept_size];
            let (page, start) = new.place(resized.index());
            new.pages[page].bytes[start..start + kept_size].copy_from_slice(kept);
        }
        self.free(id);
        resized
    }
}

impl Class {
    fn new(size: usize) -> Self {
        let page_len = u32::try_from((PAGE_SIZE / size).max(1)).expect("pages are small");
        let page_shift = page_len.next_power_of_two().ilog2();
        Self { size, page_len, page_shift, pages: Vec::new(), open: Vec::new() }
    }

    fn allocate(&mut self) -> u32 {
        let number = self.open_page();
        let page = &mut self.pages[number as usize];
        if page.bytes.is_empty() {
            // Nearly all pages have one size, so that the memory of one serves any other.
            let is_small = self.size <= PAGE_SIZE / 8;
            let size = if is_small { PAGE_SIZE } else { self.size * self.page_len as usize };
            page.bytes = vec![0; size].into();
        }
        let within = if page.free == NONE_FREE {
            page.count += 1;
            page.count - 1
        } else {
            let start = page.free as usize * self.size;
            let next = page.bytes[start..].first_chunk().expect("a buffer has eight bytes");
            std::mem::replace(&mut page.free, u32::from_le_bytes(*next))
        };
        page.used_count += 1;
        if page.used_count == self.page_len {
            page.is_open = false;
            self.open.pop();
        }
        (number << self.page_shift) + within
    }

    /// Returns the page to take a buffer from.
    fn open_page(&mut self) -> u32 {
        if let Some(number) = self.open.last() {
            return *number;
        }
        let number = u32::try_from(self.pages.len()).expect("few pages");
        assert!(number < INDEX_MAX >> self.page_shift, "too many buffers of {} bytes", self.size);
        let bytes = Box::default();
        self.pages.push(Page { bytes, used_count: 0, count: 0, free: NONE_FREE, is_open: true });
        self.open.push(number);
        number
    }

    fn free(&mut self, index: u32) {
        let (number, start) = self.place(index);
        let page = &mut self.pages[number];
        page.used_count -= 1;
        if page.used_count == 0 {
            (page.bytes, page.count, page.free) = (Box::default(), 0, NONE_FREE);
        } else {
            page.bytes[start..start + 4].copy_from_slice(&page.free.to_le_bytes());
            page.free = index & ((1 << self.page_shift) - 1);
        }
        if !page.is_open {
            page.is_open = true;
            self.open.push(index >> self.page_shift);
        }
    }

    /// Returns the page of a buffer, and where it starts there.
    #[inline]
    fn place(&self, index: u32) -> (usize, usize) {
        let page = index >> self.page_shift;
        let within = index - (page << self.page_shift);
        (page as usize, within as usize * self.size)
    }
}

/// Returns the sizes of buffers. They rise by a sixteenth to an eighth where open chunks of floats are for
/// most of their time, by a quarter at most up to 2 KiB, and then by a half at most.
fn class_sizes() -> impl Iterator<Item = usize> {
    let small = (1..8).map(|count| count * 8).chain((4..8).map(|count| count * 16));
    let open_chunks = (4..16).map(|count| count * 32);
    let middle = (9..11).flat_map(|bits| (4..8).map(move |quarter| quarter << (bits - 2)));
    let large = (11..24).flat_map(|bits| (2..4).map(move |half| half << (bits - 1)));
    small.chain(open_chunks).chain(middle).chain(large).chain([BUFFER_SIZE_MAX])
}

/// The largest buffer, in bytes.
pub(super) const BUFFER_SIZE_MAX: usize = 1 << 24;

/// What a page holds at most, in bytes, but for buffers that are larger.
const PAGE_SIZE: usize = 8 << 10;

/// Buffers leave pages of which less than one in so many is used.
const PACKED_SHARE: u32 = 2;

/// Of a buffer's name: the rest is its class.
const INDEX_BITS: u32 = 26;
const INDEX_MAX: u32 = (1 << INDEX_BITS) - 1;
const NONE_FREE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BUFFER_SIZE_MAX, BufferId, INDEX_BITS, Slab, class_sizes};

    #[test]
    fn sizes_rise_to_the_largest() {
        let sizes = class_sizes().collect::<Vec<_>>();
        assert!(sizes.is_sorted_by(|a, b| a < b), "{sizes:?}");
        assert_eq!(sizes.last(), Some(&BUFFER_SIZE_MAX));
        assert!(sizes.len() < (1 << (32 - INDEX_BITS)), "{}", sizes.len());
        assert_eq!(sizes[..12], [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128]);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Allocate(usize),
        Free(usize),
        Resize(usize, usize),
        Pack(usize),
        StartPacking,
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_usize..600).prop_map(Step::Allocate),
            any::<usize>().prop_map(Step::Free),
            (any::<usize>(), 1_usize..600).prop_map(|(which, size)| Step::Resize(which, size)),
            any::<usize>().prop_map(Step::Pack),
            Just(Step::StartPacking),
        ]
    }

    #[test]
    fn packed_buffers_free_the_pages_of_those_that_went() {
        let mut slab = Slab::default();
        let mut ids = (0..10_000).map(|_| slab.allocate(64)).collect::<Vec<_>>();
        let mut index = 0;
        ids.retain(|id| {
            index += 1;
            let stays = index % 100 == 0;
            if !stays {
                slab.free(*id);
            }
            stays
        });
        let pages = |slab: &Slab| {
            let pages = slab.classes.iter().flat_map(|class| &class.pages);
            pages.filter(|page| !page.bytes.is_empty()).count()
        };
        assert!(pages(&slab) > 10);
        slab.start_packing();
        ids.iter_mut().for_each(|id| *id = slab.pack(*id));
        assert_eq!(pages(&slab), 1);
    }

    proptest! {
        #[test]
        fn buffers_keep_what_was_written(steps in prop::collection::vec(any_step(), 0..200)) {
            let mut slab = Slab::default();
            let mut model: Vec<(BufferId, Vec<u8>)> = Vec::new();
            let mut fill = 0_u8;
            for step in steps {
                fill = fill.wrapping_add(1);
                match step {
                    Step::Allocate(size) => {
                        let id = slab.allocate(size);
                        slab.get_mut(id)[..size].fill(fill);
                        model.push((id, vec![fill; size]));
                    }
                    Step::Free(which) if !model.is_empty() => {
                        slab.free(model.swap_remove(which % model.len()).0);
                    }
                    Step::Resize(which, size) if !model.is_empty() => {
                        let index = which % model.len();
                        let (id, bytes) = &mut model[index];
                        bytes.truncate(size);
                        *id = slab.resize(*id, bytes.len(), size);
                        prop_assert!(slab.get(*id).len() >= size);
                    }
                    Step::Pack(which) if !model.is_empty() => {
                        let index = which % model.len();
                        model[index].0 = slab.pack(model[index].0);
                    }
                    Step::StartPacking => slab.start_packing(),
                    _ => {}
                }
                for (id, bytes) in &model {
                    prop_assert_eq!(&slab.get(*id)[..bytes.len()], &**bytes);
                }
            }
        }
    }
}
