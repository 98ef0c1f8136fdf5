//! Tokens of OAuth2 servers: asked for, kept until they expire, and asked for again.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value};

use super::{Client, ClientError, ClientOptions, proxy, secrets};
use crate::Secret;
use crate::config::{
    GRANT_JWT_BEARER, Grant, HttpClientConfig, JwtBearer, OAuth2, SignatureAlgorithm,
};

/// Gets the tokens of one client.
#[derive(Debug)]
pub(crate) struct Tokens {
    config: OAuth2,
    client: Client,
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The token, and the secret that it was got with.
    token: Option<(Token, Secret)>,
    /// Whether the server wants the client's name and secret among the parameters.
    secret_in_body: bool,
}

#[derive(Clone, Debug)]
struct Token {
    /// The whole header.
    header: Secret,
    /// When it is not to be used any more; never, if the server did not say.
    expiry: Option<Instant>,
}

impl Tokens {
    pub(crate) fn new(config: &OAuth2, options: &ClientOptions) -> Result<Self, ClientError> {
        match &config.grant {
            Grant::ClientCredentials { secret } => {
                secrets::check(secret.as_ref(), "client secret")?;
            }
            Grant::JwtBearer(jwt) => secrets::check(jwt.key.as_ref(), "client certificate")?,
        }
        let http = HttpClientConfig {
            tls: config.tls.clone(),
            proxy: config.proxy.clone(),
            ..HttpClientConfig::default()
        };
        let client = Client::new(&http, options.clone())?;
        Ok(Self { config: config.clone(), client, state: tokio::sync::Mutex::default() })
    }

    /// Returns the header with a token that is good now. All requests of a client wait for one token.
    pub(crate) async fn authorization(&self) -> Result<Secret, String> {
        let source = match &self.config.grant {
            Grant::ClientCredentials { secret } => secret,
            Grant::JwtBearer(jwt) => &jwt.key,
        };
        let secret = secrets::fetch(source.as_ref())
            .map_err(|cause| format!("unable to read oauth2 client secret: {cause}"))?;
        let mut state = self.state.lock().await;
        if let Some((token, with)) = &state.token
            && *with == secret
            && token.expiry.is_none_or(|expiry| Instant::now() < expiry)
        {
            return Ok(token.header.clone());
        }
        let token = self.fetch(&secret, &mut state.secret_in_body).await?;
        let header = token.header.clone();
        state.token = Some((token, secret));
        Ok(header)
    }

    async fn fetch(&self, secret: &Secret, secret_in_body: &mut bool) -> Result<Token, String> {
        if let Grant::JwtBearer(jwt) = &self.config.grant {
            let assertion = assertion(&self.config, jwt, secret)?;
            return self.ask(self.form(&[("assertion", &assertion)], GRANT_JWT_BEARER), None).await;
        }
        if !*secret_in_body {
            let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let (user, password): (String, String) =
                (encode(&self.config.client_id), encode(secret.expose()));
            let form = self.form(&[], "client_credentials");
            if let Ok(token) = self.ask(form, proxy::basic(&user, &password)).await {
                return Ok(token);
            }
        }
        // The server may want both among the parameters: it is only known by trying.
        let pair = [("client_id", &*self.config.client_id), ("client_secret", secret.expose())];
        let given = if secret.is_empty() { &pair[..1] } else { &pair[..] };
        let token = self.ask(self.form(given, "client_credentials"), None).await?;
        *secret_in_body = true;
        Ok(token)
    }

    fn form(&self, pairs: &[(&str, &str)], grant: &str) -> String {
        let mut form = Serializer::new(String::new());
        let params = &self.config.endpoint_params;
        if !params.contains_key("grant_type") {
            form.append_pair("grant_type", grant);
        }
        form.extend_pairs(pairs);
        if !self.config.scopes.is_empty() {
            form.append_pair("scope", &self.config.scopes.join(" "));
        }
        form.extend_pairs(params);
        form.finish()
    }

    async fn ask(&self, form: String, user: Option<HeaderValue>) -> Result<Token, String> {
        let failed = |cause: String| format!("oauth2: cannot fetch token: {cause}");
        let mut request = Request::post(self.config.token_url.expose())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
            .map_err(|error| failed(error.to_string()))?;
        if let Some(user) = user {
            request.headers_mut().insert(AUTHORIZATION, user);
        }
        // A token's client has no credentials itself, so this goes no deeper.
        let response =
            Box::pin(self.client.send(request)).await.map_err(|error| failed(error.to_string()))?;
        let status = response.status();
        let reason = response.reason();
        let body =
            response.read(ANSWER_SIZE_MAX).await.map_err(|error| failed(error.to_string()))?;
        if !status.is_success() {
            // The answer is left out: it may repeat what was sent.
            return Err(failed(format!("{} {reason}", status.as_u16())));
        }
        token(&body)
    }
}

