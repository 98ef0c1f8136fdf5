use std::fmt;
use std::time::Duration;

use crate::Explanation;
use crate::explain::{PlanNode, operation_width, write_operation};

/// What each operation of a query did.
///
/// It prints as the tree of the [`Explanation`] with a column for each count.
///
/// A selector, a function over it and what is done to each value after that work on one series at a
/// time, whenever the operation above them asks for it. What they do then is theirs all the same:
/// each operation has what it did itself, and the sums over the tree are those of the query. Only
/// what happens to a series on its way between two operations, such as the loss of its name, counts
/// for the upper one. The clock is read several times for each series, so that a profiled query is
/// slower than the same one without a profile.
#[derive(Clone, Debug)]
pub struct Profile {
    explanation: Explanation,
    /// One for each node of the explanation.
    costs: Vec<NodeCost>,
}

/// What one operation of a [`Profile`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeCost {
    /// The series of its result that have a value; of a range vector all. A series counts as often
    /// as it was made.
    pub series: usize,
    /// The values of its result over all steps; of a range of the store its samples, each once.
    pub samples: usize,
    /// The samples that it read from the store, staleness markers included.
    pub samples_read: usize,
    /// The bytes that it took from the query's budget, given back or not.
    pub bytes: usize,
    /// The time that it took, without that of its children.
    pub duration: Duration,
}

impl Profile {
    /// `costs` are in the order of the plan.
    pub(crate) fn new(explanation: Explanation, costs: &[NodeCost]) -> Self {
        let costs = explanation.nodes().iter().map(|node| costs[node.index]).collect();
        Self { explanation, costs }
    }

    /// Returns the operations without what they did.
    #[must_use]
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// Returns the operations in the order of [`Explanation::nodes`], each with what it did.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (&PlanNode, &NodeCost)> {
        self.explanation.nodes().iter().zip(&self.costs)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = operation_width(self.explanation.nodes());
        write!(f, "{:width$}  {:>7}  {:>7}", "operation", "steps", "series")?;
        writeln!(f, "  {:>9}  {:>9}  {:>9}  {:>9}", "samples", "read", "bytes", "time")?;
        for (node, cost) in self.nodes() {
            write_operation(f, node, width)?;
            let NodeCost { series, samples, samples_read, bytes, duration } = cost;
            let duration = format!("{duration:.1?}");
            write!(f, "  {:>7}  {series:>7}", node.grid.steps())?;
            writeln!(f, "  {samples:>9}  {samples_read:>9}  {bytes:>9}  {duration:>9}")?;
        }
        Ok(())
    }
}
