//! From the labels that a target writes to those that are stored.

use narthex_config::ScrapeLimits;
use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL, is_legacy_metric_name};
use narthex_relabel::NameValidation;

use crate::ScrapeError;

/// Joins the labels of a scraped series, in `out`, with those of its target.
///
/// Where both have a label, the target's wins unless `honor_labels`, and the scraped one is renamed
/// with the prefix `exported_`, as often as it takes to find a free name. `emptied` names the labels
/// that the series sets to nothing: with `honor_labels` that keeps the target's label away.
///
/// # Source
///
/// `mutateSampleLabels` in Prometheus `scrape/scrape.go`.
pub(super) fn join<'a>(
    out: &mut LabelsBuilder,
    target: &Labels,
    honor_labels: bool,
    emptied: impl Iterator<Item = std::borrow::Cow<'a, str>> + Clone,
) {
    if honor_labels {
        for (name, value) in target {
            if out.get(name).is_none() && !emptied.clone().any(|emptied| emptied == name) {
                out.set(name, value);
            }
        }
        return;
    }
    let mut conflicts = Vec::new();
    for (name, value) in target {
        if let Some(scraped) = out.get(name) {
            conflicts.push((name, scraped.to_owned()));
        }
        out.set(name, value);
    }
    // Short names first: `exported_job` may itself be in the way of `job`.
    conflicts.sort_by_key(|(name, _)| name.len());
    for (name, value) in conflicts {
        let mut free = format!("{EXPORTED_LABEL_PREFIX}{name}");
        while out.get(&free).is_some() {
            free.insert_str(0, EXPORTED_LABEL_PREFIX);
        }
        out.set(&free, &value);
    }
}

/// Fails where the text of a series has more labels than any series may have. Reading them takes time
/// that grows with the square of their number, so this comes first.
pub(super) fn check_size(series: &str) -> Result<(), ScrapeError> {
    let has_many = || series.bytes().filter(|byte| *byte == b'=').count() > LABELS_MAX;
    // A label has three bytes at least beside its name.
    if series.len() > 4 * LABELS_MAX && has_many() {
        return Err(ScrapeError::TooManyLabels { series: shortened(series), limit: LABELS_MAX });
    }
    Ok(())
}

/// The most labels that the text of a series may have; equals signs in their values count, too.
const LABELS_MAX: usize = 1_000;

/// Fails where labels are no series, or are more or longer than the job allows.
pub(super) fn check(
    labels: &LabelsBuilder,
    limits: &ScrapeLimits,
    names: NameValidation,
) -> Result<(), ScrapeError> {
    let metric = labels.get(METRIC_NAME_LABEL).ok_or(ScrapeError::NoMetricName)?;
    let is_metric_legal = names == NameValidation::Utf8 || is_legacy_metric_name(metric);
    let metric = || shortened(metric);
    if !is_metric_legal || labels.iter().any(|(name, _)| !names.allows(name)) {
        return Err(ScrapeError::InvalidName { labels: labels.clone().build() });
    }
    let label_count = labels.iter().len();
    if exceeds(label_count, limits.label_limit) {
        let limit = limits.label_limit;
        return Err(ScrapeError::LabelLimit { metric: metric(), label_count, limit });
    }
    for (name, value) in labels.iter() {
        if exceeds(name.len(), limits.label_name_length_limit) {
            return Err(ScrapeError::LabelNameLimit {
                metric: metric(),
                name: shortened(name),
                length: name.len(),
                limit: limits.label_name_length_limit,
            });
        }
        if exceeds(value.len(), limits.label_value_length_limit) {
            return Err(ScrapeError::LabelValueLimit {
                metric: metric(),
                name: shortened(name),
                value: shortened(value),
                length: value.len(),
                limit: limits.label_value_length_limit,
            });
        }
    }
    Ok(())
}

fn exceeds(count: usize, limit: u64) -> bool {
    limit > 0 && count as u64 > limit
}

/// Returns the first characters of a text, for an error.
fn shortened(text: &str) -> Box<str> {
    text.chars().take(50).collect::<String>().into()
}

const EXPORTED_LABEL_PREFIX: &str = "exported_";

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn parse(text: &str) -> Labels {
        Labels::from_pairs(text.split_whitespace().filter_map(|pair| pair.split_once('=')))
    }

    /// Checks what becomes of scraped labels on a target, without and with `honor_labels`.
    fn check_join(scraped: &str, target: &str, renamed: &str, honored: &str) {
        for (honor_labels, expected) in [(false, renamed), (true, honored)] {
            let mut labels = LabelsBuilder::default();
            labels.reset(&parse(scraped));
            let emptied = scraped.split_whitespace().filter_map(|pair| pair.strip_suffix('='));
            join(&mut labels, &parse(target), honor_labels, emptied.map(Cow::Borrowed));
            assert_eq!(labels.build(), parse(expected), "{scraped} on {target}, {honor_labels}");
        }
    }

    #[test]
    fn conflicts_are_renamed_or_honored() {
        check_join("a=1", "job=t", "a=1 job=t", "a=1 job=t");
        check_join("job=s", "job=t", "exported_job=s job=t", "job=s");
        check_join(
            "job=s exported_job=e",
            "job=t",
            "exported_exported_job=s exported_job=e job=t",
            "job=s exported_job=e",
        );
        check_join(
            "job=s exported_job=e",
            "job=t exported_job=u",
            "exported_exported_job=s exported_exported_exported_job=e exported_job=u job=t",
            "job=s exported_job=e",
        );
        check_join("job=", "job=t instance=i", "job=t instance=i", "instance=i");
        check_join("", "", "", "");
    }

    #[test]
    fn no_series_has_very_many_labels() {
        let series = |count: usize| {
            let labels: Vec<String> = (0..count).map(|n| format!("l{n}=\"\"")).collect();
            format!("a{{{}}}", labels.join(","))
        };
        assert!(check_size(&series(LABELS_MAX)).is_ok());
        let message = check_size(&series(LABELS_MAX + 1)).unwrap_err().to_string();
        assert!(message.starts_with("more than 1000 labels in a{l0="), "{message}");
        assert!(message.len() < 100, "{message}");
    }

    #[test]
    fn limits_hold() {
        let limits = ScrapeLimits {
            label_limit: 3,
            label_name_length_limit: 8,
            label_value_length_limit: 4,
            ..ScrapeLimits::default()
        };
        for (labels, expected) in [
            ("__name__=m a=1 b=2", ""),
            ("a=1", "missing metric name (__name__ label)"),
            (
                "__name__=m a=1 b=2 c=3",
                "label_limit exceeded (metric: m, number of labels: 4, limit: 3)",
            ),
            (
                "__name__=m abcdefghi=1",
                "label_name_length_limit exceeded (metric: m, label name: abcdefghi, length: 9, \
                 limit: 8)",
            ),
            (
                "__name__=m a=12345",
                "label_value_length_limit exceeded (metric: m, label name: a, value: \"12345\", \
                 length: 5, limit: 4)",
            ),
        ] {
            let mut builder = LabelsBuilder::default();
            builder.reset(&parse(labels));
            let message =
                check(&builder, &limits, NameValidation::Utf8).err().map(|error| error.to_string());
            assert_eq!(message.unwrap_or_default(), expected, "{labels}");
            let none = ScrapeLimits::default();
            let unlimited = check(&builder, &none, NameValidation::Utf8).is_ok();
            assert_eq!(unlimited, labels.contains("__name__"), "{labels}");
        }
    }
}