/// Reads a server's answer.
fn token(body: &[u8]) -> Result<Token, String> {
    let answer: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| format!("oauth2: cannot parse json: {error}"))?;
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    let access_token = text("access_token");
    if access_token.is_empty() {
        return Err("oauth2: server response missing access_token".to_owned());
    }
    let kind = match text("token_type") {
        kind if kind.is_empty() || kind.eq_ignore_ascii_case("bearer") => "Bearer",
        kind if kind.eq_ignore_ascii_case("mac") => "MAC",
        kind if kind.eq_ignore_ascii_case("basic") => "Basic",
        kind => kind,
    };
    let lifetime_s = answer.get("expires_in").and_then(|value| match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    });
    let expiry = lifetime_s.filter(|&lifetime_s: &u64| lifetime_s > 0).and_then(|lifetime_s| {
        let lifetime = Duration::from_secs(lifetime_s).saturating_sub(EXPIRY_MARGIN);
        Instant::now().checked_add(lifetime)
    });
    Ok(Token { header: Secret::from(format!("{kind} {access_token}")), expiry })
}

/// Returns a token that the client signs itself: RFC 7523.
fn assertion(config: &OAuth2, jwt: &JwtBearer, key: &Secret) -> Result<String, String> {
    let or = |text: &str, other: &str| if text.is_empty() { other } else { text }.to_owned();
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let random = SystemRandom::new();
    let mut id = [0; 16];
    random.fill(&mut id).map_err(|_| "oauth2: no randomness".to_owned())?;
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), or(&jwt.issuer, &config.client_id).into());
    claims.insert("sub".to_owned(), (*config.client_id).into());
    claims.insert("jti".to_owned(), BASE64_URL_SAFE_NO_PAD.encode(id).into());
    claims.insert("aud".to_owned(), or(&jwt.audience, config.token_url.expose()).into());
    claims.insert("iat".to_owned(), now_s.into());
    claims.insert("exp".to_owned(), (now_s + ASSERTION_LIFETIME_S).into());
    if !config.scopes.is_empty() {
        claims.insert("scope".to_owned(), config.scopes.join(" ").into());
    }
    claims.extend(jwt.claims.clone());

    let mut header = Map::new();
    header.insert("alg".to_owned(), jwt.algorithm.name().into());
    header.insert("typ".to_owned(), "JWT".into());
    if !jwt.key_id.is_empty() {
        header.insert("kid".to_owned(), (*jwt.key_id).into());
    }
    let encode =
        |map: Map<String, Value>| BASE64_URL_SAFE_NO_PAD.encode(Value::Object(map).to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = sign(signed.as_bytes(), jwt.algorithm, key, &random)?;
    Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
}

fn sign(
    message: &[u8],
    algorithm: SignatureAlgorithm,
    key: &Secret,
    random: &SystemRandom,
) -> Result<Vec<u8>, String> {
    let refused = |cause: &str| format!("oauth2: invalid client certificate key: {cause}");
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_| refused("key must be a PEM encoded PKCS1 or PKCS8 key"))?;
    let key = match &key {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err(refused("key is not a valid RSA private key")),
    };
    let key = key.map_err(|error| refused(&error.to_string()))?;
    let encoding: &dyn RsaEncoding = match algorithm {
        SignatureAlgorithm::Rs256 => &RSA_PKCS1_SHA256,
        SignatureAlgorithm::Rs384 => &RSA_PKCS1_SHA384,
        SignatureAlgorithm::Rs512 => &RSA_PKCS1_SHA512,
    };
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(encoding, random, message, &mut signature).map_err(|_| refused("it does not sign"))?;
    Ok(signature)
}

/// The most bytes of a server's answer.
const ANSWER_SIZE_MAX: usize = 1 << 20;

/// How long before it expires a token is not used any more, as in Go's client.
const EXPIRY_MARGIN: Duration = Duration::from_secs(10);

/// How long a token that the client signs is good, as in the reference.
const ASSERTION_LIFETIME_S: u64 = 600;
