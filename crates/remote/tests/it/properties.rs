use narthex_model::{Exemplar, Labels, Sample};
use narthex_remote::{Post, ReceiveLimits, RequestBuilder, WriteRequest, receive};
use narthex_storage::MemoryStore;
use proptest::collection::vec;
use proptest::prelude::*;

fn series() -> impl Strategy<Value = (Labels, Vec<Sample>)> {
    let labels = vec(("[a-z]{1,4}", "\\PC{1,8}"), 0..6).prop_map(Labels::from_pairs);
    let sample = (any::<i64>(), any::<u64>())
        .prop_map(|(timestamp_ms, bits)| Sample { timestamp_ms, value: f64::from_bits(bits) });
    (labels, vec(sample, 0..20))
}

/// Reads everything that a message holds, and returns its series.
fn read(message: &[u8]) -> Vec<(Labels, Vec<(i64, u64)>)> {
    let request = WriteRequest::new(message);
    let _ = request.metadata().count();
    let mut all = Vec::new();
    for series in request.series().flatten() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let labels = series.labels().flatten().map(|l| (text(l.name), text(l.value))).collect();
        let samples =
            series.samples().flatten().map(|s| (s.timestamp_ms, s.value.to_bits())).collect();
        let _ = series.exemplars().count() + series.histograms().count();
        all.push((labels, samples));
    }
    all
}

proptest! {
    #[test]
    fn what_is_written_is_read(written in vec(series(), 0..8)) {
        let mut request = RequestBuilder::default();
        for (labels, samples) in &written {
            request.push_series(labels, samples);
        }
        let bits = |samples: &[Sample]| {
            samples.iter().map(|s| (s.timestamp_ms, s.value.to_bits())).collect::<Vec<_>>()
        };
        let expected =
            written.iter().map(|(labels, samples)| (labels.clone(), bits(samples))).collect::<Vec<_>>();
        prop_assert_eq!(read(&request.into_message()), expected);
    }

    #[test]
    fn exemplars_are_read_as_they_are_written(
        (labels, samples) in series(),
        (exemplar_labels, times) in series(),
    ) {
        let exemplar = |sample: &Sample| Exemplar {
            labels: exemplar_labels.clone(),
            value: sample.value,
            timestamp_ms: sample.timestamp_ms,
            has_own_timestamp: sample.timestamp_ms != 0,
        };
        let exemplars = times.iter().map(exemplar).collect::<Vec<_>>();
        let mut request = RequestBuilder::default();
        request.push_with_exemplars(&labels, &samples, &exemplars);
        let message = request.into_message();
        let series = WriteRequest::new(&message).series().next().unwrap().unwrap();
        let read = series.exemplars().map(Result::unwrap).collect::<Vec<_>>();
        // Bits of NaN included.
        prop_assert_eq!(format!("{read:?}"), format!("{exemplars:?}"));
        prop_assert_eq!(series.samples().count(), samples.len());
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in vec(any::<u8>(), 0..300)) {
        read(&bytes);
        let _ = receive(&MemoryStore::default(), Post::new(&bytes), &ReceiveLimits::default(), 0);
    }

    /// Broken messages that are nearly right get further than random bytes.
    #[test]
    fn no_damaged_message_is_a_panic(
        written in vec(series(), 1..4),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut request = RequestBuilder::default();
        for (labels, samples) in &written {
            request.push_series(labels, samples);
        }
        let mut bodies = [request.clone().into_message(), request.compress()];
        for body in &mut bodies {
            for (at, byte) in &damage {
                let at = at.index(body.len());
                body[at] = *byte;
            }
        }
        read(&bodies[0]);
        let _ = receive(&MemoryStore::default(), Post::new(&bodies[1]), &ReceiveLimits::default(), i64::MAX);
    }
}
