//! How addresses and label names are written.

#[cfg(feature = "_objects")]
use serde::{Deserialize, Deserializer};

/// Returns `host:port`, with brackets around an IPv6 address.
pub(crate) fn host_port(host: &str, port: impl std::fmt::Display) -> String {
    if host.contains([':', '%']) { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Returns `name` with an underscore for each character that a classic label name cannot have.
#[cfg(feature = "_objects")]
pub(crate) fn sanitize_label_name(name: &str) -> String {
    let is_kept = |character: char| character.is_ascii_alphanumeric() || character == '_';
    name.chars().map(|character| if is_kept(character) { character } else { '_' }).collect()
}

/// Returns `text` as one element of a URL's path.
#[cfg(feature = "consul")]
pub(crate) fn path_segment(text: &str) -> String {
    // A form differs from a path in the space alone: a plus sign itself is encoded in either.
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Reads what Go writes as null for an empty list or map.
#[cfg(feature = "_objects")]
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
