use serde::Serialize;

/// Why a value could not be written.
#[derive(Debug, thiserror::Error)]
#[error("write YAML: {message}")]
pub struct YamlWriteError {
    message: Box<str>,
}

/// Returns `value` as a YAML document in block style, one key a line, ended by a newline.
///
/// # Errors
///
/// Where the value's `Serialize` fails, or it has what YAML has no form for.
pub fn to_string<T: Serialize>(value: &T) -> Result<String, YamlWriteError> {
    let options = serde_saphyr::ser_options! {
        // Folded text is harder to compare and to copy than one long line.
        prefer_block_scalars: false,
    };
    serde_saphyr::to_string_with_options(value, options)
        .map_err(|error| YamlWriteError { message: error.to_string().into() })
}
