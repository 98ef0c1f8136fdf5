//! A template as it was read: bodies of nodes, and the expressions in them.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::constant::Number;
use crate::escape::Escaper;
use crate::format::Quoted;
use crate::functions::Function;

/// A text that templates were read from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Box<str>,
    pub(crate) text: Box<str>,
}

impl Source {
    /// Returns the line of the byte at `offset`, from 1, and its column in bytes, from 0.
    pub(crate) fn place(&self, offset: usize) -> (usize, usize) {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        (line, before.len() - line_start)
    }
}

/// Templates by their names.
pub(crate) type Bodies = HashMap<Arc<str>, Arc<Body>>;

/// What a template does, as a flat list: blocks end with a [`Node::End`], so that neither running
/// nor dropping it follows their nesting.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) name: Arc<str>,
    pub(crate) source: Arc<Source>,
    pub(crate) nodes: Vec<Node>,
}

impl Body {
    /// Returns whether there is nothing but space.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes
            .iter()
            .all(|node| matches!(node, Node::Text { text, .. } if text.trim_ascii().is_empty()))
    }
}

/// A step of a template.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Text {
        at: usize,
        text: Arc<[u8]>,
    },
    Action {
        pipe: Arc<Pipe>,
        /// What the value goes through before it is printed.
        escapers: Vec<Escaper>,
    },
    /// `if`, `with` or `range`: the branch follows, up to an [`Node::Else`] or [`Node::End`].
    Open {
        block: Block,
        pipe: Arc<Pipe>,
        /// The node behind the [`Node::Else`] of this block, or its [`Node::End`].
        otherwise: usize,
    },
    /// The end of the first branch. The other follows.
    Else {
        end: usize,
    },
    End,
    Break,
    Continue,
    Template {
        at: usize,
        name: Arc<str>,
        pipe: Option<Arc<Pipe>>,
    },
}

/// A block with a branch and perhaps another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    If,
    With,
    Range,
}

impl Block {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::With => "with",
            Self::Range => "range",
        }
    }
}

/// Commands, each of which takes the result of the one before as its last argument.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) at: usize,
    pub(crate) variables: Vec<Box<str>>,
    /// Whether the variables are there already.
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Command>,
}

/// A function, method, field or constant, and its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) at: usize,
    /// At least one.
    pub(crate) words: Vec<Expr>,
}

/// A word of a command.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) at: usize,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Bool(bool),
    Dot,
    Nil,
    Number(Box<Number>),
    Text {
        /// As it was written.
        quoted: Box<str>,
        text: Arc<[u8]>,
    },
    /// `.A.B`
    Field(Vec<Box<str>>),
    /// `$x.A.B`: the name of the variable comes first.
    Variable(Vec<Box<str>>),
    Function {
        name: Box<str>,
        function: &'static Function,
    },
    Pipe(Box<Pipe>),
    /// Fields of something else.
    Chain(Box<Expr>, Vec<Box<str>>),
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, variable) in self.variables.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { "" })?;
            f.write_str(variable)?;
        }
        if !self.variables.is_empty() {
            f.write_str(if self.assigns { " = " } else { " := " })?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            f.write_str(if index > 0 { " | " } else { "" })?;
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.words.iter().enumerate() {
            f.write_str(if index > 0 { " " } else { "" })?;
            word.write_word(f)?;
        }
        Ok(())
    }
}

impl Expr {
    /// Writes it as part of something: pipes stand in parentheses.
    fn write_word(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Pipe(pipe) => write!(f, "({pipe})"),
            _ => write!(f, "{self}"),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Bool(value) => value.fmt(f),
            ExprKind::Dot => f.write_char('.'),
            ExprKind::Nil => f.write_str("nil"),
            ExprKind::Number(number) => f.write_str(&number.text),
            ExprKind::Text { quoted, .. } => f.write_str(quoted),
            ExprKind::Field(names) => write_names(f, names),
            ExprKind::Variable(names) => f.write_str(&names.join(".")),
            ExprKind::Function { name, .. } => f.write_str(name),
            ExprKind::Pipe(pipe) => pipe.fmt(f),
            ExprKind::Chain(inner, names) => {
                inner.write_word(f)?;
                write_names(f, names)
            }
        }
    }
}

fn write_names(f: &mut fmt::Formatter<'_>, names: &[Box<str>]) -> fmt::Result {
    names.iter().try_for_each(|name| write!(f, ".{name}"))
}

/// Returns a `template` action as error messages show it.
pub(crate) fn shown_template(name: &str, pipe: Option<&Pipe>) -> String {
    match pipe {
        Some(pipe) => format!("{{{{template {} {pipe}}}}}", Quoted(name)),
        None => format!("{{{{template {}}}}}", Quoted(name)),
    }
}
