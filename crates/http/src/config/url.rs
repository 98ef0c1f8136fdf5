use std::fmt;

use narthex_model::quote::Quoted;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

/// An address of a configuration. Its password, if it has one, is never shown.
///
/// ```
/// use narthex_http::Url;
///
/// let url: Url = "http://prometheus:hunter2@proxy:3128/".parse()?;
/// assert_eq!(url.to_string(), "http://prometheus:xxxxx@proxy:3128/");
/// assert_eq!(url.host(), Some("proxy:3128"));
/// # Ok::<(), narthex_http::UrlError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    text: Box<str>,
}

impl Url {
    /// Returns the whole text, password and all.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Returns whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns what stands before the first colon, such as `https`, in small letters.
    #[must_use]
    pub fn scheme(&self) -> Option<String> {
        Parts::of(&self.text).scheme.map(str::to_ascii_lowercase)
    }

    /// Returns the host and, where it has one, the port, without the user. Empty where the address
    /// has `//` and nothing behind it; `None` where it has not even that.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        Parts::of(&self.text).authority.map(|authority| authority.host)
    }

    /// Returns the user and the password in the address, still percent-encoded, if it has a user.
    #[must_use]
    pub fn user_info(&self) -> Option<&str> {
        Parts::of(&self.text).authority.and_then(|authority| authority.user)
    }
}

impl std::str::FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        match flaw(text) {
            Some(problem) => Err(UrlError { url: redacted(text).into(), problem }),
            None => Ok(Self { text: text.into() }),
        }
    }
}

impl fmt::Display for Url {
    /// Writes the address with `xxxxx` for the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.text))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parse {}: {problem}", Quoted(url))]
pub struct UrlError {
    url: Box<str>,
    problem: UrlProblem,
}

/// What is wrong with an address. The texts are those of Go's `net/url`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
enum UrlProblem {
    #[error("net/url: invalid control character in URL")]
    ControlCharacter,
    #[error("missing protocol scheme")]
    NoScheme,
    #[error("first path segment in URL cannot contain colon")]
    ColonInPath,
    #[error("invalid character {} in host name", Quoted(.0.encode_utf8(&mut [0; 4])))]
    HostCharacter(char),
    #[error("missing ']' in host")]
    OpenBracket,
    #[error("invalid port {} after host", Quoted(.0))]
    Port(Box<str>),
    #[error("invalid URL escape {}", Quoted(.0))]
    Escape(Box<str>),
    #[error("net/url: invalid userinfo")]
    User,
}

/// The parts of an address. Nothing of it is decoded.
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<Authority<'a>>,
    path: &'a str,
}

struct Authority<'a> {
    user: Option<&'a str>,
    host: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.split('#').next().unwrap_or_default();
        let (scheme, rest) = split_scheme(text);
        let Some(behind) = rest.strip_prefix("//") else {
            return Self { scheme, authority: None, path: rest };
        };
        let (authority, path) = behind.split_at(behind.find(['/', '?']).unwrap_or(behind.len()));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        Self { scheme, authority: Some(Authority { user, host }), path }
    }
}

fn split_scheme(text: &str) -> (Option<&str>, &str) {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    match text.split_once(':') {
        Some((scheme, rest))
            if scheme.bytes().next().is_some_and(is_letter) && scheme.bytes().all(is_part) =>
        {
            (Some(scheme), rest)
        }
        _ => (None, text),
    }
}

fn flaw(text: &str) -> Option<UrlProblem> {
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Some(UrlProblem::ControlCharacter);
    }
    if text.starts_with(':') {
        return Some(UrlProblem::NoScheme);
    }
    let parts = Parts::of(text);
    let Some(authority) = &parts.authority else {
        let segment = parts.path.split(['/', '?']).next().unwrap_or_default();
        let colon = parts.scheme.is_none() && segment.contains(':');
        return if colon { Some(UrlProblem::ColonInPath) } else { bad_escape(parts.path) };
    };
    if authority.user.is_some_and(|user| !user.chars().all(is_user_character)) {
        return Some(UrlProblem::User);
    }
    host_flaw(authority.host)
        .or_else(|| bad_escape(authority.host))
        .or_else(|| authority.user.and_then(bad_escape))
        .or_else(|| bad_escape(parts.path.split('?').next().unwrap_or_default()))
}

fn host_flaw(host: &str) -> Option<UrlProblem> {
    let (name, port) = if host.starts_with('[') {
        let Some(end) = host.rfind(']') else { return Some(UrlProblem::OpenBracket) };
        host.split_at(end + 1)
    } else {
        host.split_at(host.rfind(':').unwrap_or(host.len()))
    };
    let is_port = |port: &str| {
        port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
    };
    if !port.is_empty() && !is_port(port) {
        return Some(UrlProblem::Port(port.into()));
    }
    let strange = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !HOST_SIGNS.contains(*c);
    name.chars().find(strange).map(UrlProblem::HostCharacter)
}

fn is_user_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || USER_SIGNS.contains(character)
}

/// Returns the first `%` that two hexadecimal digits do not follow.
fn bad_escape(text: &str) -> Option<UrlProblem> {
    for (index, _) in text.match_indices('%') {
        let digits = text.as_bytes().get(index + 1..index + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            let escape: String = text[index..].chars().take(3).collect();
            return Some(UrlProblem::Escape(escape.into()));
        }
    }
    None
}

/// Returns the address with `xxxxx` for its password. Of a text that is no address, all that might be
/// a password is replaced.
pub(crate) fn redacted(text: &str) -> String {
    let user_start = text.find("//").map_or(0, |slashes| slashes + 2);
    let behind = &text[user_start..];
    // An `@` in the path is no user's, unless the text is broken before it.
    let authority_end = match flaw(text) {
        None => behind.find(['/', '?', '#']).unwrap_or(behind.len()),
        Some(_) => behind.len(),
    };
    let Some(at) = behind[..authority_end].rfind('@') else { return text.to_owned() };
    match behind[..at].split_once(':') {
        Some((user, _)) => format!("{}{user}:xxxxx{}", &text[..user_start], &behind[at..]),
        None => text.to_owned(),
    }
}

const HOST_SIGNS: &str = "-_.~!$&'()*+,;=:[]<>\"%";
const USER_SIGNS: &str = "-._:~!$&'()*+,;=%@";
