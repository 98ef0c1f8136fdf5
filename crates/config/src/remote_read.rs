use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use narthex_http::{HttpClientConfig, HttpClientKeys, Url};
use narthex_model::Labels;
use narthex_yaml::{Spanned, deserialize_inline, null_as_default};
use serde::{Deserialize, Deserializer};

use crate::error::{ConfigProblem, Flaw};
use crate::headers::{self, HeaderMap};
use crate::list::{List, present};
use crate::text::{self, DurationText, LabelMap};

/// One element of `remote_read`: another store that queries also ask.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct RemoteReadConfig {
    /// The address to ask.
    pub url: Url,
    /// How long a request may take: 1m by default.
    #[serde(serialize_with = "text::write_duration")]
    pub remote_timeout: Duration,
    /// The largest frame of a streamed answer, in bytes: 50,000,000 by default.
    pub chunked_read_limit: u64,
    /// Headers of every request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: HeaderMap,
    /// Whether the store is asked, too, for times that the local store holds whole: false by default.
    #[serde(skip_serializing_if = "text::is_false")]
    pub read_recent: bool,
    /// What tells the element from others in metrics and logs; empty for a name made of what it holds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How to reach the address.
    #[serde(flatten)]
    pub http: HttpClientConfig,
    /// Labels that a selector must ask for, for the store to be asked.
    #[serde(serialize_with = "text::write_labels", skip_serializing_if = "Labels::is_empty")]
    pub required_matchers: Labels,
    /// Whether the external labels are added to selectors, and taken from what comes back: true by
    /// default.
    pub filter_external_labels: bool,
}

impl RemoteReadConfig {
    pub(crate) fn resolve_paths(&mut self, directory: &Path) {
        self.http.set_directory(directory);
    }
}

/// An element as a file writes it, with the keys of an HTTP client among its own.
pub(crate) struct RemoteReadFile {
    own: OwnKeys,
    http: HttpClientKeys,
}

impl<'de> Deserialize<'de> for RemoteReadFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut http = HttpClientKeys::default();
        Ok(Self { own: deserialize_inline(deserializer, &mut http)?, http })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OwnKeys {
    url: Option<Url>,
    remote_timeout: Option<DurationText>,
    chunked_read_limit: Option<u64>,
    #[serde(deserialize_with = "null_as_default")]
    headers: HeaderMap,
    read_recent: Option<bool>,
    name: Option<Spanned<String>>,
    required_matchers: Option<LabelMap>,
    filter_external_labels: Option<bool>,
}

/// Returns the elements of the section, whose names must differ.
pub(crate) fn resolve(files: List<RemoteReadFile>) -> Result<Vec<RemoteReadConfig>, Flaw> {
    let mut seen = BTreeSet::new();
    let mut configs = Vec::with_capacity(files.len());
    for file in present(files, "remote read config section")? {
        if let Some(name) = &file.value.own.name
            && !name.value.is_empty()
            && !seen.insert(name.value.clone())
        {
            let problem = ConfigProblem::DuplicateRemoteRead { name: name.value.as_str().into() };
            return Err(Flaw::new(name.position, problem));
        }
        configs.push(element(file)?);
    }
    Ok(configs)
}

fn element(
    Spanned { value: file, position }: Spanned<RemoteReadFile>,
) -> Result<RemoteReadConfig, Flaw> {
    let flaw = |problem| Flaw::new(position, problem);
    let RemoteReadFile { own, http } = file;
    let Some(url) = own.url else {
        return Err(flaw(ConfigProblem::NoRemoteUrl { section: "remote_read" }));
    };
    headers::check(&own.headers).map_err(flaw)?;
    Ok(RemoteReadConfig {
        url,
        remote_timeout: own.remote_timeout.map_or(Duration::from_secs(60), |timeout| timeout.0),
        chunked_read_limit: own.chunked_read_limit.unwrap_or(CHUNKED_READ_LIMIT_DEFAULT),
        headers: own.headers,
        read_recent: own.read_recent.unwrap_or_default(),
        name: own.name.map(|name| name.value).unwrap_or_default(),
        http: HttpClientConfig::try_from(http).map_err(|error| flaw(error.into()))?,
        required_matchers: own.required_matchers.as_ref().map(LabelMap::labels).unwrap_or_default(),
        filter_external_labels: own.filter_external_labels.unwrap_or(true),
    })
}

/// Some 100,000 chunks with the labels of their series.
const CHUNKED_READ_LIMIT_DEFAULT: u64 = 50_000_000;
