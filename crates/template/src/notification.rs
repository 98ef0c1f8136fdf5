//! The texts of Alertmanager's notifications.

use std::sync::Arc;

use crate::environment::Environment;
use crate::error::{ExecuteError, ParseError};
use crate::functions::Functions;
use crate::templates::Templates;
use crate::value::{ListType, MapType, Pointer, Struct, StructType, Time, Value};

/// The templates that the texts of notifications may call.
#[derive(Clone, Debug)]
pub struct NotificationTemplates {
    templates: Templates,
}

/// What a notification is about.
#[derive(Clone, Debug, Default)]
pub struct NotificationData {
    /// The receiver's name.
    pub receiver: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// The alerts.
    pub alerts: Vec<NotificationAlert>,
    /// The labels that the alerts are grouped by.
    pub group_labels: Pairs,
    /// The labels that all alerts have.
    pub common_labels: Pairs,
    /// The annotations that all alerts have.
    pub common_annotations: Pairs,
    /// The address of the Alertmanager.
    pub external_url: String,
}

/// Names and values, in any order.
pub type Pairs = Vec<(String, String)>;

/// An alert of a notification.
#[derive(Clone, Debug)]
pub struct NotificationAlert {
    /// `firing` or `resolved`.
    pub status: String,
    /// Its labels.
    pub labels: Pairs,
    /// Its annotations.
    pub annotations: Pairs,
    /// When it began.
    pub starts_at: Time,
    /// When it ended; Go's zero time while it fires.
    pub ends_at: Time,
    /// Where it comes from.
    pub generator_url: String,
    /// What identifies it.
    pub fingerprint: String,
}

/// Why there is no text. The messages are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotificationError {
    /// The text is no template.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// Something in it failed.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

impl NotificationTemplates {
    /// Reads the definitions in files: names and texts. Later ones replace earlier ones.
    ///
    /// # Errors
    ///
    /// Where one of the texts is no template.
    pub fn parse<'f>(
        files: impl IntoIterator<Item = (&'f str, &'f str)>,
    ) -> Result<Self, ParseError> {
        let mut templates = Templates::parse("", "", Functions::Alertmanager)?;
        for (name, text) in files {
            templates.add(name, text)?;
        }
        Ok(Self { templates })
    }

    /// Returns what `text` says of a notification.
    ///
    /// # Errors
    ///
    /// Where `text` is no template, fails, or costs more than the environment's limits.
    pub fn expand_text(
        &self,
        text: &str,
        data: &NotificationData,
        env: &Environment<'_>,
    ) -> Result<Vec<u8>, NotificationError> {
        Ok(self.with_text(text)?.execute(data.to_value(), env)?)
    }

    /// Returns what `text` says of a notification, as part of a page.
    ///
    /// # Errors
    ///
    /// As [`NotificationTemplates::expand_text`].
    pub fn expand_html(
        &self,
        text: &str,
        data: &NotificationData,
        env: &Environment<'_>,
    ) -> Result<Vec<u8>, NotificationError> {
        Ok(self.with_text(text)?.execute_html(data.to_value(), env)?)
    }

    fn with_text(&self, text: &str) -> Result<Templates, ParseError> {
        let mut templates = self.templates.clone();
        templates.add("", text)?;
        Ok(templates)
    }
}

fn kv(pairs: &Pairs) -> Value {
    Value::text_map(MapType::Kv, pairs.iter().map(|(name, value)| (name, value)))
}

impl NotificationData {
    fn to_value(&self) -> Value {
        let alerts = self.alerts.iter().map(NotificationAlert::to_value).collect();
        let fields = vec![
            Value::text(&self.receiver),
            Value::text(&self.status),
            Value::list(ListType::Alerts, alerts),
            kv(&self.group_labels),
            kv(&self.common_labels),
            kv(&self.common_annotations),
            Value::text(&self.external_url),
        ];
        Value::Struct(Arc::new(Struct { struct_type: StructType::Notification, fields }))
    }
}

impl NotificationAlert {
    fn to_value(&self) -> Value {
        let fields = vec![
            Value::text(&self.status),
            kv(&self.labels),
            kv(&self.annotations),
            Value::Time(self.starts_at, Pointer::No),
            Value::Time(self.ends_at, Pointer::No),
            Value::text(&self.generator_url),
            Value::text(&self.fingerprint),
        ];
        Value::Struct(Arc::new(Struct { struct_type: StructType::Alert, fields }))
    }
}
