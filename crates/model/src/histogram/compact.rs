use super::{Buckets, FloatHistogram, Histogram};

impl FloatHistogram {
    /// Removes the buckets without observations.
    pub fn compact(&mut self) {
        for buckets in [&mut self.positive, &mut self.negative] {
            if !is_compact(buckets) {
                *buckets = buckets.iter().filter(|(_, count)| *count != 0.0).collect();
            }
        }
    }

    /// Removes from this histogram and from `lost`, which holds what was lost in the sums that made
    /// it, the buckets that are empty in both.
    pub(super) fn compact_with(&mut self, lost: &mut Self) {
        let sides =
            [(&mut self.positive, &mut lost.positive), (&mut self.negative, &mut lost.negative)];
        for (sums, losses) in sides {
            let both = sums.iter().zip(&losses.counts);
            let kept = both
                .map(|((index, sum), loss)| (index, (sum, *loss)))
                .filter(|(_, both)| *both != (0.0, 0.0))
                .collect();
            (*sums, *losses) = unzip(kept);
        }
    }
}

impl Histogram {
    /// Removes the buckets without observations.
    pub fn compact(&mut self) {
        for buckets in [&mut self.positive, &mut self.negative] {
            let (mut count, mut before) = (0_i64, 0_i64);
            *buckets = buckets
                .iter()
                .filter_map(|(index, difference)| {
                    count = count.wrapping_add(difference);
                    (count != 0).then(|| {
                        let difference = count.wrapping_sub(before);
                        before = count;
                        (index, difference)
                    })
                })
                .collect();
        }
    }
}

/// Takes sums and what was lost in them apart.
pub(super) fn unzip(both: Buckets<(f64, f64)>) -> (Buckets<f64>, Buckets<f64>) {
    let (sums, losses) = both.counts.into_iter().unzip();
    let losses = Buckets { spans: both.spans.clone(), counts: losses };
    (Buckets { spans: both.spans, counts: sums }, losses)
}

fn is_compact(buckets: &Buckets<f64>) -> bool {
    let apart = buckets.spans.iter().skip(1).all(|span| span.offset != 0);
    apart && buckets.spans.iter().all(|span| span.length > 0) && !buckets.counts.contains(&0.0)
}
