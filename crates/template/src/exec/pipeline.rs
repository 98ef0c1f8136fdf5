//! Pipelines, commands, fields and constants.

use super::{At, Executed, Machine, NATIVE_DEPTH_MAX};
use crate::constant::Number;
use crate::functions::find_method;
use crate::syntax::{Command, Expr, ExprKind, Pipe};
use crate::value::{TextType, Value, type_name};

const ANY: &str = "interface {}";

impl<'t> Machine<'t> {
    /// Returns the value of a pipeline, and sets its variables.
    pub(super) fn eval_pipeline(&mut self, dot: &Value, pipe: &'t Pipe) -> Executed<Value> {
        self.at = At::Pipe(pipe);
        if self.native_depth == NATIVE_DEPTH_MAX {
            return Err(self.error(format!("pipelines nest more than {NATIVE_DEPTH_MAX} deep")));
        }
        self.native_depth += 1;
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.eval_command(dot, command, value)?);
        }
        self.native_depth -= 1;
        let value = value.unwrap_or(Value::Nil);
        for name in &pipe.variables {
            if pipe.assigns {
                self.set_variable(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    /// Returns the value of a command; `last` is that of the one before it.
    fn eval_command(
        &mut self,
        dot: &Value,
        command: &'t Command,
        last: Option<Value>,
    ) -> Executed<Value> {
        self.tick()?;
        let (first, args) = command.words.split_first().expect("a command has a word");
        if let ExprKind::Function { name, function } = &first.kind {
            self.at = At::Expr(first);
            return self.eval_call(dot, function, name, At::Command(command), args, last, None);
        }
        self.eval_operand(dot, first, args, last)
    }

    /// Returns the value of anything but a function that is given arguments.
    pub(super) fn eval_operand(
        &mut self,
        dot: &Value,
        expr: &'t Expr,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Executed<Value> {
        match &expr.kind {
            ExprKind::Field(names) => {
                self.at = At::Expr(expr);
                self.eval_fields(dot, dot.clone(), expr, names, args, last)
            }
            ExprKind::Chain(inner, names) => {
                self.at = At::Expr(expr);
                if matches!(inner.kind, ExprKind::Nil) {
                    return Err(self.error(format!("indirection through explicit nil in {expr}")));
                }
                let receiver = self.eval_operand(dot, inner, &[], None)?;
                self.eval_fields(dot, receiver, expr, names, args, last)
            }
            ExprKind::Variable(names) => {
                self.at = At::Expr(expr);
                let value = self.variable(&names[0])?.clone();
                match &names[1..] {
                    [] => self.not_a_function(expr, args, &last).map(|()| value),
                    fields => self.eval_fields(dot, value, expr, fields, args, last),
                }
            }
            ExprKind::Function { name, function } => {
                self.at = At::Expr(expr);
                self.eval_call(dot, function, name, At::Expr(expr), args, last, None)
            }
            ExprKind::Pipe(pipe) => {
                self.not_a_function(expr, args, &last)?;
                self.eval_pipeline(dot, pipe)
            }
            constant => {
                self.at = At::Expr(expr);
                self.not_a_function(expr, args, &last)?;
                match constant {
                    ExprKind::Bool(value) => Ok(Value::Bool(*value)),
                    ExprKind::Dot => Ok(dot.clone()),
                    ExprKind::Number(number) => self.eval_number(number),
                    ExprKind::Text { text, .. } => Ok(Value::Text(text.clone(), TextType::Plain)),
                    _ => Err(self.error("nil is not a command")),
                }
            }
        }
    }

    fn not_a_function(&self, expr: &Expr, args: &[Expr], last: &Option<Value>) -> Executed<()> {
        if args.is_empty() && last.is_none() {
            return Ok(());
        }
        let shown = match &expr.kind {
            ExprKind::Pipe(pipe) => pipe.to_string(),
            _ => expr.to_string(),
        };
        Err(self.error(format!("can't give argument to non-function {shown}")))
    }

    /// Returns a number with the type that its notation says.
    pub(super) fn eval_number(&self, number: &Number) -> Executed<Value> {
        if let Some((real, imaginary)) = number.complex {
            return Ok(Value::Complex(real, imaginary));
        }
        match (number.float, number.int) {
            (Some(float), _) if number.looks_like_float() => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::int(int)),
            _ if number.uint.is_some() => Err(self.error(format!("{} overflows int", number.text))),
            _ => Ok(Value::Nil),
        }
    }

    /// Returns the field of a field and so on; the last may be a method, which is given arguments.
    fn eval_fields(
        &mut self,
        dot: &Value,
        receiver: Value,
        expr: &'t Expr,
        names: &'t [Box<str>],
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Executed<Value> {
        let mut value = receiver;
        let mut is_interface = false;
        let mut last = last;
        for (index, name) in names.iter().enumerate() {
            let is_last = index + 1 == names.len();
            let args = if is_last { args } else { &[] };
            let last = if is_last { last.take() } else { None };
            (value, is_interface) =
                self.eval_field(dot, (value, is_interface), expr, name, args, last)?;
        }
        Ok(value)
    }

    /// Returns a field, an entry or the result of a method, and whether Go declares it as
    /// `interface {}`.
    fn eval_field(
        &mut self,
        dot: &Value,
        (receiver, is_interface): (Value, bool),
        expr: &'t Expr,
        name: &'t str,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Executed<(Value, bool)> {
        if matches!(receiver, Value::Nil) {
            if is_interface {
                return Err(self.error(format!("nil pointer evaluating {ANY}.{name}")));
            }
            return Ok((Value::Nil, false));
        }
        if let Some(method) = find_method(&receiver, name) {
            let node = At::Expr(expr);
            let value = self.eval_call(dot, method, name, node, args, last, Some(receiver))?;
            return Ok((value, false));
        }
        let has_args = !args.is_empty() || last.is_some();
        match &receiver {
            Value::Struct(inner) => {
                if let Some((value, is_interface)) = inner.field(name) {
                    if has_args {
                        return Err(self.error(format!(
                            "{name} has arguments but cannot be invoked as function"
                        )));
                    }
                    return Ok((value.clone(), is_interface));
                }
            }
            Value::Map(map) => {
                if has_args {
                    return Err(self.error(format!("{name} is not a method but has arguments")));
                }
                return Ok((map.get(name.as_bytes()), map.map_type.is_interface()));
            }
            _ => {}
        }
        let type_name = if is_interface { ANY } else { type_name(&receiver) };
        Err(self.error(format!("can't evaluate field {name} in type {type_name}")))
    }
}
