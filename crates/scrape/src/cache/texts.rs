//! Texts that lie in page order, each told by what it does not share with the one before.

/// A list of texts. Most of a line is in the line before, too, as only the values of some labels
/// differ.
///
/// A text is kept as a row of [`Step`]s from the text before it. Every sixteenth is kept whole, so that
/// one can be read without all that come before.
#[derive(Debug, Default)]
pub(super) struct Texts {
    steps: Vec<u8>,
    /// Where each block of texts begins.
    blocks: Vec<usize>,
    count: usize,
    /// The text that was added last.
    newest: Vec<u8>,
}

/// Goes through texts; next to each other is fast.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Which text comes next, and where its steps begin.
    next: usize,
    at: usize,
    /// The text before that one, and memory for the next.
    text: Vec<u8>,
    spare: Vec<u8>,
}

/// A part of a text: what it shares with the text before, and what it has instead of other bytes there.
/// Behind the last step, the rest of the text before is shared.
struct Step<'t> {
    shared_size: usize,
    replaced_size: usize,
    added: &'t [u8],
    is_last: bool,
}

impl Texts {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns how many bytes they take.
    pub(super) fn size(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn push(&mut self, text: &[u8]) {
        let mut base = self.newest.as_slice();
        if is_whole(self.count) {
            self.blocks.push(self.steps.len());
            base = &[];
        }
        push_steps(base, text, &mut self.steps);
        self.newest.clear();
        self.newest.extend_from_slice(text);
        self.count += 1;
    }

    /// Gives back memory that is not in use.
    pub(super) fn shrink(&mut self) {
        self.steps.shrink_to_fit();
        self.blocks.shrink_to_fit();
    }

    /// Returns where the text ends in `line`, if that begins with it, and where the steps of the next
    /// text begin. Those of the text are at `at`, and `base` is the text before it.
    #[inline]
    pub(super) fn find_end(
        &self,
        index: usize,
        at: usize,
        base: &[u8],
        line: &[u8],
    ) -> Option<(usize, usize)> {
        let mut steps = self.steps.get(at..)?;
        let mut base = if is_whole(index) { &[] } else { base };
        let mut rest = line;
        loop {
            let step = Step::take(&mut steps)?;
            let (shared, base_rest) = base.split_at_checked(step.shared_size)?;
            rest = rest.strip_prefix(shared)?.strip_prefix(step.added)?;
            base = base_rest.get(step.replaced_size..)?;
            if step.is_last {
                rest = rest.strip_prefix(base)?;
                return Some((line.len() - rest.len(), self.steps.len() - steps.len()));
            }
        }
    }
}

impl Walk {
    /// Goes to a text, which must be one of `texts`, and returns it.
    pub(super) fn go_to(&mut self, index: usize, texts: &Texts) -> &[u8] {
        let block = index / BLOCK_LEN;
        let is_on_the_way = self.next > block * BLOCK_LEN && self.next <= index + 1;
        if !is_on_the_way {
            (self.next, self.at) = (block * BLOCK_LEN, texts.blocks[block]);
        }
        while self.next <= index {
            self.step(texts);
        }
        &self.text
    }

    /// Stands behind the text at `index`, whose steps end at `at`.
    pub(super) fn stand_behind(&mut self, index: usize, at: usize, text: &[u8]) {
        (self.next, self.at) = (index + 1, at);
        self.text.clear();
        self.text.extend_from_slice(text);
    }

    /// Returns the text that it went to last.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns where the steps behind that text begin.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn step(&mut self, texts: &Texts) {
        let mut base = if is_whole(self.next) { &[] } else { self.text.as_slice() };
        let mut steps = &texts.steps[self.at..];
        self.spare.clear();
        // Steps are what `push_steps` wrote.
        while let Some(step) = Step::take(&mut steps) {
            let (shared, rest) = base.split_at(step.shared_size);
            self.spare.extend_from_slice(shared);
            self.spare.extend_from_slice(step.added);
            base = &rest[step.replaced_size..];
            if step.is_last {
                break;
            }
        }
        self.spare.extend_from_slice(base);
        std::mem::swap(&mut self.text, &mut self.spare);
        (self.next, self.at) = (self.next + 1, texts.steps.len() - steps.len());
    }
}

impl<'t> Step<'t> {
    /// Takes the first step.
    #[inline]
    fn take(steps: &mut &'t [u8]) -> Option<Self> {
        let (shared_size, replaced_size) = (take_number(steps)?, take_number(steps)?);
        let added = take_number(steps)?;
        let (added, is_last) = (added >> 1, added & 1 == 1);
        let (added, rest) = steps.split_at_checked(added)?;
        *steps = rest;
        Some(Self { shared_size, replaced_size, added, is_last })
    }

