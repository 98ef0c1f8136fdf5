//! Executes templates: an interpreter over flat bodies, with a stack of its own.

mod call;
mod pipeline;

use std::collections::HashMap;
use std::sync::Arc;

use crate::environment::Environment;
use crate::error::{EscapeError, ExecuteError};
use crate::escape::{self, Escaper};
use crate::format::{TooLong, shown};
use crate::syntax::{Block, Bodies, Body, Command, Expr, Node, Pipe, shown_template};
use crate::value::{IntType, List, Map, Value};

/// How deep templates may call each other.
pub const CALL_DEPTH_MAX: usize = 100_000;

/// How deep pipelines in parentheses, and templates that `tmpl` executes, may nest while they run.
const NATIVE_DEPTH_MAX: usize = 200;

/// After so many steps the time is looked at.
const STEPS_BETWEEN_CHECKS: u32 = 128;

type Executed<T> = Result<T, ExecuteError>;

/// Executes the template called `name` on `data`, and returns what it prints.
pub(crate) fn execute(
    bodies: &Bodies,
    failures: &HashMap<Arc<str>, EscapeError>,
    name: &str,
    data: Value,
    env: &Environment<'_>,
) -> Executed<Vec<u8>> {
    let Some(body) = bodies.get(name) else {
        return Err(ExecuteError::Incomplete { name: name.into() });
    };
    let mut machine = Machine {
        bodies,
        failures,
        env,
        body,
        at: At::Start,
        out: Vec::new(),
        variables: vec![("$", data.clone())],
        base: 0,
        call_depth: 0,
        native_depth: 0,
        steps: 0,
    };
    machine.run(body, data)?;
    Ok(machine.out)
}

/// What is being looked at, for messages.
#[derive(Clone, Copy, Debug)]
enum At<'t> {
    Start,
    Text(usize),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Expr(&'t Expr),
    Template { at: usize, name: &'t str, pipe: Option<&'t Pipe> },
}

#[derive(Debug)]
struct Machine<'t> {
    bodies: &'t Bodies,
    /// The templates that cannot be part of a page.
    failures: &'t HashMap<Arc<str>, EscapeError>,
    env: &'t Environment<'t>,
    /// The template under way.
    body: &'t Body,
    at: At<'t>,
    out: Vec<u8>,
    /// The variables of all templates under way, innermost last.
    variables: Vec<(&'t str, Value)>,
    /// Where the variables of the template under way start.
    base: usize,
    call_depth: usize,
    native_depth: usize,
    steps: u32,
}

/// What goes on once a block or a template ends.
#[derive(Debug)]
enum Frame<'t> {
    Block {
        variable_count: usize,
        dot: Value,
    },
    Range {
        /// The node that opens it.
        node: usize,
        pipe: &'t Pipe,
        variable_count: usize,
        /// With those that it declares.
        inner_variable_count: usize,
        dot: Value,
        items: Items,
        next: usize,
    },
    Call {
        body: &'t Body,
        next: usize,
        dot: Value,
        base: usize,
    },
}

/// What a `range` goes through.
#[derive(Debug)]
enum Items {
    List(Arc<List>),
    Map(Vec<(Value, Value)>),
    /// From zero to one below.
    Ints(usize, IntType),
}

impl Items {
    fn len(&self) -> usize {
        match self {
            Self::List(list) => list.items.len(),
            Self::Map(entries) => entries.len(),
            Self::Ints(count, _) => *count,
        }
    }

    /// Returns the index or name of an item, and the item.
    fn get(&self, index: usize) -> (Value, Value) {
        let number = i64::try_from(index).unwrap_or(i64::MAX);
        match self {
            Self::List(list) => (Value::int(number), list.items[index].clone()),
            Self::Map(entries) => entries[index].clone(),
            Self::Ints(_, int_type) => (Value::Nil, Value::Int(number, *int_type)),
        }
    }
}

impl<'t> Machine<'t> {
    /// Executes `body` to its end.
    fn run(&mut self, body: &'t Body, data: Value) -> Executed<()> {
        let mut frames: Vec<Frame<'t>> = Vec::new();
        let mut dot = data;
        let mut next = 0;
        self.body = body;
        loop {
            self.tick()?;
            let Some(node) = self.body.nodes.get(next) else {
                let Some(Frame::Call { body, next: after, dot: outer, base }) = frames.pop() else {
                    return Ok(());
                };
                self.variables.truncate(self.base);
                self.call_depth -= 1;
                (self.body, self.base, dot, next) = (body, base, outer, after);
                continue;
            };
            next += 1;
            match node {
                Node::Text { at, text } => {
                    self.at = At::Text(*at);
                    self.print(text)?;
                }
                Node::Action { pipe, escapers } => {
                    let value = self.eval_pipeline(&dot, pipe)?;
                    if pipe.variables.is_empty() {
                        self.at = At::Pipe(pipe);
                        self.print_value(&value, escapers)?;
                    }
                }
                Node::Open { block: Block::Range, pipe, otherwise } => {
                    next = self.open_range(&mut frames, &mut dot, next - 1, pipe, *otherwise)?;
                }
                Node::Open { block, pipe, otherwise } => {
                    let variable_count = self.variables.len();
                    let value = self.eval_pipeline(&dot, pipe)?;
                    frames.push(Frame::Block { variable_count, dot: dot.clone() });
                    if !value.is_true() {
                        next = *otherwise;
                    } else if *block == Block::With {
                        dot = value;
                    }
                }
                Node::Else { end } if matches!(frames.last(), Some(Frame::Block { .. })) => {
                    next = *end;
                }
                Node::Else { .. } | Node::End | Node::Continue => {
                    next = self.close(&mut frames, &mut dot, next - 1);
                }
                Node::Break => next = self.break_range(&mut frames, &mut dot),
                Node::Template { at, name, pipe } => {
                    let pipe = pipe.as_deref();
                    self.at = At::Template { at: *at, name, pipe };
                    let (called, data) = self.prepare_call(&dot, name, pipe)?;
                    frames.push(Frame::Call { body: self.body, next, dot, base: self.base });
                    self.body = called;
                    self.call_depth += 1;
                    self.base = self.variables.len();
                    self.variables.push(("$", data.clone()));
                    (dot, next) = (data, 0);
                }
            }
        }
    }

