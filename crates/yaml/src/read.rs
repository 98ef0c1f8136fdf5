use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_path_to_error::Track;

use crate::YamlError;

/// Returns the value that the one document in `text` writes.
///
/// # Errors
///
/// Where the text is no YAML, holds more than one document, passes a limit of this crate, or does
/// not fit `T`. The error names the first such place.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    let mut track = Track::new();
    let result = serde_saphyr::with_deserializer_from_str_with_options(text, options(), |inner| {
        T::deserialize(serde_path_to_error::Deserializer::new(inner, &mut track))
    });
    result.map_err(|error| YamlError::new(&error, &track.path()))
}

/// Reads a value, or the default where the document has `null`: for `#[serde(default,
/// deserialize_with = "narthex_yaml::null_as_default")]` on a field.
///
/// # Errors
///
/// Where the value does not fit `T`.
pub fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The most nodes (scalars, lists and maps) of one document.
///
/// Rule files with tens of thousands of rules exist, and hold some 20 nodes a rule.
pub const NODES_MAX: usize = 5_000_000;

/// The most nodes that aliases (`*name`) add to one document, roughly: the start and the end of a
/// list or a map count each.
pub const ALIASED_NODES_MAX: usize = 1_000_000;

/// The deepest nesting of one document.
pub const DEPTH_MAX: usize = 64;

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        // A snippet would put the line, and with it perhaps a password, into logs.
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_nodes: NODES_MAX,
            // A node has at most two events: its start and its end.
            max_events: 2 * NODES_MAX,
            max_depth: DEPTH_MAX,
            // One anchor often serves a thousand jobs. What aliases may cost is bounded below.
            max_merge_keys: NODES_MAX,
            max_aliases: NODES_MAX,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: ALIASED_NODES_MAX,
        },
    }
}
