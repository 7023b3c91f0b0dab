//! Function calls.
//!
//! Owns: a call with all that may stand in it and after it, and what Trino's parser itself asks of the forms that look like functions.
//! Does not own: the special forms with words inside (`special`, `json`), windows (`window`).
//! Invariant: a call's parts are read in Trino's order: arguments, `ORDER BY`, `FILTER`, null treatment, `OVER`.

use super::words::Word;
use super::{Parsed, Parser};
use crate::athena::ast::{Call, Expr, ExprKind, Ident, NullTreatment, QualifiedName, Span};
use crate::athena::lexer::Kind;

/// A call of this name and nothing more yet.
pub(super) fn call_of(name: QualifiedName, arguments: Vec<Expr>, span: Span) -> Call {
    Call {
        name,
        arguments,
        star: false,
        distinct: false,
        order_by: Vec::new(),
        filter: None,
        null_treatment: None,
        over: None,
        overflow: None,
        of_pattern: None,
        span,
    }
}

/// A call that a special form stands for.
pub(super) fn call_named(name: &str, arguments: Vec<Expr>, span: Span) -> Call {
    let name = Ident { text: name.to_owned(), written: name.to_owned(), quoted: false, span };
    call_of(QualifiedName(vec![name]), arguments, span)
}

impl Parser<'_> {
    /// `name(` or `a.b.name(` so far ahead.
    pub(super) fn call_ahead(&self, distance: usize) -> bool {
        let mut distance = distance + 1;
        while self.ahead(distance) == Kind::Dot && self.ahead(distance + 1).is_name() {
            distance += 2;
        }
        self.ahead(distance) == Kind::Open
    }

    pub(super) fn call(&mut self) -> Parsed<ExprKind> {
        let start = self.start();
        let objected = self.objection.is_some();
        let mode = matches!(self.peek(), Kind::Word(Word::RUNNING | Word::FINAL)) && self.ahead(1).is_name();
        let of_pattern = mode.then(|| self.advance());
        let name = self.qualified_name()?;
        self.expect(Kind::Open)?;
        let mut call = call_of(name, Vec::new(), Span::default());
        call.of_pattern = of_pattern;
        if self.at(Kind::Star) {
            self.advance();
            call.star = true;
        } else if self.peek().is_name() && self.ahead(1) == Kind::Dot && self.ahead(2) == Kind::Star {
            // `count(a.*)` of a row pattern's variable.
            call.of_pattern = Some(self.name()?.span);
            self.advance();
            self.advance();
            call.star = true;
        } else {
            self.arguments(&mut call)?;
        }
        self.expect(Kind::Close)?;
        self.after_call(&mut call)?;
        call.span = self.span_from(start);
        if let Some(fault) = form_fault(&call) {
            // What is wrong with the form comes before what is wrong in its arguments.
            self.objection = if objected { self.objection.take() } else { None };
            self.object(call.span, fault);
        }
        Ok(ExprKind::Call(Box::new(call)))
    }

    /// A call whose name and first argument have been read.
    pub(super) fn call_from(&mut self, name: usize, first: Expr) -> Parsed<ExprKind> {
        let span = self.tokens[name].span;
        let mut call = call_named(&self.source(span).to_ascii_lowercase(), vec![first], span);
        if self.eat(Kind::Comma) {
            call.arguments.append(&mut self.list(Self::expression)?);
        }
        call.order_by = self.order_by()?;
        self.expect(Kind::Close)?;
        self.after_call(&mut call)?;
        call.span = self.span_from(span.start);
        Ok(ExprKind::Call(Box::new(call)))
    }

    fn arguments(&mut self, call: &mut Call) -> Parsed<()> {
        if !self.at(Kind::Close) && !self.at(Word::ORDER) {
            call.distinct = self.set_quantifier(&[]);
            call.arguments = self.list(Self::expression)?;
        }
        call.order_by = self.order_by()?;
        Ok(())
    }

    fn after_call(&mut self, call: &mut Call) -> Parsed<()> {
        call.filter = self.filter()?;
        let committed = self.ahead(1) == Kind::Word(Word::NULLS) || !self.alias_possible();
        let treatment = if call.star { None } else { self.either_at(Word::IGNORE, Word::RESPECT) };
        if let Some(word) = treatment
            && committed
        {
            self.advance();
            self.expect(Word::NULLS)?;
            call.null_treatment = Some(if word == Word::IGNORE { NullTreatment::Ignore } else { NullTreatment::Respect });
            call.over = Some(self.over()?);
        } else if self.over_ahead() {
            call.over = Some(self.over()?);
        }
        Ok(())
    }

    pub(super) fn filter(&mut self) -> Parsed<Option<Box<Expr>>> {
        let certain = self.ahead(1) == Kind::Open && self.ahead(2) == Kind::Word(Word::WHERE);
        if !self.at(Word::FILTER) || (!certain && self.alias_possible()) {
            return Ok(None);
        }
        self.advance();
        self.expect(Kind::Open)?;
        self.expect(Word::WHERE)?;
        let filter = Box::new(self.expression()?);
        self.expect(Kind::Close)?;
        Ok(Some(filter))
    }
}

/// What Trino's parser asks of the conditional forms, for they are no functions there.
fn form_fault(call: &Call) -> Option<String> {
    let [name] = call.name.0.as_slice() else { return None };
    let name = name.text.to_ascii_lowercase();
    let count = call.arguments.len();
    Some(match name.as_str() {
        "if" if !(2..=3).contains(&count) => "Invalid number of arguments for 'if' function".to_owned(),
        "nullif" if count != 2 => "Invalid number of arguments for 'nullif' function".to_owned(),
        "coalesce" | "format" if count < 2 => format!("The '{name}' function must have at least two arguments"),
        "try" if count != 1 => "The 'try' function must have exactly one argument".to_owned(),
        "if" | "nullif" | "coalesce" | "format" | "try" => format!("{} not valid for '{name}' function", misplaced(call)?),
        _ => return None,
    })
}

/// The part of a call that a conditional form does not take.
fn misplaced(call: &Call) -> Option<&'static str> {
    if call.over.is_some() {
        Some("OVER clause")
    } else if call.distinct {
        Some("DISTINCT")
    } else if call.null_treatment.is_some() {
        Some("Null treatment clause")
    } else if call.of_pattern.is_some() {
        Some("Running or final semantics")
    } else if call.filter.is_some() {
        Some("FILTER")
    } else {
        None
    }
}
