//! Reads a text into templates.

mod pipeline;

use std::collections::HashMap;
use std::sync::Arc;

use crate::constant::unquote;
use crate::error::ParseError;
use crate::format::Quoted;
use crate::functions::Functions;
use crate::lex::{Keyword, Lexer, Token, TokenKind};
use crate::syntax::{Block, Bodies, Body, Node, Pipe, Source};

/// How deep parentheses may nest.
pub const NESTING_MAX: usize = 100;

/// Reads the templates of `text`: the one called `name`, and those that it defines.
pub(crate) fn parse(name: &str, text: &str, functions: Functions) -> Result<Bodies, ParseError> {
    let source = Arc::new(Source { name: name.into(), text: text.into() });
    let mut parser = Parser {
        lexer: Lexer::new(text),
        tokens: [const { None }; 3],
        peeked: 0,
        functions,
        source: Arc::clone(&source),
        bodies: HashMap::new(),
        tree: Tree::new(name),
        outer: None,
        blocks: Vec::new(),
        action_line: 0,
        paren_depth: 0,
    };
    parser.parse_all().map_err(|problem| ParseError {
        template: name.into(),
        line: parser.line(),
        problem: problem.0,
    })?;
    Ok(parser.bodies)
}

/// What is wrong. The line is the parser's.
#[derive(Debug)]
struct Problem(Box<str>);

impl<T: Into<Box<str>>> From<T> for Problem {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

type Parsed<T> = Result<T, Problem>;

#[derive(Debug)]
struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The latest token, and up to two that were put back behind it.
    tokens: [Option<Token<'t>>; 3],
    /// How many of `tokens` are to be read once more.
    peeked: usize,
    functions: Functions,
    source: Arc<Source>,
    bodies: Bodies,
    tree: Tree,
    /// The templates around a `block`; definitions stand at the top alone.
    outer: Option<Box<Outer>>,
    blocks: Vec<Open>,
    /// Where the action under way starts; 0 outside of any.
    action_line: usize,
    paren_depth: usize,
}

/// The template under way.
#[derive(Debug)]
struct Tree {
    name: Arc<str>,
    nodes: Vec<Node>,
    variables: Vec<Box<str>>,
    range_depth: usize,
}

impl Tree {
    fn new(name: &str) -> Self {
        Self { name: name.into(), nodes: Vec::new(), variables: vec!["$".into()], range_depth: 0 }
    }
}

#[derive(Debug)]
struct Outer {
    tree: Tree,
    outer: Option<Box<Outer>>,
}

impl Drop for Outer {
    /// Blocks nest as deep as the text says: they are dropped one after the other.
    fn drop(&mut self) {
        let mut next = self.outer.take();
        while let Some(mut outer) = next {
            next = outer.outer.take();
        }
    }
}

/// A block that has not ended.
#[derive(Debug)]
enum Open {
    Control {
        block: Block,
        /// Its node.
        node: usize,
        /// The node of its `else`.
        otherwise: Option<usize>,
        /// How many variables there were before it.
        variables: usize,
        /// Whether it is the `else if` of the block around it, and ends that as well.
        chained: bool,
    },
    Define,
    Block {
        at: usize,
        pipe: Arc<Pipe>,
    },
}

impl<'t> Parser<'t> {
    fn line(&self) -> usize {
        self.tokens[0].as_ref().map_or(1, |token| token.line)
    }

    fn next(&mut self) -> Token<'t> {
        if self.peeked > 0 {
            self.peeked -= 1;
        } else {
            self.tokens[0] = Some(self.lexer.next_token());
        }
        self.tokens[self.peeked].clone().expect("a token that was read or put back")
    }

    /// Puts the latest token back.
    fn backup(&mut self) {
        self.peeked += 1;
    }

    /// Puts the latest token back, and `before` before it.
    fn backup_two(&mut self, before: Token<'t>) {
        self.tokens[1] = Some(before);
        self.peeked = 2;
    }

    /// Puts the latest token back, and the two before it.
    fn backup_three(&mut self, first: Token<'t>, second: Token<'t>) {
        self.tokens[1] = Some(second);
        self.tokens[2] = Some(first);
        self.peeked = 3;
    }

