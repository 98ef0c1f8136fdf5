//! Function calls and aggregations.

use narthex_promql_lexer::{Keyword, Span, Token, TokenKind};
use smallvec::SmallVec;

use super::expr::starts_expr;
use super::{IN_AGGREGATION, Parsed, Parser};
use crate::ast::{Kind, NodeId, Run};
use crate::error::{Expected, NotEnabled, ParseProblem};
use crate::functions::Function;
use crate::ops::AggregateOp;

/// What the arguments in parentheses belong to.
#[derive(Clone, Copy)]
pub(super) enum Callee {
    /// The function of the name under the span.
    Function(Span),
    Aggregation {
        op: AggregateOp,
        name: Span,
        /// `by` or `without` where it stands before the arguments.
        grouping: Option<Grouping>,
    },
}

/// `by (…)` or `without (…)`.
#[derive(Clone, Copy, Default)]
pub(super) struct Grouping {
    labels: Run,
    without: bool,
}

impl Callee {
    pub(super) fn function(name: Span) -> Self {
        Self::Function(name)
    }

    pub(super) fn is_aggregation(&self) -> bool {
        matches!(self, Self::Aggregation { .. })
    }

    /// Returns whether a keyword also names a function.
    pub(super) fn is_function(keyword: Keyword) -> bool {
        matches!(
            keyword,
            Keyword::Start
                | Keyword::End
                | Keyword::Step
                | Keyword::Range
                | Keyword::MaxOf
                | Keyword::MinOf
        )
    }

    /// Returns the aggregation that a keyword names.
    pub(super) fn aggregation(keyword: Keyword) -> Option<AggregateOp> {
        Some(match keyword {
            Keyword::Sum => AggregateOp::Sum,
            Keyword::Avg => AggregateOp::Avg,
            Keyword::Count => AggregateOp::Count,
            Keyword::Min => AggregateOp::Min,
            Keyword::Max => AggregateOp::Max,
            Keyword::Group => AggregateOp::Group,
            Keyword::Stddev => AggregateOp::Stddev,
            Keyword::Stdvar => AggregateOp::Stdvar,
            Keyword::Topk => AggregateOp::Topk,
            Keyword::Bottomk => AggregateOp::Bottomk,
            Keyword::CountValues => AggregateOp::CountValues,
            Keyword::Quantile => AggregateOp::Quantile,
            Keyword::Limitk => AggregateOp::Limitk,
            Keyword::LimitRatio => AggregateOp::LimitRatio,
            _ => return None,
        })
    }
}

impl Parser<'_> {
    /// Reads what stands between an aggregation's name and its parenthesis.
    pub(super) fn aggregation(&mut self, op: AggregateOp, name: Span) -> Parsed<Callee> {
        let grouping = self.grouping()?;
        if self.peek_kind()? != TokenKind::LeftParen {
            return self.unexpected(IN_AGGREGATION);
        }
        Ok(Callee::Aggregation { op, name, grouping })
    }

    /// Complains about a comma that no argument follows.
    pub(super) fn expect_argument(&mut self, comma: Token) -> Parsed<()> {
        if starts_expr(self.peek_kind()?) {
            Ok(())
        } else {
            self.fail(comma.span, ParseProblem::TrailingComma)
        }
    }

    /// Makes the node of a call whose closing parenthesis was just taken. Its arguments are those
    /// from `first_arg` on.
    pub(super) fn finish_call(&mut self, callee: Callee, first_arg: usize) -> Parsed<NodeId> {
        self.ascend();
        match callee {
            Callee::Function(name) => self.finish_function(name, first_arg),
            Callee::Aggregation { op, name, grouping } => {
                let mut span = name.to(self.last);
                let grouping = match grouping {
                    Some(grouping) => grouping,
                    None => self.grouping()?.map_or_else(Grouping::default, |grouping| {
                        span = name.to(self.last);
                        grouping
                    }),
                };
                self.open_aggregations -= 1;
                self.finish_aggregation(op, span, grouping, first_arg)
            }
        }
    }

    fn finish_function(&mut self, name: Span, first_arg: usize) -> Parsed<NodeId> {
        let text = name.text(self.query);
        let Some(function) = Function::by_name(text) else {
            return self.fail(name, ParseProblem::UnknownFunction { name: text.into() });
        };
        if function.experimental && !self.options.experimental_functions {
            return self.fail(name, NotEnabled::Function { name: function.name });
        }
        let args = self.tree.push_args(&self.args[first_arg..]);
        self.args.truncate(first_arg);
        Ok(self.tree.push(Kind::Call { function, args }, name.to(self.last)))
    }

    fn finish_aggregation(
        &mut self,
        op: AggregateOp,
        span: Span,
        grouping: Grouping,
        first_arg: usize,
    ) -> Parsed<NodeId> {
        let args = &self.args[first_arg..];
        if args.is_empty() {
            return self.fail(span, ParseProblem::NoAggregateArguments);
        }
        if op.is_experimental() && !self.options.experimental_functions {
            return self.fail(span, NotEnabled::Aggregation { op });
        }
        let (param, expr) = match (op.takes_param(), args) {
            (false, &[expr]) => (None, expr),
            (true, &[param, expr]) => (Some(param), expr),
            (takes_param, _) => {
                let expected = 1 + usize::from(takes_param);
                let got = args.len();
                return self.fail(span, ParseProblem::AggregateArguments { expected, got });
            }
        };
        self.args.truncate(first_arg);
        let Grouping { labels, without } = grouping;
        Ok(self.tree.push(Kind::Aggregate { op, without, param, expr, labels }, span))
    }

    /// Reads `by (…)` or `without (…)` where one follows.
    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        let without = match self.peek_kind()? {
            TokenKind::Keyword(Keyword::By) => false,
            TokenKind::Keyword(Keyword::Without) => true,
            _ => return Ok(None),
        };
        self.take();
        let labels = self.label_list()?;
        Ok(Some(Grouping { labels, without }))
    }

    /// Reads label names in parentheses.
    pub(super) fn label_list(&mut self) -> Parsed<Run> {
        let expected = |what| Expected { context: "grouping opts", what };
        self.expect(TokenKind::LeftParen, expected("\"(\""))?;
        let mut labels: SmallVec<[Span; 8]> = SmallVec::new();
        while self.take_if(TokenKind::RightParen)?.is_none() {
            let token = self.peek()?;
            if !is_label(token.kind) {
                return self.unexpected(expected("label"));
            }
            self.take();
            labels.push(self.label(token)?);
            if self.take_if(TokenKind::Comma)?.is_none() {
                self.expect(TokenKind::RightParen, expected("\",\" or \")\""))?;
                break;
            }
        }
        Ok(self.tree.push_labels(&labels))
    }

    fn label(&mut self, token: Token) -> Parsed<Span> {
        let name = match token.kind {
            TokenKind::String => self.name_part(token),
            _ => token.span,
        };
        if name.start == name.end {
            return self.fail(token.span, ParseProblem::GroupingLabel { name: "".into() });
        }
        Ok(name)
    }
}

/// Returns whether the token names a label: of the keywords, `without` alone does not.
fn is_label(kind: TokenKind) -> bool {
    match kind {
        TokenKind::Identifier | TokenKind::MetricIdentifier | TokenKind::String => true,
        TokenKind::Keyword(keyword) => keyword != Keyword::Without,
        _ => false,
    }
}
