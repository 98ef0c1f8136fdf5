//! The labels of a series: as a selector whose matchers are all `=`.

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL};
use narthex_promql_lexer::TokenKind;

use crate::error::Expected;
use crate::parse::{NOTHING, Parsed, Parser, is_metric_name};

impl Parser<'_> {
    /// Reads the labels of a series, and nothing behind them.
    pub(super) fn series_labels(&mut self) -> Parsed<Labels> {
        let mut labels = LabelsBuilder::default();
        let first = self.peek()?;
        if first.kind == TokenKind::LeftBrace {
            self.label_set(&mut labels)?;
        } else if is_metric_name(first.kind) {
            self.take();
            // With a space between, braces belong to the values.
            if self.rest().starts_with('{') {
                self.label_set(&mut labels)?;
            }
            labels.set(METRIC_NAME_LABEL, self.text(first));
        } else {
            return self.unexpected(Expected { context: "series values", ..NOTHING });
        }
        Ok(labels.build())
    }

    /// Reads labels in braces.
    fn label_set(&mut self, labels: &mut LabelsBuilder) -> Parsed<()> {
        self.take();
        while self.take_if(TokenKind::RightBrace)?.is_none() {
            self.series_label(labels)?;
            if self.take_if(TokenKind::Comma)?.is_none() {
                self.expect(TokenKind::RightBrace, label_set("\",\" or \"}\""))?;
                break;
            }
        }
        Ok(())
    }

    fn series_label(&mut self, labels: &mut LabelsBuilder) -> Parsed<()> {
        let label = self.peek()?;
        let name = match label.kind {
            TokenKind::Identifier => self.text(label).into(),
            TokenKind::String => self.unquote_name(label),
            _ => return self.unexpected(label_set("identifier or \"}\"")),
        };
        self.take();
        if self.take_if(TokenKind::Assign)?.is_some() {
            let value = self.expect(TokenKind::String, label_set("string"))?;
            labels.set(&name, &self.unquote_name(value));
        } else if label.kind == TokenKind::String {
            // Text alone is the metric's name.
            labels.set(METRIC_NAME_LABEL, &name);
        } else {
            return self.unexpected(label_set("\"=\""));
        }
        Ok(())
    }
}

fn label_set(what: &'static str) -> Expected {
    Expected { context: "label set", what }
}
