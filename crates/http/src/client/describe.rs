//! What went wrong, in the words of Go's client: people look for them, and alerts match them.

use std::error::Error;
use std::io;

use http::Uri;
use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// Returns why there was no answer.
pub(crate) fn request(error: &hyper_util::client::legacy::Error, uri: &Uri) -> String {
    if let Some(cause) = find::<rustls::Error>(error) {
        return tls(cause);
    }
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    if let Some(cause) = find::<io::Error>(error).filter(|_| error.is_connect()) {
        return match cause.kind() {
            io::ErrorKind::ConnectionRefused => {
                format!("dial tcp {host}:{port}: connect: connection refused")
            }
            io::ErrorKind::TimedOut => format!("dial tcp {host}:{port}: i/o timeout"),
            io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported
                if cause.raw_os_error().is_none() =>
            {
                cause.to_string()
            }
            _ if cause.raw_os_error().is_none() => format!("dial tcp: lookup {host}: {cause}"),
            _ => format!("dial tcp {host}:{port}: {cause}"),
        };
    }
    match find::<hyper::Error>(error) {
        Some(cause) if cause.is_incomplete_message() || cause.is_closed() => "EOF".to_owned(),
        Some(cause) if cause.is_parse() => {
            format!(
                "net/http: HTTP/1.x transport connection broken: malformed HTTP response ({cause})"
            )
        }
        _ => match find::<io::Error>(error) {
            Some(cause) => cause.to_string(),
            None => innermost(error).to_string(),
        },
    }
}

/// Returns why a body broke off.
pub(crate) fn body(error: &hyper::Error) -> String {
    let cut =
        find::<io::Error>(error).is_some_and(|cause| cause.kind() == io::ErrorKind::UnexpectedEof);
    if cut || error.is_incomplete_message() || error.is_body_write_aborted() {
        "unexpected EOF".to_owned()
    } else {
        error.source().map_or_else(|| error.to_string(), ToString::to_string)
    }
}

/// Returns whether a connection ended that had been good.
pub(crate) fn is_broken(error: &hyper_util::client::legacy::Error) -> bool {
    let reset = |cause: &io::Error| {
        matches!(cause.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
    };
    let ended = |cause: &hyper::Error| cause.is_incomplete_message() || cause.is_closed();
    !error.is_connect()
        && (find::<io::Error>(error).is_some_and(reset)
            || find::<hyper::Error>(error).is_some_and(ended))
}

/// Returns the text for a file that could not be read, without Rust's error number.
pub(crate) fn file(path: &std::path::Path, error: &io::Error) -> String {
    let path = path.display();
    let cause = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    format!("unable to read file {path}: open {path}: {cause}")
}

fn tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(cause) => {
            format!("tls: failed to verify certificate: x509: {}", certificate(cause))
        }
        rustls::Error::AlertReceived(alert) => format!("remote error: tls: {}", alert_text(*alert)),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "http: server gave HTTP response to HTTPS client".to_owned()
        }
        other => format!("tls: {other}"),
    }
}

fn certificate(error: &CertificateError) -> String {
    match error {
        // A signature is bad where an authority of that name has another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "certificate signed by unknown authority".to_owned()
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "certificate has expired or is not yet valid".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("certificate is not valid for this name: {error}")
        }
        other => other.to_string(),
    }
}

fn alert_text(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::ProtocolVersion => "protocol version not supported".to_owned(),
        AlertDescription::CertificateRequired => "certificate required".to_owned(),
        AlertDescription::BadCertificate => "bad certificate".to_owned(),
        AlertDescription::UnknownCA => "unknown certificate authority".to_owned(),
        AlertDescription::HandshakeFailure => "handshake failure".to_owned(),
        AlertDescription::NoApplicationProtocol => "no application protocol".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Returns the innermost `E` among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).filter_map(|error| error.downcast_ref()).last()
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    causes(error).last().unwrap_or(error)
}

/// Returns an error and its causes. An `io::Error` hides the error that it carries from `source`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match carried {
            Some(carried) => Some(carried as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
    // A chain that leads back to itself would be somebody's mistake.
    .take(CAUSES_MAX)
}

const CAUSES_MAX: usize = 32;
