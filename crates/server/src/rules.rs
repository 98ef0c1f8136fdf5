use narthex_rules::{GroupStatus, Manager};

/// The rules that are evaluated, for the API and the page.
///
/// A server without rules needs none of its methods.
pub trait RuleSource: Send + Sync {
    /// Returns all groups of rules, in the order of their files and names.
    fn groups(&self) -> Vec<GroupStatus> {
        Vec::new()
    }
}

impl RuleSource for Manager {
    fn groups(&self) -> Vec<GroupStatus> {
        Manager::groups(self)
    }
}
