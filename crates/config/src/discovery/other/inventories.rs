//! Private clouds, and lists of machines that are kept for other ends.

use super::kind::{
    Kind, Refusal, Section, flag, integer, need, seconds, secret, text, text_or, texts, tls, word,
};

pub(super) const OPENSTACK: Kind = Kind {
    key: "openstack_sd_configs",
    keys: &[
        text("identity_endpoint"),
        text("username"),
        text("userid"),
        secret("password"),
        text("project_name"),
        text("project_id"),
        text("domain_name"),
        text("domain_id"),
        text("application_credential_name"),
        text("application_credential_id"),
        secret("application_credential_secret"),
        word("role", &["hypervisor", "instance", "loadbalancer"], "", "unknown OpenStack SD role"),
        text("region"),
        seconds("refresh_interval", 60),
        integer("port", 80),
        flag("all_tenants", false),
        tls("tls_config"),
        text_or("availability", "public"),
    ],
    has_http: false,
    check: check_openstack,
};

fn check_openstack(cloud: &mut Section) -> Result<(), Refusal> {
    match cloud.text("availability") {
        "public" | "internal" | "admin" => {}
        other => {
            let expected = "must be one of admin, internal or public";
            return Err(format!("unknown availability {other}, {expected}").into());
        }
    }
    cloud.need("role", "role missing (one of: instance, hypervisor, loadbalancer)")?;
    cloud.need("region", "openstack SD configuration requires a region")
}

pub(super) const PUPPETDB: Kind = Kind {
    key: "puppetdb_sd_configs",
    keys: &[
        seconds("refresh_interval", 60),
        text("url"),
        text("query"),
        flag("include_parameters", false),
        integer("port", 80),
    ],
    has_http: true,
    check: check_puppetdb,
};

fn check_puppetdb(puppet: &mut Section) -> Result<(), Refusal> {
    check_url(puppet)?;
    puppet.need("query", "query missing")
}

fn check_url(section: &mut Section) -> Result<(), Refusal> {
    section.need("url", "URL is missing")?;
    let url = section.url("url", "")?;
    let known = matches!(url.scheme().as_deref(), Some("http" | "https"));
    need(known, "URL scheme must be 'http' or 'https'")?;
    need(url.host().is_some_and(|host| !host.is_empty()), "host is missing in URL")
}

pub(super) const TRITON: Kind = Kind {
    key: "triton_sd_configs",
    keys: &[
        text("account"),
        text_or("role", "container"),
        text("dns_suffix"),
        text("endpoint"),
        texts("groups"),
        integer("port", 9163),
        seconds("refresh_interval", 60),
        tls("tls_config"),
        integer("version", 1),
    ],
    has_http: false,
    check: check_triton,
};

fn check_triton(triton: &mut Section) -> Result<(), Refusal> {
    need(
        matches!(triton.text("role"), "container" | "cn"),
        "triton SD configuration requires role to be 'container' or 'cn'",
    )?;
    triton.need("account", "triton SD configuration requires an account")?;
    triton.need("dns_suffix", "triton SD configuration requires a dns_suffix")?;
    triton.need("endpoint", "triton SD configuration requires an endpoint")?;
    need(
        !triton.is_zero("refresh_interval"),
        "triton SD configuration requires RefreshInterval to be a positive integer",
    )
}

pub(super) const UYUNI: Kind = Kind {
    key: "uyuni_sd_configs",
    keys: &[
        text("server"),
        text("username"),
        secret("password"),
        text_or("entitlement", "monitoring_entitled"),
        text_or("separator", ","),
        seconds("refresh_interval", 60),
    ],
    has_http: true,
    check: check_uyuni,
};

fn check_uyuni(uyuni: &mut Section) -> Result<(), Refusal> {
    uyuni.need("server", "Uyuni SD configuration requires server host")?;
    uyuni.url("server", "Uyuni Server URL is not valid: ")?;
    uyuni.need("username", "Uyuni SD configuration requires a username")?;
    uyuni.need("password", "Uyuni SD configuration requires a password")
}
