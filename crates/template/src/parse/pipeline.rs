//! Reads what stands in an action: commands and their words.

use std::sync::Arc;

use super::{NESTING_MAX, Parsed, Parser};
use crate::constant::{Number, unquote};
use crate::format::Quoted;
use crate::lex::{Keyword, Token, TokenKind};
use crate::syntax::{Command, Expr, ExprKind, Pipe};

impl Parser<'_> {
    /// Reads a pipeline up to and with the token `end`.
    pub(super) fn pipeline(&mut self, context: &str, end: TokenKind) -> Parsed<Pipe> {
        let at = self.peek_non_space().at;
        let mut pipe = Pipe { at, variables: Vec::new(), assigns: false, commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_non_space();
            if token.is(end) {
                break;
            }
            if !starts_operand(&token) {
                return Err(self.unexpected(&token, context));
            }
            self.backup();
            pipe.commands.push(self.command()?);
        }
        check_pipeline(&pipe, context)?;
        Ok(pipe)
    }

    /// Reads `$x :=`, `$x =` or `$x, $y :=`.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        loop {
            let variable = self.peek_non_space();
            if !variable.is(TokenKind::Variable) {
                return Ok(());
            }
            self.next();
            // There is one token to look back at: the space behind a variable is needed once more
            // where this is no declaration.
            let after = self.peek();
            let next = self.peek_non_space();
            match next.kind {
                TokenKind::Assign | TokenKind::Declare => {
                    pipe.assigns = next.is(TokenKind::Assign);
                    self.next_non_space();
                    self.declare(pipe, variable.text);
                    return Ok(());
                }
                TokenKind::Char if next.text == "," => {
                    self.next_non_space();
                    self.declare(pipe, variable.text);
                    if context != "range" || pipe.variables.len() >= 2 {
                        return Err(format!("too many declarations in {context}").into());
                    }
                    match self.peek_non_space().kind {
                        TokenKind::Variable | TokenKind::RightDelimiter | TokenKind::RightParen => {
                        }
                        _ => return Err("range can only initialize variables".into()),
                    }
                }
                _ if after.is(TokenKind::Space) => {
                    self.backup_three(variable, after);
                    return Ok(());
                }
                _ => {
                    self.backup_two(variable);
                    return Ok(());
                }
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, name: &str) {
        pipe.variables.push(name.into());
        self.tree.variables.push(name.into());
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut command = Command { at: self.peek_non_space().at, words: Vec::new() };
        loop {
            // Space before an operand says nothing.
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                command.words.push(operand);
            }
            let token = self.next();
            match token.kind {
                TokenKind::Space => {}
                TokenKind::RightDelimiter | TokenKind::RightParen => {
                    self.backup();
                    break;
                }
                TokenKind::Pipe => break,
                _ => return Err(self.unexpected(&token, "operand")),
            }
        }
        if command.words.is_empty() {
            return Err("empty command".into());
        }
        Ok(command)
    }

    /// Reads a term and the fields behind it.
    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let Some(term) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if !first.is(TokenKind::Field) {
            return Ok(Some(term));
        }
        let mut fields = Vec::new();
        while self.peek().is(TokenKind::Field) {
            fields.push(self.next().text[1..].into());
        }
        let kind = match term.kind {
            ExprKind::Field(mut names) => {
                names.append(&mut fields);
                ExprKind::Field(names)
            }
            ExprKind::Variable(mut names) => {
                names.append(&mut fields);
                ExprKind::Variable(names)
            }
            ExprKind::Bool(_)
            | ExprKind::Text { .. }
            | ExprKind::Number(_)
            | ExprKind::Nil
            | ExprKind::Dot => {
                let term = term.to_string();
                return Err(format!("unexpected . after term {}", Quoted(&term)).into());
            }
            _ => ExprKind::Chain(Box::new(term), fields),
        };
        Ok(Some(Expr { at: first.at, kind }))
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        let token = self.next_non_space();
        let kind = match token.kind {
            TokenKind::Identifier => self.function(&token)?,
            TokenKind::Keyword(Keyword::Dot) => ExprKind::Dot,
            TokenKind::Keyword(Keyword::Nil) => ExprKind::Nil,
            TokenKind::Variable => {
                let known = self.tree.variables.iter().any(|name| **name == *token.text);
                if !known {
                    return Err(format!("undefined variable {}", Quoted(token.text)).into());
                }
                ExprKind::Variable(vec![token.text.into()])
            }
            TokenKind::Field => ExprKind::Field(vec![token.text[1..].into()]),
            TokenKind::Bool => ExprKind::Bool(token.text == "true"),
            TokenKind::CharConstant => ExprKind::Number(Box::new(Number::of_char(token.text)?)),
            TokenKind::Complex => ExprKind::Number(Box::new(Number::of_complex(token.text)?)),
            TokenKind::Number => ExprKind::Number(Box::new(Number::parse(token.text)?)),
            TokenKind::String | TokenKind::RawString => {
                ExprKind::Text { quoted: token.text.into(), text: Arc::from(unquote(token.text)?) }
            }
            TokenKind::LeftParen => {
                if self.paren_depth == NESTING_MAX {
                    return Err(format!("parentheses nest more than {NESTING_MAX} deep").into());
                }
                self.paren_depth += 1;
                let pipe = self.pipeline("parenthesized pipeline", TokenKind::RightParen)?;
                self.paren_depth -= 1;
                return Ok(Some(Expr { at: pipe.at, kind: ExprKind::Pipe(Box::new(pipe)) }));
            }
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        Ok(Some(Expr { at: token.at, kind }))
    }

    fn function(&self, token: &Token<'_>) -> Parsed<ExprKind> {
        let name = token.text;
        match self.functions.get(name) {
            Some(function) => Ok(ExprKind::Function { name: name.into(), function }),
            None => Err(format!("function {} not defined", Quoted(name)).into()),
        }
    }
}

fn starts_operand(token: &Token<'_>) -> bool {
    matches!(
        token.kind,
        TokenKind::Bool
            | TokenKind::CharConstant
            | TokenKind::Complex
            | TokenKind::Keyword(Keyword::Dot | Keyword::Nil)
            | TokenKind::Field
            | TokenKind::Identifier
            | TokenKind::Number
            | TokenKind::RawString
            | TokenKind::String
            | TokenKind::Variable
            | TokenKind::LeftParen
    )
}

fn check_pipeline(pipe: &Pipe, context: &str) -> Parsed<()> {
    if pipe.commands.is_empty() {
        return Err(format!("missing value for {context}").into());
    }
    let constant = pipe.commands.iter().skip(1).position(|command| {
        matches!(
            command.words[0].kind,
            ExprKind::Bool(_)
                | ExprKind::Dot
                | ExprKind::Nil
                | ExprKind::Number(_)
                | ExprKind::Text { .. }
        )
    });
    match constant {
        Some(index) => {
            Err(format!("non executable command in pipeline stage {}", index + 2).into())
        }
        None => Ok(()),
    }
}
