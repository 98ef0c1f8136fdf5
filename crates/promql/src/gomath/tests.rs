//! Every line of the data names a function, its arguments and what Go 1.19 on x86-64 returned, all
//! as bits.

type Function = fn(f64) -> f64;

const UNARY: [(&str, Function); 16] = [
    ("exp", super::exp),
    ("ln", super::ln),
    ("log2", super::log2),
    ("log10", super::log10),
    ("sin", super::sin),
    ("cos", super::cos),
    ("tan", super::tan),
    ("asin", super::asin),
    ("acos", super::acos),
    ("atan", super::atan),
    ("sinh", super::sinh),
    ("cosh", super::cosh),
    ("tanh", super::tanh),
    ("asinh", super::asinh),
    ("acosh", super::acosh),
    ("atanh", super::atanh),
];

#[test]
fn equals_go_bit_for_bit() {
    let mut wrong = Vec::new();
    for line in include_str!("../../tests/data/go_math.txt").lines() {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let words: Vec<&str> = words.collect();
        let float = |text: &str| f64::from_bits(u64::from_str_radix(text, 16).unwrap());
        let (got, expected) = match (name, &words[..]) {
            ("pow", [x, y, expected]) => (super::pow(float(x), float(y)), expected),
            ("atan2", [y, x, expected]) => (super::atan2(float(y), float(x)), expected),
            (_, [x, expected]) => {
                let function = UNARY.iter().find(|(known, _)| *known == name).unwrap().1;
                (function(float(x)), expected)
            }
            _ => panic!("malformed line {line}"),
        };
        let agrees = match *expected {
            "nan" => got.is_nan(),
            bits => got.to_bits() == float(bits).to_bits(),
        };
        if !agrees {
            let arguments: Vec<f64> = words[..words.len() - 1].iter().map(|x| float(x)).collect();
            wrong.push(format!("{name}{arguments:?} = {got:?}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
