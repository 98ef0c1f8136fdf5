//! Laws that hold for every page.

use narthex_exposition::{
    Entry, OpenMetricsReader, PageFormat, PageReader, ParseError, Place, ReadOptions, TextReader,
    TextWriter,
};
use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL, MetricType, NORMAL_NAN};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Sample {
    labels: Vec<(String, String)>,
    value: f64,
    timestamp_ms: Option<i64>,
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{1,8}", r#"[a-z\\"\n{}=,# é🌍]{1,8}"#]
}

fn sample() -> impl Strategy<Value = Sample> {
    let name = text().prop_filter("a metric name of its own", |name| name != METRIC_NAME_LABEL);
    let value = prop_oneof![any::<f64>(), (-1000_i32..1000).prop_map(f64::from)];
    let timestamp_ms = prop::option::of(0..i64::MAX);
    (btree_map(name, text(), 0..5), value, timestamp_ms).prop_map(
        |(labels, value, timestamp_ms)| Sample {
            labels: labels.into_iter().collect(),
            value,
            timestamp_ms,
        },
    )
}

/// Reads `page` to its end, and the labels of every sample: none of it may panic.
fn read(page: &[u8]) -> (Vec<Entry<'_>>, Option<Place>) {
    read_entries(TextReader::new(page))
}

fn read_entries<'a>(
    page: impl Iterator<Item = Result<Entry<'a>, ParseError>>,
) -> (Vec<Entry<'a>>, Option<Place>) {
    let mut entries = Vec::new();
    let mut labels = LabelsBuilder::default();
    for entry in page {
        match entry {
            Ok(entry) => {
                match &entry {
                    Entry::Sample(sample) => drop(sample.labels(&mut labels)),
                    Entry::Help { text, .. } => drop(text.unescape()),
                    _ => {}
                }
                entries.push(entry);
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return (entries, Some(error.place));
            }
        }
    }
    (entries, None)
}

/// Returns a field that holds a message.
fn message(number: u8, bytes: &[u8]) -> Vec<u8> {
    let [low, high] = u16::try_from(bytes.len() << 1).expect("it is short").to_le_bytes();
    let head = [number << 3 | 2, low >> 1 | 0x80, high];
    [&head[..], bytes].concat()
}

proptest! {
    #[test]
    fn what_is_written_reads_back(name in text(), help in text(), samples in vec(sample(), 0..5)) {
        let mut page = TextWriter::default();
        let mut family = page.family(&name, MetricType::Counter, &help);
        for sample in &samples {
            let labels: Vec<(&str, &str)> =
                sample.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            match sample.timestamp_ms {
                None => family.sample(&labels, sample.value),
                Some(timestamp_ms) => family.sample_at(&labels, sample.value, timestamp_ms),
            };
        }
        let read = crate::samples(page.as_str().as_bytes());
        prop_assert_eq!(read.len(), samples.len());
        for (read, written) in read.iter().zip(&samples) {
            let name = (METRIC_NAME_LABEL.to_owned(), name.clone());
            let labels: Labels = written.labels.iter().cloned().chain([name]).collect();
            prop_assert_eq!(crate::labels(read), labels);
            let value = if written.value.is_nan() { NORMAL_NAN } else { written.value };
            let read_value = read.value.as_float().expect("a text holds floats");
            prop_assert!(read_value == value || read_value.to_bits() == value.to_bits());
            prop_assert_eq!(read.timestamp_ms, written.timestamp_ms);
        }
        let Some(Ok(Entry::Help { text, .. })) = TextReader::new(page.as_str().as_bytes()).next()
        else { panic!("no help in {}", page.as_str()) };
        // Blanks alone are no text.
        let expected = if help.trim_matches(' ').is_empty() { "" } else { help.as_str() };
        prop_assert_eq!(&*text.unescape(), expected);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(page in vec(any::<u8>(), 0..200)) {
        read(&page);
        read_entries(OpenMetricsReader::new(&page));
    }

    #[test]
    fn arbitrary_messages_do_not_panic(
        fields in vec((0_u8..24, vec(any::<u8>(), 0..24)), 0..12),
        native_histograms in any::<bool>(),
        convert_classic_histograms in any::<bool>(),
        keep_classic_histograms in any::<bool>(),
    ) {
        // A histogram of a family with fields of any content.
        let mut histogram = Vec::new();
        for (number, bytes) in fields {
            histogram.extend([number << 3 | u8::try_from(bytes.len() % 3).unwrap(), u8::try_from(bytes.len()).unwrap()]);
            histogram.extend(bytes);
        }
        let metric = message(7, &histogram);
        let family = [&b"\x0a\x01h\x18\x04"[..], &message(4, &metric)].concat();
        let page = message(0, &family).split_off(1);
        let options = ReadOptions {
            native_histograms,
            convert_classic_histograms,
            keep_classic_histograms,
            ..ReadOptions::default()
        };
        for format in [PageFormat::Protobuf, PageFormat::Text, PageFormat::OpenMetrics] {
            let mut reader = PageReader::new(&page, format, options);
            let mut labels = LabelsBuilder::default();
            while let Some(entry) = reader.next_entry() {
                if let Ok(Entry::Sample(sample)) = entry {
                    let _ = sample.labels(&mut labels);
                    sample.exemplars().for_each(|exemplar| exemplar.labels(&mut labels));
                }
            }
        }
    }

    #[test]
    fn text_near_the_format_does_not_panic(page in r#"([a{}="\\, \t\n#1.e+\x00é-]|HELP |TYPE |# |counter|le=|NaN){0,60}"#) {
        read(page.as_bytes());
    }

    #[test]
    fn text_near_openmetrics_does_not_panic(page in r#"(a|[{}="\, \n#1.\x00é-]|" # \{"|HELP |TYPE |UNIT |# |EOF|counter|le=|NaN){0,60}"#) {
        read_entries(OpenMetricsReader::new(page.as_bytes()));
    }

    /// A known series text is taken exactly where reading the line yields that text.
    #[test]
    fn known_series_read_alike(page in r#"([ab]|\{|\}|[ab]="[ab}"\\]{0,2}"|,| |\n|1){0,30}"#) {
        let known: Vec<&str> = ["a", "b", "a{}", "a {}"].into_iter()
            .chain(samples_of(&page)).collect();
        let mut reader = TextReader::new(page.as_bytes());
        loop {
            let before = reader.clone();
            let next = reader.next();
            for series in &known {
                if let Some(sample) = before.clone().next_if_series(series) {
                    prop_assert_eq!(Some(Ok(Entry::Sample(sample))), next.clone());
                }
            }
            if next.is_none() { break }
        }
    }
}

fn samples_of(page: &str) -> impl Iterator<Item = &str> {
    TextReader::new(page.as_bytes()).filter_map(|entry| match entry {
        Ok(Entry::Sample(sample)) => Some(sample.series),
        _ => None,
    })
}
