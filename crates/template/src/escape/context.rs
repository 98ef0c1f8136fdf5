//! Where in a page a place of a template lies.

use std::fmt;

use crate::error::EscapeError;

/// What surrounds a place: what may stand there, and what must be escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Context {
    pub(super) state: State,
    pub(super) delimiter: Delimiter,
    pub(super) url_part: UrlPart,
    pub(super) js: Js,
    /// How many braces are open in each expression within template literals, innermost last.
    pub(super) brace_depths: Vec<i32>,
    pub(super) attribute: Attribute,
    pub(super) element: Element,
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident: $($variant:ident = $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub(super) enum $name {
            #[default]
            $($variant),+
        }

        impl $name {
            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }
    };
}

/// What kind of text it is. The names are those of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum State {
    #[default]
    Text,
    Tag,
    AttributeName,
    AfterName,
    BeforeValue,
    HtmlComment,
    Rcdata,
    Attribute,
    Url,
    Srcset,
    Js,
    JsDoubleQuoted,
    JsSingleQuoted,
    JsTemplate,
    JsRegexp,
    JsBlockComment,
    JsLineComment,
    JsHtmlOpenComment,
    JsHtmlCloseComment,
    Css,
    CssDoubleQuoted,
    CssSingleQuoted,
    CssDoubleQuotedUrl,
    CssSingleQuotedUrl,
    CssUrl,
    CssBlockComment,
    CssLineComment,
    /// Behind `break` or `continue`.
    Dead,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "stateText",
            Self::Tag => "stateTag",
            Self::AttributeName => "stateAttrName",
            Self::AfterName => "stateAfterName",
            Self::BeforeValue => "stateBeforeValue",
            Self::HtmlComment => "stateHTMLCmt",
            Self::Rcdata => "stateRCDATA",
            Self::Attribute => "stateAttr",
            Self::Url => "stateURL",
            Self::Srcset => "stateSrcset",
            Self::Js => "stateJS",
            Self::JsDoubleQuoted => "stateJSDqStr",
            Self::JsSingleQuoted => "stateJSSqStr",
            Self::JsTemplate => "stateJSTmplLit",
            Self::JsRegexp => "stateJSRegexp",
            Self::JsBlockComment => "stateJSBlockCmt",
            Self::JsLineComment => "stateJSLineCmt",
            Self::JsHtmlOpenComment => "stateJSHTMLOpenCmt",
            Self::JsHtmlCloseComment => "stateJSHTMLCloseCmt",
            Self::Css => "stateCSS",
            Self::CssDoubleQuoted => "stateCSSDqStr",
            Self::CssSingleQuoted => "stateCSSSqStr",
            Self::CssDoubleQuotedUrl => "stateCSSDqURL",
            Self::CssSingleQuotedUrl => "stateCSSSqURL",
            Self::CssUrl => "stateCSSURL",
            Self::CssBlockComment => "stateCSSBlockCmt",
            Self::CssLineComment => "stateCSSLineCmt",
            Self::Dead => "stateDead",
        }
    }

    pub(super) fn is_comment(self) -> bool {
        matches!(
            self,
            Self::HtmlComment
                | Self::JsBlockComment
                | Self::JsLineComment
                | Self::JsHtmlOpenComment
                | Self::JsHtmlCloseComment
                | Self::CssBlockComment
                | Self::CssLineComment
        )
    }

    pub(super) fn is_in_tag(self) -> bool {
        matches!(
            self,
            Self::Tag | Self::AttributeName | Self::AfterName | Self::BeforeValue | Self::Attribute
        )
    }

    pub(super) fn is_script_literal(self) -> bool {
        matches!(
            self,
            Self::JsDoubleQuoted | Self::JsSingleQuoted | Self::JsTemplate | Self::JsRegexp
        )
    }
}

named! {
    /// What ends the value of an attribute.
    Delimiter:
    None = "delimNone",
    DoubleQuote = "delimDoubleQuote",
    SingleQuote = "delimSingleQuote",
    SpaceOrTagEnd = "delimSpaceOrTagEnd",
}

impl Delimiter {
    pub(super) fn ends(self) -> &'static [u8] {
        match self {
            Self::None => b"",
            Self::DoubleQuote => b"\"",
            Self::SingleQuote => b"'",
            Self::SpaceOrTagEnd => b" \t\n\x0c\r>",
        }
    }
}

named! {
    /// Which part of an address it is.
    UrlPart:
    None = "urlPartNone",
    PreQuery = "urlPartPreQuery",
    QueryOrFragment = "urlPartQueryOrFrag",
    Unknown = "urlPartUnknown",
}

named! {
    /// What a slash would start in a script.
    Js:
    Regexp = "jsCtxRegexp",
    Division = "jsCtxDivOp",
    Unknown = "jsCtxUnknown",
}

