use std::collections::BTreeMap;
use std::time::Duration;

use narthex_exposition::{Bucket, TextWriter};
use narthex_model::MetricType::{Counter, Histogram};
use parking_lot::Mutex;

/// Requests by route and status. Both are closed sets: routes are known, statuses are our own.
#[derive(Debug, Default)]
pub(crate) struct HttpStats {
    routes: Mutex<BTreeMap<Box<str>, Route>>,
}

#[derive(Debug, Default)]
struct Route {
    by_status: BTreeMap<u16, u64>,
    /// Requests that took at most the bound of the same index, and longer than the one before.
    durations: [u64; DURATION_BOUNDS_S.len()],
    duration_sum: Duration,
}

impl HttpStats {
    pub(crate) fn count(&self, route: &str, status: u16, duration: Duration) {
        let mut routes = self.routes.lock();
        let route = match routes.get_mut(route) {
            Some(known) => known,
            None => routes.entry(route.into()).or_default(),
        };
        *route.by_status.entry(status).or_default() += 1;
        let seconds = duration.as_secs_f64();
        if let Some(bucket) = DURATION_BOUNDS_S.iter().position(|bound| seconds <= *bound) {
            route.durations[bucket] += 1;
        }
        route.duration_sum += duration;
    }

    /// Writes the counts; `prefix` is left off the names of routes, as in the reference.
    pub(crate) fn write(&self, page: &mut TextWriter, prefix: &str) {
        let routes = self.routes.lock();
        let handlers = routes.iter().map(|(path, route)| (handler_name(path, prefix), route));
        let handlers = handlers.collect::<Vec<_>>();
        let mut requests =
            page.family("prometheus_http_requests_total", Counter, "Counter of HTTP requests.");
        for (handler, route) in &handlers {
            for (status, count) in &route.by_status {
                let labels = [("code", &*status.to_string()), ("handler", handler)];
                requests.sample(&labels, *count as f64);
            }
        }
        let mut durations = page.family(
            "prometheus_http_request_duration_seconds",
            Histogram,
            "Histogram of latencies for HTTP requests.",
        );
        for (handler, route) in &handlers {
            let mut cumulative = 0;
            let buckets = DURATION_BOUNDS_S.iter().zip(&route.durations).map(|(bound, count)| {
                cumulative += count;
                Bucket { upper_bound: *bound, cumulative_count: cumulative as f64 }
            });
            let count = route.by_status.values().sum::<u64>() as f64;
            let sum = route.duration_sum.as_secs_f64();
            durations.histogram(&[("handler", handler)], &buckets.collect::<Vec<_>>(), sum, count);
        }
    }
}

/// Returns the route as the reference spells it: `/api/v1/label/:name/values`.
fn handler_name(path: &str, prefix: &str) -> String {
    let path = path.strip_prefix(prefix.trim_end_matches('/')).unwrap_or(path);
    path.replace('{', ":").replace('}', "")
}

/// The reference's bounds, in seconds.
const DURATION_BOUNDS_S: [f64; 9] = [0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0];
