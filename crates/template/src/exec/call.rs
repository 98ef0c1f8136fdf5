//! Calls of functions and methods.

use super::{At, Executed, Machine};
use crate::functions::{Function, Parameter, Run};
use crate::syntax::{Expr, ExprKind};
use crate::value::{Duration, Pointer, TextType, Value, type_name};

impl<'t> Machine<'t> {
    /// Returns the result of a function, or of the method of a receiver.
    ///
    /// `node` is what messages show where the function fails, and `last` its last argument, where
    /// that comes from the command before.
    #[expect(clippy::too_many_arguments, reason = "a call is what it is")]
    pub(super) fn eval_call(
        &mut self,
        dot: &Value,
        function: &'static Function,
        name: &str,
        node: At<'t>,
        args: &'t [Expr],
        last: Option<Value>,
        receiver: Option<Value>,
    ) -> Executed<Value> {
        let fixed = function.parameters.len();
        let count = args.len() + usize::from(last.is_some());
        if function.rest.is_some() && count < fixed {
            let got = args.len();
            return Err(self.error(format!(
                "wrong number of args for {name}: want at least {fixed} got {got}"
            )));
        }
        if function.rest.is_none() && count != fixed {
            return Err(
                self.error(format!("wrong number of args for {name}: want {fixed} got {count}"))
            );
        }
        if let Run::And | Run::Or = function.run {
            return self.eval_and_or(dot, args, last, matches!(function.run, Run::Or));
        }
        let mut values = Vec::with_capacity(count + 1);
        values.extend(receiver);
        for (index, arg) in args.iter().enumerate() {
            values.push(self.eval_arg(dot, parameter(function, index), arg)?);
        }
        if let Some(last) = last {
            let validated = parameter(function, count - 1).validate(last);
            values.push(validated.map_err(|problem| self.error(problem))?);
        }
        let outcome = match &function.run {
            Run::Plain(run) => run(&values),
            // These may work on long texts.
            Run::Within(run) => self.env.check_time().and_then(|()| run(self.env, &values)),
            Run::Call => Err(call_problem(args, &values)),
            Run::Template => self.call_template(&values),
            Run::And | Run::Or => Ok(Value::Nil),
        };
        outcome.map_err(|problem| {
            self.at = node;
            self.error(format!("error calling {name}: {problem}"))
        })
    }

    /// Returns the first argument that decides, or the last.
    fn eval_and_or(
        &mut self,
        dot: &Value,
        args: &'t [Expr],
        last: Option<Value>,
        decides: bool,
    ) -> Executed<Value> {
        let mut value = Value::Nil;
        for arg in args {
            value = self.eval_arg(dot, Parameter::Raw, arg)?;
            if value.is_true() == decides {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn call_template(&mut self, values: &[Value]) -> Result<Value, Box<str>> {
        let name = values[0].as_text().map(|name| String::from_utf8_lossy(name).into_owned());
        let printed = self.execute_nested(&name.unwrap_or_default(), values[1].clone())?;
        Ok(Value::Text(printed.into(), TextType::Html))
    }

    /// Returns the value of an argument, as its parameter wants it.
    fn eval_arg(&mut self, dot: &Value, parameter: Parameter, expr: &'t Expr) -> Executed<Value> {
        self.at = At::Expr(expr);
        let wanted = parameter.type_name();
        let value = match (&expr.kind, parameter) {
            (ExprKind::Nil, _) => {
                if !parameter.can_be_nil() {
                    return Err(self.error(format!("cannot assign nil to {wanted}")));
                }
                Value::Nil
            }
            (ExprKind::Dot, _) => dot.clone(),
            (
                ExprKind::Field(_)
                | ExprKind::Variable(_)
                | ExprKind::Pipe(_)
                | ExprKind::Function { .. }
                | ExprKind::Chain(..),
                _,
            ) => self.eval_operand(dot, expr, &[], None)?,
            (ExprKind::Bool(value), Parameter::Any | Parameter::Raw) => Value::Bool(*value),
            (ExprKind::Number(number), Parameter::Any | Parameter::Raw) => {
                self.eval_number(number)?
            }
            (ExprKind::Text { text, .. }, Parameter::Any | Parameter::Raw | Parameter::Text) => {
                Value::Text(text.clone(), TextType::Plain)
            }
            (ExprKind::Number(number), Parameter::Int | Parameter::Duration)
                if number.int.is_some() =>
            {
                let int = number.int.unwrap_or_default();
                match parameter {
                    Parameter::Int => Value::int(int),
                    _ => Value::Duration(Duration::from_nanoseconds(int), Pointer::No),
                }
            }
            (_, Parameter::Text) => {
                return Err(self.error(format!("expected string; found {expr}")));
            }
            (_, Parameter::Int | Parameter::Duration) => {
                return Err(self.error(format!("expected integer; found {expr}")));
            }
            _ => {
                return Err(self.error(format!("can't handle {expr} for arg of type {wanted}")));
            }
        };
        parameter.validate(value).map_err(|problem| self.error(problem))
    }
}

/// Returns what the argument at `index` must be. The caller has counted the arguments.
fn parameter(function: &Function, index: usize) -> Parameter {
    let rest = function.rest.unwrap_or(Parameter::Any);
    function.parameters.get(index).copied().unwrap_or(rest)
}

/// There are no functions among values, so `call` always fails.
fn call_problem(args: &[Expr], values: &[Value]) -> Box<str> {
    match &values[0] {
        Value::Nil => "call of nil".into(),
        value => {
            let shown = args.first().map_or_else(String::new, ToString::to_string);
            format!("non-function {shown} of type {}", type_name(value)).into()
        }
    }
}