named! {
    /// What kind of attribute the value is of.
    Attribute:
    None = "attrNone",
    Script = "attrScript",
    ScriptType = "attrScriptType",
    Style = "attrStyle",
    Url = "attrURL",
    Srcset = "attrSrcset",
}

impl Attribute {
    /// Returns the state in which the value starts.
    pub(super) fn value_state(self) -> State {
        match self {
            Self::None | Self::ScriptType => State::Attribute,
            Self::Script => State::Js,
            Self::Style => State::Css,
            Self::Url => State::Url,
            Self::Srcset => State::Srcset,
        }
    }
}

named! {
    /// The element whose content is no ordinary text.
    Element:
    None = "elementNone",
    Script = "elementScript",
    Style = "elementStyle",
    Textarea = "elementTextarea",
    Title = "elementTitle",
}

impl Element {
    pub(super) fn of(name: &[u8]) -> Self {
        match &*name.to_ascii_lowercase() {
            b"script" => Self::Script,
            b"style" => Self::Style,
            b"textarea" => Self::Textarea,
            b"title" => Self::Title,
            _ => Self::None,
        }
    }

    pub(super) fn tag(self) -> &'static [u8] {
        match self {
            Self::None => b"",
            Self::Script => b"script",
            Self::Style => b"style",
            Self::Textarea => b"textarea",
            Self::Title => b"title",
        }
    }

    /// Returns the state in which the content starts.
    pub(super) fn content_state(self) -> State {
        match self {
            Self::None => State::Text,
            Self::Script => State::Js,
            Self::Style => State::Css,
            Self::Textarea | Self::Title => State::Rcdata,
        }
    }
}

impl Context {
    pub(super) fn of(state: State) -> Self {
        Self { state, ..Self::default() }
    }

    /// Returns the context that follows without anything in between: behind `<a href=` a value
    /// begins.
    pub(super) fn nudged(&self) -> Self {
        let mut nudged = self.clone();
        match self.state {
            State::Tag => nudged.state = State::AttributeName,
            State::BeforeValue => {
                nudged.state = self.attribute.value_state();
                nudged.delimiter = Delimiter::SpaceOrTagEnd;
                nudged.attribute = Attribute::None;
            }
            State::AfterName => {
                nudged.state = State::AttributeName;
                nudged.attribute = Attribute::None;
            }
            _ => {}
        }
        nudged
    }

    /// Returns the context that both branches of a block end in, or `None`.
    pub(super) fn join(&self, other: &Self) -> Option<Self> {
        if self.state == State::Dead {
            return Some(other.clone());
        }
        if other.state == State::Dead || self == other {
            return Some(self.clone());
        }
        let with_url = Self { url_part: other.url_part, ..self.clone() };
        if with_url == *other {
            return Some(Self { url_part: UrlPart::Unknown, ..with_url });
        }
        let with_js = Self { js: other.js, ..self.clone() };
        if with_js == *other {
            return Some(Self { js: Js::Unknown, ..with_js });
        }
        let (nudged, other_nudged) = (self.nudged(), other.nudged());
        if nudged == *self && other_nudged == *other {
            return None;
        }
        nudged.join(&other_nudged)
    }

    /// Returns the name of a template that is called in this context.
    pub(super) fn mangle(&self, name: &str) -> String {
        if self.state == State::Text {
            return name.to_owned();
        }
        let mut mangled = format!("{name}$htmltemplate_{}", self.state.name());
        let mut push = |differs: bool, text: &str| {
            if differs {
                mangled.push('_');
                mangled.push_str(text);
            }
        };
        push(self.delimiter != Delimiter::None, self.delimiter.name());
        push(self.url_part != UrlPart::None, self.url_part.name());
        push(self.js != Js::Regexp, self.js.name());
        push(!self.brace_depths.is_empty(), &format!("jsBraceDepth({:?})", self.brace_depths));
        push(self.attribute != Attribute::None, self.attribute.name());
        push(self.element != Element::None, self.element.name());
        mangled
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depths: Vec<String> = self.brace_depths.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{{{} {} {} {} [{}] {} {} <nil>}}",
            self.state.name(),
            self.delimiter.name(),
            self.url_part.name(),
            self.js.name(),
            depths.join(" "),
            self.attribute.name(),
            self.element.name(),
        )
    }
}

/// What is wrong, and where, if that is known.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// `name:line:column`
    pub(super) place: Option<String>,
    pub(super) text: String,
}

impl Problem {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { place: None, text: text.into() }
    }

    /// Returns it as an error of the template called `name`.
    pub(super) fn into_error(self, name: &str) -> EscapeError {
        let place = match self.place {
            Some(place) => place,
            None => name.to_owned(),
        };
        EscapeError { place: place.into(), problem: self.text.into() }
    }
}
