use narthex_model::Labels;

/// The label that holds a target's address, `host:port`.
pub const ADDRESS_LABEL: &str = "__address__";

/// Targets that were found together, with the labels that they share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetGroup {
    /// Where the targets come from: a file, a service, a name. A group replaces the one before of
    /// the same source, and without targets removes it.
    pub source: String,
    /// Labels of every target that has no label of that name itself.
    pub labels: Labels,
    /// The labels of each target; [`ADDRESS_LABEL`] among them, unless relabelling makes it.
    pub targets: Vec<Labels>,
}

impl TargetGroup {
    /// Returns the group of `addresses`, each `host:port`, without further labels.
    pub fn new<A: AsRef<str>>(
        source: impl Into<String>,
        addresses: impl IntoIterator<Item = A>,
    ) -> Self {
        let target = |address| Labels::from_pairs([(ADDRESS_LABEL, address)]);
        Self {
            source: source.into(),
            labels: Labels::empty(),
            targets: addresses.into_iter().map(target).collect(),
        }
    }

    /// Returns the group with these labels for all its targets.
    #[must_use]
    pub fn with_labels(self, labels: Labels) -> Self {
        Self { labels, ..self }
    }
}
