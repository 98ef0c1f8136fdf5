//! Log lines in the reference's shape: `time=… level=INFO msg="…" key=value`, or JSON.

use std::fmt::{self, Write as _};
use std::io;

use clap::ValueEnum;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The least severity that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens in the normal course.
    #[default]
    Info,
    /// What somebody should look at.
    Warn,
    /// What failed.
    Error,
}

impl LogLevel {
    /// Returns the word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `key=value`, separated by spaces.
    #[default]
    Logfmt,
    /// A JSON object.
    Json,
}

impl LogFormat {
    /// Returns the word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logfmt => "logfmt",
            Self::Json => "json",
        }
    }
}

/// Sends all log lines of this process to standard error. A process that has a subscriber already
/// keeps it.
pub(crate) fn start(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    // What other crates say below a warning is about their insides.
    let targets =
        Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("narthex", level);
    let lines =
        tracing_subscriber::fmt::layer().with_writer(io::stderr).event_format(Lines(format));
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}

/// Returns a line of JSON for a log file: the time now, a level, a message, and more fields.
pub(crate) fn json_line(level: &str, message: &str, fields: &[(&str, &str)]) -> String {
    let mut time = String::new();
    // Writing to a string does not fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    let mut line = Line::new(LogFormat::Json);
    for (key, value) in [("time", &*time), ("level", level), ("msg", message)].iter().chain(fields)
    {
        line.push(key, value);
    }
    line.finish() + "\n"
}

/// Writes an event as one line.
struct Lines(LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Line::new(self.0);
        line.push("time", &time);
        line.push("level", event.metadata().level().as_str());
        let mut fields = Fields::default();
        event.record(&mut fields);
        line.push("msg", &fields.message);
        for (name, value) in &fields.others {
            line.push(name, value);
        }
        writeln!(writer, "{}", line.finish())
    }
}

/// The fields of an event as texts.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    fn add(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            name => self.others.push((name, text)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

/// One log line on its way.
struct Line {
    format: LogFormat,
    text: String,
}

impl Line {
    fn new(format: LogFormat) -> Self {
        Self { format, text: String::new() }
    }

    fn push(&mut self, key: &str, value: &str) {
        match self.format {
            LogFormat::Logfmt => {
                if !self.text.is_empty() {
                    self.text.push(' ');
                }
                self.text.push_str(key);
                self.text.push('=');
                if needs_quotes(value) {
                    push_quoted(&mut self.text, value);
                } else {
                    self.text.push_str(value);
                }
            }
            LogFormat::Json => {
                self.text.push(if self.text.is_empty() { '{' } else { ',' });
                push_quoted(&mut self.text, key);
                self.text.push(':');
                push_quoted(&mut self.text, value);
            }
        }
    }

    fn finish(mut self) -> String {
        if self.format == LogFormat::Json {
            self.text.push('}');
        }
        self.text
    }
}

fn needs_quotes(value: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '"' && c != '=';
    value.is_empty() || !value.chars().all(plain)
}

/// Appends a JSON string, which logfmt reads as well. Control characters never reach the terminal.
fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // All control characters lie in the basic plane. Writing to a string does not fail.
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat, fields: &[(&str, &str)]) -> String {
        let mut line = Line::new(format);
        for (key, value) in fields {
            line.push(key, value);
        }
        line.finish()
    }

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let fields =
            [("level", "INFO"), ("msg", "it works"), ("err", "a=\"b\"\n\u{1b}[0m"), ("x", "")];
        assert_eq!(
            line(LogFormat::Logfmt, &fields),
            "level=INFO msg=\"it works\" err=\"a=\\\"b\\\"\\n\\u001b[0m\" x=\"\""
        );
        assert_eq!(
            line(LogFormat::Json, &fields[..2]),
            "{\"level\":\"INFO\",\"msg\":\"it works\"}"
        );
    }
}
