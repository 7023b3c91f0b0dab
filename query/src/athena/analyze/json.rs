//! What the JSON functions of the SQL standard mean.
//!
//! Owns: their clauses and defaults, which types they take and give, the types along a path.
//! Does not own: paths' grammar and values (`functions::scalar::sql_json`), clauses' syntax (`parse::json`).
//! Invariant: the arguments are those that the form tells, in its order.

use std::sync::Arc;

use super::Analyzer;
use super::expr::{Result, mismatch, resolved};
use super::scope::Scope;
use super::typed::{Kind, Literal, Typed};
use crate::athena::ast::{
    Expr, ExprKind, JsonArgument, JsonCall, JsonFormat, JsonOn, JsonOnError, JsonOutput, JsonPath, JsonWrapper, Span, TypeName,
};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::functions::scalar::sql_json::parse::{NoPath, parse};
use crate::athena::functions::scalar::sql_json::path::{Method, Node, Path, Predicate, Step};
use crate::athena::functions::scalar::sql_json::walk::TYPE_NAME;
use crate::athena::functions::scalar::sql_json::{Asked, Encoding, Form, Instead, OnError, Wrapper};
use crate::athena::types::{Type, can_cast, can_coerce, resolve_name};

/// What is asked, and its arguments.
type Question = (Asked, Vec<Typed>);

