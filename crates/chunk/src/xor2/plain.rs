//! The encoding once more, bit by bit and with no thought for speed: the oracle of the tests.

use narthex_model::is_stale_nan;

use crate::xor::plain::Bits;

/// A sample: its time, its start, its value.
pub(super) type Row = (i64, i64, f64);

/// Returns the chunk of `rows`.
pub(super) fn encode(rows: &[Row]) -> Vec<u8> {
    let first_change =
        (1..rows.len()).find(|&index| index == 127 || rows[index].1 != rows[index - 1].1);
    let first_is_known = rows.first().is_some_and(|(_, start, _)| *start != 0);
    let mut out = Bits::default();
    out.push(rows.len() as u64, 16);
    out.push(u64::from(first_is_known), 1);
    out.push(first_change.unwrap_or(0) as u64, 7);
    let (mut base, mut window) = (0_u64, None);
    for (index, &(time, start, value)) in rows.iter().enumerate() {
        push_sample(&mut out, rows, index, base, &mut window);
        if !is_stale_nan(value) {
            base = value.to_bits();
        }
        if index == 0 && first_is_known {
            out.push_signed_varint(time - start);
        }
        if let Some(first_change) = first_change
            && index >= first_change
        {
            let distance = |index: usize| rows[index - 1].0 - rows[index].1;
            let before = if index == first_change { 0 } else { distance(index - 1) };
            push_varbit(&mut out, distance(index) - before);
        }
    }
    out.into_bytes()
}

fn push_sample(
    out: &mut Bits,
    rows: &[Row],
    index: usize,
    base: u64,
    window: &mut Option<(u32, u32)>,
) {
    let (time, _, value) = rows[index];
    if index == 0 {
        out.push_signed_varint(time);
        return out.push(value.to_bits(), 64);
    }
    let delta = time.wrapping_sub(rows[index - 1].0);
    if index == 1 {
        out.push_varint(delta.cast_unsigned());
        return push_long(out, value, base, window);
    }
    let change = delta.wrapping_sub(rows[index - 1].0.wrapping_sub(rows[index - 2].0));
    if change == 0 {
        return push_short(out, value, base, window);
    }
    for (tag, tag_size, size) in [(0b110, 3, 13), (0b1110, 4, 20), (0b11110, 5, 64)] {
        let top = 1_i128 << (size - 1);
        if (-top..top).contains(&i128::from(change)) {
            out.push(tag, tag_size);
            out.push(change.cast_unsigned(), size);
            break;
        }
    }
    push_long(out, value, base, window);
}

fn push_short(out: &mut Bits, value: f64, base: u64, window: &mut Option<(u32, u32)>) {
    let change = value.to_bits() ^ base;
    if is_stale_nan(value) {
        out.push(0b11111, 5);
    } else if change == 0 {
        out.push(0, 1);
    } else {
        out.push(0b10, 2);
        push_change(out, change, window, (0b0, 1), (0b1, 1));
    }
}

fn push_long(out: &mut Bits, value: f64, base: u64, window: &mut Option<(u32, u32)>) {
    let change = value.to_bits() ^ base;
    if is_stale_nan(value) {
        out.push(0b111, 3);
    } else if change == 0 {
        out.push(0, 1);
    } else {
        push_change(out, change, window, (0b10, 2), (0b110, 3));
    }
}

fn push_change(
    out: &mut Bits,
    change: u64,
    window: &mut Option<(u32, u32)>,
    old_tag: (u64, u32),
    new_tag: (u64, u32),
) {
    let (leading, trailing) = (change.leading_zeros().min(31), change.trailing_zeros());
    let (leading, trailing) = match *window {
        Some((old_leading, old_trailing)) if leading >= old_leading && trailing >= old_trailing => {
            out.push(old_tag.0, old_tag.1);
            (old_leading, old_trailing)
        }
        _ => {
            *window = Some((leading, trailing));
            out.push(new_tag.0, new_tag.1);
            out.push(u64::from(leading), 5);
            out.push(u64::from(64 - leading - trailing), 6);
            (leading, trailing)
        }
    };
    out.push(change >> trailing, 64 - leading - trailing);
}

pub(crate) fn push_varbit(out: &mut Bits, number: i64) {
    if number == 0 {
        return out.push(0, 1);
    }
    for (ones, size) in [(1, 3), (2, 6), (3, 9), (4, 12), (5, 18), (6, 25), (7, 56)] {
        let top = 1 << (size - 1);
        if (1 - top..=top).contains(&number) {
            out.push((1 << (ones + 1)) - 2, ones + 1);
            return out.push(number.cast_unsigned(), size);
        }
    }
    out.push(0xff, 8);
    out.push(number.cast_unsigned(), 64);
}