    fn push(&self, steps: &mut Vec<u8>) {
        push_number(self.shared_size, steps);
        push_number(self.replaced_size, steps);
        push_number(self.added.len() << 1 | usize::from(self.is_last), steps);
        steps.extend_from_slice(self.added);
    }
}

/// Writes the steps from `base` to `text`. Which bytes are shared makes them short or long, but no text
/// another one.
fn push_steps(mut base: &[u8], mut text: &[u8], steps: &mut Vec<u8>) {
    loop {
        let shared_size = base.iter().zip(text).take_while(|(ours, theirs)| ours == theirs).count();
        (base, text) = (&base[shared_size..], &text[shared_size..]);
        let (replaced_size, added_size) = different(base, text);
        let added;
        (added, text) = text.split_at(added_size);
        base = &base[replaced_size..];
        let is_last = base == text;
        Step { shared_size, replaced_size, added, is_last }.push(steps);
        if is_last {
            return;
        }
    }
}

/// Returns how many bytes of each differ: the rest of a label's value, where two labels differ in that.
fn different(base: &[u8], text: &[u8]) -> (usize, usize) {
    if base.is_empty() || text.is_empty() {
        return (base.len(), text.len());
    }
    let value = |text: &'_ [u8]| text.iter().position(|byte| *byte == b'"').unwrap_or(text.len());
    let (base, text) = (&base[..value(base)], &text[..value(text)]);
    let ends = base.iter().rev().zip(text.iter().rev());
    let same = ends.take_while(|(ours, theirs)| ours == theirs).count();
    (base.len() - same, text.len() - same)
}

/// Returns whether a text is kept whole.
fn is_whole(index: usize) -> bool {
    index.is_multiple_of(BLOCK_LEN)
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
fn push_number(mut number: usize, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[inline]
fn take_number(bytes: &mut &[u8]) -> Option<usize> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    let mut number = usize::from(first & 0x7f);
    let (mut byte, mut shift) = (*first, 7);
    while byte > 0x7f {
        let (next, rest) = bytes.split_first()?;
        (byte, *bytes) = (*next, rest);
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
    }
    Some(number)
}

const BLOCK_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::{Texts, Walk};

    #[test]
    fn what_lines_share_is_kept_once() {
        let line = |code: usize, path: usize| {
            format!("requests_total{{code=\"{code}\",path=\"/api/{path}\",zone=\"eu-west\"}}")
        };
        let mut texts = Texts::default();
        for (path, code) in (0..100).flat_map(|path| [200, 404, 500].map(|code| (path, code))) {
            texts.push(line(code, path).as_bytes());
        }
        let size = texts.size() / texts.count();
        assert!(size * 4 < line(200, 10).len(), "{size} bytes a text");
    }

    /// Texts that mostly share something with each other, some of them longer than a byte can count.
    fn any_text() -> impl Strategy<Value = Vec<u8>> {
        let series = (0..3, 0..30, 0..4, prop_oneof![Just(0), Just(1), 100..300_usize]);
        let series = series.prop_map(|(name, code, zone, length)| {
            let value = "é".repeat(length);
            format!("m{name}{{code=\"{code}\",v=\"{value}\",zone=\"{zone}\"}}").into_bytes()
        });
        prop_oneof![4 => series, 1 => vec(prop_oneof![Just(b'"'), Just(b'a'), any::<u8>()], 0..6)]
    }

    proptest! {
        #[test]
        fn texts_are_kept(list in vec(any_text(), 1..60), visits in vec(any::<Index>(), 0..60)) {
            let mut texts = Texts::default();
            list.iter().for_each(|text| texts.push(text));
            let mut walk = Walk::default();
            for visit in visits {
                let index = visit.index(list.len());
                prop_assert_eq!(walk.go_to(index, &texts), &*list[index]);
                prop_assert_eq!(walk.text(), &*list[index]);
            }
        }

        #[test]
        fn a_text_is_found_exactly_where_a_line_begins_with_it(
            list in vec(any_text(), 1..40),
            lines in vec((any_text(), any::<bool>()), 40),
        ) {
            let mut texts = Texts::default();
            list.iter().for_each(|text| texts.push(text));
            let (mut at, mut before) = (0, &[][..]);
            for (index, (text, (other, begins))) in list.iter().zip(&lines).enumerate() {
                let line = if *begins { [&**text, &**other].concat() } else { other.clone() };
                let found = texts.find_end(index, at, before, &line).map(|(end, _)| end);
                prop_assert_eq!(found, line.starts_with(text).then_some(text.len()));
                let (_, next) = texts.find_end(index, at, before, text).expect("it is the text");
                (at, before) = (next, text);
            }
        }
    }
}
