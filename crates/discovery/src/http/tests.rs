use super::lookup::is_json;

#[test]
fn content_types() {
    for (content_type, expected) in [
        ("application/json", true),
        ("Application/JSON", true),
        (" application/json ", true),
        ("application/json;charset=utf-8", true),
        ("application/json; charset=\"UTF-8\"", true),
        ("application/json; charset=latin1", false),
        ("application/jsonp", false),
        ("application/json;", false),
        ("text/plain", false),
        ("", false),
    ] {
        assert_eq!(is_json(content_type), expected, "{content_type}");
    }
}
