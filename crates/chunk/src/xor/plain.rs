//! The encoding once more, bit by bit and with no thought for speed: the oracle of the tests.

/// Bits, one by one.
#[derive(Default)]
pub(crate) struct Bits(Vec<bool>);

impl Bits {
    pub(crate) fn push(&mut self, number: u64, count: u32) {
        self.0.extend((0..count).rev().map(|bit| number >> bit & 1 == 1));
    }

    pub(crate) fn push_varint(&mut self, mut number: u64) {
        while number > 0x7f {
            self.push(number & 0x7f | 0x80, 8);
            number >>= 7;
        }
        self.push(number, 8);
    }

    pub(crate) fn push_signed_varint(&mut self, number: i64) {
        self.push_varint((number << 1 ^ number >> 63).cast_unsigned());
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            (0..8).fold(0, |byte, bit| byte << 1 | u8::from(bits.get(bit).is_some_and(|set| *set)))
        };
        self.0.chunks(8).map(byte).collect()
    }
}

/// Returns the chunk of `samples`.
pub(crate) fn encode(samples: &[(i64, f64)]) -> Vec<u8> {
    let mut out = Bits::default();
    out.push(samples.len() as u64, 16);
    let mut window = None;
    for (index, &(time, value)) in samples.iter().enumerate() {
        if index == 0 {
            out.push_signed_varint(time);
            out.push(value.to_bits(), 64);
            continue;
        }
        let delta = time.wrapping_sub(samples[index - 1].0);
        if index == 1 {
            out.push_varint(delta.cast_unsigned());
        } else {
            let before = samples[index - 1].0.wrapping_sub(samples[index - 2].0);
            push_time(&mut out, delta.wrapping_sub(before));
        }
        push_value(&mut out, value.to_bits() ^ samples[index - 1].1.to_bits(), &mut window);
    }
    out.into_bytes()
}

fn push_time(out: &mut Bits, change: i64) {
    if change == 0 {
        return out.push(0, 1);
    }
    for (tag, tag_size, size) in [(0b10, 2, 14), (0b110, 3, 17), (0b1110, 4, 20)] {
        let top = 1 << (size - 1);
        if (1 - top..=top).contains(&change) {
            out.push(tag, tag_size);
            return out.push(change.cast_unsigned(), size);
        }
    }
    out.push(0b1111, 4);
    out.push(change.cast_unsigned(), 64);
}

pub(crate) fn push_value(out: &mut Bits, change: u64, window: &mut Option<(u32, u32)>) {
    if change == 0 {
        return out.push(0, 1);
    }
    let (leading, trailing) = (change.leading_zeros().min(31), change.trailing_zeros());
    let (leading, trailing) = match *window {
        Some((old_leading, old_trailing)) if leading >= old_leading && trailing >= old_trailing => {
            out.push(0b10, 2);
            (old_leading, old_trailing)
        }
        _ => {
            *window = Some((leading, trailing));
            out.push(0b11, 2);
            out.push(u64::from(leading), 5);
            out.push(u64::from(64 - leading - trailing), 6);
            (leading, trailing)
        }
    };
    out.push(change >> trailing, 64 - leading - trailing);
}