impl Analyzer<'_> {
    pub(super) fn json(&mut self, call: &JsonCall, span: Span, scope: &Scope<'_>) -> Result<Typed> {
        match call {
            JsonCall::Exists { input, on_error } => {
                let (asked, arguments) = self.question("JSON_EXISTS", input, span, scope)?;
                let on_error = match on_error {
                    None | Some(JsonOnError::False) => OnError::Truth(Some(false)),
                    Some(JsonOnError::True) => OnError::Truth(Some(true)),
                    Some(JsonOnError::Unknown) => OnError::Truth(None),
                    Some(JsonOnError::Error) => OnError::Error,
                };
                Ok(form(Form::Exists { asked, on_error }, arguments, Type::Boolean, span))
            }
            JsonCall::Value { input, returning, on_empty, on_error } => {
                let (asked, mut arguments) = self.question("JSON_VALUE", input, span, scope)?;
                let ty = scalar_type(returning.as_ref(), span)?;
                let on_empty = self.instead("EMPTY", on_empty.as_ref(), &ty, &mut arguments, scope)?;
                let on_error = self.instead("ERROR", on_error.as_ref(), &ty, &mut arguments, scope)?;
                Ok(form(Form::Value { asked, on_empty, on_error }, arguments, ty, span))
            }
            JsonCall::Query { input, returning, wrapper, keep_quotes, on_empty, on_error } => {
                let (asked, arguments) = self.question("JSON_QUERY", input, span, scope)?;
                if let (Some(keep), JsonWrapper::Always | JsonWrapper::Conditional) = (keep_quotes, wrapper) {
                    let quotes = if *keep { "KEEP" } else { "OMIT" };
                    let wrapper = if *wrapper == JsonWrapper::Always { "UNCONDITIONAL" } else { "CONDITIONAL" };
                    let message = format!("{quotes} QUOTES behavior specified with WITH {wrapper} ARRAY WRAPPER behavior");
                    return Err(AthenaError::at(ErrorName::InvalidFunctionArgument, span, message));
                }
                let wrapper = match wrapper {
                    JsonWrapper::Without => Wrapper::Without,
                    JsonWrapper::Conditional => Wrapper::Conditional,
                    JsonWrapper::Always => Wrapper::Always,
                };
                let omit_quotes = *keep_quotes == Some(false);
                let (on_empty, on_error) = (json_instead(on_empty.as_ref()), json_instead(on_error.as_ref()));
                let make = |encoding| Form::Query { asked, wrapper, omit_quotes, on_empty, on_error, encoding };
                output(make, returning.as_ref(), arguments, span)
            }
            JsonCall::Object { members, null_on_null, unique_keys, returning } => {
                let (mut reads, mut arguments) = (Vec::new(), Vec::new());
                for (name, value) in members {
                    let name = self.expr(name, scope)?;
                    if !matches!(name.ty, Type::Varchar(_) | Type::Char(_)) {
                        let message = format!("Invalid type of JSON object key: {}", name.ty);
                        return Err(AthenaError::at(ErrorName::InvalidFunctionArgument, name.span, message));
                    }
                    let (value, read) = self.part("JSON_OBJECT", value, span, scope)?;
                    arguments.extend([name, value]);
                    reads.push(read);
                }
                let (null_on_null, unique_keys) = (*null_on_null, *unique_keys);
                let make = |encoding| Form::Object { reads, null_on_null, unique_keys, encoding };
                output(make, returning.as_ref(), arguments, span)
            }
            JsonCall::Array { elements, null_on_null, returning } => {
                let parts = elements.iter().map(|element| self.part("JSON_ARRAY", element, span, scope));
                let (arguments, reads) = parts.collect::<Result<Vec<_>>>()?.into_iter().unzip();
                let null_on_null = *null_on_null;
                output(|encoding| Form::Array { reads, null_on_null, encoding }, returning.as_ref(), arguments, span)
            }
        }
    }

    fn question(&mut self, function: &str, written: &JsonPath, span: Span, scope: &Scope<'_>) -> Result<Question> {
        if let Some(name) = &written.name {
            let message = format!("JSON path name is not allowed in {function} function");
            return Err(AthenaError::at(ErrorName::InvalidPath, name.span, message));
        }
        let input = self.expr(&written.input.value, scope)?;
        let (input, encoding) = as_json(input, written.input.format.unwrap_or(JsonFormat::Plain))?;
        let (mut arguments, mut variables) = (vec![input], Vec::<(String, Option<Encoding>)>::new());
        for (argument, name) in &written.passing {
            let text = if name.quoted { name.text.clone() } else { name.text.to_ascii_uppercase() };
            if variables.iter().any(|(own, _)| *own == text) {
                let message = format!("{text} JSON path parameter is specified more than once");
                return Err(AthenaError::at(ErrorName::DuplicateParameterName, name.span, message));
            }
            let (value, read) = self.parameter_of_path(argument, span, scope)?;
            arguments.push(value);
            variables.push((text, read));
        }
        let path = path(&written.path, written.path_span, &variables)?;
        Ok((Asked { path, encoding, variables }, arguments))
    }

    /// A value passed to a path, and how it is read if it is JSON.
    fn parameter_of_path(&mut self, argument: &JsonArgument, span: Span, scope: &Scope<'_>) -> Result<(Typed, Option<Encoding>)> {
        self.value_or_json(argument, scope, |value| {
            let is_time = matches!(
                value.ty,
                Type::Date | Type::Time(_) | Type::TimeZoned(_) | Type::Timestamp(_) | Type::TimestampZoned(_)
            );
            if is_time { Ok(value) } else { plain(value, span, "JSON path parameter") }
        })
    }

    /// A value that becomes a part of JSON, and how it is read if it is JSON.
    fn part(
        &mut self,
        function: &str,
        argument: &JsonArgument,
        span: Span,
        scope: &Scope<'_>,
    ) -> Result<(Typed, Option<Encoding>)> {
        self.value_or_json(argument, scope, |value| plain(value, span, &format!("value passed to {function} function")))
    }

    fn value_or_json(
        &mut self,
        argument: &JsonArgument,
        scope: &Scope<'_>,
        of_sql: impl FnOnce(Typed) -> Result<Typed>,
    ) -> Result<(Typed, Option<Encoding>)> {
        let value = self.expr(&argument.value, scope)?;
        // What gives JSON is JSON.
        let format = argument.format.or(gives_json(&argument.value).then_some(JsonFormat::Plain));
        match format {
            Some(format) => as_json(value, format).map(|(value, encoding)| (value, Some(encoding))),
            None => of_sql(value).map(|value| (value, None)),
        }
    }

    /// A behaviour of JSON_VALUE; its default becomes an argument.
    fn instead(
        &mut self,
        when: &str,
        behaviour: Option<&JsonOn>,
        ty: &Type,
        arguments: &mut Vec<Typed>,
        scope: &Scope<'_>,
    ) -> Result<Instead> {
        let Some(JsonOn::Default(value)) = behaviour else { return Ok(json_instead(behaviour)) };
        let value = self.expr(value, scope)?;
        if !can_coerce(&value.ty, ty) {
            let message = format!("Function JSON_VALUE default ON {when} result must evaluate to a {ty} (actual: {})", value.ty);
            return Err(mismatch(value.span, message));
        }
        arguments.push(value.coerced(ty));
        Ok(Instead::Argument(arguments.len() - 1))
    }
}

fn form(form: Form, arguments: Vec<Typed>, ty: Type, span: Span) -> Typed {
    Typed::new(Kind::Json { form: Arc::new(form), arguments }, ty, span)
}

fn gives_json(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Json(call) => matches!(**call, JsonCall::Query { .. } | JsonCall::Object { .. } | JsonCall::Array { .. }),
        _ => false,
    }
}

