use super::containers::{Container, Network, Rules, targets};

const NETWORKS: &str = r#"[
    {"Id": "n1", "Name": "front", "Scope": "local", "Internal": false, "Ingress": true,
     "Labels": {"com.example/tier": "1"}},
    {"Id": "n2", "Name": "back", "Scope": "swarm", "Internal": true, "Ingress": false, "Labels": null}
]"#;

/// Returns the labels of all targets, less the prefix that they share.
fn show(containers: &str, match_first_network: bool) -> Vec<String> {
    let containers: Vec<Container> = serde_json::from_str(containers).expect(containers);
    let networks: Vec<Network> = serde_json::from_str(NETWORKS).expect(NETWORKS);
    let rules = Rules { port: 8080, host_networking_host: "localhost".into(), match_first_network };
    let targets = targets(&containers, &networks, &rules);
    targets.iter().map(|target| target.to_string().replace("__meta_docker_", "")).collect()
}

/// Returns the addresses of all targets.
fn addresses(containers: &str, match_first_network: bool) -> String {
    let address = |target: &String| {
        let (_, rest) = target.split_once("__address__=\"").expect(target);
        rest.split_once('"').expect(target).0.to_owned()
    };
    show(containers, match_first_network).iter().map(address).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_container_has_a_target_for_each_port() {
    let container = r#"[{
        "Id": "c1", "Names": ["/web", "/other"], "Image": "web:1", "ImageID": "sha256:1",
        "Labels": {"com.docker.compose-project": "p"}, "HostConfig": {"NetworkMode": "front"},
        "Ports": [
            {"PrivatePort": 80, "Type": "tcp"}, {"PrivatePort": 53, "Type": "udp"},
            {"IP": "0.0.0.0", "PrivatePort": 443, "PublicPort": 8443, "Type": "tcp"}
        ],
        "NetworkSettings": {"Networks": {"front": {"NetworkID": "n1", "IPAddress": "172.19.0.2"}}}
    }]"#;
    let container_labels = r#"container_id="c1", container_image="web:1", container_image_id="sha256:1", container_label_com_docker_compose_project="p", container_name="/web", container_network_mode="front""#;
    let network_labels = r#"network_id="n1", network_ingress="true", network_internal="false", network_ip="172.19.0.2", network_label_com_example_tier="1", network_name="front", network_scope="local""#;
    assert_eq!(
        show(container, true),
        [
            format!(
                r#"{{__address__="172.19.0.2:80", {container_labels}, {network_labels}, port_private="80"}}"#
            ),
            format!(
                r#"{{__address__="172.19.0.2:443", {container_labels}, {network_labels}, port_private="443", port_public="8443", port_public_ip="0.0.0.0"}}"#
            ),
        ]
    );
}

#[test]
fn networks_decide_the_addresses() {
    for (settings, first, all) in [
        // Without a port of TCP the one of the configuration counts.
        (r#""Networks": {"a": {"IPAddress": "10.0.0.1"}}"#, "10.0.0.1:8080", "10.0.0.1:8080"),
        (
            r#""Networks": {"b": {"IPAddress": "10.0.0.2"}, "a": {"IPAddress": "10.0.0.1"}}"#,
            "10.0.0.1:8080",
            "10.0.0.1:8080 10.0.0.2:8080",
        ),
        (
            r#""Networks": {"a": null, "b": {"IPAddress": "10.0.0.2"}}"#,
            "10.0.0.2:8080",
            "10.0.0.2:8080",
        ),
        (
            r#""Networks": {"a": {"IPAddress": "", "GlobalIPv6Address": "2001:0db8::0001"}}"#,
            "[2001:db8::1]:8080",
            "[2001:db8::1]:8080",
        ),
        (r#""Networks": {"a": {"IPAddress": "invalid IP"}}"#, ":8080", ":8080"),
        (r#""Networks": {"a": null}"#, "", ""),
        (r#""Networks": null"#, "", ""),
    ] {
        let container = format!(
            r#"[{{"Id": "c", "Names": ["/c"], "NetworkSettings": {{{settings}}},
                "Ports": [{{"PrivatePort": 53, "Type": "udp"}}]}}]"#
        );
        assert_eq!(addresses(&container, true), first, "{settings}");
        assert_eq!(addresses(&container, false), all, "{settings}");
    }
    let host = r#"[{"Names": ["/c"], "HostConfig": {"NetworkMode": "host"},
        "NetworkSettings": {"Networks": {"host": {"IPAddress": ""}}}}]"#;
    assert_eq!(addresses(host, true), "localhost");
    let nameless =
        r#"[{"Names": [], "NetworkSettings": {"Networks": {"a": {"IPAddress": "10.0.0.1"}}}}]"#;
    assert_eq!(addresses(nameless, true), "");
}

#[test]
fn a_network_may_be_that_of_another_container() {
    for (second, third, expected) in [
        ("container:a", "container:b", "10.0.0.1:1 10.0.0.1:2 10.0.0.1:3"),
        ("container:none", "container:b", "10.0.0.1:1"),
        ("container:c", "container:b", "10.0.0.1:1"),
        ("container:b", "none", "10.0.0.1:1"),
    ] {
        let container = |id: &str, port: u16, mode: &str, networks: &str| {
            format!(
                r#"{{"Id": "{id}", "Names": ["/{id}"], "HostConfig": {{"NetworkMode": "{mode}"}},
                    "Ports": [{{"PrivatePort": {port}, "Type": "tcp"}}],
                    "NetworkSettings": {{"Networks": {networks}}}}}"#
            )
        };
        let containers = format!(
            "[{}, {}, {}]",
            container("a", 1, "front", r#"{"front": {"IPAddress": "10.0.0.1"}}"#),
            container("b", 2, second, "{}"),
            container("c", 3, third, "{}"),
        );
        assert_eq!(addresses(&containers, true), expected, "{second} {third}");
    }
}
