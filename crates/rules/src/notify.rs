use narthex_model::Labels;

/// Takes alerts that fire, and those that do no more.
///
/// It is called while rules are evaluated, once for each rule that has something to tell: whoever sends
/// alerts to others queues them and returns.
pub trait Notify: Send + Sync {
    /// Takes the alerts of one rule. Each is told again and again while it fires, and for a quarter of
    /// an hour once it is resolved.
    fn notify(&self, alerts: Vec<Notification>);
}

/// Takes alerts and tells nobody.
impl Notify for () {
    fn notify(&self, _: Vec<Notification>) {}
}

/// An alert as it is told to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its labels, by which it is known.
    pub labels: Labels,
    /// What is told with it.
    pub annotations: Labels,
    /// Since when it fires, in milliseconds since the Unix epoch.
    pub starts_at_ms: i64,
    /// When it ended; while it fires, until when to take it for firing without news. In milliseconds
    /// since the Unix epoch.
    pub ends_at_ms: i64,
    /// Whether it ended.
    pub is_resolved: bool,
    /// Where to look at its expression.
    pub generator_url: Box<str>,
}

/// Returns where the server at `external_url` shows an expression as a table.
pub(crate) fn table_url(external_url: &str, expr: &str) -> Box<str> {
    let mut url = format!("{external_url}/graph?g0.expr=");
    for byte in expr.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                url.push(char::from(byte));
            }
            b' ' => url.push('+'),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url.push_str("&g0.tab=1");
    url.into()
}

#[cfg(test)]
mod tests {
    use super::table_url;

    #[test]
    fn expressions_are_escaped_as_go_does() {
        assert_eq!(
            &*table_url("http://p/x", "sum(é{a=~\"b*\"}) > 1 ~ -_."),
            "http://p/x/graph?g0.expr=sum%28%C3%A9%7Ba%3D~%22b%2A%22%7D%29+%3E+1+~+-_.&g0.tab=1"
        );
    }
}
