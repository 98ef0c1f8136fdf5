use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use narthex_config::Config;
use narthex_discovery::{Job, Manager, Options};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::server::{Answer, answer, serve};
use crate::support::until;

/// An API server. What is asked for is told by path alone, so each path has objects of its own.
#[derive(Default)]
struct ApiServer {
    state: watch::Sender<State>,
    requests: Mutex<Vec<String>>,
}

#[derive(Clone, Default)]
struct State {
    version: u64,
    /// All that happened, by version: the path, what it was, and the object.
    events: BTreeMap<u64, (&'static str, &'static str, Value)>,
    /// The oldest version of which it is known what happened since.
    oldest: u64,
    /// How often all watches were ended.
    restarts: u64,
    is_broken: bool,
}

impl State {
    /// Returns the objects at a path.
    fn objects(&self, path: &str) -> Vec<Value> {
        let mut objects = BTreeMap::new();
        for (_, what, object) in self.events.values().filter(|event| event.0 == path) {
            let key = object["metadata"].to_string();
            if *what == "DELETED" {
                objects.remove(&key)
            } else {
                objects.insert(key, object.clone())
            };
        }
        objects.into_values().collect()
    }

    /// Returns what happened at a path since a version, a line each.
    fn since(&self, path: &str, version: u64) -> String {
        let event = |(version, (_, what, object)): (&u64, &(_, &str, Value))| {
            let mut object = object.clone();
            object["metadata"]["resourceVersion"] = version.to_string().into();
            format!("{}\n", json!({"type": what, "object": object}))
        };
        let later = self.events.range(version + 1..).filter(|(_, event)| event.0 == path);
        later.map(event).collect()
    }
}

impl ApiServer {
    fn tell(&self, path: &'static str, what: &'static str, object: Value) {
        self.state.send_modify(|state| {
            state.version += 1;
            state.events.insert(state.version, (path, what, object));
        });
    }

    fn put(&self, path: &'static str, object: Value) {
        self.tell(path, "ADDED", object);
    }

    /// Ends all watches; what happened before is forgotten where `forget` says so.
    fn restart(&self, forget: bool) {
        self.state.send_modify(|state| {
            state.restarts += 1;
            if forget {
                state.oldest = state.version;
            }
        });
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let uri = request.uri().clone();
        let authorization = request.headers().get("authorization");
        let authorization = authorization.map_or("", |it| it.to_str().expect("text"));
        self.requests.lock().push(format!("{authorization} {uri}"));
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let state = self.state.borrow().clone();
        if state.is_broken {
            let status =
                json!({"kind": "Status", "status": "Failure", "message": "broken", "code": 500});
            return answer(500, JSON, status.to_string());
        }
        let path = uri.path().to_owned();
        if !query.contains_key("watch") {
            let version = state.version.to_string();
            let list = json!({
                "kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version},
                "items": state.objects(&path)
            });
            return answer(200, JSON, list.to_string());
        }
        let version: u64 = query["resourceVersion"].parse().expect("a version");
        if version < state.oldest {
            let gone = json!({"type": "ERROR", "object": {
                "kind": "Status", "status": "Failure", "reason": "Expired", "code": 410,
                "message": "too old resource version"
            }});
            return answer(200, JSON, format!("{gone}\n"));
        }
        let states = self.state.subscribe();
        let body = stream::unfold((states, version), move |(mut states, version)| {
            let (path, restarts) = (path.clone(), state.restarts);
            async move {
                let news = |state: &State| state.version > version || state.restarts > restarts;
                let state = states.wait_for(news).await.ok()?.clone();
                if state.restarts > restarts {
                    return None;
                }
                // A bookmark says how far a watch is where nothing happened to what it is of.
                let bookmark = json!({"type": "BOOKMARK", "object": {
                    "kind": "Any", "apiVersion": "v1",
                    "metadata": {"resourceVersion": state.version.to_string()}
                }});
                let text = format!("{}{bookmark}\n", state.since(&path, version));
                let frame: Result<_, Infallible> = Ok(Frame::data(Bytes::from(text)));
                Some((frame, (states, state.version)))
            }
        });
        Response::new(StreamBody::new(body).boxed_unsync())
    }
}

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

async fn start() -> (Arc<ApiServer>, SocketAddr) {
    let server = Arc::<ApiServer>::default();
    let handler = Arc::clone(&server);
    let address = serve(move |request| Arc::clone(&handler).answer(request)).await;
    (server, address)
}

fn discover(settings: &str) -> Manager {
    let text =
        format!("scrape_configs: [{{job_name: j, kubernetes_sd_configs: [{{{settings}}}]}}]");
    let config = Config::load(&text, "test.yml", |_| None).expect(&text);
    let manager = Manager::new(Handle::current(), Options::default());
    manager.apply(Job::of_config(&config)).expect("known kinds");
    manager
}

