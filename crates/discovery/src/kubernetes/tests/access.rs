use std::fs;
use std::path::Path;

use narthex_http::{Auth, ProxyChoice, SecretSource};

use super::super::access::Access;
use super::super::kubeconfig;

fn in_pod(folder: &Path, host: &'static str, with_namespace: bool) -> Result<Access, String> {
    let env = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some(host.to_owned()),
        "KUBERNETES_SERVICE_PORT" => Some("443".to_owned()),
        _ => None,
    };
    Access::of_pod(folder, env, with_namespace).map_err(|error| error.to_string())
}

#[test]
fn a_pod_knows_its_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (host, expected) in
        [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
    {
        let access = in_pod(path, host, false).unwrap();
        assert_eq!((&*access.server, access.own_namespace), (expected, None));
        let file = |name| Some(SecretSource::File(path.join(name)));
        assert_eq!(access.http.tls.ca, file("ca.crt"));
        let Some(Auth::Authorization(token)) = access.http.auth else { panic!("no token") };
        assert_eq!(token.credentials, file("token"));
    }
    let refused = |host, with_namespace| match in_pod(path, host, with_namespace) {
        Ok(_) => "a way".to_owned(),
        Err(error) => error,
    };
    assert!(refused("", false).starts_with("unable to load in-cluster configuration"));
    assert!(refused("a", true).starts_with("could not determine the pod's namespace: "));
    fs::write(path.join("namespace"), "").unwrap();
    assert_eq!(refused("a", true), "could not read own namespace name (empty file)");
    fs::write(path.join("namespace"), "monitoring").unwrap();
    assert_eq!(in_pod(path, "a", true).unwrap().own_namespace.as_deref(), Some("monitoring"));
}

#[tokio::test]
async fn a_kubeconfig_file_names_cluster_and_user() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(
        &path,
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: b\n\
         contexts:\n\
         - {name: a, context: {cluster: other, user: u}}\n\
         - {name: b, context: {cluster: c, user: u}}\n\
         clusters:\n\
         - {name: other, cluster: {server: 'https://192.0.2.1'}}\n\
         - name: c\n  \
           cluster:\n    \
             server: https://192.0.2.2:6443/prefix\n    \
             tls-server-name: api.example\n    \
             insecure-skip-tls-verify: true\n    \
             proxy-url: http://192.0.2.3:3128\n\
         users:\n\
         - name: u\n  \
           user: {client-certificate-data: Q0VSVA==, client-key: key.pem, token: secret}\n",
    )
    .unwrap();
    let access = kubeconfig::read(&path).await.unwrap();
    assert_eq!(access.server, "https://192.0.2.2:6443/prefix");
    assert!(access.auth.is_some());
    let tls = &access.http.tls;
    assert_eq!((&*tls.server_name, tls.insecure_skip_verify), ("api.example", true));
    let identity = tls.identity.as_ref().expect("a certificate");
    assert!(
        matches!(&identity.certificate, SecretSource::Inline(pem) if pem.expose() == "CERT"),
        "{identity:?}"
    );
    assert_eq!(identity.key, SecretSource::File(folder.path().join("key.pem")));
    let ProxyChoice::Url { url, .. } = &access.http.proxy.choice else { panic!("no proxy") };
    assert_eq!(url.expose().trim_end_matches('/'), "http://192.0.2.3:3128");

    let missing = kubeconfig::read(&folder.path().join("none")).await;
    assert!(missing.is_err());
}
