use std::path::{Component, Path, PathBuf};

use serde::ser::{Error, SerializeMap};

use crate::Secret;

/// Where a secret, or a certificate, comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// From the configuration itself. Never empty when it was read from one.
    Inline(Secret),
    /// From a file, which is read again whenever the secret is used; space around it is dropped.
    File(PathBuf),
    /// From a secret manager, by its name there. The reference's configuration has keys for it
    /// (`password_ref`), for programs that bring such a manager; a client refuses it.
    Ref(Box<str>),
}

impl SecretSource {
    /// Returns the one source that is given, if any, or `Err` for more than one. Empty texts count
    /// as absent.
    pub(crate) fn one_of(
        inline: Option<Secret>,
        file: Option<String>,
        reference: Option<String>,
    ) -> Result<Option<Self>, TooMany> {
        let inline = inline.filter(|secret| !secret.is_empty()).map(Self::Inline);
        let file = file.filter(|path| !path.is_empty()).map(|path| Self::File(path.into()));
        let reference =
            reference.filter(|name| !name.is_empty()).map(|name| Self::Ref(name.into()));
        let mut given = [inline, file, reference].into_iter().flatten();
        match (given.next(), given.next()) {
            (source, None) => Ok(source),
            (_, Some(_)) => Err(TooMany),
        }
    }

    /// Lets a relative path start at `directory`, that of the configuration file.
    pub fn set_directory(&mut self, directory: &Path) {
        if let Self::File(path) = self {
            *path = join(directory, path);
        }
    }

    /// Returns what names the source in a message, without the secret: `inline`, `file <path>`.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::Inline(_) => "inline".to_owned(),
            Self::File(path) => format!("file {}", path.display()),
            Self::Ref(name) => format!("ref {name}"),
        }
    }
}

/// More than one source is given for one secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooMany;

/// Lets the path of a source, if there is one, start at `directory`.
pub(crate) fn set_directory(source: &mut Option<SecretSource>, directory: &Path) {
    if let Some(source) = source {
        source.set_directory(directory);
    }
}

/// Returns `path` as seen from `directory`, without `.` and `..` where the text alone tells what they
/// stand for. An absolute path, and the empty one, stay as they are.
///
/// # Source
///
/// `JoinDir` of `github.com/prometheus/common/config`, with Go's `filepath.Join`.
#[must_use]
pub fn join(directory: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() || path.is_absolute() {
        return path.to_owned();
    }
    let mut joined = PathBuf::new();
    for part in directory.components().chain(path.components()) {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match joined.components().next_back() {
                Some(Component::Normal(_)) => {
                    joined.pop();
                }
                // Nothing is above the root.
                Some(Component::RootDir) => {}
                _ => joined.push(".."),
            },
            part => joined.push(part),
        }
    }
    joined
}

/// Whether what is inline may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inline {
    Shown,
    Masked,
}

/// Writes a source under the key of its kind: `name`, `name_file` or `name_ref`.
pub(crate) fn write<M: SerializeMap>(
    map: &mut M,
    name: &str,
    source: Option<&SecretSource>,
    inline: Inline,
) -> Result<(), M::Error> {
    match source {
        None => Ok(()),
        Some(SecretSource::Inline(text)) if inline == Inline::Shown => {
            map.serialize_entry(name, text.expose())
        }
        Some(SecretSource::Inline(secret)) => map.serialize_entry(name, secret),
        Some(SecretSource::File(path)) => {
            let path = path.to_str().ok_or_else(|| M::Error::custom("path is not UTF-8"))?;
            map.serialize_entry(&format!("{name}_file"), path)
        }
        Some(SecretSource::Ref(reference)) => {
            map.serialize_entry(&format!("{name}_ref"), reference)
        }
    }
}
