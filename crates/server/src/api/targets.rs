//! Who is scraped, and what the targets say of their metrics.

use std::collections::BTreeMap;

use narthex_model::{Labels, Metadata, duration};
use narthex_scrape::{ActiveTarget, DroppedTarget};
use serde::Serialize;

use super::Call;
use crate::answer::json::LabelsObject;
use crate::answer::{Answer, ApiError};
use crate::engine;
use crate::params::Params;
use crate::state::ServerOptions;
use crate::time::Rfc3339;

/// `GET /api/v1/targets`.
pub(super) async fn targets(call: Call) -> Result<Answer, ApiError> {
    let Call { state, params } = call;
    let wanted = params.get("scrapePool");
    let in_pool = |pool: &str| wanted.is_empty() || pool == wanted;
    let shown = params.get("state").to_ascii_lowercase();
    let shows = |kind| shown.is_empty() || shown == "any" || shown == kind;

    let mut all = state.targets.targets();
    all.active.sort_by(|left, right| left.pool.cmp(&right.pool));
    all.dropped.sort_by(|left, right| left.pool.cmp(&right.pool));
    all.active.retain(|target| shows("active") && in_pool(&target.pool));
    all.dropped.retain(|target| shows("dropped") && in_pool(&target.pool));
    Answer::of(&TargetList {
        active_targets: all.active.iter().map(|t| Active::new(t, &state.options)).collect(),
        dropped_targets: all.dropped.iter().map(Dropped::new).collect(),
        dropped_target_counts: shows("dropped").then(|| all.dropped_counts.into_iter().collect()),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetList<'a> {
    active_targets: Vec<Active<'a>>,
    dropped_targets: Vec<Dropped<'a>>,
    dropped_target_counts: Option<BTreeMap<Box<str>, usize>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Active<'a> {
    discovered_labels: LabelsObject<'a>,
    labels: LabelsObject<'a>,
    scrape_pool: &'a str,
    scrape_url: &'a str,
    global_url: String,
    last_error: &'a str,
    last_scrape: String,
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: String,
    scrape_timeout: String,
}

impl<'a> Active<'a> {
    fn new(target: &'a ActiveTarget, options: &ServerOptions) -> Self {
        let last_scrape = target.last.timestamp_ms;
        Self {
            discovered_labels: LabelsObject(&target.discovered_labels),
            labels: LabelsObject(&target.labels),
            scrape_pool: &target.pool,
            scrape_url: &target.url,
            global_url: global_url(&target.url, options),
            last_error: &target.last.error,
            last_scrape: last_scrape.map_or(Rfc3339::ZERO, Rfc3339::from_ms).to_string(),
            last_scrape_duration: target.last.duration.as_secs_f64(),
            health: target.last.health.as_str(),
            scrape_interval: duration::display(target.interval).to_string(),
            scrape_timeout: duration::display(target.timeout).to_string(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dropped<'a> {
    discovered_labels: LabelsObject<'a>,
    scrape_pool: &'a str,
}

impl<'a> Dropped<'a> {
    fn new(target: &'a DroppedTarget) -> Self {
        Self {
            discovered_labels: LabelsObject(&target.discovered_labels),
            scrape_pool: &target.pool,
        }
    }
}

/// Returns the address under which people reach a target. One on this machine is shown under the
/// host of the server's own external URL, and the server itself under that URL's scheme and port.
fn global_url(url: &str, options: &ServerOptions) -> String {
    let external = options.external_url.split_once("://").and_then(|(scheme, rest)| {
        let host = rest.split('/').next().unwrap_or_default();
        (!host.is_empty()).then_some((scheme, host))
    });
    let parts = url.split_once("://").map(|(scheme, rest)| {
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        (scheme, host, path)
    });
    let (Some((external_scheme, external_host)), Some((scheme, host, path))) = (external, parts)
    else {
        return url.to_owned();
    };
    let (name, port) = split_port(host);
    if !LOCAL_HOSTS.contains(&name) {
        return url.to_owned();
    }
    if port.parse() == Ok(options.listen_port) {
        return format!("{external_scheme}://{external_host}{path}");
    }
    let (external_name, _) = split_port(external_host);
    let colon = if port.is_empty() { "" } else { ":" };
    format!("{scheme}://{external_name}{colon}{port}{path}")
}

/// Splits `host:port`; the port is empty where there is none. Brackets of an IPv6 address stay.
fn split_port(host: &str) -> (&str, &str) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (host, ""),
    }
}

const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// `GET /api/v1/scrape_pools`.
pub(super) async fn scrape_pools(call: Call) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Pools {
        scrape_pools: Vec<Box<str>>,
    }
    let counts = call.state.targets.targets().dropped_counts;
    let mut scrape_pools = counts.into_iter().map(|(pool, _)| pool).collect::<Vec<_>>();
    scrape_pools.sort_unstable();
    Answer::of(&Pools { scrape_pools })
}

/// `GET /api/v1/metadata`.
pub(super) async fn metadata(call: Call) -> Result<Answer, ApiError> {
    let Call { state, params } = call;
    let limit = params.metadata_limit("limit")?.unwrap_or(usize::MAX);
    let per_metric = params.metadata_limit("limit_per_metric")?.filter(|limit| *limit > 0);
    let mut by_metric = BTreeMap::<String, Vec<Meaning>>::new();
    state.targets.visit_metadata(metric(&params), &mut |_, metric, metadata| {
        let meanings = by_metric.entry(metric.to_owned()).or_default();
        let meaning = Meaning::new(metadata);
        if meanings.len() < per_metric.unwrap_or(usize::MAX) && !meanings.contains(&meaning) {
            meanings.push(meaning);
        }
    });
    Answer::of(&by_metric.into_iter().take(limit).collect::<BTreeMap<_, _>>())
}

/// What a metric means, as the API writes it.
#[derive(PartialEq, Serialize)]
struct Meaning {
    #[serde(rename = "type")]
    metric_type: &'static str,
    help: Box<str>,
    unit: Box<str>,
}

impl Meaning {
    fn new(metadata: &Metadata) -> Self {
        Self {
            metric_type: metadata.metric_type.as_str(),
            help: metadata.help.clone(),
            unit: metadata.unit.clone(),
        }
    }
}

/// `GET /api/v1/targets/metadata`.
pub(super) async fn target_metadata(call: Call) -> Result<Answer, ApiError> {
    let Call { state, params } = call;
    let limit = params.metadata_limit("limit")?.unwrap_or(usize::MAX);
    let selector = params.get("match_target");
    let mut matchers = Vec::new();
    if !selector.is_empty() {
        matchers = engine::parse_selector(selector)
            .map_err(|error| ApiError::invalid_parameter("match_target", error))?;
    }
    let wanted = metric(&params);
    let mut found = Vec::new();
    state.targets.visit_metadata(wanted, &mut |target, metric, metadata| {
        let matches = matchers.iter().all(|m| m.matches(target.value(m.name())));
        if matches && found.len() < limit {
            // The reference names the metric only where all were asked for.
            let metric = if wanted.is_none() { metric } else { "" };
            found.push((target.clone(), metric.to_owned(), Meaning::new(metadata)));
        }
    });
    Answer::of(&found.iter().map(TargetMeaning::new).collect::<Vec<_>>())
}

#[derive(Serialize)]
struct TargetMeaning<'a> {
    target: LabelsObject<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    metric: &'a str,
    #[serde(flatten)]
    meaning: &'a Meaning,
}

impl<'a> TargetMeaning<'a> {
    fn new((target, metric, meaning): &'a (Labels, String, Meaning)) -> Self {
        Self { target: LabelsObject(target), metric, meaning }
    }
}

fn metric(params: &Params) -> Option<&str> {
    Some(params.get("metric")).filter(|metric| !metric.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_on_this_machine_are_shown_under_the_external_host() {
        let options = ServerOptions {
            external_url: "https://mon.example:443/prom".into(),
            listen_port: 9090,
            ..ServerOptions::default()
        };
        for (url, expected) in [
            ("http://localhost:9090/metrics", "https://mon.example:443/metrics"),
            ("http://127.0.0.1:9100/metrics?x=y", "http://mon.example:9100/metrics?x=y"),
            ("http://[::1]:9090/metrics", "https://mon.example:443/metrics"),
            ("http://localhost/metrics", "http://mon.example/metrics"),
            ("http://node:9090/metrics", "http://node:9090/metrics"),
        ] {
            assert_eq!(global_url(url, &options), expected);
        }
        assert_eq!(
            global_url("http://localhost:1/", &ServerOptions::default()),
            "http://localhost:1/"
        );
    }
}
