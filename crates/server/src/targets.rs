use narthex_model::{Labels, Metadata};
use narthex_scrape::{Manager, Targets};

/// Who is scraped, for the API and the page.
///
/// Its methods have defaults, so a server that scrapes nothing needs none of them.
pub trait TargetSource: Send + Sync {
    /// Returns the targets, those of a job together.
    fn targets(&self) -> Targets {
        Targets::default()
    }

    /// Calls `visit` with a target's labels, a metric's name and what the target says of it; for
    /// every metric, or for `metric` alone.
    fn visit_metadata(
        &self,
        metric: Option<&str>,
        visit: &mut dyn FnMut(&Labels, &str, &Metadata),
    ) {
        let _ = (metric, visit);
    }
}

impl TargetSource for Manager {
    fn targets(&self) -> Targets {
        Manager::targets(self)
    }

    fn visit_metadata(
        &self,
        metric: Option<&str>,
        visit: &mut dyn FnMut(&Labels, &str, &Metadata),
    ) {
        Manager::visit_metadata(self, metric, visit);
    }
}
