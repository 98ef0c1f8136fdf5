//! Lists of sections, and what of the other sections is shared.

use narthex_yaml::Spanned;

use crate::error::{ConfigProblem, Flaw};

/// A list whose elements may be null, each with its place.
pub(crate) type List<T> = Vec<Spanned<Option<T>>>;

/// Returns the elements of a list, none of which may be null.
pub(crate) fn present<T>(
    list: List<T>,
    element: &'static str,
) -> Result<impl Iterator<Item = Spanned<T>>, Flaw> {
    if let Some(null) = list.iter().find(|item| item.value.is_none()) {
        let element = element.into();
        return Err(Flaw::new(null.position, ConfigProblem::NullElement { element }));
    }
    let items = list
        .into_iter()
        .filter_map(|Spanned { value, position }| value.map(|value| Spanned { value, position }));
    Ok(items)
}

/// Returns a glob of files, which may have a `*` in the last element of its path alone.
pub(crate) fn glob(
    file: Spanned<Option<String>>,
    refuse: fn(Box<str>) -> ConfigProblem,
) -> Result<String, Flaw> {
    let path = file.value.unwrap_or_default();
    match path.split_once('*') {
        Some((_, after)) if after.contains(['/', '*']) => {
            Err(Flaw::new(file.position, refuse(path.into())))
        }
        _ => Ok(path),
    }
}
