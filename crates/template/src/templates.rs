//! Templates that know each other.

use std::collections::HashMap;
use std::sync::Arc;

use crate::environment::Environment;
use crate::error::{ExecuteError, ParseError};
use crate::escape;
use crate::exec;
use crate::functions::Functions;
use crate::parse;
use crate::syntax::Bodies;
use crate::value::Value;

/// A template, and those that it can call.
///
/// ```
/// use std::time::Duration;
/// use narthex_template::{Environment, Functions, Templates, Value};
///
/// let templates = Templates::parse("greeting", "Hello {{ . | toUpper }}", Functions::Prometheus)?;
/// let clock = || Duration::ZERO;
/// let text = templates.execute(Value::text("you"), &Environment::new(0, &clock)).unwrap();
/// assert_eq!(text, b"Hello YOU");
/// # Ok::<(), narthex_template::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Templates {
    name: Arc<str>,
    functions: Functions,
    bodies: Bodies,
}

impl Templates {
    /// Reads the template called `name`, and those that `text` defines.
    ///
    /// # Errors
    ///
    /// Where `text` is no template.
    pub fn parse(name: &str, text: &str, functions: Functions) -> Result<Self, ParseError> {
        let bodies = parse::parse(name, text, functions)?;
        Ok(Self { name: name.into(), functions, bodies })
    }

    /// Reads further templates. Those of names that are there already are replaced, unless the new
    /// one is nothing but space.
    ///
    /// # Errors
    ///
    /// Where `text` is no template. Then nothing is changed.
    pub fn add(&mut self, name: &str, text: &str) -> Result<(), ParseError> {
        for (name, body) in parse::parse(name, text, self.functions)? {
            if !(body.is_empty() && self.bodies.contains_key(&name)) {
                self.bodies.insert(name, body);
            }
        }
        Ok(())
    }

    /// Returns what the template prints for `data`.
    ///
    /// # Errors
    ///
    /// Where something in it fails, or costs more than the environment's limits.
    pub fn execute(&self, data: Value, env: &Environment<'_>) -> Result<Vec<u8>, ExecuteError> {
        exec::execute(&self.bodies, &HashMap::new(), &self.name, data, env)
    }

    /// Returns what the template prints as a page, or as part of one: values are escaped as the
    /// place where they stand needs it.
    ///
    /// # Errors
    ///
    /// As [`Templates::execute`]; and where the place of a value cannot be found out.
    ///
    /// # Source
    ///
    /// Go's `html/template`.
    pub fn execute_html(
        &self,
        data: Value,
        env: &Environment<'_>,
    ) -> Result<Vec<u8>, ExecuteError> {
        // Templates may be executed by name in console pages alone.
        let by_name = self.bodies.keys().filter(|_| self.functions == Functions::Console);
        let escaped = escape::escape(&self.bodies, &self.name, by_name.cloned())
            .map_err(ExecuteError::Escape)?;
        exec::execute(&escaped.bodies, &escaped.failures, &self.name, data, env)
    }
}
