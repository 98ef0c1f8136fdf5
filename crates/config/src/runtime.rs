use serde::Deserialize;

/// The `runtime` section.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RuntimeConfig {
    /// The target of Go's garbage collector, in percent: 75 by default, or what the variable `GOGC`
    /// says. Kept so that files with it load; there is no such collector here.
    pub gogc: i64,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self { gogc: GOGC_DEFAULT }
    }
}

const GOGC_DEFAULT: i64 = 75;

/// What `GOGC=off` stands for.
const GOGC_OFF: i64 = -1;

/// The section as a file writes it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuntimeFile {
    gogc: Option<i64>,
}

impl RuntimeFile {
    pub(crate) fn resolve(self, environment: &impl Fn(&str) -> Option<String>) -> RuntimeConfig {
        let own = self.gogc.filter(|&gogc| gogc != 0);
        RuntimeConfig { gogc: own.unwrap_or_else(|| gogc_default(environment)) }
    }
}

fn gogc_default(environment: &impl Fn(&str) -> Option<String>) -> i64 {
    match environment("GOGC") {
        Some(text) if text.eq_ignore_ascii_case("off") => GOGC_OFF,
        Some(text) => text.parse().unwrap_or(GOGC_DEFAULT),
        None => GOGC_DEFAULT,
    }
}
