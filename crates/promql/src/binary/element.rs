use narthex_promql_parser::BinaryOp;

use crate::gomath;

/// An operator between two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ElementOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    /// `</`, for histograms alone.
    TrimUpper,
    /// `>/`, for histograms alone.
    TrimLower,
}

/// What an operator makes of two numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kept {
    /// A number.
    Value(f64),
    /// Whether a comparison holds.
    Truth(bool),
    /// Nothing: numbers cannot be trimmed.
    Nothing,
}

impl ElementOp {
    /// Returns the operator, or `None` for set operators.
    pub(crate) fn new(op: BinaryOp) -> Option<Self> {
        Some(match op {
            BinaryOp::Add => Self::Add,
            BinaryOp::Sub => Self::Sub,
            BinaryOp::Mul => Self::Mul,
            BinaryOp::Div => Self::Div,
            BinaryOp::Mod => Self::Mod,
            BinaryOp::Pow => Self::Pow,
            BinaryOp::Atan2 => Self::Atan2,
            BinaryOp::Equal => Self::Equal,
            BinaryOp::NotEqual => Self::NotEqual,
            BinaryOp::Greater => Self::Greater,
            BinaryOp::Less => Self::Less,
            BinaryOp::GreaterEqual => Self::GreaterEqual,
            BinaryOp::LessEqual => Self::LessEqual,
            BinaryOp::TrimUpper => Self::TrimUpper,
            BinaryOp::TrimLower => Self::TrimLower,
            BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => return None,
        })
    }

    /// Returns whether the operator compares.
    pub(crate) fn is_comparison(self) -> bool {
        matches!(self.apply(0.0, 0.0), Kept::Truth(_))
    }

    /// Returns whether the operator cuts histograms.
    pub(crate) fn is_trim(self) -> bool {
        matches!(self, Self::TrimUpper | Self::TrimLower)
    }

    /// Returns whether the result is of another metric than the operands.
    pub(crate) fn changes_metric(self) -> bool {
        !self.is_comparison() && !self.is_trim()
    }

    /// Applies the operator.
    #[inline]
    pub(crate) fn apply(self, left: f64, right: f64) -> Kept {
        match self {
            Self::Add => Kept::Value(left + right),
            Self::Sub => Kept::Value(left - right),
            Self::Mul => Kept::Value(left * right),
            Self::Div => Kept::Value(left / right),
            Self::Mod => Kept::Value(left % right),
            Self::Pow => Kept::Value(gomath::pow(left, right)),
            Self::Atan2 => Kept::Value(gomath::atan2(left, right)),
            Self::Equal => Kept::Truth(left == right),
            Self::NotEqual => Kept::Truth(left != right),
            Self::Greater => Kept::Truth(left > right),
            Self::Less => Kept::Truth(left < right),
            Self::GreaterEqual => Kept::Truth(left >= right),
            Self::LessEqual => Kept::Truth(left <= right),
            Self::TrimUpper | Self::TrimLower => Kept::Nothing,
        }
    }

    /// Applies the operator between scalars, where a comparison is 0 or 1. Nothing is NaN.
    pub(crate) fn apply_scalars(self, left: f64, right: f64) -> f64 {
        match self.apply(left, right) {
            Kept::Value(value) => value,
            Kept::Truth(truth) => f64::from(u8::from(truth)),
            Kept::Nothing => f64::NAN,
        }
    }
}