fn pod(namespace: &str, name: &str, ip: &str) -> Value {
    json!({
        "kind": "Pod", "metadata": {"namespace": namespace, "name": name},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "ports": [{"containerPort": 80}]}]},
        "status": {"podIP": ip}
    })
}

const PODS: &str = "/api/v1/pods";

#[tokio::test]
async fn objects_are_listed_and_watched() {
    let (server, address) = start().await;
    server.put(PODS, pod("ns", "a", "10.1.0.1"));
    let manager = discover(&format!(
        "role: pod, api_server: 'http://{address}', authorization: {{credentials: secret}}, \
         selectors: [{{role: pod, label: 'app in (a,b)', field: status.phase=Running}}]"
    ));
    let sets = manager.subscribe();
    until(&sets, "j", "10.1.0.1:80").await;
    let group = Arc::clone(&sets.borrow()["j"][0]);
    assert_eq!(group.source, "pod/ns/a");
    assert_eq!(group.labels.value("__meta_kubernetes_pod_node_name"), "n1");
    let requests = server.requests.lock().clone();
    assert!(requests[0].starts_with("Bearer secret /api/v1/pods?"), "{requests:?}");
    for part in ["labelSelector=app+in+%28a%2Cb%29", "fieldSelector=status.phase%3DRunning"] {
        assert!(requests.iter().all(|request| request.contains(part)), "{requests:?}");
    }

    server.put(PODS, pod("other", "b", "10.1.0.2"));
    until(&sets, "j", "10.1.0.1:80 10.1.0.2:80").await;
    server.tell(PODS, "MODIFIED", pod("ns", "a", "10.1.0.3"));
    until(&sets, "j", "10.1.0.2:80 10.1.0.3:80").await;
    server.tell(PODS, "DELETED", pod("other", "b", "10.1.0.2"));
    until(&sets, "j", "10.1.0.3:80").await;
    let stats = manager.stats().kubernetes;
    let events = ["add", "update", "delete"].map(|event| stats.events[&("pod", event)]);
    assert_eq!(events, [2, 1, 1]);
    assert_eq!((stats.failures, stats.endpoints.len()), (0, 1));
    assert!(stats.endpoints[PODS].count >= 2 && stats.requests["200"] >= 2, "{stats:?}");
}

/// A watch ends now and then, and goes on from where it was; what it missed for too long is listed again.
#[tokio::test]
async fn a_watch_that_ends_begins_anew() {
    let (server, address) = start().await;
    server.put(PODS, pod("ns", "a", "10.1.0.1"));
    server.put(PODS, pod("ns", "b", "10.1.0.2"));
    let manager = discover(&format!("role: pod, api_server: 'http://{address}'"));
    let sets = manager.subscribe();
    until(&sets, "j", "10.1.0.1:80 10.1.0.2:80").await;

    server.restart(false);
    server.put(PODS, pod("ns", "c", "10.1.0.3"));
    until(&sets, "j", "10.1.0.1:80 10.1.0.2:80 10.1.0.3:80").await;
    let lists = || server.requests.lock().iter().filter(|it| !it.contains("watch=")).count();
    assert_eq!(lists(), 1);

    // It happened while nobody watched, and is forgotten by the time that somebody asks.
    server.state.send_modify(|state| {
        state.version += 2;
        state.events.insert(state.version - 1, (PODS, "DELETED", pod("ns", "a", "10.1.0.1")));
        state.events.insert(state.version, (PODS, "ADDED", pod("ns", "d", "10.1.0.4")));
        state.oldest = state.version;
        state.restarts += 1;
    });
    until(&sets, "j", "10.1.0.2:80 10.1.0.3:80 10.1.0.4:80").await;
    assert_eq!(lists(), 2);
    assert!(manager.stats().kubernetes.failures > 0);
}

