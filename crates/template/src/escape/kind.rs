//! What attributes hold.

/// What the value of an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Css,
    Js,
    Url,
    Srcset,
    /// It changes what others mean, so no template may name it.
    Unsafe,
}

/// Returns what the attribute called `name`, in lower case, holds.
pub(super) fn attribute_kind(name: &[u8]) -> Kind {
    let name = String::from_utf8_lossy(name);
    let name = match (name.strip_prefix("data-"), name.split_once(':')) {
        (Some(name), _) => name,
        (None, Some(("xmlns", _))) => return Kind::Url,
        (None, Some((_, name))) => name,
        (None, None) => &name,
    };
    match name {
        "action" | "archive" | "background" | "cite" | "classid" | "codebase" | "data"
        | "formaction" | "href" | "icon" | "longdesc" | "manifest" | "poster" | "profile"
        | "src" | "usemap" | "xmlns" => Kind::Url,
        "accept-charset" | "async" | "challenge" | "charset" | "content" | "crossorigin"
        | "defer" | "enctype" | "form" | "formenctype" | "formmethod" | "formnovalidate"
        | "http-equiv" | "keytype" | "language" | "method" | "novalidate" | "pattern" | "rel"
        | "sandbox" | "type" | "value" => Kind::Unsafe,
        "srcset" => Kind::Srcset,
        "style" => Kind::Css,
        "accept" | "alt" | "height" | "id" | "name" | "title" | "width" | "class" => Kind::Plain,
        _ if name.starts_with("on") => Kind::Js,
        _ if ["src", "uri", "url"].iter().any(|part| name.contains(part)) => Kind::Url,
        _ => Kind::Plain,
    }
}
