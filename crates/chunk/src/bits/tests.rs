use proptest::prelude::*;

use super::{
    BitReader, BitSink, BitVec, Bits, Window, difference, put_both, varbit, varint, write_behind,
};
use crate::NoRoom;

fn bits(write: impl FnOnce(&mut BitVec)) -> String {
    let mut out = BitVec::resume(Vec::new(), 0);
    write(&mut out);
    out.as_bytes().iter().map(|byte| format!("{byte:08b}")).collect()
}

#[test]
fn signed_integers_have_as_many_bits_as_they_need() {
    for (number, tag, size) in [
        (0, "0", 0),
        (1, "10", 3),
        (-3, "10", 3),
        (4, "10", 3),
        (-4, "110", 6),
        (5, "110", 6),
        (32, "110", 6),
        (-32, "1110", 9),
        (256, "1110", 9),
        (257, "11110", 12),
        (2_048, "11110", 12),
        (-2_048, "111110", 18),
        (131_072, "111110", 18),
        (131_073, "1111110", 25),
        (-(1 << 24) + 1, "1111110", 25),
        (-(1 << 24), "11111110", 56),
        (1 << 55, "11111110", 56),
        ((1 << 55) + 1, "11111111", 64),
        (i64::MIN, "11111111", 64),
        (i64::MAX, "11111111", 64),
    ] {
        let written = bits(|out| varbit::push_signed(out, number));
        assert!(written.starts_with(tag), "{number}: {written}");
        assert_eq!(written.len(), usize::div_ceil(tag.len() + size, 8) * 8, "{number}");
    }
}

#[test]
fn unsigned_integers_have_as_many_bits_as_they_need() {
    for (number, tag, size) in [
        (0, "0", 0),
        (7, "10111", 0),
        (8, "110001000", 0),
        (63, "110", 6),
        (511, "1110", 9),
        (512, "11110", 12),
        (33_554_431, "1111110", 25),
        (33_554_432, "11111110", 56),
        ((1 << 56) - 1, "11111110", 56),
        (1 << 56, "11111111", 64),
        (u64::MAX, "11111111", 64),
    ] {
        let written = bits(|out| varbit::push_unsigned(out, number));
        assert!(written.starts_with(tag), "{number}: {written}");
        assert_eq!(written.len(), usize::div_ceil(tag.len() + size, 8) * 8, "{number}");
    }
}

#[test]
fn a_buffer_without_room_keeps_its_bits() {
    let mut buffer = [0b1010_0000, 0xff];
    let wide = |out: &mut super::BitWriter<'_>| out.push(0x1_ffff, 17);
    let needed = write_behind(&mut buffer, 3, 20, wide);
    assert_eq!((needed, buffer), (Err(NoRoom { size_bytes: 3 }), [0b1010_0000, 0xff]));
    let narrow = |out: &mut super::BitWriter<'_>| out.push_both(Bits::new(1, 2), Bits::new(3, 4));
    assert_eq!(write_behind(&mut buffer, 3, 20, narrow), Ok(9));
    assert_eq!(buffer, [0b1010_1001, 0b1000_0000]);
}

#[test]
fn a_word_fits_where_its_bits_do() {
    let (head, body) = (Bits::new(0b101, 3), Bits::new(0x0123_4567_89ab_cdef, 60));
    for place in 0..10 {
        for size in 0..32 {
            let mut buffer = vec![0xff; size];
            let size_bytes = (place as usize + 63).div_ceil(8);
            let put = put_both(&mut buffer, place, head, body);
            if size < size_bytes {
                assert_eq!(put, Err(NoRoom { size_bytes }));
                assert!(buffer.iter().all(|byte| *byte == 0xff));
                continue;
            }
            assert_eq!(put, Ok(place + 63));
            let written = buffer[..size_bytes].iter().map(|byte| format!("{byte:08b}"));
            let place = place as usize;
            let expected = format!("{:1<place$}101{:060b}", "", body.number);
            assert_eq!(written.collect::<String>()[..place + 63], expected, "{place} {size}");
        }
    }
}

/// Something that is written and read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    Raw(u64, u32),
    Signed(i64),
    Unsigned(u64),
    Varint(i64),
    Difference(u64),
}

fn write(out: &mut impl BitSink, item: Item, window: &mut Window) {
    match item {
        Item::Raw(number, count) => out.push(number, count),
        Item::Signed(number) => varbit::push_signed(out, number),
        Item::Unsigned(number) => varbit::push_unsigned(out, number),
        Item::Varint(number) => varint::push_signed(out, number),
        Item::Difference(number) => difference::push_difference(out, number, window),
    }
}

fn read(reader: &mut BitReader<'_>, item: Item, window: &mut Window) -> Item {
    match item {
        Item::Raw(_, count) => Item::Raw(reader.take_wide(count), count),
        Item::Signed(_) => Item::Signed(reader.take_signed()),
        Item::Unsigned(_) => Item::Unsigned(reader.take_unsigned()),
        Item::Varint(_) => Item::Varint(reader.take_varint()),
        Item::Difference(_) => {
            reader.refill();
            Item::Difference(reader.take_difference(window).expect("a good window"))
        }
    }
}

/// A number of any length.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0_u32..64).prop_map(|(number, shift)| number >> shift)
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        (any::<u64>(), 1_u32..=64).prop_map(|(bits, count)| Item::Raw(bits >> (64 - count), count)),
        (number(), any::<bool>()).prop_map(|(number, is_negative)| {
            let number = number.cast_signed();
            Item::Signed(if is_negative { number.wrapping_neg() } else { number })
        }),
        number().prop_map(Item::Unsigned),
        any::<i64>().prop_map(Item::Varint),
        (number(), 0_u32..64).prop_map(|(number, shift)| Item::Difference(number << shift)),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(items in prop::collection::vec(item(), 0..60)) {
        let mut out = BitVec::resume(Vec::new(), 0);
        let mut window = Window::NONE;
        for item in &items {
            write(&mut out, *item, &mut window);
        }
        let mut reader = BitReader::new(out.as_bytes());
        let mut window = Window::NONE;
        for item in &items {
            prop_assert_eq!(read(&mut reader, *item, &mut window), *item);
        }
        prop_assert!(!reader.is_overrun());
        prop_assert!(reader.bits_left() < 8);
        reader.refill();
        reader.take(8);
        prop_assert!(reader.is_overrun());
    }
}