fn json_instead(behaviour: Option<&JsonOn>) -> Instead {
    match behaviour {
        None | Some(JsonOn::Null | JsonOn::Default(_)) => Instead::Null,
        Some(JsonOn::Error) => Instead::Error,
        Some(JsonOn::EmptyArray) => Instead::EmptyArray,
        Some(JsonOn::EmptyObject) => Instead::EmptyObject,
    }
}

/// As Trino's messages write a format.
fn told(format: JsonFormat) -> &'static str {
    match format {
        JsonFormat::Plain => "JSON",
        JsonFormat::Utf8 => "JSON ENCODING UTF8",
        JsonFormat::Utf16 => "JSON ENCODING UTF16",
        JsonFormat::Utf32 => "JSON ENCODING UTF32",
    }
}

fn encoding(format: JsonFormat) -> Encoding {
    match format {
        JsonFormat::Plain | JsonFormat::Utf8 => Encoding::Utf8,
        JsonFormat::Utf16 => Encoding::Utf16,
        JsonFormat::Utf32 => Encoding::Utf32,
    }
}

/// A value that is JSON: a text, or bytes of an encoding.
fn as_json(value: Typed, format: JsonFormat) -> Result<(Typed, Encoding)> {
    let value = match (&value.ty, format) {
        (Type::Varbinary, _) => value,
        (Type::Unknown, _) | (Type::Varchar(_) | Type::Char(_), JsonFormat::Plain) => value.coerced(&Type::VARCHAR),
        (ty, format) => {
            let message = format!("Cannot read input of type {ty} as JSON using formatting {}", told(format));
            return Err(mismatch(value.span, message));
        }
    };
    Ok((value, encoding(format)))
}

/// A value of SQL as JSON can have it: a boolean, a number or a text.
fn plain(value: Typed, span: Span, what: &str) -> Result<Typed> {
    let refused =
        |span: Span, ty: &Type| Err(AthenaError::at(ErrorName::NotSupported, span, format!("Unsupported type of {what}: {ty}")));
    match &value.ty {
        Type::Boolean | Type::Varchar(_) | Type::Char(_) | Type::Unknown => Ok(value),
        ty if ty.is_numeric() => Ok(value),
        Type::Varbinary => refused(value.span, &value.ty),
        ty if can_cast(ty, &Type::VARCHAR) => Ok(value.coerced(&Type::VARCHAR)),
        ty => refused(span, ty),
    }
}

/// A type after RETURNING.
fn returned(name: &TypeName, span: Span) -> Result<Type> {
    resolve_name(name).map_err(|error| match error.name {
        ErrorName::TypeNotFound => mismatch(span, error.message),
        _ => error,
    })
}

/// What JSON_VALUE returns.
fn scalar_type(name: Option<&TypeName>, span: Span) -> Result<Type> {
    let Some(name) = name else { return Ok(Type::VARCHAR) };
    let ty = returned(name, span)?;
    let fits = match &ty {
        Type::Boolean | Type::Varchar(_) | Type::Char(_) | Type::Date => true,
        Type::Time(_) | Type::TimeZoned(_) | Type::Timestamp(_) | Type::TimestampZoned(_) => true,
        ty => ty.is_numeric(),
    };
    if fits { Ok(ty) } else { Err(mismatch(span, format!("Invalid return type of function JSON_VALUE: {ty}"))) }
}

/// A form that gives JSON, as the type asked for.
fn output(
    make: impl FnOnce(Encoding) -> Form,
    returning: Option<&JsonOutput>,
    arguments: Vec<Typed>,
    span: Span,
) -> Result<Typed> {
    let Some(JsonOutput { ty, format }) = returning else {
        return Ok(form(make(Encoding::Utf8), arguments, Type::VARCHAR, span));
    };
    let (ty, format) = (returned(ty, span)?, format.unwrap_or(JsonFormat::Plain));
    let given = match (&ty, format) {
        (Type::Varbinary, _) => Type::Varbinary,
        (Type::Varchar(_) | Type::Char(_), JsonFormat::Plain) => Type::VARCHAR,
        (ty, format) => {
            return Err(mismatch(span, format!("Cannot output JSON value as {ty} using formatting {}", told(format))));
        }
    };
    Ok(form(make(encoding(format)), arguments, given, span).coerced(&ty))
}

/// The path that a text is, whose types fit and whose variables are there.
fn path(text: &str, span: Span, variables: &[(String, Option<Encoding>)]) -> Result<Path> {
    let path = parse(text).map_err(|why| match why {
        NoPath::NotSupported(what) => AthenaError::at(ErrorName::NotSupported, span, what),
        NoPath::Syntax(at, message) => {
            // Behind the quote that the path begins with.
            let start = span.start + 1 + at;
            AthenaError::at(ErrorName::SyntaxError, Span { start, end: start + 1 }, message)
        }
    })?;
    let types = Types { variables, span };
    types.of(&path.root)?;
    Ok(path)
}

