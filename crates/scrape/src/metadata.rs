//! What a target says of its metrics, kept for the API.

use hashbrown::HashMap;
use narthex_model::{Metadata, MetricType};
use parking_lot::Mutex;

/// Metadata by metric family, written by the scraper and read by the API at the same time.
#[derive(Debug, Default)]
pub(crate) struct MetadataCache {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    scrape: u32,
    families: HashMap<Box<str>, Family>,
    /// Bytes of all help texts, units and types.
    size: usize,
}

#[derive(Debug, Default)]
struct Family {
    metadata: Metadata,
    last_scrape: u32,
}

impl MetadataCache {
    /// Notes the type of a family. Returns whether it is news.
    pub(crate) fn set_type(&self, family: &str, metric_type: MetricType) -> bool {
        self.edit(family, |metadata| {
            let is_news = metadata.metric_type != metric_type;
            metadata.metric_type = metric_type;
            is_news
        })
    }

    /// Notes the help text of a family. Returns whether it is news.
    pub(crate) fn set_help(&self, family: &str, help: &str) -> bool {
        self.edit(family, |metadata| replace(&mut metadata.help, help))
    }

    /// Notes the unit of a family. Returns whether it is news.
    pub(crate) fn set_unit(&self, family: &str, unit: &str) -> bool {
        self.edit(family, |metadata| replace(&mut metadata.unit, unit))
    }

    /// Ends a scrape. A `good` one forgets the families that were last seen
    /// [`SCRAPES_WITHOUT_MAX`] scrapes ago.
    pub(crate) fn finish(&self, good: bool) {
        let mut state = self.state.lock();
        let State { scrape, families, size } = &mut *state;
        if good {
            families.retain(|_, family| {
                let keep = scrape.wrapping_sub(family.last_scrape) <= SCRAPES_WITHOUT_MAX;
                *size -= if keep { 0 } else { family.size() };
                keep
            });
        }
        *scrape = scrape.wrapping_add(1);
    }

    /// Returns what is known of one family.
    pub(crate) fn get(&self, family: &str) -> Option<Metadata> {
        self.state.lock().families.get(family).map(|family| family.metadata.clone())
    }

    /// Returns everything that is known, in no order.
    pub(crate) fn list(&self) -> Vec<(Box<str>, Metadata)> {
        let state = self.state.lock();
        state
            .families
            .iter()
            .map(|(name, family)| (name.clone(), family.metadata.clone()))
            .collect()
    }

    /// Returns the number of families and the bytes of their metadata.
    pub(crate) fn size(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.families.len(), state.size)
    }

    fn edit(&self, name: &str, edit: impl FnOnce(&mut Metadata) -> bool) -> bool {
        let mut state = self.state.lock();
        let State { scrape, families, size } = &mut *state;
        let full = *size > METADATA_SIZE_MAX || families.len() >= METADATA_FAMILIES_MAX;
        let family = match families.get_mut(name) {
            Some(family) => family,
            None if full => return false,
            None => families.entry(name.into()).or_insert_with(|| {
                *size += Family::default().size();
                Family::default()
            }),
        };
        *size -= family.size();
        let is_news = edit(&mut family.metadata);
        family.last_scrape = *scrape;
        *size += family.size();
        is_news
    }
}

/// Puts a text in the place of another. Returns whether they differ.
fn replace(text: &mut Box<str>, new: &str) -> bool {
    let differs = **text != *new;
    if differs {
        *text = new.into();
    }
    differs
}

impl Family {
    fn size(&self) -> usize {
        let Metadata { metric_type, help, unit } = &self.metadata;
        metric_type.as_str().len() + help.len() + unit.len()
    }
}

/// A family stays this many scrapes after its metric disappeared.
const SCRAPES_WITHOUT_MAX: u32 = 10;

/// The most families that are kept for one target; further ones have no metadata.
const METADATA_FAMILIES_MAX: usize = 100_000;

/// Bytes of metadata kept for one target; once they are reached, new families have none.
const METADATA_SIZE_MAX: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_outlive_their_metrics_by_ten_scrapes() {
        let cache = MetadataCache::default();
        cache.set_type("a", MetricType::Counter);
        cache.set_help("a", "first");
        cache.set_help("a", "one");
        cache.finish(true);
        for _ in 0..SCRAPES_WITHOUT_MAX {
            cache.finish(true);
        }
        let expected =
            Metadata { metric_type: MetricType::Counter, help: "one".into(), unit: Box::default() };
        assert_eq!(cache.get("a"), Some(expected));
        assert_eq!(cache.size(), (1, "counterone".len()));
        cache.finish(false);
        assert!(cache.get("a").is_some(), "a failed scrape forgets nothing");
        cache.finish(true);
        assert_eq!(cache.get("a"), None);
        assert_eq!(cache.size(), (0, 0));
    }

    #[test]
    fn metadata_is_bounded() {
        let cache = MetadataCache::default();
        let help = "x".repeat(1 << 20);
        for family in 0..100 {
            cache.set_help(&family.to_string(), &help);
        }
        assert!(cache.size().1 <= METADATA_SIZE_MAX + (1 << 20));
        cache.set_help("0", "short");
        assert_eq!(cache.get("0").map(|metadata| metadata.help), Some("short".into()));
    }
}
