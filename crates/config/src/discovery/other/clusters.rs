//! What runs programs on many machines, and what knows where they run.

use super::kind::{
    Kind, Refusal, Section, filters, flag, integer, need, path, seconds, secret, text, text_or,
    texts,
};

pub(super) const DOCKERSWARM: Kind = Kind {
    key: "dockerswarm_sd_configs",
    keys: &[
        text("host"),
        text("role"),
        integer("port", 80),
        filters("filters"),
        seconds("refresh_interval", 60),
    ],
    has_http: true,
    check: check_dockerswarm,
};

fn check_dockerswarm(swarm: &mut Section) -> Result<(), Refusal> {
    swarm.need("host", "host missing")?;
    swarm.url("host", "")?;
    match swarm.text("role") {
        "services" | "nodes" | "tasks" => Ok(()),
        "" => Err("role missing (one of: tasks, services, nodes)".into()),
        other => Err(format!("invalid role {other}, expected tasks, services, or nodes").into()),
    }
}

pub(super) const EUREKA: Kind = Kind {
    key: "eureka_sd_configs",
    keys: &[text("server"), seconds("refresh_interval", 30)],
    has_http: true,
    check: check_eureka,
};

fn check_eureka(eureka: &mut Section) -> Result<(), Refusal> {
    eureka.need("server", "eureka_sd: empty or null eureka server")?;
    let url = eureka.url("server", "")?;
    let complete = url.scheme().is_some() && url.host().is_some_and(|host| !host.is_empty());
    need(complete, "eureka_sd: invalid eureka server URL")
}

pub(super) const KUMA: Kind = Kind {
    key: "kuma_sd_configs",
    keys: &[
        seconds("refresh_interval", 15),
        seconds("fetch_timeout", 2 * 60),
        text("server"),
        text("client_id"),
    ],
    has_http: true,
    check: check_kuma,
};

fn check_kuma(kuma: &mut Section) -> Result<(), Refusal> {
    kuma.need("server", "kuma SD server must not be empty: ")?;
    let url = kuma.url("server", "")?;
    if url.scheme().is_none() || url.host().is_none_or(str::is_empty) {
        let message = format!("kuma SD server must not be empty and have a scheme: {url}");
        return Err(message.into());
    }
    Ok(())
}

pub(super) const MARATHON: Kind = Kind {
    key: "marathon_sd_configs",
    keys: &[
        texts("servers"),
        seconds("refresh_interval", 30),
        secret("auth_token"),
        path("auth_token_file"),
    ],
    has_http: true,
    check: check_marathon,
};

fn check_marathon(marathon: &mut Section) -> Result<(), Refusal> {
    marathon.need("servers", "marathon_sd: must contain at least one Marathon server")?;
    let (token, file) = (marathon.has("auth_token"), marathon.has("auth_token_file"));
    if token && file {
        return Err(
            "marathon_sd: at most one of auth_token & auth_token_file must be configured".into()
        );
    }
    if !token && !file {
        return Ok(());
    }
    if marathon.is_written(&["basic_auth"]) {
        let message = "marathon_sd: at most one of basic_auth, auth_token & auth_token_file must be configured";
        return Err(message.into());
    }
    if marathon.is_written(&["bearer_token", "bearer_token_file"]) {
        let message = "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & \
                       auth_token_file must be configured";
        return Err(message.into());
    }
    let free = !marathon.is_written(&["authorization"]);
    need(
        free,
        "marathon_sd: at most one of auth_token, auth_token_file & authorization must be configured",
    )
}

pub(super) const NERVE: Kind = Kind {
    key: "nerve_sd_configs",
    keys: &[texts("servers"), texts("paths"), seconds("timeout", 10)],
    has_http: false,
    check: |nerve| {
        nerve.need("servers", "nerve SD config must contain at least one Zookeeper server")?;
        nerve.need("paths", "nerve SD config must contain at least one path")?;
        check_paths(nerve, "nerve")
    },
};

pub(super) const SERVERSET: Kind = Kind {
    key: "serverset_sd_configs",
    keys: &[texts("servers"), texts("paths"), seconds("timeout", 10)],
    has_http: false,
    check: |set| {
        set.need("servers", "serverset SD config must contain at least one Zookeeper server")?;
        set.need("paths", "serverset SD config must contain at least one path")?;
        check_paths(set, "serverset")
    },
};

fn check_paths(section: &Section, kind: &str) -> Result<(), Refusal> {
    match section.texts("paths").iter().find(|path| !path.starts_with('/')) {
        None => Ok(()),
        Some(path) => Err(format!("{kind} SD config paths must begin with '/': {path}").into()),
    }
}

pub(super) const NOMAD: Kind = Kind {
    key: "nomad_sd_configs",
    keys: &[
        flag("allow_stale", true),
        text_or("namespace", "default"),
        seconds("refresh_interval", 60),
        text_or("region", "global"),
        text_or("server", "http://localhost:4646"),
        text_or("tag_separator", ","),
    ],
    has_http: true,
    check: |nomad| {
        let named = !nomad.text("server").trim().is_empty();
        need(named, "nomad SD configuration requires a server address")
    },
};
