use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use narthex_storage::{Interrupt, StorageError};

use super::json;

/// Why the HTTP API gives no answer: a kind, which decides the status, and a text for people.
///
/// # Source
///
/// The error types and their statuses are those of `web/api/v1/api.go` of Prometheus.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    kind: ErrorKind,
    message: Box<str>,
}

/// What clients tell errors apart by: the field `errorType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    BadData,
    Execution,
    Canceled,
    Timeout,
    Internal,
}

impl ErrorKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::Execution => "execution",
            Self::Canceled => "canceled",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BadData => StatusCode::BAD_REQUEST,
            Self::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Canceled => {
                StatusCode::from_u16(CLIENT_CLOSED_REQUEST).expect("statuses have three digits")
            }
            Self::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl ApiError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Box<str>>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn bad_data(message: impl Into<Box<str>>) -> Self {
        Self::new(ErrorKind::BadData, message)
    }

    /// Returns the error for a parameter that could not be read.
    pub(crate) fn invalid_parameter(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter \"{name}\": {reason}"))
    }

    pub(crate) fn internal(message: impl Into<Box<str>>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        let kind = match &error {
            StorageError::Interrupted(Interrupt::Canceled) => ErrorKind::Canceled,
            StorageError::Interrupted(Interrupt::TimedOut) => ErrorKind::Timeout,
            StorageError::Store(_) => ErrorKind::Internal,
            _ => ErrorKind::Execution,
        };
        Self::new(kind, with_sources(&error))
    }
}

/// Returns the message of `error` and of what caused it.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = String::from(r#"{"status":"error","errorType":"#);
        json::write_string(&mut body, self.kind.as_str());
        body.push_str(r#","error":"#);
        json::write_string(&mut body, &self.message);
        body.push('}');
        (self.kind.status(), [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// The status that nginx gave to requests whose client went away.
const CLIENT_CLOSED_REQUEST: u16 = 499;