    fn peek(&mut self) -> Token<'t> {
        let token = self.next();
        self.backup();
        token
    }

    fn next_non_space(&mut self) -> Token<'t> {
        loop {
            let token = self.next();
            if !token.is(TokenKind::Space) {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token<'t> {
        let token = self.next_non_space();
        self.backup();
        token
    }

    fn expect(&mut self, kind: TokenKind, context: &str) -> Parsed<Token<'t>> {
        let token = self.next_non_space();
        if token.is(kind) { Ok(token) } else { Err(self.unexpected(&token, context)) }
    }

    fn unexpected(&self, token: &Token<'_>, context: &str) -> Problem {
        if !token.is(TokenKind::Error) {
            return format!("unexpected {} in {context}", token.shown()).into();
        }
        let problem = token.shown();
        if self.action_line == 0 || self.action_line == token.line {
            return problem.into();
        }
        let unit = if problem.ends_with(" action") { "" } else { " in action" };
        format!("{problem}{unit} started at {}:{}", self.source.name, self.action_line).into()
    }

    fn parse_all(&mut self) -> Parsed<()> {
        loop {
            if self.blocks.is_empty() {
                if self.peek().is(TokenKind::End) {
                    break;
                }
                if self.parse_definition_start()? {
                    continue;
                }
            } else if self.peek_non_space().is(TokenKind::End) {
                return Err("unexpected EOF".into());
            }
            self.parse_node()?;
        }
        let tree = std::mem::replace(&mut self.tree, Tree::new(""));
        self.add(tree)
    }

    /// Reads `{{define "name"}}`, if that is what comes.
    fn parse_definition_start(&mut self) -> Parsed<bool> {
        const CONTEXT: &str = "define clause";
        if !self.peek().is(TokenKind::LeftDelimiter) {
            return Ok(false);
        }
        let delimiter = self.next();
        if !self.next_non_space().is_keyword(Keyword::Define) {
            self.backup_two(delimiter);
            return Ok(false);
        }
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(TokenKind::RightDelimiter, CONTEXT)?;
        self.enter(&name);
        self.blocks.push(Open::Define);
        Ok(true)
    }

    /// Begins a template within the one under way.
    fn enter(&mut self, name: &str) {
        let tree = std::mem::replace(&mut self.tree, Tree::new(name));
        self.outer = Some(Box::new(Outer { tree, outer: self.outer.take() }));
    }

    /// Ends the template under way, and returns to the one around it.
    fn leave(&mut self) -> Parsed<Arc<str>> {
        let mut outer = self.outer.take().expect("a template that was entered");
        self.outer = outer.outer.take();
        let tree = std::mem::replace(&mut outer.tree, Tree::new(""));
        let tree = std::mem::replace(&mut self.tree, tree);
        let name = Arc::clone(&tree.name);
        self.add(tree)?;
        Ok(name)
    }

    fn add(&mut self, tree: Tree) -> Parsed<()> {
        let Tree { name, nodes, .. } = tree;
        let body = Body { name: Arc::clone(&name), source: Arc::clone(&self.source), nodes };
        match self.bodies.get(&name) {
            Some(earlier) if !earlier.is_empty() => {
                if body.is_empty() {
                    return Ok(());
                }
                let name = Quoted(&name);
                Err(format!("template: multiple definition of template {name}").into())
            }
            _ => {
                self.bodies.insert(name, Arc::new(body));
                Ok(())
            }
        }
    }

    fn parse_node(&mut self) -> Parsed<()> {
        let token = self.next_non_space();
        match token.kind {
            TokenKind::Text => {
                let text = token.text.as_bytes().into();
                self.tree.nodes.push(Node::Text { at: token.at, text });
                Ok(())
            }
            TokenKind::LeftDelimiter => {
                self.action_line = token.line;
                self.parse_action()?;
                self.action_line = 0;
                Ok(())
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn parse_action(&mut self) -> Parsed<()> {
        let token = self.next_non_space();
        let TokenKind::Keyword(keyword) = token.kind else {
            self.backup();
            return self.parse_printing();
        };
        match keyword {
            Keyword::If => self.open(Block::If, false),
            Keyword::With => self.open(Block::With, false),
            Keyword::Range => self.open(Block::Range, false),
            Keyword::Else => self.parse_else(),
            Keyword::End => self.parse_end(),
            Keyword::Break => self.parse_jump("{{break}}", Node::Break),
            Keyword::Continue => self.parse_jump("{{continue}}", Node::Continue),
            Keyword::Template => self.parse_template(),
            Keyword::Block => self.parse_block(),
            Keyword::Dot | Keyword::Nil | Keyword::Define => {
                self.backup();
                self.parse_printing()
            }
        }
    }

    fn parse_printing(&mut self) -> Parsed<()> {
        let pipe = Arc::new(self.pipeline("command", TokenKind::RightDelimiter)?);
        self.tree.nodes.push(Node::Action { pipe, escapers: Vec::new() });
        Ok(())
    }

    fn parse_jump(&mut self, shown: &str, node: Node) -> Parsed<()> {
        let token = self.next_non_space();
        if !token.is(TokenKind::RightDelimiter) {
            return Err(self.unexpected(&token, shown));
        }
        if self.tree.range_depth == 0 {
            return Err(format!("{shown} outside {{{{range}}}}").into());
        }
        self.tree.nodes.push(node);
        Ok(())
    }

    fn open(&mut self, block: Block, chained: bool) -> Parsed<()> {
        let variables = self.tree.variables.len();
        let pipe = Arc::new(self.pipeline(block.name(), TokenKind::RightDelimiter)?);
        if block == Block::Range {
            self.tree.range_depth += 1;
        }
        let node = self.tree.nodes.len();
        self.tree.nodes.push(Node::Open { block, pipe, otherwise: 0 });
        self.blocks.push(Open::Control { block, node, otherwise: None, variables, chained });
        Ok(())
    }

    fn parse_else(&mut self) -> Parsed<()> {
        let next = self.peek_non_space();
        let chains = match next.kind {
            TokenKind::Keyword(Keyword::If) => Some(Block::If),
            TokenKind::Keyword(Keyword::With) => Some(Block::With),
            _ => {
                self.expect(TokenKind::RightDelimiter, "else")?;
                None
            }
        };
        let (block, node) = match self.blocks.last_mut() {
            None => return Err("unexpected {{else}}".into()),
            Some(Open::Define) => return Err("unexpected {{else}} in define clause".into()),
            Some(Open::Block { .. }) => return Err("unexpected {{else}} in block clause".into()),
            Some(Open::Control { otherwise: Some(_), .. }) => {
                return Err("expected end; found {{else}}".into());
            }
            Some(Open::Control { block, node, otherwise, .. }) => {
                *otherwise = Some(self.tree.nodes.len());
                (*block, *node)
            }
        };
        self.tree.nodes.push(Node::Else { end: 0 });
        self.set_otherwise(node);
        if block == Block::Range {
            self.tree.range_depth -= 1;
        }
        match chains {
            Some(chained) if chained == block => {
                self.next_non_space();
                self.open(block, true)
            }
            // The keyword stands where a text or an action should.
            Some(_) => Err(self.unexpected(&next, "input")),
            None => Ok(()),
        }
    }

    /// Makes the node that comes next the one where the other branch of a block starts.
    fn set_otherwise(&mut self, node: usize) {
        let next = self.tree.nodes.len();
        if let Node::Open { otherwise, .. } = &mut self.tree.nodes[node] {
            *otherwise = next;
        }
    }

    fn parse_end(&mut self) -> Parsed<()> {
        self.expect(TokenKind::RightDelimiter, "end")?;
        loop {
            match self.blocks.pop() {
                None => return Err("unexpected {{end}}".into()),
                Some(Open::Define) => {
                    self.leave()?;
                    return Ok(());
                }
                Some(Open::Block { at, pipe }) => {
                    let name = self.leave()?;
                    self.tree.nodes.push(Node::Template { at, name, pipe: Some(pipe) });
                    return Ok(());
                }
                Some(Open::Control { block, node, otherwise, variables, chained }) => {
                    match otherwise {
                        Some(at) => self.tree.nodes[at] = Node::Else { end: self.tree.nodes.len() },
                        None => self.set_otherwise(node),
                    }
                    self.tree.nodes.push(Node::End);
                    self.tree.variables.truncate(variables);
                    if block == Block::Range && otherwise.is_none() {
                        self.tree.range_depth -= 1;
                    }
                    if !chained {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn parse_template(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?.into();
        let mut pipe = None;
        if !self.next_non_space().is(TokenKind::RightDelimiter) {
            self.backup();
            pipe = Some(Arc::new(self.pipeline(CONTEXT, TokenKind::RightDelimiter)?));
        }
        self.tree.nodes.push(Node::Template { at: token.at, name, pipe });
        Ok(())
    }

    fn parse_block(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = Arc::new(self.pipeline(CONTEXT, TokenKind::RightDelimiter)?);
        self.enter(&name);
        self.blocks.push(Open::Block { at: token.at, pipe });
        Ok(())
    }

    fn template_name(&self, token: &Token<'_>, context: &str) -> Parsed<String> {
        match token.kind {
            TokenKind::String | TokenKind::RawString => {
                let name = unquote(token.text)?;
                Ok(String::from_utf8_lossy(&name).into_owned())
            }
            _ => Err(self.unexpected(token, context)),
        }
    }
}