    /// Begins a `range`, and returns the node that comes next.
    fn open_range(
        &mut self,
        frames: &mut Vec<Frame<'t>>,
        dot: &mut Value,
        node: usize,
        pipe: &'t Pipe,
        otherwise: usize,
    ) -> Executed<usize> {
        let variable_count = self.variables.len();
        let value = self.eval_pipeline(dot, pipe)?;
        let items = self.items_of(&value, pipe)?;
        let outer = dot.clone();
        if items.len() == 0 {
            frames.push(Frame::Block { variable_count, dot: outer });
            return Ok(otherwise);
        }
        let inner_variable_count = self.variables.len();
        self.set_range_variables(pipe, items.get(0))?;
        *dot = items.get(0).1;
        frames.push(Frame::Range {
            node,
            pipe,
            variable_count,
            inner_variable_count,
            dot: outer,
            items,
            next: 1,
        });
        Ok(node + 1)
    }

    fn items_of(&self, value: &Value, pipe: &Pipe) -> Executed<Items> {
        Ok(match value {
            Value::List(list) => Items::List(Arc::clone(list)),
            Value::Map(map) => Items::Map(entries(map)),
            Value::Int(count, int_type) => {
                if pipe.variables.len() > 1 {
                    let problem =
                        format!("can't use {count} to iterate over more than one variable");
                    return Err(self.error(problem));
                }
                Items::Ints(usize::try_from(*count).unwrap_or(0), *int_type)
            }
            Value::Nil => Items::Map(Vec::new()),
            _ => return Err(self.error(format!("range can't iterate over {}", shown(value, 'v')))),
        })
    }

    fn set_range_variables(
        &mut self,
        pipe: &'t Pipe,
        (index, item): (Value, Value),
    ) -> Executed<()> {
        let values = match pipe.variables.len() {
            0 => return Ok(()),
            1 => vec![item],
            _ => vec![index, item],
        };
        let top = self.variables.len();
        for (position, (name, value)) in pipe.variables.iter().zip(values).enumerate() {
            if pipe.assigns {
                self.set_variable(name, value)?;
            } else {
                self.variables[top - pipe.variables.len() + position].1 = value;
            }
        }
        Ok(())
    }

    /// Ends the branch of a block, or a turn of the innermost `range`: it goes on with the next item
    /// while there is one. Returns the node that comes next.
    ///
    /// `node` is where the branch ends; `continue` ends blocks in the `range` as well.
    fn close(&mut self, frames: &mut Vec<Frame<'t>>, dot: &mut Value, node: usize) -> usize {
        let continues = matches!(self.body.nodes[node], Node::Continue);
        while let Some(frame) = frames.pop() {
            match frame {
                Frame::Block { variable_count, dot: outer } => {
                    self.variables.truncate(variable_count);
                    *dot = outer;
                    if !continues {
                        return node + 1;
                    }
                }
                Frame::Range {
                    node: open,
                    pipe,
                    variable_count,
                    inner_variable_count,
                    dot: outer,
                    items,
                    next,
                } => {
                    if next == items.len() {
                        self.variables.truncate(variable_count);
                        *dot = outer;
                        return self.after_block(open);
                    }
                    self.variables.truncate(inner_variable_count);
                    *dot = items.get(next).1;
                    // The variables are there: they were set for the first item.
                    let _ = self.set_range_variables(pipe, items.get(next));
                    frames.push(Frame::Range {
                        node: open,
                        pipe,
                        variable_count,
                        inner_variable_count,
                        dot: outer,
                        items,
                        next: next + 1,
                    });
                    return open + 1;
                }
                Frame::Call { .. } => break,
            }
        }
        node + 1
    }