#[tokio::test]
async fn failures_keep_the_targets() {
    let (server, address) = start().await;
    server.state.send_modify(|state| state.is_broken = true);
    let manager = discover(&format!("role: pod, api_server: 'http://{address}'"));
    let sets = manager.subscribe();
    let failures = || manager.stats().kubernetes.failures;
    let fail = async |more: u64| {
        let goal = failures() + more;
        while failures() < goal {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    fail(1).await;
    server.put(PODS, pod("ns", "a", "10.1.0.1"));
    server.state.send_modify(|state| state.is_broken = false);
    until(&sets, "j", "10.1.0.1:80").await;
    server.state.send_modify(|state| state.is_broken = true);
    server.restart(true);
    fail(1).await;
    until(&sets, "j", "10.1.0.1:80").await;
    server.state.send_modify(|state| state.is_broken = false);
    server.put(PODS, pod("ns", "b", "10.1.0.2"));
    until(&sets, "j", "10.1.0.1:80 10.1.0.2:80").await;
}

#[tokio::test]
async fn namespaces_are_watched_each_for_itself() {
    let (server, address) = start().await;
    let name =
        |name: &str| json!({"metadata": {"namespace": "a", "name": name, "labels": {"x": "1"}}});
    server.put("/api/v1/namespaces/a/services", {
        let mut service = name("web");
        service["spec"] = json!({"type": "ClusterIP", "ports": [{"port": 80}]});
        service
    });
    server.put("/api/v1/namespaces/b/services", {
        let mut service = name("db");
        service["metadata"]["namespace"] = "b".into();
        service["spec"] = json!({"type": "ClusterIP", "ports": [{"port": 81}]});
        service
    });
    server.put("/api/v1/namespaces", json!({"metadata": {"name": "a", "labels": {"team": "t"}}}));
    let manager = discover(&format!(
        "role: service, api_server: 'http://{address}', namespaces: {{names: [b, a, a]}}, \
         attach_metadata: {{namespace: true}}"
    ));
    let sets = manager.subscribe();
    until(&sets, "j", "db.b.svc:81 web.a.svc:80").await;
    let team = |sets: &narthex_discovery::TargetSets| {
        let groups = sets["j"]
            .iter()
            .map(|it| it.labels.value("__meta_kubernetes_namespace_label_team").to_owned());
        groups.collect::<Vec<_>>()
    };
    assert_eq!(team(&sets.borrow()), ["t", ""]);
    server.tell(
        "/api/v1/namespaces",
        "MODIFIED",
        json!({"metadata": {"name": "b", "labels": {"team": "u"}}}),
    );
    let mut changed = sets.clone();
    let wait = changed.wait_for(|sets| team(sets) == ["t", "u"]);
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("labels").expect("a manager");
}

/// Each role asks for what it is made of, and for no more.
#[tokio::test]
async fn roles_look_at_what_they_need() {
    for (settings, expected) in [
        ("role: node", "/api/v1/nodes"),
        ("role: service", "/api/v1/services"),
        ("role: pod", "/api/v1/pods"),
        ("role: ingress", "/apis/networking.k8s.io/v1/ingresses"),
        ("role: endpoints", "/api/v1/endpoints /api/v1/pods /api/v1/services"),
        (
            "role: endpointslice, attach_metadata: {node: true, namespace: true, deployment: true, \
             job: true}",
            "/api/v1/namespaces /api/v1/nodes /api/v1/pods /api/v1/services \
             /apis/apps/v1/replicasets /apis/batch/v1/jobs \
             /apis/discovery.k8s.io/v1/endpointslices",
        ),
        ("role: node, attach_metadata: {namespace: true}", "/api/v1/nodes"),
        (
            "role: pod, namespaces: {names: [a]}, attach_metadata: {node: true}",
            "/api/v1/namespaces/a/pods /api/v1/nodes",
        ),
    ] {
        let (server, address) = start().await;
        let _manager = discover(&format!("{settings}, api_server: 'http://{address}'"));
        let paths = || {
            let requests = server.requests.lock();
            let path = |request: &String| request.trim().split('?').next().map(str::to_owned);
            let watches = requests.iter().filter(|request| request.contains("watch="));
            watches.filter_map(path).collect::<std::collections::BTreeSet<_>>()
        };
        let expected: std::collections::BTreeSet<_> =
            expected.split(' ').map(str::to_owned).collect();
        let all = async {
            while paths() != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let met = tokio::time::timeout(Duration::from_secs(20), all).await.is_ok();
        assert!(met, "{settings}: {:?}", paths());
    }
}

#[tokio::test]
async fn a_kubeconfig_file_may_say_where() {
    let (server, address) = start().await;
    server.put(
        "/prefix/api/v1/nodes",
        json!({
            "metadata": {"name": "n1"},
            "status": {
                "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}
            }
        }),
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let file = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}/prefix")}}],
        "users": [{"name": "u", "user": {"token": "secret"}}]
    });
    std::fs::write(&path, file.to_string()).unwrap();
    let manager = discover(&format!("role: node, kubeconfig_file: '{}'", path.display()));
    until(&manager.subscribe(), "j", "10.0.0.1:10250").await;
    let requests = server.requests.lock().clone();
    let known = |request: &String| request.starts_with("Bearer secret /prefix/api/v1/nodes?");
    assert!(requests.iter().all(known), "{requests:?}");
}
