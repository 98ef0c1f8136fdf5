use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL, Metadata, MetricType};

use crate::metadata::MetadataCache;

/// The metric family that a page named last.
#[derive(Debug, Default)]
pub(super) struct Family {
    name: String,
    unit: String,
    /// Whether the page says of it what was not known before.
    is_news: bool,
}

impl Family {
    /// Forgets everything: a page begins.
    pub(super) fn clear(&mut self) {
        self.name.clear();
        self.unit.clear();
        self.is_news = false;
    }

    /// Notes that the page says something of the family `name`, and whether that is news.
    pub(super) fn set(&mut self, name: &str, is_news: bool) {
        if self.name != name {
            self.name.clear();
            self.name.push_str(name);
            self.is_news = false;
        }
        self.is_news |= is_news;
    }

    /// Notes the unit of the family that the page names.
    pub(super) fn set_unit(&mut self, unit: &str) {
        self.unit.clear();
        self.unit.push_str(unit);
    }

    pub(super) fn is_news(&self) -> bool {
        self.is_news
    }

    /// Adds the labels `__type__` and `__unit__` to those of a series; a page's own make place for
    /// them.
    pub(super) fn add_labels(&self, metric_type: MetricType, out: &mut LabelsBuilder) {
        if metric_type != MetricType::Unknown {
            out.set(TYPE_LABEL, metric_type.as_str());
        }
        if !self.unit.is_empty() {
            out.set(UNIT_LABEL, &self.unit);
        }
    }

    /// Returns whether the series belongs to the family, and counts (see [`is_cumulative`]).
    pub(super) fn counts(&self, labels: &Labels, cache: &MetadataCache) -> bool {
        let metadata = self.metadata_of(labels, cache);
        let metric = labels.get(METRIC_NAME_LABEL).unwrap_or_default();
        metadata.is_some_and(|metadata| is_cumulative(metric, metadata.metric_type))
    }

    /// Returns what is known of the family, where the series belongs to it.
    pub(super) fn metadata_of(&self, labels: &Labels, cache: &MetadataCache) -> Option<Metadata> {
        let metadata = cache.get(&self.name)?;
        let series = labels.get(METRIC_NAME_LABEL)?;
        is_member(series, &self.name, metadata.metric_type).then_some(metadata)
    }
}

/// Returns whether a metric of a family counts, so that what it has says something only beside what it
/// had before: counters, histograms, and what a summary has beside its quantiles.
fn is_cumulative(metric: &str, metric_type: MetricType) -> bool {
    match metric_type {
        MetricType::Counter | MetricType::Histogram => true,
        MetricType::Summary => metric.ends_with("_count") || metric.ends_with("_sum"),
        _ => false,
    }
}

/// Returns whether a metric of this name is part of the family `family`.
///
/// # Source
///
/// `isSeriesPartOfFamily` in Prometheus `scrape/scrape.go`.
fn is_member(metric: &str, family: &str, metric_type: MetricType) -> bool {
    let (suffixes, cut): (&[&str], _) = match metric_type {
        MetricType::Counter => (&["_total"], Some("_total")),
        MetricType::Histogram => (&["_bucket", "_sum", "_count"], None),
        MetricType::GaugeHistogram => (&["_bucket", "_gsum", "_gcount"], None),
        MetricType::Summary => (&["_sum", "_count"], None),
        MetricType::Info => (&["_info"], Some("_info")),
        MetricType::Gauge | MetricType::StateSet | MetricType::Unknown => (&[], None),
    };
    let base = suffixes.iter().find_map(|suffix| metric.strip_suffix(suffix)).unwrap_or(metric);
    let family_base = cut.and_then(|suffix| family.strip_suffix(suffix)).unwrap_or(family);
    metric.starts_with(family) && base == family_base
}

const TYPE_LABEL: &str = "__type__";
const UNIT_LABEL: &str = "__unit__";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_families() {
        use MetricType::{Counter, Gauge, GaugeHistogram, Histogram, Info, Summary, Unknown};
        for (metric, family, metric_type, expected) in [
            ("a_total", "a", Counter, true),
            ("a_total", "a_total", Counter, true),
            ("a", "a", Counter, true),
            ("a", "a_total", Counter, false),
            ("a_sum", "a", Counter, false),
            ("h_bucket", "h", Histogram, true),
            ("h_sum", "h", Histogram, true),
            ("h_count", "h", Histogram, true),
            ("h", "h", Histogram, true),
            ("h_created", "h", Histogram, false),
            ("h_gsum", "h", GaugeHistogram, true),
            ("h_sum", "h", GaugeHistogram, false),
            ("s_sum", "s", Summary, true),
            ("s_bucket", "s", Summary, false),
            ("i_info", "i", Info, true),
            ("i_info", "i_info", Info, true),
            ("g", "g", Gauge, true),
            ("g_total", "g", Gauge, false),
            ("u", "v", Unknown, false),
        ] {
            assert_eq!(is_member(metric, family, metric_type), expected, "{metric} in {family}");
        }
    }
}
