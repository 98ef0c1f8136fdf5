use narthex_model::{Labels, LabelsBuilder};

use super::super::labels::{set, set_given, set_meta};
use super::super::objects::{Ingress, IngressRule};
use crate::group::ADDRESS_LABEL;

/// Returns a target for each path of each rule.
pub(super) fn targets(ingress: &Ingress, labels: &mut LabelsBuilder) -> Vec<Labels> {
    set_given(labels, "ingress_class_name", ingress.spec.ingress_class_name.as_deref());
    set_meta(labels, "ingress", &ingress.metadata);
    let mut targets = Vec::new();
    for rule in &ingress.spec.rules {
        let mut hosts = ingress.spec.tls.iter().flat_map(|tls| &tls.hosts);
        let is_secure = hosts.any(|pattern| covers(pattern, &rule.host));
        for path in paths(rule) {
            let mut target = LabelsBuilder::default();
            target.set(ADDRESS_LABEL, &rule.host);
            set(&mut target, "ingress_scheme", if is_secure { "https" } else { "http" });
            set(&mut target, "ingress_host", &rule.host);
            set(&mut target, "ingress_path", path);
            targets.push(target.build());
        }
    }
    targets
}

/// Returns the paths of a rule, of which one that names none has the root.
fn paths(rule: &IngressRule) -> Vec<&str> {
    match &rule.http {
        None => vec!["/"],
        Some(http) => {
            let given = http.paths.iter().map(|it| Some(&*it.path).filter(|it| !it.is_empty()));
            given.map(|path| path.unwrap_or("/")).collect()
        }
    }
}

/// Returns whether a certificate for `pattern` is one for `host`: a star stands for the first part.
fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(rest) => host.find('.').map_or("", |dot| &host[dot..]) == rest,
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_star_is_the_first_part() {
        for (pattern, host, expected) in [
            ("a.example", "a.example", true),
            ("a.example", "b.example", false),
            ("*.example", "a.example", true),
            ("*.example", "a.b.example", false),
            ("*.example", "example", false),
            ("*.b.example", "a.b.example", true),
            ("*", "a", true),
            ("*", "a.example", false),
            ("*x.example", "a.example", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(covers(pattern, host), expected, "{pattern} {host}");
        }
    }
}
