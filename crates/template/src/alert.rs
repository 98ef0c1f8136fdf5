//! The templates of alerting rules: their labels and annotations.

use std::sync::Arc;

use narthex_model::Labels;

use crate::environment::{Environment, QueryValue};
use crate::error::{ExecuteError, ParseError};
use crate::functions::Functions;
use crate::templates::Templates;
use crate::value::{MapType, Struct, StructType, Value};

/// What stands before the text of each template, so that columns in messages count it.
const DEFINITIONS: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                           {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// A label or an annotation of an alerting rule.
///
/// ```
/// use std::time::Duration;
/// use narthex_model::Labels;
/// use narthex_template::{AlertData, AlertTemplate, Environment};
///
/// let template = AlertTemplate::parse("Slow", "{{ $labels.job }}: {{ $value | humanize }}s")?;
/// let data = AlertData {
///     labels: &Labels::from_pairs([("job", "api")]),
///     external_labels: &Labels::empty(),
///     external_url: "http://localhost:9090",
///     value: 1234.5.into(),
/// };
/// let clock = || Duration::ZERO;
/// assert_eq!(template.expand(&data, &Environment::new(0, &clock)).unwrap(), "api: 1.234ks");
/// # Ok::<(), narthex_template::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AlertTemplate {
    /// The name of the alert's templates.
    name: Box<str>,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    /// Without an action it is what it says.
    Text(Box<str>),
    Templates(Box<Templates>),
}

/// What an alert's templates see.
#[derive(Clone, Debug)]
pub struct AlertData<'a> {
    /// The labels of the series that the expression found, as `$labels`.
    pub labels: &'a Labels,
    /// The server's own labels, as `$externalLabels`.
    pub external_labels: &'a Labels,
    /// The address of the server, as `$externalURL`.
    pub external_url: &'a str,
    /// The value of the series, as `$value`.
    pub value: QueryValue,
}

/// Why a template of an alert gives no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error executing template {template}: {source}")]
#[non_exhaustive]
pub struct ExpandError {
    /// The name of the alert's templates.
    pub template: Box<str>,
    /// What failed.
    pub source: ExecuteError,
}

impl ExpandError {
    /// Returns the text that the reference puts in the place of what the template should have given.
    #[must_use]
    pub fn placeholder(&self) -> String {
        format!("<error expanding template: {self}>")
    }
}

impl AlertTemplate {
    /// Reads the `text` of a label or annotation of the alert that is called `alert`.
    ///
    /// # Errors
    ///
    /// Where `text` is no template: the rule must be refused.
    pub fn parse(alert: &str, text: &str) -> Result<Self, ParseError> {
        let name = format!("__alert_{alert}").into_boxed_str();
        let content = if text.contains("{{") {
            let text = format!("{DEFINITIONS}{text}");
            let templates = Templates::parse(&name, &text, Functions::Prometheus)?;
            Content::Templates(Box::new(templates))
        } else {
            Content::Text(text.into())
        };
        Ok(Self { name, content })
    }

    /// Returns the text for an alert. Bytes that are no UTF-8 become U+FFFD, as they do in JSON.
    ///
    /// # Errors
    ///
    /// Where something fails, or costs more than the environment's limits.
    pub fn expand(
        &self,
        data: &AlertData<'_>,
        env: &Environment<'_>,
    ) -> Result<String, ExpandError> {
        let bytes = self.expand_bytes(data, env)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// Returns the text for an alert, which need not be UTF-8.
    ///
    /// # Errors
    ///
    /// As [`AlertTemplate::expand`].
    pub fn expand_bytes(
        &self,
        data: &AlertData<'_>,
        env: &Environment<'_>,
    ) -> Result<Vec<u8>, ExpandError> {
        match &self.content {
            Content::Text(text) => Ok(text.as_bytes().to_vec()),
            Content::Templates(templates) => templates
                .execute(data.to_value(), env)
                .map_err(|source| ExpandError { template: self.name.clone(), source }),
        }
    }
}

impl AlertData<'_> {
    fn to_value(&self) -> Value {
        let fields = vec![
            Value::text_map(MapType::Texts, self.labels),
            Value::text_map(MapType::Texts, self.external_labels),
            Value::text(self.external_url),
            self.value.to_value(),
        ];
        Value::Struct(Arc::new(Struct { struct_type: StructType::AlertData, fields }))
    }
}
