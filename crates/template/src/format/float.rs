//! Floats by Go's verbs.

use super::{Output, Spec};

/// More places than any float has digits: what follows is zeros.
const PLACES_MAX: usize = 1100;

/// Returns `value` as `%.4g` and the like print it: with so many significant digits.
pub(crate) fn write_general(value: f64, digits: usize) -> String {
    digits_of(value, 'g', Some(digits))
}

/// Returns `value` as `strconv.FormatFloat` prints it, with a sign where it is negative.
fn digits_of(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-Inf" } else { "+Inf" }.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let value = value.abs();
    let text = match verb {
        'e' => scientific(value, precision),
        'f' => fixed(value, precision),
        'b' => {
            let (mantissa, exponent) = mantissa_and_exponent(value);
            format!("{mantissa}p{exponent:+}")
        }
        'x' => hexadecimal(value, precision),
        _ => general(value, precision),
    };
    format!("{sign}{text}")
}

/// `1.5e+06`: precision counts places.
fn scientific(value: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(places) => format!("{value:.*e}", places.min(PLACES_MAX)),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let zeros = "0".repeat(precision.unwrap_or(0).saturating_sub(PLACES_MAX));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{zeros}e{sign}{:02}", exponent.unsigned_abs())
}

fn fixed(value: f64, precision: Option<usize>) -> String {
    match precision {
        Some(places) => {
            let zeros = "0".repeat(places.saturating_sub(PLACES_MAX));
            format!("{value:.*}{zeros}", places.min(PLACES_MAX))
        }
        None => format!("{value}"),
    }
}

/// The shorter of both notations: precision counts significant digits.
fn general(value: f64, precision: Option<usize>) -> String {
    let digits_max = precision.map(|digits| digits.max(1));
    let text = scientific(value, digits_max.map(|digits| digits - 1));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = mantissa.replace('.', "");
    let digits = mantissa.trim_end_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let mut threshold = match digits_max {
        Some(digits_max) => i32::try_from(digits_max).unwrap_or(i32::MAX),
        None => 6,
    };
    // Digits that are there decide where there are fewer than there may be.
    if digits_max.is_some() && threshold > count && count > exponent {
        threshold = count;
    }
    if exponent < -4 || exponent >= threshold {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{first}{point}{rest}e{sign}{:02}", exponent.unsigned_abs());
    }
    match usize::try_from(exponent) {
        Err(_) => {
            let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
            format!("0.{zeros}{digits}")
        }
        Ok(exponent) if exponent + 1 >= digits.len() => {
            format!("{digits}{}", "0".repeat(exponent + 1 - digits.len()))
        }
        Ok(exponent) => {
            let (whole, fraction) = digits.split_at(exponent + 1);
            format!("{whole}.{fraction}")
        }
    }
}

/// Returns the 53 bits of `value`, and the power of two that they are multiplied by.
fn mantissa_and_exponent(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

/// `0x1.8p+01`: precision counts digits behind the point.
fn hexadecimal(value: f64, precision: Option<usize>) -> String {
    let (mut mantissa, exponent) = mantissa_and_exponent(value);
    let mut exponent = exponent + 52;
    if mantissa == 0 {
        exponent = 0;
    }
    // The leading one comes to bit 60, four bits a digit behind it.
    mantissa <<= 8;
    while mantissa != 0 && mantissa >> 60 == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(digits) = precision.filter(|&digits| digits < 15) {
        let dropped = 60 - 4 * u32::try_from(digits).unwrap_or(0);
        let rest = mantissa & ((1 << dropped) - 1);
        let half = 1 << (dropped - 1);
        mantissa >>= dropped;
        if rest > half || rest == half && mantissa & 1 == 1 {
            mantissa += 1;
        }
        mantissa <<= dropped;
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digits = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let digits = match precision {
        Some(count) => format!("{digits:0<count$}")[..count].to_owned(),
        None => digits.trim_end_matches('0').to_owned(),
    };
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("0x{}{point}{digits}p{sign}{:02}", mantissa >> 60, exponent.unsigned_abs())
}

impl Output {
    /// Writes a float as `verb` says, which is one of `beEfFgGxX` or `v`.
    pub(super) fn float(&mut self, value: f64, verb: char, spec: &Spec) {
        let precision = match (verb, spec.precision) {
            (_, Some(precision)) => Some(precision.min(1_000_000)),
            ('e' | 'E' | 'f' | 'F', None) => Some(6),
            _ => None,
        };
        let kind = match verb {
            'v' => 'g',
            'F' => 'f',
            _ => verb.to_ascii_lowercase(),
        };
        let mut text = digits_of(value, kind, precision);
        if spec.sharp && kind != 'b' && value.is_finite() {
            let digits = text.trim_start_matches('-');
            let sign = &text[..text.len() - digits.len()];
            text = format!("{sign}{}", with_all_digits(digits, verb, precision));
        }
        if verb.is_ascii_uppercase() && value.is_finite() {
            text = text.to_ascii_uppercase();
        }
        self.signed(text, value, spec);
    }

    fn signed(&mut self, text: String, value: f64, spec: &Spec) {
        let (sign, digits) = match text.as_bytes().first() {
            Some(b'-') => ("-", &text[1..]),
            Some(b'+') => ("+", &text[1..]),
            _ => ("+", &*text),
        };
        let sign = match sign {
            "+" if spec.space && !spec.plus => " ",
            // An infinity shows its sign unless a flag says otherwise.
            "+" if spec.plus || value.is_infinite() => "+",
            "+" => "",
            _ => "-",
        };
        let spec = Spec { zero: spec.zero && value.is_finite() && !spec.minus, ..*spec };
        let all = format!("{sign}{digits}");
        if spec.zero && !sign.is_empty() && spec.width.is_some_and(|width| width > all.len()) {
            self.push_str(sign);
            let width = spec.width.map(|width| width - sign.len());
            self.pad(digits.as_bytes(), &Spec { width, ..spec });
        } else {
            self.pad(all.as_bytes(), &spec);
        }
    }

    /// Writes a complex number.
    pub(super) fn complex(&mut self, real: f64, imaginary: f64, verb: char, spec: &Spec) {
        self.push_str("(");
        self.float(real, verb, spec);
        self.float(imaginary, verb, &Spec { plus: true, ..*spec });
        self.push_str("i)");
    }
}

/// Returns `text`, which has no sign, with a point and with the zeros that `%g` leaves out.
///
/// As in Go, the `x` of a hexadecimal number counts as one of its digits.
fn with_all_digits(text: &str, verb: char, precision: Option<usize>) -> String {
    let wanted = match verb {
        'v' | 'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let exponent = if matches!(verb, 'x' | 'X') { 'p' } else { 'e' };
    let (head, tail) = text.split_at(text.find(exponent).unwrap_or(text.len()));
    let has_point = head.contains('.');
    let digits = head.bytes().filter(|&byte| byte != b'.').skip_while(|&byte| byte == b'0').count();
    let counted = if head == "0" { 1 } else { digits };
    let point = if has_point { "" } else { "." };
    format!("{head}{point}{}{tail}", "0".repeat(wanted.saturating_sub(counted)))
}
