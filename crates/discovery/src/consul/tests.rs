use super::agent::{Indexed, base};
use super::group::{ServiceEntry, group};
use super::watch::news;

#[test]
fn the_server_may_bring_a_scheme_and_a_path() {
    for (scheme, server, prefix, expected) in [
        ("http", "localhost:8500", "", Ok("http://localhost:8500")),
        ("https", "a", "/b/", Ok("https://a/b")),
        ("http", "https://a", "", Ok("https://a")),
        ("https", "http://a", "", Ok("https://a")),
        ("http", "http://a/b/c", "d", Ok("http://a/b/c")),
        ("http", "http://a/", "d", Ok("http://a/d")),
        ("http", "ftp://a", "", Err("Unknown protocol scheme: ftp")),
    ] {
        let found = base(scheme, server, prefix).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(|error| &**error), expected, "{server}");
    }
}

#[test]
fn an_index_that_went_back_is_not_waited_for() {
    let mut last = 0;
    for (index, is_news, next) in [
        (0, true, 0),
        (0, true, 0),
        (7, true, 7),
        (7, false, 7),
        (9, true, 9),
        (3, true, 0),
        (3, true, 3),
        (3, false, 3),
        (0, true, 0),
    ] {
        assert_eq!(news(Indexed { value: (), index }, &mut last).is_some(), is_news, "{index}");
        assert_eq!(last, next, "{index}");
    }
}

fn show(instances: &str) -> String {
    let instances: Vec<ServiceEntry> = serde_json::from_str(instances).expect(instances);
    let group = group("web", "dc1", ",", &instances);
    let targets: Vec<_> = group.targets.iter().map(ToString::to_string).collect();
    format!("{} {} {}", group.source, group.labels, targets.join(" "))
}

#[test]
fn instances_become_targets() {
    let everything = r#"[{
        "Node": {
            "Node": "n1", "Address": "192.0.2.1", "Meta": {"rack-name": "r", "rack.no": "7"},
            "TaggedAddresses": {"lan": "192.0.2.2", "wan_ipv4": "192.0.2.3"}
        },
        "Service": {
            "ID": "web-1", "Service": "web", "Tags": ["a", "b"], "Port": 80, "Address": "",
            "Namespace": "ns", "Partition": "p", "Meta": {"version": "1"}, "Weights": {"Passing": 1}
        },
        "Checks": [{"CheckID": "serfHealth", "Status": "passing"}]
    }]"#;
    let expected = r#"web {__meta_consul_dc="dc1", __meta_consul_service="web"} {__address__="192.0.2.1:80", __meta_consul_address="192.0.2.1", __meta_consul_health="passing", __meta_consul_metadata_rack_name="r", __meta_consul_metadata_rack_no="7", __meta_consul_namespace="ns", __meta_consul_node="n1", __meta_consul_partition="p", __meta_consul_service_id="web-1", __meta_consul_service_metadata_version="1", __meta_consul_service_port="80", __meta_consul_tagged_address_lan="192.0.2.2", __meta_consul_tagged_address_wan_ipv4="192.0.2.3", __meta_consul_tags=",a,b,"}"#;
    assert_eq!(show(everything), expected);
    let nulls = r#"[{
        "Node": {"Node": "n", "Address": "a", "Meta": null, "TaggedAddresses": null},
        "Service": {"ID": "w", "Tags": null, "Meta": null, "Port": 1, "Address": "2001:db8::1"},
        "Checks": null
    }]"#;
    let expected = r#"web {__meta_consul_dc="dc1", __meta_consul_service="web"} {__address__="[2001:db8::1]:1", __meta_consul_address="a", __meta_consul_health="passing", __meta_consul_node="n", __meta_consul_service_address="2001:db8::1", __meta_consul_service_id="w", __meta_consul_service_port="1", __meta_consul_tags=",,"}"#;
    assert_eq!(show(nulls), expected);
}

#[test]
fn the_worst_check_is_the_health() {
    for (checks, expected) in [
        ("", "passing"),
        ("a=passing b=warning", "warning"),
        ("a=critical b=warning", "critical"),
        ("_node_maintenance=critical a=passing", "maintenance"),
        ("_service_maintenance:web=critical a=warning", "maintenance"),
        ("a=critical b=odd", ""),
    ] {
        let check = |check: &str| {
            let (id, status) = check.split_once('=').expect(check);
            format!(r#"{{"CheckID": "{id}", "Status": "{status}"}}"#)
        };
        let list: Vec<_> = checks.split_whitespace().map(check).collect();
        let instances = format!(r#"[{{"Checks": [{}]}}]"#, list.join(","));
        let instances: Vec<ServiceEntry> = serde_json::from_str(&instances).expect(&instances);
        let found = &group("a", "b", ",", &instances).targets[0];
        assert_eq!(found.value("__meta_consul_health"), expected, "{checks}");
    }
}
