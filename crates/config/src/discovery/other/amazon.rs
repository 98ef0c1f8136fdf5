//! Amazon's services.

use super::kind::{
    Key, Kind, Refusal, Section, accept, filters, integer, need, seconds, secret, text, texts, word,
};

pub(super) const AWS: Kind = Kind {
    key: "aws_sd_configs",
    keys: &[
        word(
            "role",
            &["ec2", "ecs", "elasticache", "lightsail", "msk", "rds"],
            "",
            "unknown AWS SD role",
        ),
        REGION,
        ENDPOINT,
        ACCESS_KEY,
        SECRET_KEY,
        PROFILE,
        ROLE_ARN,
        EXTERNAL_ID,
        REFRESH_INTERVAL,
        // 0 stands for the role's own default.
        integer("port", 0),
        filters("filters"),
        texts("clusters"),
    ],
    has_http: true,
    // The rest is checked by the role, which starts with this section's keys.
    check: |aws| aws.need("role", "unknown AWS SD role \"\""),
};

pub(super) const EC2: Kind = Kind {
    key: "ec2_sd_configs",
    keys: &[
        ENDPOINT,
        REGION,
        ACCESS_KEY,
        SECRET_KEY,
        PROFILE,
        ROLE_ARN,
        EXTERNAL_ID,
        REFRESH_INTERVAL,
        PORT,
        filters("filters"),
    ],
    has_http: true,
    check: check_filters,
};

fn check_filters(ec2: &mut Section) -> Result<(), Refusal> {
    let filled = !ec2.has_empty_filter("filters");
    need(filled, "EC2 SD configuration filter values cannot be empty")
}

pub(super) const LIGHTSAIL: Kind = Kind {
    key: "lightsail_sd_configs",
    keys: &[
        ENDPOINT,
        REGION,
        ACCESS_KEY,
        SECRET_KEY,
        PROFILE,
        ROLE_ARN,
        EXTERNAL_ID,
        REFRESH_INTERVAL,
        PORT,
    ],
    has_http: true,
    check: accept,
};

pub(super) const ECS: Kind = clusters(
    "ecs_sd_configs",
    &[
        REGION,
        ENDPOINT,
        ACCESS_KEY,
        SECRET_KEY,
        PROFILE,
        ROLE_ARN,
        EXTERNAL_ID,
        CLUSTERS,
        PORT,
        REFRESH_INTERVAL,
        integer("request_concurrency", 20),
    ],
);

pub(super) const ELASTICACHE: Kind = clusters("elasticache_sd_configs", CLUSTER_KEYS);

pub(super) const MSK: Kind = clusters("msk_sd_configs", CLUSTER_KEYS);

pub(super) const RDS: Kind = clusters(
    "rds_sd_configs",
    &[
        REGION,
        ENDPOINT,
        ACCESS_KEY,
        SECRET_KEY,
        PROFILE,
        ROLE_ARN,
        EXTERNAL_ID,
        CLUSTERS,
        PORT,
        REFRESH_INTERVAL,
        filters("filters"),
        integer("request_concurrency", 10),
    ],
);

const fn clusters(key: &'static str, keys: &'static [Key]) -> Kind {
    Kind { key, keys, has_http: true, check: accept }
}

const CLUSTER_KEYS: &[Key] = &[
    REGION,
    ENDPOINT,
    ACCESS_KEY,
    SECRET_KEY,
    PROFILE,
    ROLE_ARN,
    EXTERNAL_ID,
    CLUSTERS,
    PORT,
    REFRESH_INTERVAL,
    integer("request_concurrency", 10),
];

const REGION: Key = text("region");
const ENDPOINT: Key = text("endpoint");
const ACCESS_KEY: Key = text("access_key");
const SECRET_KEY: Key = secret("secret_key");
const PROFILE: Key = text("profile");
const ROLE_ARN: Key = text("role_arn");
const EXTERNAL_ID: Key = text("external_id");
const CLUSTERS: Key = texts("clusters");
const PORT: Key = integer("port", 80);
const REFRESH_INTERVAL: Key = seconds("refresh_interval", 60);
