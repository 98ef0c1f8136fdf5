/// A scalar at every step.
#[derive(Clone, Debug)]
pub(crate) enum Scalar {
    /// The same at every step.
    Constant(f64),
    /// One number for each step.
    Steps(Vec<f64>),
}

impl Scalar {
    pub(crate) fn at(&self, step: usize) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Steps(values) => values[step],
        }
    }

    /// Returns the scalar with `change` applied to its numbers.
    pub(crate) fn map(self, change: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(change(value)),
            Self::Steps(mut values) => {
                for value in &mut values {
                    *value = change(*value);
                }
                Self::Steps(values)
            }
        }
    }

    /// Returns what `combine` makes of both scalars, step by step.
    pub(crate) fn zip(self, other: Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        match (self, other) {
            (Self::Constant(left), Self::Constant(right)) => Self::Constant(combine(left, right)),
            (Self::Constant(left), right) => right.map(|right| combine(left, right)),
            (left, Self::Constant(right)) => left.map(|left| combine(left, right)),
            (Self::Steps(mut left), Self::Steps(right)) => {
                for (left, right) in left.iter_mut().zip(right) {
                    *left = combine(*left, right);
                }
                Self::Steps(left)
            }
        }
    }
}
