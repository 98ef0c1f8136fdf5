use serde_json::{Value, json};

use crate::client::{Client, small_store};

#[track_caller]
fn check(client: &Client, path: &str, expected: &Value) {
    let reply = client.get(&format!("/api/v1/{path}"));
    assert_eq!(reply.header("content-type"), "application/json", "{path}");
    assert_eq!(reply.json(), *expected, "{path}");
}

#[test]
fn names_values_and_series_of_selectors() {
    let client = Client::over(small_store());
    let up = |instance| json!({"__name__": "up", "job": "node", "instance": instance});
    let load = json!({"__name__": "load", "job": "web", "path": "/\"x\""});
    for (path, data) in [
        ("labels", json!(["__name__", "instance", "job", "path"])),
        ("labels?match[]=load", json!(["__name__", "job", "path"])),
        ("labels?match[]=load&match[]=up", json!(["__name__", "instance", "job", "path"])),
        ("label/job/values", json!(["node", "web"])),
        ("label/job/values?match[]=up", json!(["node"])),
        ("label/job/values?match[]=up&match[]=load", json!(["node", "web"])),
        ("label/nosuch/values", json!([])),
        ("label/U__job/values", json!(["node", "web"])),
        ("series?match[]=up", json!([up("a:1"), up("b:1")])),
        ("series?match[]=up&match[]={job=\"node\"}", json!([up("a:1"), up("b:1")])),
        ("series?match[]=load&start=0&end=180", json!([load])),
        // The last sample of this series is at 120 s.
        ("series?match[]=load&start=150&end=180", json!([])),
        ("series?match[]=nosuch", json!([])),
    ] {
        let path = path.replace('{', "%7B").replace('}', "%7D").replace('"', "%22");
        check(&client, &path, &json!({"status": "success", "data": data}));
    }
}

#[test]
fn limits_cut_off_with_a_warning() {
    let client = Client::over(small_store());
    let truncated = json!(["results truncated due to limit"]);
    for (path, data) in [
        ("labels?limit=1", json!(["__name__"])),
        ("label/job/values?limit=1", json!(["node"])),
        (
            "series?match[]=up&limit=1",
            json!([{"__name__": "up", "job": "node", "instance": "a:1"}]),
        ),
    ] {
        let expected = json!({"status": "success", "data": data, "warnings": truncated});
        check(&client, path, &expected);
    }
    check(
        &client,
        "label/job/values?limit=2",
        &json!({"status": "success", "data": ["node", "web"]}),
    );
}

#[test]
fn forms_are_parameters_too() {
    let client = Client::over(small_store());
    let reply = client.post_form("/api/v1/labels?limit=1", "match[]=load&limit=2");
    assert_eq!(reply.json()["data"], json!(["__name__", "job"]), "the body's value comes first");
}

#[test]
fn bad_parameters_name_what_is_wrong() {
    let client = Client::over(small_store());
    for (path, error) in [
        ("series", "no match[] parameter provided"),
        (
            "series?match[]=%7B%7D",
            "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
        ),
        ("labels?match[]=%7B%7D", "match[] must contain at least one non-empty matcher"),
        (
            "labels?start=x",
            "invalid parameter \"start\": invalid time value for 'start': \
             cannot parse \"x\" to a valid timestamp",
        ),
        ("label/%FF/values", ""),
    ] {
        let reply = client.get(&format!("/api/v1/{path}"));
        assert_eq!(reply.status, 400, "{path}");
        if !error.is_empty() {
            let expected = json!({"status": "error", "errorType": "bad_data", "error": error});
            assert_eq!(reply.json(), expected, "{path}");
        }
    }
}
