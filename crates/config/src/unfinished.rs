//! What a configuration asks for that this server does not do yet.

use crate::Config;

impl Config {
    /// Returns the parts of the configuration that nothing here carries out, as they are called in the
    /// file: such as `remote_write`. They are read and checked, and change nothing else.
    ///
    /// Discoveries are left to who starts them, and names the kinds that it does not know.
    #[must_use]
    pub fn not_carried_out(&self) -> Vec<&'static str> {
        let parts = [
            ("alerting", !self.alerting.is_empty()),
            ("tracing", self.tracing.is_some()),
            ("remote_write", !self.remote_write.is_empty()),
            ("remote_read", !self.remote_read.is_empty()),
            ("global.query_log_file", !self.global.query_log_file.is_empty()),
        ];
        parts.into_iter().filter(|(_, given)| *given).map(|(part, _)| part).collect()
    }
}
