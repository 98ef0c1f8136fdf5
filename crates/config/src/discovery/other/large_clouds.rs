//! Clouds of large companies, Amazon's aside: Azure, Google, Oracle.

use narthex_model::quote::Quoted;

use super::kind::{
    Kind, Refusal, Section, integer, need, path, seconds, secret, text, text_or, texts,
};

pub(super) const AZURE: Kind = Kind {
    key: "azure_sd_configs",
    keys: &[
        text_or("environment", "AzurePublicCloud"),
        integer("port", 80),
        text("subscription_id"),
        text("tenant_id"),
        text("client_id"),
        secret("client_secret"),
        seconds("refresh_interval", 5 * 60),
        text_or("authentication_method", "OAuth"),
        text("resource_group"),
    ],
    has_http: true,
    check: check_azure,
};

fn check_azure(azure: &mut Section) -> Result<(), Refusal> {
    azure.need("subscription_id", "azure SD configuration requires a subscription_id")?;
    match azure.text("authentication_method") {
        "OAuth" => {
            azure.need("tenant_id", "azure SD configuration requires a tenant_id")?;
            azure.need("client_id", "azure SD configuration requires a client_id")?;
            azure.need("client_secret", "azure SD configuration requires a client_secret")
        }
        "ManagedIdentity" | "SDK" | "WorkloadIdentity" => Ok(()),
        other => Err(format!(
            "unknown authentication_type {}. Supported types are \"OAuth\", \"ManagedIdentity\", \
             \"SDK\" or \"WorkloadIdentity\"",
            Quoted(other)
        )
        .into()),
    }
}

pub(super) const GCE: Kind = Kind {
    key: "gce_sd_configs",
    keys: &[
        text("project"),
        text("zone"),
        text("filter"),
        seconds("refresh_interval", 60),
        integer("port", 80),
        text_or("tag_separator", ","),
    ],
    has_http: false,
    check: check_gce,
};

fn check_gce(gce: &mut Section) -> Result<(), Refusal> {
    gce.need("project", "GCE SD configuration requires a project")?;
    gce.need("zone", "GCE SD configuration requires a zone")
}

pub(super) const OCI: Kind = Kind {
    key: "oci_sd_configs",
    keys: &[
        text_or("auth", "api_key"),
        text("tenancy"),
        text("user"),
        text("fingerprint"),
        path("key_file"),
        secret("key_passphrase"),
        path("key_passphrase_file"),
        text("region"),
        texts("compartments"),
        integer("port", 80),
        seconds("refresh_interval", 60),
    ],
    has_http: true,
    check: check_oci,
};

fn check_oci(oci: &mut Section) -> Result<(), Refusal> {
    oci.need("region", "oci_sd: region is required")?;
    match oci.text("auth") {
        "api_key" => check_oci_key(oci)?,
        "instance_principal" => need(
            ![
                "tenancy",
                "user",
                "fingerprint",
                "key_file",
                "key_passphrase",
                "key_passphrase_file",
            ]
            .iter()
            .any(|name| oci.has(name)),
            "oci_sd: instance_principal auth must not have tenancy, user, fingerprint, key_file, \
             key_passphrase, or key_passphrase_file set",
        )?,
        other => {
            return Err(format!(
                "oci_sd: unknown auth method {}, expected \"api_key\" or \"instance_principal\"",
                Quoted(other)
            )
            .into());
        }
    }
    if let Some(index) = oci.texts("compartments").iter().position(String::is_empty) {
        return Err(format!("oci_sd: compartments[{index}] must not be empty").into());
    }
    let positive = !oci.is_zero("refresh_interval");
    need(positive, "oci_sd: refresh_interval must be positive, got 0s")
}

fn check_oci_key(oci: &Section) -> Result<(), Refusal> {
    oci.need("tenancy", "oci_sd: api_key auth requires tenancy")?;
    oci.need("user", "oci_sd: api_key auth requires user")?;
    oci.need("fingerprint", "oci_sd: api_key auth requires fingerprint")?;
    oci.need("key_file", "oci_sd: api_key auth requires key_file")?;
    need(
        !(oci.has("key_passphrase") && oci.has("key_passphrase_file")),
        "oci_sd: at most one of key_passphrase and key_passphrase_file must be configured",
    )
}
