use narthex_promql_parser::{BinaryOp, Node};

/// What the operations above a node read of its histograms.
///
/// Where they read count and sum alone, buckets are left out from the start, and resets are found
/// while the series is read. The difference shows: nobody remarks on buckets that do not go
/// together, and of resets that collide others are known.
///
/// # Source
///
/// `detectHistogramStatsDecoding` in Prometheus `promql/engine.go`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reads {
    totals: bool,
    buckets: bool,
}

impl Reads {
    /// Returns what is read of the children of a node, of which itself this is read.
    pub(super) fn within(self, node: &Node<'_>) -> Self {
        match node {
            Node::Subquery(_) => Self { buckets: true, ..self },
            Node::Binary(binary)
                if matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower) =>
            {
                Self { buckets: true, ..self }
            }
            Node::Call(call) => match call.function.name {
                "histogram_avg" | "histogram_count" | "histogram_sum" => {
                    Self { totals: true, ..self }
                }
                "histogram_fraction" | "histogram_quantile" | "histogram_quantiles" => {
                    Self { buckets: true, ..self }
                }
                _ => self,
            },
            _ => self,
        }
    }

    /// Returns whether count and sum are all that is read.
    pub(super) fn totals_only(self) -> bool {
        self.totals && !self.buckets
    }
}