/// The types along a path, where they are known before it is walked along.
struct Types<'p> {
    variables: &'p [(String, Option<Encoding>)],
    span: Span,
}

impl Types<'_> {
    fn wrong(&self, message: String) -> AthenaError {
        AthenaError::at(ErrorName::InvalidPath, self.span, message)
    }

    fn of(&self, node: &Node) -> Result<Option<Type>> {
        Ok(match node {
            Node::Literal(value) => Some(value.ty()),
            Node::Last => Some(Type::Integer),
            Node::Null | Node::Context | Node::Current => None,
            Node::Variable(name) => {
                self.variable(name)?;
                None
            }
            Node::Sign { negative, of } => match self.of(of)? {
                Some(ty) if !ty.is_numeric() => {
                    let (first, why) = if *negative { ("i", format!(": Cannot negate {ty}")) } else { ("I", String::new()) };
                    let message = format!("{first}nvalid operand type ({ty}) in JSON path arithmetic unary expression{why}");
                    return Err(self.wrong(message));
                }
                ty => ty,
            },
            Node::Arithmetic { operator, left, right } => match (self.of(left)?, self.of(right)?) {
                (Some(left), Some(right)) => Some(self.given(operator, &[&left, &right], || {
                    format!("invalid operand types ({left} and {right}) in JSON path arithmetic binary expression")
                })?),
                _ => None,
            },
            Node::Steps { from, steps } => steps.iter().try_fold(self.of(from)?, |ty, step| self.after(ty, step))?,
        })
    }

    fn variable(&self, name: &str) -> Result<()> {
        if self.variables.iter().any(|(own, _)| own == name) {
            return Ok(());
        }
        let is_near = self.variables.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let near = if is_near { format!(". Try quoting \"{name}\" in the PASSING clause to match case") } else { String::new() };
        Err(self.wrong(format!("no value passed for parameter {name}{near}")))
    }

    /// What a function or an operator gives of these types.
    fn given(&self, name: &str, types: &[&Type], told: impl FnOnce() -> String) -> Result<Type> {
        let operand = |ty: &&Type| Typed::new(Kind::Literal(Literal::Null), (*ty).clone(), self.span);
        let call = resolved(name, types.iter().map(operand).collect(), self.span);
        let sign = ["$add", "$subtract", "$multiply", "$divide", "$modulus"].iter().position(|own| *own == name);
        call.map(|call| call.ty).map_err(|error| {
            let why = match (sign.map(|at| ["+", "-", "*", "/", "%"][at]), types) {
                (Some(sign), [left, right]) => format!("Cannot apply operator: {left} {sign} {right}"),
                _ => error.message,
            };
            self.wrong(format!("{}: {why}", told()))
        })
    }

    fn after(&self, ty: Option<Type>, step: &Step) -> Result<Option<Type>> {
        Ok(match step {
            Step::Member(_) | Step::Members | Step::Descendants(_) | Step::Elements => None,
            Step::Places(places) => {
                for (from, to) in places {
                    self.of(from)?;
                    to.as_ref().map(|to| self.of(to)).transpose()?;
                }
                None
            }
            Step::Filter(predicate) => {
                self.within(predicate)?;
                ty
            }
            Step::Method(Method::KeyValue) => None,
            Step::Method(Method::Type) => Some(TYPE_NAME),
            Step::Method(Method::Size) => Some(Type::Integer),
            Step::Method(Method::Double) => match ty {
                Some(ty) if !ty.is_numeric() && !matches!(ty, Type::Varchar(_)) => {
                    return Err(self.wrong(format!("cannot perform JSON path double() method with {ty} argument")));
                }
                _ => Some(Type::Double),
            },
            Step::Method(Method::Number(name)) => match ty {
                Some(ty) => {
                    Some(self.given(name, &[&ty], || format!("cannot perform JSON path {name}() method with {ty} argument"))?)
                }
                None => None,
            },
        })
    }

    fn within(&self, predicate: &Predicate) -> Result<()> {
        match predicate {
            Predicate::And(left, right) | Predicate::Or(left, right) => {
                self.within(left)?;
                self.within(right)
            }
            Predicate::Not(of) | Predicate::IsUnknown(of) => self.within(of),
            Predicate::Exists(of) => self.of(of).map(|_| ()),
            Predicate::Compare { left, right, .. } | Predicate::StartsWith { of: left, prefix: right } => {
                self.of(left)?;
                self.of(right).map(|_| ())
            }
        }
    }
}