    /// Ends the innermost `range`, and the blocks in it. Returns the node behind it.
    fn break_range(&mut self, frames: &mut Vec<Frame<'t>>, dot: &mut Value) -> usize {
        while let Some(frame) = frames.pop() {
            let (variable_count, outer, open) = match frame {
                Frame::Block { variable_count, dot } => (variable_count, dot, None),
                Frame::Range { variable_count, dot, node, .. } => (variable_count, dot, Some(node)),
                Frame::Call { .. } => break,
            };
            self.variables.truncate(variable_count);
            *dot = outer;
            if let Some(open) = open {
                return self.after_block(open);
            }
        }
        self.body.nodes.len()
    }

    /// Returns the node behind the block that the node `open` opens.
    fn after_block(&self, open: usize) -> usize {
        let nodes = &self.body.nodes;
        match nodes[open] {
            Node::Open { otherwise, .. } => match nodes[otherwise - 1] {
                Node::Else { end } => end + 1,
                _ => otherwise + 1,
            },
            _ => open + 1,
        }
    }

    /// Returns the template called `name`, and what it is to be executed on.
    fn prepare_call(
        &mut self,
        dot: &Value,
        name: &str,
        pipe: Option<&'t Pipe>,
    ) -> Executed<(&'t Body, Value)> {
        let Some(called) = self.bodies.get(name) else {
            let name = crate::format::Quoted(name);
            return Err(self.error(format!("template {name} not defined")));
        };
        if self.call_depth == CALL_DEPTH_MAX {
            return Err(self.error(format!("exceeded maximum template depth ({CALL_DEPTH_MAX})")));
        }
        let data = match pipe {
            Some(pipe) => self.eval_pipeline(dot, pipe)?,
            None => Value::Nil,
        };
        Ok((called, data))
    }

    /// Executes a template within a function, and returns what it prints.
    fn execute_nested(&mut self, name: &str, data: Value) -> Result<Vec<u8>, Box<str>> {
        if let Some(failure) = self.failures.get(name) {
            return Err(failure.to_string().into());
        }
        let Some(body) = self.bodies.get(name) else {
            let name = crate::format::Quoted(name);
            return Err(format!("html/template: {name} is undefined").into());
        };
        if self.native_depth >= NATIVE_DEPTH_MAX {
            return Err(format!("calls nest more than {NATIVE_DEPTH_MAX} deep").into());
        }
        let (outer_body, outer_at, outer_base) = (self.body, self.at, self.base);
        let outer_out = std::mem::take(&mut self.out);
        let variable_count = self.variables.len();
        self.base = variable_count;
        self.variables.push(("$", data.clone()));
        self.native_depth += 1;
        let result = self.run(body, data);
        self.native_depth -= 1;
        self.variables.truncate(variable_count);
        (self.body, self.at, self.base) = (outer_body, outer_at, outer_base);
        let printed = std::mem::replace(&mut self.out, outer_out);
        result.map_err(|error| error.to_string())?;
        Ok(printed)
    }

    fn tick(&mut self) -> Executed<()> {
        self.steps += 1;
        if self.steps < STEPS_BETWEEN_CHECKS {
            return Ok(());
        }
        self.steps = 0;
        self.env.check_time().map_err(|problem| self.error(problem))
    }

    fn print(&mut self, text: &[u8]) -> Executed<()> {
        if self.out.len() + text.len() > self.env.limits.output_size_max {
            let problem = format!("output exceeds {} bytes", self.env.limits.output_size_max);
            return Err(self.error(problem));
        }
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn print_value(&mut self, value: &Value, escapers: &[Escaper]) -> Executed<()> {
        match escape::apply(escapers, value, self.env.limits.output_size_max) {
            Ok(text) => self.print(&text),
            Err(TooLong) => Err(self.error(self.env.limits.too_long())),
        }
    }

    fn set_variable(&mut self, name: &str, value: Value) -> Executed<()> {
        let own = &mut self.variables[self.base..];
        match own.iter_mut().rev().find(|(known, _)| *known == name) {
            Some(variable) => {
                variable.1 = value;
                Ok(())
            }
            None => Err(self.error(format!("undefined variable: {name}"))),
        }
    }

    fn variable(&self, name: &str) -> Executed<&Value> {
        let own = &self.variables[self.base..];
        match own.iter().rev().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value),
            None => Err(self.error(format!("undefined variable: {name}"))),
        }
    }

    /// Returns the error that `problem` is at what is being looked at.
    fn error(&self, problem: impl Into<Box<str>>) -> ExecuteError {
        let (offset, context) = match self.at {
            At::Start => (0, String::new()),
            At::Text(at) => (at, "text".to_owned()),
            At::Pipe(pipe) => (pipe.at, pipe.to_string()),
            At::Command(command) => (command.at, command.to_string()),
            At::Expr(expr) => (expr.at, expr.to_string()),
            At::Template { at, name, pipe } => (at, shown_template(name, pipe)),
        };
        let (line, column) = self.body.source.place(offset);
        ExecuteError::At {
            template: self.body.source.name.clone(),
            line,
            column,
            name: (*self.body.name).into(),
            context: context.into(),
            problem: problem.into(),
        }
    }
}

fn entries(map: &Map) -> Vec<(Value, Value)> {
    map.entries.iter().map(|(name, value)| (Value::text(name), value.clone())).collect()
}
