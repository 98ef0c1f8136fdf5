//! Console pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::Labels;

use crate::environment::Environment;
use crate::error::{ExecuteError, ParseError};
use crate::functions::Functions;
use crate::templates::Templates;
use crate::value::{ListType, Map, MapType, Struct, StructType, Value};

/// What stands before the text of each page.
const DEFINITIONS: &str = "{{$rawParams := .RawParams }}{{$params := .Params}}{{$path := .Path}}\
                           {{$externalLabels := .ExternalLabels}}";

/// A page that a template makes.
#[derive(Clone, Debug)]
pub struct ConsolePage {
    name: Box<str>,
    templates: Templates,
}

/// What the template of a page sees.
#[derive(Clone, Debug)]
pub struct ConsoleData<'a> {
    /// The path of the page below `/consoles/`.
    pub path: &'a str,
    /// The parameters of the request, in their order; names may occur more than once.
    pub parameters: &'a [(String, String)],
    /// The server's own labels.
    pub external_labels: &'a Labels,
}

/// Why there is no page. The messages are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsoleError {
    /// The page's text is no template.
    #[error("error parsing template {page}: {source}")]
    Page {
        /// The name of the page's template.
        page: Box<str>,
        /// What is wrong.
        source: ParseError,
    },
    /// A library's text is no template.
    #[error("error parsing template files for {page}: {source}")]
    Library {
        /// The name of the page's template.
        page: Box<str>,
        /// What is wrong.
        source: ParseError,
    },
    /// Something in the template failed.
    #[error("error executing template {page}: {source}")]
    Execute {
        /// The name of the page's template.
        page: Box<str>,
        /// What failed.
        source: ExecuteError,
    },
}

impl ConsolePage {
    /// Reads the page at `path`, and the libraries whose templates it may call: names and texts.
    ///
    /// # Errors
    ///
    /// Where one of the texts is no template.
    pub fn parse<'l>(
        path: &str,
        text: &str,
        libraries: impl IntoIterator<Item = (&'l str, &'l str)>,
    ) -> Result<Self, ConsoleError> {
        let name = format!("__console_/{path}").into_boxed_str();
        let text = format!("{DEFINITIONS}{text}");
        let mut templates = Templates::parse(&name, &text, Functions::Console)
            .map_err(|source| ConsoleError::Page { page: name.clone(), source })?;
        for (library, text) in libraries {
            templates
                .add(library, text)
                .map_err(|source| ConsoleError::Library { page: name.clone(), source })?;
        }
        Ok(Self { name, templates })
    }

    /// Returns the page.
    ///
    /// # Errors
    ///
    /// Where something fails, or costs more than the environment's limits.
    pub fn render(
        &self,
        data: &ConsoleData<'_>,
        env: &Environment<'_>,
    ) -> Result<Vec<u8>, ConsoleError> {
        self.templates
            .execute_html(data.to_value(), env)
            .map_err(|source| ConsoleError::Execute { page: self.name.clone(), source })
    }
}

impl ConsoleData<'_> {
    fn to_value(&self) -> Value {
        let mut lists: BTreeMap<Arc<[u8]>, Vec<Value>> = BTreeMap::new();
        for (name, value) in self.parameters {
            lists.entry(name.as_bytes().into()).or_default().push(Value::text(value));
        }
        let firsts = lists.iter().map(|(name, values)| (name.clone(), values[0].clone())).collect();
        let lists = lists
            .into_iter()
            .map(|(name, values)| (name, Value::list(ListType::Strings, values)))
            .collect();
        let map = |map_type, entries| Value::Map(Arc::new(Map { map_type, entries, depth: 1 }));
        let fields = vec![
            map(MapType::TextLists, lists),
            map(MapType::Texts, firsts),
            Value::text(self.path),
            Value::text_map(MapType::Texts, self.external_labels),
        ];
        Value::Struct(Arc::new(Struct { struct_type: StructType::ConsoleData, fields }))
    }
}
