//! Clouds that rent out virtual and real servers.

use narthex_model::quote::Quoted;

use super::kind::{
    Kind, Refusal, Section, accept, integer, need, path, seconds, secret, text, text_or, texts,
    word,
};

pub(super) const DIGITALOCEAN: Kind = Kind {
    key: "digitalocean_sd_configs",
    keys: &[
        seconds("refresh_interval", 60),
        integer("port", 80),
        word("role", &["droplets", "databases"], "droplets", "unknown DigitalOcean SD role"),
    ],
    has_http: true,
    check: |cloud| cloud.need("role", "role missing (one of: droplets, databases)"),
};

pub(super) const HETZNER: Kind = Kind {
    key: "hetzner_sd_configs",
    keys: &[
        seconds("refresh_interval", 60),
        integer("port", 80),
        word("role", &["robot", "hcloud"], "", "unknown role"),
        text("label_selector"),
    ],
    has_http: true,
    check: |cloud| cloud.need("role", "role missing (one of: robot, hcloud)"),
};

pub(super) const IONOS: Kind = Kind {
    key: "ionos_sd_configs",
    keys: &[text("datacenter_id"), seconds("refresh_interval", 60), integer("port", 80)],
    has_http: true,
    check: |cloud| cloud.need("datacenter_id", "datacenter id can't be empty"),
};

pub(super) const LINODE: Kind = Kind {
    key: "linode_sd_configs",
    keys: &[
        seconds("refresh_interval", 60),
        integer("port", 80),
        text_or("tag_separator", ","),
        text("region"),
    ],
    has_http: true,
    check: accept,
};

pub(super) const OUTSCALE: Kind = Kind {
    key: "outscale_sd_configs",
    keys: &[
        text("endpoint"),
        text_or("region", "eu-west-2"),
        text("access_key"),
        secret("secret_key"),
        path("secret_key_file"),
        seconds("refresh_interval", 60),
        integer("port", 80),
    ],
    has_http: true,
    check: check_outscale,
};

fn check_outscale(cloud: &mut Section) -> Result<(), Refusal> {
    cloud.need("region", "outscale SD configuration requires a region")?;
    cloud.need("access_key", "outscale SD configuration requires access_key")?;
    check_secret_key(cloud)?;
    if !cloud.has("endpoint") {
        let endpoint = format!("https://api.{}.outscale.com/api/v1", cloud.text("region"));
        cloud.set_text("endpoint", endpoint);
    }
    Ok(())
}

fn check_secret_key(cloud: &Section) -> Result<(), Refusal> {
    match (cloud.has("secret_key"), cloud.has("secret_key_file")) {
        (false, false) => Err("one of secret_key & secret_key_file must be configured".into()),
        (true, true) => {
            Err("at most one of secret_key & secret_key_file must be configured".into())
        }
        _ => Ok(()),
    }
}

pub(super) const OVHCLOUD: Kind = Kind {
    key: "ovhcloud_sd_configs",
    keys: &[
        text_or("endpoint", "ovh-eu"),
        text("application_key"),
        secret("application_secret"),
        secret("consumer_key"),
        seconds("refresh_interval", 60),
        text("service"),
    ],
    has_http: false,
    check: check_ovhcloud,
};

fn check_ovhcloud(cloud: &mut Section) -> Result<(), Refusal> {
    cloud.need("endpoint", "endpoint can not be empty")?;
    cloud.need("application_key", "application key can not be empty")?;
    cloud.need("application_secret", "application secret can not be empty")?;
    cloud.need("consumer_key", "consumer key can not be empty")?;
    match cloud.text("service") {
        "dedicated_server" | "vps" => Ok(()),
        other => Err(format!("unknown service: {other}").into()),
    }
}

pub(super) const SCALEWAY: Kind = Kind {
    key: "scaleway_sd_configs",
    keys: &[
        text("project_id"),
        text_or("api_url", "https://api.scaleway.com"),
        text_or("zone", "fr-par-1"),
        text("access_key"),
        secret("secret_key"),
        path("secret_key_file"),
        text("name_filter"),
        texts("tags_filter"),
        seconds("refresh_interval", 60),
        integer("port", 80),
        word("role", &["instance", "baremetal"], "", "unknown role"),
    ],
    has_http: true,
    check: check_scaleway,
};

fn check_scaleway(cloud: &mut Section) -> Result<(), Refusal> {
    cloud.need("role", "role missing (one of: instance, baremetal)")?;
    cloud.need("project_id", "project_id is mandatory")?;
    check_secret_key(cloud)?;
    cloud.need("access_key", "access_key is mandatory")
}

pub(super) const STACKIT: Kind = Kind {
    key: "stackit_sd_configs",
    keys: &[
        text("project"),
        seconds("refresh_interval", 60),
        integer("port", 80),
        text_or("region", "eu01"),
        text("endpoint"),
        secret("service_account_key"),
        secret("private_key"),
        text("service_account_key_path"),
        text("private_key_path"),
        text("credentials_file_path"),
    ],
    has_http: true,
    check: check_stackit,
};

fn check_stackit(cloud: &mut Section) -> Result<(), Refusal> {
    let placed = cloud.has("endpoint") || cloud.has("region");
    need(placed, "stackit_sd: endpoint and region missing")?;
    let prefix = format!("stackit_sd: invalid endpoint {}: ", Quoted(cloud.text("endpoint")));
    cloud.url("endpoint", &prefix).map(drop)
}

pub(super) const VULTR: Kind = Kind {
    key: "vultr_sd_configs",
    keys: &[seconds("refresh_interval", 60), integer("port", 80)],
    has_http: true,
    check: accept,
};
