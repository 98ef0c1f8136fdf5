use std::fmt;

use super::{Bucket, Buckets, Count, FloatHistogram, Histogram, ResetHint};
use crate::float::write_general;

/// The count, the sum, and all buckets with observations from the lowest to the highest:
/// `{count:3, sum:4.5, [-1,-0.5):1, (1,2]:2}`.
impl fmt::Display for FloatHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{count:")?;
        write_general(f, self.count)?;
        f.write_str(", sum:")?;
        write_general(f, self.sum)?;
        let layout = self.layout();
        let negative = self.negative.iter_back();
        write_buckets(f, negative.map(|(index, count)| layout.negative(index, count)))?;
        write_buckets(f, [self.zero_bucket()])?;
        write_buckets(f, self.positive_buckets())?;
        f.write_str("}")
    }
}

/// As that of [`FloatHistogram`].
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:", self.count)?;
        write_general(f, self.sum)?;
        let mut negative: Vec<_> = self.negative_buckets().collect();
        negative.reverse();
        write_buckets(f, negative)?;
        write_buckets(f, [self.zero_bucket()])?;
        write_buckets(f, self.positive_buckets())?;
        f.write_str("}")
    }
}

fn write_buckets<N: Count>(
    f: &mut fmt::Formatter<'_>,
    buckets: impl IntoIterator<Item = Bucket<N>>,
) -> fmt::Result {
    for bucket in buckets {
        if bucket.count != N::default() {
            write!(f, ", {bucket}")?;
        }
    }
    Ok(())
}

impl FloatHistogram {
    /// Returns what prints the histogram as scripts of tests write it:
    /// `{{schema:1 count:3 sum:4.5 offset:1 buckets:[1 2]}}`.
    ///
    /// Scripts know no gaps, so absent buckets between others are printed as empty ones, at most
    /// 4,096 in a row; a wider gap is cut to that.
    #[must_use]
    pub fn test_expression(&self) -> TestExpression<'_> {
        TestExpression(self)
    }
}

/// A histogram in the notation of test scripts. See [`FloatHistogram::test_expression`].
#[derive(Clone, Copy, Debug)]
pub struct TestExpression<'a>(&'a FloatHistogram);

impl fmt::Display for TestExpression<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let histogram = self.0;
        let mut fields = Fields { f, is_first: true };
        if histogram.schema != 0 {
            write!(fields.next("schema")?, "{}", histogram.schema)?;
        }
        let numbers = [
            ("count", histogram.count),
            ("sum", histogram.sum),
            ("z_bucket", histogram.zero_count),
            ("z_bucket_w", histogram.zero_threshold),
        ];
        for (name, number) in numbers {
            if number != 0.0 {
                write_general(fields.next(name)?, number)?;
            }
        }
        if histogram.has_custom_buckets() {
            let bounds = histogram.custom_bounds.iter().copied();
            write_list(fields.next("custom_values")?, bounds)?;
        }
        let hint = match histogram.reset_hint {
            ResetHint::Unknown => None,
            ResetHint::Reset => Some("reset"),
            ResetHint::NotReset => Some("not_reset"),
            ResetHint::Gauge => Some("gauge"),
        };
        if let Some(hint) = hint {
            fields.next("counter_reset_hint")?.write_str(hint)?;
        }
        fields.side("offset", "buckets", &histogram.positive)?;
        fields.side("n_offset", "n_buckets", &histogram.negative)?;
        fields.finish()
    }
}

/// What has been printed between the braces.
struct Fields<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    is_first: bool,
}

impl<'b> Fields<'_, 'b> {
    /// Begins a field.
    fn next(&mut self, name: &str) -> Result<&mut fmt::Formatter<'b>, fmt::Error> {
        self.f.write_str(if self.is_first { "{{" } else { " " })?;
        self.is_first = false;
        write!(self.f, "{name}:")?;
        Ok(self.f)
    }

    fn side(&mut self, offset: &str, name: &str, buckets: &Buckets<f64>) -> fmt::Result {
        let populated = || buckets.iter().filter(|(_, count)| *count != 0.0);
        let Some((first, _)) = populated().next() else { return Ok(()) };
        if first != 0 {
            write!(self.next(offset)?, "{first}")?;
        }
        let mut next = first;
        let filled = populated().flat_map(|(index, count)| {
            let gap = index.abs_diff(next).min(GAP_MAX);
            next = index.wrapping_add(1);
            (0..gap).map(|_| 0.0).chain([count])
        });
        write_list(self.next(name)?, filled)
    }

    fn finish(self) -> fmt::Result {
        self.f.write_str(if self.is_first { "{{}}" } else { "}}" })
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, numbers: impl Iterator<Item = f64>) -> fmt::Result {
    f.write_str("[")?;
    for (position, number) in numbers.enumerate() {
        f.write_str(if position == 0 { "" } else { " " })?;
        write_general(f, number)?;
    }
    f.write_str("]")
}

const GAP_MAX: u32 = 1 << 12;
