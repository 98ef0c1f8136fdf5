use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use narthex_config::Config;
use narthex_discovery::{Job, Manager, Options};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::server::{Answer, answer, serve, speak};
use crate::support::until;

/// A Docker daemon with containers, each of which has an address and one port.
#[derive(Default)]
struct Daemon {
    addresses: Mutex<Vec<&'static str>>,
    /// What it says instead, if anything: the path, the status and the body.
    instead: Mutex<Option<(&'static str, u16, &'static str)>>,
    requests: Mutex<Vec<String>>,
}

const VERSION: &str = "1.51";

impl Daemon {
    fn set(&self, addresses: &[&'static str]) {
        *self.addresses.lock() = addresses.to_vec();
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let uri = request.uri().clone();
        self.requests.lock().push(uri.to_string());
        if let Some((path, status, body)) = *self.instead.lock()
            && uri.path().ends_with(path)
        {
            return answer(status, &[], body);
        }
        let (_, path) = uri.path().split_once(VERSION).unwrap_or(("", uri.path()));
        let body = match path {
            "/_ping" => "OK".to_owned(),
            "/containers/json" => {
                let container = |address: &&str| {
                    format!(
                        r#"{{"Id": "{address}", "Names": ["/{address}"], "Labels": null,
                            "HostConfig": {{"NetworkMode": "bridge"}},
                            "Ports": [{{"PrivatePort": 80, "Type": "tcp"}}], "NetworkSettings":
                            {{"Networks": {{"bridge": {{"NetworkID": "n", "IPAddress": "{address}"}}}}}}}}"#
                    )
                };
                let addresses = self.addresses.lock();
                format!("[{}]", addresses.iter().map(container).collect::<Vec<_>>().join(","))
            }
            "/networks" => r#"[{"Id": "n", "Name": "bridge", "Scope": "local"}]"#.to_owned(),
            _ => return answer(404, &[], r#"{"message": "page not found"}"#),
        };
        answer(200, &[("Api-Version", VERSION)], body)
    }
}

fn discover(host: &str, settings: &str) -> Manager {
    let text = format!(
        "scrape_configs: [{{job_name: j, docker_sd_configs: [{{host: '{host}', \
         refresh_interval: 1s, {settings}}}]}}]"
    );
    let mut config = Config::load(&text, "test.yml", |_| None).expect(&text);
    // A second is the time for an answer, but too long for a test to wait.
    let narthex_config::DiscoveryConfig::Docker(docker) =
        &mut config.scrape_configs[0].discovery_configs[0]
    else {
        panic!("{config:?}")
    };
    docker.refresh_interval /= 20;
    let manager = Manager::new(Handle::current(), Options::default());
    manager.apply(Job::of_config(&config)).expect("known kinds");
    manager
}

#[tokio::test]
async fn containers_come_and_go() {
    let daemon = Arc::<Daemon>::default();
    let handler = Arc::clone(&daemon);
    let address = serve(move |request| Arc::clone(&handler).answer(request)).await;
    daemon.set(&["172.17.0.2", "172.17.0.3"]);
    let filters = "filters: [{name: label, values: [b, a=1]}, {name: none, values: []}]";
    // What is plain TCP to Docker is HTTP to us.
    let manager = discover(&format!("tcp://{address}"), filters);
    let sets = manager.subscribe();
    until(&sets, "j", "172.17.0.2:80 172.17.0.3:80").await;
    let requests = daemon.requests.lock()[..3].to_vec();
    assert_eq!(
        requests,
        [
            "/_ping",
            "/v1.51/containers/json?filters=%7B%22label%22%3A%7B%22a%3D1%22%3Atrue%2C%22b%22%3Atrue%7D%7D",
            "/v1.51/networks",
        ]
    );
    let group = Arc::clone(&sets.borrow()["j"][0]);
    assert_eq!(group.source, "Docker");
    assert_eq!(group.targets[0].value("__meta_docker_network_name"), "bridge");

    // Without an answer the containers stay.
    let failures = || manager.stats().refreshes[&("docker".into(), "j".into())].failures;
    for instead in [
        ("/containers/json", 500, r#"{"message": "broken"}"#),
        ("/networks", 500, "broken"),
        ("/containers/json", 200, "{"),
    ] {
        *daemon.instead.lock() = Some(instead);
        let before = failures();
        // One look may still be under way with the answer before.
        while failures() < before + 2 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        until(&sets, "j", "172.17.0.2:80 172.17.0.3:80").await;
    }
    *daemon.instead.lock() = None;
    daemon.set(&["172.17.0.3"]);
    until(&sets, "j", "172.17.0.3:80").await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_daemon_may_be_behind_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    let daemon = Arc::<Daemon>::default();
    daemon.set(&["172.17.0.2"]);
    let manager = discover(&format!("unix://{}", path.display()), "");
    let sets = manager.subscribe();
    let failures = || {
        let refreshes = manager.stats().refreshes;
        refreshes.get(&("docker".into(), "j".into())).map_or(0, |refreshes| refreshes.failures)
    };
    // It may start after us.
    while failures() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let handler = Arc::clone(&daemon);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let handler = Arc::clone(&handler);
            tokio::spawn(speak(stream, move |request| Arc::clone(&handler).answer(request)));
        }
    });
    until(&sets, "j", "172.17.0.2:80").await;
    daemon.set(&[]);
    until(&sets, "j", "").await;
}

/// The settings of a client are for addresses that begin with `http` or `https`.
#[tokio::test]
async fn settings_reach_the_daemon() {
    let daemon = Arc::<Daemon>::default();
    daemon.set(&["172.17.0.2"]);
    let handler = Arc::clone(&daemon);
    let address = serve(move |request: Request<Incoming>| {
        let known = request.headers().get("authorization").is_some_and(|it| it == "Bearer secret");
        let daemon = Arc::clone(&handler);
        async move { if known { daemon.answer(request).await } else { answer(401, &[], "") } }
    })
    .await;
    let host = format!("http://{address}");
    let manager = discover(&host, "authorization: {credentials: secret}");
    until(&manager.subscribe(), "j", "172.17.0.2:80").await;
}
