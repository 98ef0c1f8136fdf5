//! Formats: `%-8.3f`.

use super::{Output, Spec, TooLong};
use crate::unicode::{first_rune, push_rune};
use crate::value::Value;

/// The largest width, precision or number of an argument.
const NUMBER_MAX: usize = 1_000_000;

/// Returns `format` with its verbs carried out on `values`.
pub(crate) fn printf(format: &[u8], values: &[Value], size_max: usize) -> Result<Vec<u8>, TooLong> {
    let mut printer = Printer {
        out: Output::new(size_max),
        format,
        at: 0,
        values,
        next_value: 0,
        reordered: false,
        good_index: true,
    };
    printer.run();
    printer.out.finish()
}

struct Printer<'a> {
    out: Output,
    format: &'a [u8],
    at: usize,
    values: &'a [Value],
    next_value: usize,
    /// Whether arguments were asked for by their numbers.
    reordered: bool,
    /// Whether the numbers in the verb under way are good.
    good_index: bool,
}

impl Printer<'_> {
    fn run(&mut self) {
        while let Some(percent) = self.format[self.at..].iter().position(|&byte| byte == b'%') {
            self.out.push(&self.format[self.at..self.at + percent]);
            self.at += percent + 1;
            self.good_index = true;
            if !self.verb() {
                break;
            }
        }
        if self.at < self.format.len() {
            self.out.push(&self.format[self.at..]);
        }
        if !self.reordered && self.next_value < self.values.len() {
            self.extra();
        }
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn accept(&mut self, byte: u8) -> bool {
        let accepts = self.peek() == Some(byte);
        self.at += usize::from(accepts);
        accepts
    }

    /// Carries out one verb, behind its percent sign. Returns whether the format goes on.
    fn verb(&mut self) -> bool {
        let mut spec = self.flags();
        let mut after_index = self.index();
        self.width(&mut spec, &mut after_index);
        self.precision(&mut spec, &mut after_index);
        if !after_index {
            self.index();
        }
        if self.at >= self.format.len() {
            self.out.push_str("%!(NOVERB)");
            return false;
        }
        let (verb, size) = first_rune(&self.format[self.at..]);
        self.at += size;
        if verb == '%' {
            self.out.push(b"%");
        } else if !self.good_index {
            self.complain(verb, "BADINDEX");
        } else if self.next_value >= self.values.len() {
            self.complain(verb, "MISSING");
        } else {
            if verb == 'v' {
                spec.sharp_v = std::mem::take(&mut spec.sharp);
                spec.plus_v = std::mem::take(&mut spec.plus);
            }
            self.out.argument(&self.values[self.next_value], verb, &spec);
            self.next_value += 1;
        }
        true
    }

    fn complain(&mut self, verb: char, problem: &str) {
        let mut text = b"%!".to_vec();
        push_rune(&mut text, verb);
        self.out.push(&text);
        self.out.push_str(&format!("({problem})"));
    }

    fn flags(&mut self) -> Spec {
        let mut spec = Spec::default();
        while let Some(flag) = self.peek() {
            match flag {
                b'#' => spec.sharp = true,
                b'0' => spec.zero = !spec.minus,
                b'+' => spec.plus = true,
                b'-' => {
                    spec.minus = true;
                    spec.zero = false;
                }
                b' ' => spec.space = true,
                _ => break,
            }
            self.at += 1;
        }
        spec
    }

    fn width(&mut self, spec: &mut Spec, after_index: &mut bool) {
        if !self.accept(b'*') {
            spec.width = self.number();
            if *after_index && spec.width.is_some() {
                self.good_index = false;
            }
            return;
        }
        match self.int_argument() {
            Some(width) => {
                if width < 0 {
                    spec.minus = true;
                    spec.zero = false;
                }
                spec.width = usize::try_from(width.unsigned_abs()).ok();
            }
            None => self.out.push_str("%!(BADWIDTH)"),
        }
        *after_index = false;
    }

    fn precision(&mut self, spec: &mut Spec, after_index: &mut bool) {
        if !self.accept(b'.') {
            return;
        }
        if *after_index {
            self.good_index = false;
        }
        *after_index = self.index();
        if self.accept(b'*') {
            match self.int_argument() {
                Some(precision @ 0..) => spec.precision = usize::try_from(precision).ok(),
                _ => self.out.push_str("%!(BADPREC)"),
            }
            *after_index = false;
        } else {
            spec.precision = Some(self.number().unwrap_or(0));
        }
    }

    /// Reads a number; one that is too large ends the format.
    fn number(&mut self) -> Option<usize> {
        let digits = self.format[self.at..].iter().take_while(|byte| byte.is_ascii_digit());
        let count = digits.count();
        if count == 0 {
            return None;
        }
        let text = std::str::from_utf8(&self.format[self.at..self.at + count]).unwrap_or("");
        match text.parse().ok().filter(|&number| number <= NUMBER_MAX) {
            Some(number) => {
                self.at += count;
                Some(number)
            }
            None => {
                self.at = self.format.len();
                None
            }
        }
    }

    fn int_argument(&mut self) -> Option<i64> {
        let value = self.values.get(self.next_value)?;
        self.next_value += 1;
        match value {
            Value::Int(int, _) if int.unsigned_abs() <= NUMBER_MAX as u64 => Some(*int),
            _ => None,
        }
    }

    /// Reads the number of an argument: `[2]`. Returns whether there was one.
    fn index(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let end = rest.iter().position(|&byte| byte == b']').filter(|_| rest.len() >= 3);
        let Some(end) = end else {
            self.good_index = false;
            self.at += 1;
            return false;
        };
        let digits = &rest[1..end];
        self.at += end + 1;
        let number = std::str::from_utf8(digits)
            .ok()
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<usize>().ok())
            .filter(|&number| number <= NUMBER_MAX);
        match number {
            Some(number) if (1..=self.values.len()).contains(&number) => {
                self.next_value = number - 1;
                true
            }
            Some(_) => {
                self.good_index = false;
                true
            }
            None => {
                self.good_index = false;
                false
            }
        }
    }

    fn extra(&mut self) {
        self.out.push_str("%!(EXTRA ");
        for (index, value) in self.values[self.next_value..].iter().enumerate() {
            self.out.push_str(if index > 0 { ", " } else { "" });
            if matches!(value, Value::Nil) {
                self.out.push_str("<nil>");
                continue;
            }
            self.out.push_str(crate::value::type_name(value));
            self.out.push(b"=");
            self.out.argument(value, 'v', &Spec::default());
        }
        self.out.push(b")");
    }
}
