//! Makes templates safe to be part of a page: Go's `html/template`.
//!
//! The text of a template says where each of its actions stands: in a text, an attribute, an address,
//! a script or a style. From that follows what the action's value goes through before it is printed.
//! A template that is called in several places is copied for each.

mod apply;
mod context;
mod css;
mod html;
mod js;
mod json;
mod kind;
mod transition;
mod tree;
mod url;

use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use apply::apply;

use crate::error::EscapeError;
use crate::syntax::Bodies;

/// What stands in the place of a value that could do harm.
const FAILSAFE: &[u8] = b"ZgotmplZ";

/// What a value goes through before it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escaper {
    Attribute,
    Comment,
    Css,
    CssValue,
    Html,
    HtmlName,
    JsRegexp,
    JsText,
    JsTemplate,
    JsValue,
    NoSpace,
    Rcdata,
    Srcset,
    Url,
    UrlFilter,
    UrlNormalizer,
}

/// Templates that are safe to be part of a page, and those that cannot be made so.
#[derive(Clone, Debug)]
pub(crate) struct Escaped {
    pub(crate) bodies: Bodies,
    pub(crate) failures: HashMap<Arc<str>, EscapeError>,
}

/// Makes the template called `name` safe, and those that it calls; every template that `others`
/// names as well, though each may fail alone.
pub(crate) fn escape(
    bodies: &Bodies,
    name: &str,
    others: impl Iterator<Item = Arc<str>>,
) -> Result<Escaped, EscapeError> {
    let mut tree = tree::Tree::new(bodies);
    tree.escape_root(name)?;
    let mut failures = HashMap::new();
    for other in others {
        if let Err(error) = tree.escape_root(&other) {
            failures.insert(other, error);
        }
    }
    Ok(Escaped { bodies: tree.finish(), failures })
}
