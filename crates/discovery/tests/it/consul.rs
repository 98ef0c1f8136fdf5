use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use narthex_config::Config;
use narthex_discovery::{Job, Manager, Options};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::server::{Answer, answer, serve};
use crate::support::until;

/// How long the agent waits for news. It is asked to wait for longer, and need not.
const WAIT: Duration = Duration::from_millis(500);

/// A Consul agent: services with tags and the addresses of their instances, and an index that grows with
/// each change. A question that names the index is answered after the next one, or after a while.
#[derive(Default)]
struct Agent {
    state: watch::Sender<State>,
    /// Each request once: one that waits is sent again when the wait is over.
    requests: Mutex<BTreeSet<String>>,
}

#[derive(Default, Clone)]
struct State {
    index: u64,
    /// How often the state was brought back from elsewhere, which wakes whoever waits.
    restores: u64,
    is_broken: bool,
    services: BTreeMap<&'static str, (&'static str, Vec<&'static str>)>,
}

impl Agent {
    /// Changes a service; none at all without instances.
    fn set(&self, name: &'static str, tag: &'static str, addresses: &[&'static str]) {
        self.state.send_modify(|state| {
            state.index += 1;
            if addresses.is_empty() {
                state.services.remove(name);
            } else {
                state.services.insert(name, (tag, addresses.to_vec()));
            }
        });
    }

    fn set_broken(&self, is_broken: bool) {
        self.state.send_modify(|state| {
            state.is_broken = is_broken;
            state.restores += 1;
        });
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let uri = request.uri().clone();
        let token =
            request.headers().get("x-consul-token").map_or("", |it| it.to_str().expect("text"));
        self.requests.lock().insert(format!("{token} {uri}"));
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let mut states = self.state.subscribe();
        let mut state = states.borrow().clone();
        if let Some(index) = query.get("index") {
            let (index, restores) = (index.parse().expect("an index"), state.restores);
            let news =
                |state: &State| state.is_broken || state.index > index || state.restores > restores;
            let _ = tokio::time::timeout(WAIT, states.wait_for(news)).await;
            state = states.borrow().clone();
        }
        if state.is_broken {
            return answer(500, &[], "No cluster leader");
        }
        let body = match uri.path().strip_prefix("/v1/").expect("a version") {
            "agent/self" => r#"{"Config": {"Datacenter": "dc1"}}"#.to_owned(),
            "catalog/services" => {
                let service =
                    |(name, (tag, _)): (&&str, &(&str, _))| format!(r#""{name}": ["{tag}"]"#);
                format!("{{{}}}", state.services.iter().map(service).collect::<Vec<_>>().join(","))
            }
            path => {
                let name = path.strip_prefix("health/service/").expect("a service");
                let addresses = state.services.get(name).map(|(_, it)| &**it).unwrap_or_default();
                let instance = |host: &&str| {
                    format!(
                        r#"{{"Node": {{"Node": "n", "Address": "{host}"}}, "Service": {{"Port": 80}}}}"#
                    )
                };
                format!("[{}]", addresses.iter().map(instance).collect::<Vec<_>>().join(","))
            }
        };
        answer(200, &[("X-Consul-Index", &state.index.to_string())], body)
    }
}

async fn start() -> (Arc<Agent>, SocketAddr) {
    let agent = Arc::<Agent>::default();
    let handler = Arc::clone(&agent);
    let address = serve(move |request| Arc::clone(&handler).answer(request)).await;
    (agent, address)
}

fn discover(server: SocketAddr, settings: &str) -> Manager {
    let text = format!(
        "scrape_configs: [{{job_name: j, consul_sd_configs: [{{server: '{server}', \
         refresh_interval: 10ms, {settings}}}]}}]"
    );
    let config = Config::load(&text, "test.yml", |_| None).expect(&text);
    let manager = Manager::new(Handle::current(), Options::default());
    manager.apply(Job::of_config(&config)).expect("known kinds");
    manager
}

#[tokio::test]
async fn services_come_change_and_go() {
    let (agent, address) = start().await;
    agent.set("web", "a", &["192.0.2.1", "192.0.2.2"]);
    let manager = discover(address, "");
    let sets = manager.subscribe();
    until(&sets, "j", "192.0.2.1:80 192.0.2.2:80").await;
    let group = Arc::clone(&sets.borrow()["j"][0]);
    assert_eq!(group.labels.value("__meta_consul_dc"), "dc1");

    agent.set("db", "b", &["192.0.2.3"]);
    until(&sets, "j", "192.0.2.1:80 192.0.2.2:80 192.0.2.3:80").await;
    agent.set("web", "a", &["192.0.2.1"]);
    until(&sets, "j", "192.0.2.1:80 192.0.2.3:80").await;
    agent.set("web", "a", &[]);
    until(&sets, "j", "192.0.2.3:80").await;
    let stats = manager.stats().consul;
    assert_eq!(stats.failures, 0);
    assert!(stats.services.count >= 3 && stats.service.count >= 3, "{stats:?}");

    // Nobody asks any more once nobody wants to know.
    drop(manager);
    tokio::time::timeout(Duration::from_secs(20), async {
        while agent.state.receiver_count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("an end");
}

#[tokio::test]
async fn failures_keep_the_targets() {
    let (agent, address) = start().await;
    agent.set_broken(true);
    let manager = discover(address, "");
    let failures = async |more: u64| {
        let goal = manager.stats().consul.failures + more;
        while manager.stats().consul.failures < goal {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    failures(2).await;
    agent.set("web", "a", &["192.0.2.1"]);
    agent.set_broken(false);
    let sets = manager.subscribe();
    until(&sets, "j", "192.0.2.1:80").await;

    agent.set_broken(true);
    failures(4).await;
    until(&sets, "j", "192.0.2.1:80").await;
    agent.set("web", "a", &["192.0.2.2"]);
    agent.set_broken(false);
    until(&sets, "j", "192.0.2.2:80").await;
}

/// A snapshot that is brought back has an older index than what was seen before.
#[tokio::test]
async fn an_index_may_go_back() {
    let (agent, address) = start().await;
    for _ in 0..100 {
        agent.set("web", "a", &["192.0.2.1"]);
    }
    let manager = discover(address, "");
    let sets = manager.subscribe();
    until(&sets, "j", "192.0.2.1:80").await;
    agent.state.send_modify(|state| {
        state.index = 5;
        state.restores += 1;
        state.services.insert("db", ("b", vec!["192.0.2.2"]));
    });
    until(&sets, "j", "192.0.2.1:80 192.0.2.2:80").await;
    agent.set("web", "a", &["192.0.2.3"]);
    until(&sets, "j", "192.0.2.2:80 192.0.2.3:80").await;
}

#[tokio::test]
async fn tags_choose_services() {
    let (agent, address) = start().await;
    agent.set("web", "new", &["192.0.2.1"]);
    agent.set("db", "old", &["192.0.2.2"]);
    let manager = discover(address, "tags: [new]");
    let sets = manager.subscribe();
    until(&sets, "j", "192.0.2.1:80").await;
    agent.set("db", "new", &["192.0.2.2"]);
    until(&sets, "j", "192.0.2.1:80 192.0.2.2:80").await;
    agent.set("web", "old", &["192.0.2.1"]);
    until(&sets, "j", "192.0.2.2:80").await;
}

#[tokio::test]
async fn questions_say_what_the_configuration_says() {
    for (settings, expected) in [
        (
            "services: ['a b']",
            " /v1/agent/self; /v1/health/service/a%20b?stale=&wait=120000ms; \
             /v1/health/service/a%20b?stale=&index=1&wait=120000ms",
        ),
        (
            "services: [web], datacenter: dc, namespace: ns, partition: p, token: t, allow_stale: false, \
             health_filter: 'a == b', node_meta: {k: v}",
            "t /v1/health/service/web?dc=dc&ns=ns&partition=p&wait=120000ms&node-meta=k%3Av&\
             filter=a+%3D%3D+b;t /v1/health/service/web?dc=dc&ns=ns&partition=p&index=1&wait=120000ms&\
             node-meta=k%3Av&filter=a+%3D%3D+b",
        ),
        (
            "services: [web], datacenter: dc, filter: f",
            " /v1/catalog/services?dc=dc&stale=&wait=120000ms&filter=f; \
             /v1/catalog/services?dc=dc&stale=&index=1&wait=120000ms&filter=f; \
             /v1/health/service/web?dc=dc&stale=&wait=120000ms; \
             /v1/health/service/web?dc=dc&stale=&index=1&wait=120000ms",
        ),
        (
            "services: [web], datacenter: dc, tags: [x]",
            " /v1/catalog/services?dc=dc&stale=&wait=120000ms; \
             /v1/catalog/services?dc=dc&stale=&index=1&wait=120000ms; \
             /v1/health/service/web?dc=dc&stale=&wait=120000ms&tag=x; \
             /v1/health/service/web?dc=dc&stale=&index=1&wait=120000ms&tag=x",
        ),
    ] {
        let (agent, address) = start().await;
        agent.set("web", "x", &["192.0.2.1"]);
        let _manager = discover(address, settings);
        let expected: Vec<_> = expected.split(';').collect();
        let asked = async {
            while agent.requests.lock().len() < expected.len() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(20), asked).await;
        let mut requests: Vec<_> = agent.requests.lock().iter().cloned().collect();
        // Those about a service come beside those about the catalog.
        requests.sort_by_key(|request| (request.contains("/health/"), request.contains("index=")));
        assert_eq!(requests, expected, "{settings}");
    }
}
