//! Secrets at the moment they are used.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::ClientError;
use super::describe;
use crate::Secret;
use crate::config::SecretSource;

/// Refuses a source that needs a secret manager.
pub(crate) fn check(source: Option<&SecretSource>, what: &'static str) -> Result<(), ClientError> {
    match source {
        Some(SecretSource::Ref(_)) => Err(ClientError::NoManager { what }),
        _ => Ok(()),
    }
}

/// Returns the secret of a source, read anew where it is in a file; empty where there is no source.
///
/// # Errors
///
/// Why the file could not be read.
pub(crate) fn fetch(source: Option<&SecretSource>) -> Result<Secret, String> {
    match source {
        None => Ok(Secret::default()),
        Some(SecretSource::Inline(secret)) => Ok(secret.clone()),
        Some(SecretSource::File(path)) => read(path).map_err(|error| describe::file(path, &error)),
        Some(SecretSource::Ref(_)) => Err("cannot use secret ref without manager".to_owned()),
    }
}

/// Reads a file whole. It is small and in the system's cache, so this does not leave the task's thread.
pub(crate) fn read(path: &Path) -> io::Result<Secret> {
    let mut text = String::new();
    File::open(path)?.take(SIZE_MAX).read_to_string(&mut text)?;
    if text.len() as u64 == SIZE_MAX {
        return Err(io::Error::other(format!("{SIZE_MAX} bytes or more")));
    }
    Ok(Secret::from(text.trim()))
}

/// More bytes than a secret, or a bundle of certificates, has.
const SIZE_MAX: u64 = 4 << 20;
