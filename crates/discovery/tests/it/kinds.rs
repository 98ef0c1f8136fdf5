use narthex_config::Config;
use narthex_discovery::{Job, check};

/// A kind is there with its feature; every other one is refused by its name.
#[test]
fn kinds_are_started_or_named() {
    for (kind, settings, is_there) in [
        ("consul", "", cfg!(feature = "consul")),
        ("dns", "names: [a]", cfg!(feature = "dns")),
        ("docker", "host: 'unix:///a'", cfg!(feature = "docker")),
        ("file", "files: [a.json]", cfg!(feature = "file")),
        ("http", "url: 'http://a'", cfg!(feature = "http")),
        ("kubernetes", "role: pod", cfg!(feature = "kubernetes")),
        ("dockerswarm", "host: 'unix:///a', role: tasks", false),
        ("eureka", "server: 'http://a'", false),
        ("marathon", "servers: [a]", false),
        ("nomad", "", false),
    ] {
        let text =
            format!("scrape_configs: [{{job_name: j, {kind}_sd_configs: [{{{settings}}}]}}]");
        let config = Config::load(&text, "test.yml", |_| None).expect(&text);
        let refusal = check(Job::of_config(&config)).err().map(|error| error.to_string());
        let refused =
            format!("service discovery of kind \"{kind}\" of job \"j\" is not implemented");
        assert_eq!(refusal, (!is_there).then_some(refused), "{kind}");
    }
}
