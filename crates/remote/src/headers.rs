/// Why the headers of a request do not fit remote write 1.0: status 415.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The body is compressed in another way than snappy.
    #[error(
        "{encoding} encoding (compression) is not accepted by this server; only snappy is acceptable"
    )]
    Encoding {
        /// The `Content-Encoding`.
        encoding: Box<str>,
    },
    /// The body is no protobuf message.
    #[error(
        "expected application/x-protobuf as the first (media) part, got {content_type} content-type"
    )]
    MediaType {
        /// The `Content-Type`.
        content_type: Box<str>,
    },
    /// A parameter of the content type is no `key=value`.
    #[error("expected parameters to be key-values, got {parameter} in {content_type} content-type")]
    Parameter {
        /// The parameter.
        parameter: Box<str>,
        /// The `Content-Type`.
        content_type: Box<str>,
    },
    /// The body is another message.
    #[error(
        "{message} protobuf message is not accepted by this server; only accepts prometheus.WriteRequest"
    )]
    Message {
        /// The message's name.
        message: Box<str>,
    },
}

/// Checks the header `Content-Encoding`, empty where it is missing, which is no error: senders
/// before remote write 1.0 left it out.
///
/// # Errors
///
/// [`HeaderError::Encoding`].
pub fn check_encoding(encoding: &str) -> Result<(), HeaderError> {
    if encoding.is_empty() || encoding == "snappy" {
        return Ok(());
    }
    Err(HeaderError::Encoding { encoding: encoding.into() })
}

/// Checks the header `Content-Type`, empty where it is missing, which is no error either.
///
/// # Errors
///
/// The other variants of [`HeaderError`].
pub fn check_content_type(content_type: &str) -> Result<(), HeaderError> {
    let content_type = content_type.trim();
    if content_type.is_empty() {
        return Ok(());
    }
    let mut parts = content_type.split(';');
    if parts.next() != Some("application/x-protobuf") {
        return Err(HeaderError::MediaType { content_type: content_type.into() });
    }
    for parameter in parts {
        let Some((key, value)) = parameter.split_once('=') else {
            return Err(HeaderError::Parameter {
                parameter: parameter.into(),
                content_type: content_type.into(),
            });
        };
        if key.trim() == "proto" && value != "prometheus.WriteRequest" {
            return Err(HeaderError::Message { message: value.into() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_checked_as_the_reference_does() {
        let protobuf = "application/x-protobuf";
        for (encoding, content_type, error) in [
            ("", "", None),
            ("snappy", protobuf, None),
            ("snappy", "application/x-protobuf;proto=prometheus.WriteRequest", None),
            (
                "gzip",
                protobuf,
                Some(
                    "gzip encoding (compression) is not accepted by this server; \
                     only snappy is acceptable",
                ),
            ),
            (
                "snappy",
                "text/plain",
                Some(
                    "expected application/x-protobuf as the first (media) part, \
                     got text/plain content-type",
                ),
            ),
            (
                "snappy",
                "application/x-protobuf;proto=io.prometheus.write.v2.Request",
                Some(
                    "io.prometheus.write.v2.Request protobuf message is not accepted by this \
                     server; only accepts prometheus.WriteRequest",
                ),
            ),
            (
                "snappy",
                "application/x-protobuf;x",
                Some(
                    "expected parameters to be key-values, got x in application/x-protobuf;x \
                     content-type",
                ),
            ),
        ] {
            let answer = check_encoding(encoding).and_then(|()| check_content_type(content_type));
            let answer = answer.err().map(|error| error.to_string());
            assert_eq!(answer.as_deref(), error, "{encoding:?} {content_type:?}");
        }
    }
}
