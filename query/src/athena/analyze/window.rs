//! What calls over windows mean.
//!
//! Owns: windows by name and in place, their frames, which functions take which.
//! Does not own: the function's own arguments (`call`).
//! Invariant: a frame that Trino refuses is refused here.

use super::Analyzer;
use super::expr::{Result, mismatch, resolved};
use super::scope::Scope;
use super::typed::{Bound, Frame, Kind, Offset, Sort, Typed, WindowCall};
use crate::athena::ast::{self, Call, FrameUnit, Ident, Over, Span, Window};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::types::Type;

/// A window whose every part is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolved {
    partition_by: Vec<Typed>,
    order_by: Vec<Sort>,
    frame: Option<Frame>,
    /// Where its frame was written.
    frame_span: Option<Span>,
    span: Span,
}

impl Analyzer<'_> {
    pub(super) fn window_call(&mut self, name: &str, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let Some(over) = &call.over else {
            return Err(AthenaError::at(ErrorName::MissingOver, call.span, "a window was expected"));
        };
        let window = match over {
            Over::Named(name) => self.named_window(name)?,
            Over::Window(window) => self.window(window, scope)?,
        };
        let filter = self.filter(call, scope)?;
        let (arguments, chosen) = self.arguments(name, call, scope)?;
        self.sorts(&call.order_by, scope)?;
        let clauses = [
            (filter.is_some(), "FILTER is not yet supported for window functions"),
            (!call.order_by.is_empty(), "Window function with ORDER BY is not supported"),
            (call.distinct, "DISTINCT in window function parameters not yet supported"),
        ];
        let clause = clauses.into_iter().find(|(is_there, _)| *is_there);
        let refused = clause.map(|(_, what)| AthenaError::at(ErrorName::NotSupported, call.span, what));
        let refused = refused.or_else(|| fault_of_shift(name, &window)).or_else(|| fault_of_nesting(&arguments, &window));
        if name == "reduce_agg" && arguments.iter().any(is_coerced) {
            // Trino finds the function anew for the window, without what it was found by.
            return Err(AthenaError::at(ErrorName::FunctionNotFound, call.span, "Unexpected parameters for function reduce_agg"));
        }
        let window_call = WindowCall {
            name: &chosen.signature.name,
            arguments,
            null_treatment: call.null_treatment,
            partition_by: window.partition_by,
            order_by: window.order_by,
            frame: window.frame,
            returns: chosen.returns.clone(),
            refused: refused.map(Box::new),
            is_aggregate: !call.order_by.is_empty(),
        };
        Ok(Typed::new(Kind::Window(Box::new(window_call)), chosen.returns, call.span))
    }

    fn named_window(&mut self, name: &Ident) -> Result<Resolved> {
        let found = self.windows.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, window)| window.clone()).ok_or_else(|| {
            let message = format!("Cannot resolve WINDOW name {}", name.text);
            AthenaError::at(ErrorName::InvalidWindowReference, name.span, message)
        })
    }

    /// A window as written.
    pub(super) fn window(&mut self, window: &Window, scope: &Scope<'_>) -> Result<Resolved> {
        let mut found = match &window.base {
            Some(base) => self.named_window(base)?,
            None => Resolved::default(),
        };
        if let Some(base) = &window.base {
            let wrong = |name, message: String| Err(AthenaError::at(name, window.span, message));
            if !window.partition_by.is_empty() {
                let message = "WINDOW specification with named WINDOW reference cannot specify PARTITION BY".to_owned();
                return wrong(ErrorName::InvalidPartitionBy, message);
            }
            if !window.order_by.is_empty() && !found.order_by.is_empty() {
                let message = "Cannot specify ORDER BY if referenced named WINDOW specifies ORDER BY".to_owned();
                return wrong(ErrorName::InvalidOrderBy, message);
            }
            if found.frame.is_some() {
                let message = format!("Cannot reference named WINDOW containing frame specification: {}", base.text);
                return wrong(ErrorName::InvalidWindowReference, message);
            }
        }
        for key in &window.partition_by {
            let key = self.expr(key, scope)?;
            if !key.ty.is_comparable() {
                return Err(mismatch(
                    key.span,
                    format!("{} is not comparable, and therefore cannot be used in window function PARTITION BY", key.ty),
                ));
            }
            found.partition_by.push(key);
        }
        found.order_by.extend(self.sorts(&window.order_by, scope)?);
        found.span = window.span;
        if let Some(frame) = &window.frame {
            found.frame = Some(self.frame(frame, &found.order_by, scope)?);
            found.frame_span = Some(frame.span);
        }
        Ok(found)
    }

    fn frame(&mut self, frame: &ast::Frame, order_by: &[Sort], scope: &Scope<'_>) -> Result<Frame> {
        check_bounds(frame)?;
        let end = frame.end.clone().unwrap_or(ast::Bound::CurrentRow);
        let has_offset = |bound: &ast::Bound| matches!(bound, ast::Bound::Preceding(_) | ast::Bound::Following(_));
        if frame.unit != FrameUnit::Rows && (has_offset(&frame.start) || has_offset(&end)) {
            check_order(frame, order_by)?;
        }
        let start = self.bound(&frame.start, "start", frame.unit, order_by, scope)?;
        let end = self.bound(&end, "end", frame.unit, order_by, scope)?;
        Ok(Frame { unit: frame.unit, start, end })
    }

    fn bound(&mut self, bound: &ast::Bound, which: &str, unit: FrameUnit, order_by: &[Sort], scope: &Scope<'_>) -> Result<Bound> {
        Ok(match bound {
            ast::Bound::UnboundedPreceding => Bound::UnboundedPreceding,
            ast::Bound::CurrentRow => Bound::CurrentRow,
            ast::Bound::UnboundedFollowing => Bound::UnboundedFollowing,
            ast::Bound::Preceding(by) => Bound::Preceding(self.offset(by, true, which, unit, order_by, scope)?),
            ast::Bound::Following(by) => Bound::Following(self.offset(by, false, which, unit, order_by, scope)?),
        })
    }

    fn offset(
        &mut self,
        by: &ast::Expr,
        precedes: bool,
        which: &str,
        unit: FrameUnit,
        order_by: &[Sort],
        scope: &Scope<'_>,
    ) -> Result<Offset> {
        let by = self.expr(by, scope)?;
        if unit != FrameUnit::Range {
            let exact = by.ty.is_integer() || matches!(by.ty, Type::Decimal { scale: 0, .. });
            if !exact {
                let unit = if unit == FrameUnit::Rows { "ROWS" } else { "GROUPS" };
                let message =
                    format!("Window frame {unit} {which} value type must be exact numeric type with scale 0 (actual {})", by.ty);
                return Err(mismatch(by.span, message));
            }
            return Ok(Offset { by, edge: None });
        }
        let [sort] = order_by else { return Ok(Offset { by, edge: None }) };
        let (key, span) = (&sort.key, by.span);
        let operator = if precedes == sort.descending { "$add" } else { "$subtract" };
        match resolved(operator, vec![key.clone(), by.clone()], span) {
            Ok(edge) if is_distance(&by.ty, &key.ty) => Ok(Offset { by, edge: Some(edge) }),
            _ => {
                let message =
                    format!("Window frame RANGE value type ({}) not compatible with sort item type ({})", by.ty, key.ty);
                Err(mismatch(span, message))
            }
        }
    }
}

/// Whether a type is one of distances between values of another.
fn is_distance(ty: &Type, of: &Type) -> bool {
    match ty {
        Type::IntervalDay | Type::IntervalYear => ty == of || is_datetime(of),
        ty => ty.is_numeric() && of.is_numeric(),
    }
}

fn is_datetime(ty: &Type) -> bool {
    matches!(ty, Type::Date | Type::Time(_) | Type::TimeZoned(_) | Type::Timestamp(_) | Type::TimestampZoned(_))
}

fn check_bounds(frame: &ast::Frame) -> Result<()> {
    use ast::Bound::{CurrentRow, Following, Preceding, UnboundedFollowing, UnboundedPreceding};
    let wrong = |message: &str| Err(AthenaError::at(ErrorName::InvalidWindowFrame, frame.span, message));
    match (&frame.start, frame.end.as_ref().unwrap_or(&CurrentRow)) {
        (UnboundedFollowing, _) => wrong("Window frame start cannot be UNBOUNDED FOLLOWING"),
        (_, UnboundedPreceding) => wrong("Window frame end cannot be UNBOUNDED PRECEDING"),
        (CurrentRow, Preceding(_)) => wrong("Window frame starting from CURRENT ROW cannot end with PRECEDING"),
        (Following(_), Preceding(_)) => wrong("Window frame starting from FOLLOWING cannot end with PRECEDING"),
        (Following(_), CurrentRow) => wrong("Window frame starting from FOLLOWING cannot end with CURRENT ROW"),
        _ => Ok(()),
    }
}

/// What an offset in anything but rows asks of the sort.
fn check_order(frame: &ast::Frame, order_by: &[Sort]) -> Result<()> {
    let unit = if frame.unit == FrameUnit::Range { "RANGE" } else { "GROUPS" };
    match order_by {
        [] => {
            let message = format!("Window frame of type {unit} PRECEDING or FOLLOWING requires ORDER BY");
            Err(AthenaError::at(ErrorName::MissingOrderBy, frame.span, message))
        }
        [one] if frame.unit == FrameUnit::Range => {
            let ty = &one.key.ty;
            let fits = ty.is_numeric() || is_datetime(ty) || matches!(ty, Type::IntervalDay | Type::IntervalYear);
            if fits {
                return Ok(());
            }
            let message = format!(
                "Window frame of type RANGE PRECEDING or FOLLOWING requires that sort item type be numeric, datetime or interval (actual: {ty})"
            );
            Err(mismatch(one.key.span, message))
        }
        several if frame.unit == FrameUnit::Range => {
            let message = format!(
                "Window frame of type RANGE PRECEDING or FOLLOWING requires single sort item in ORDER BY (actual: {})",
                several.len()
            );
            Err(AthenaError::at(ErrorName::InvalidOrderBy, frame.span, message))
        }
        _ => Ok(()),
    }
}

/// What `lag` and `lead` ask of their window.
fn fault_of_shift(name: &str, window: &Resolved) -> Option<AthenaError> {
    if !matches!(name, "lag" | "lead") {
        return None;
    }
    if window.order_by.is_empty() {
        let message = format!("{name} function requires an ORDER BY window clause");
        return Some(AthenaError::at(ErrorName::MissingOrderBy, window.span, message));
    }
    let message = format!("Cannot specify window frame for {name} function");
    Some(AthenaError::at(ErrorName::InvalidWindowFrame, window.frame_span?, message))
}

/// A window within a window.
fn fault_of_nesting(arguments: &[Typed], window: &Resolved) -> Option<AthenaError> {
    let keys = window.partition_by.iter().chain(window.order_by.iter().map(|sort| &sort.key));
    let parts = arguments.iter().map(|part| (part, "window function arguments"));
    parts.chain(keys.map(|part| (part, "window specification"))).find_map(|(part, place)| {
        let message = format!("Cannot nest window functions or row pattern measures inside {place}");
        Some(AthenaError::at(ErrorName::NestedWindow, first_window(part)?.span, message))
    })
}

/// Whether a value was made one of another type, unasked.
fn is_coerced(value: &Typed) -> bool {
    matches!(&value.kind, Kind::Cast { of, .. } if of.span == value.span && of.ty != Type::Unknown)
}

/// The first call over a window within an expression.
pub(super) fn first_window(of: &Typed) -> Option<&Typed> {
    let mut found = None;
    of.walk(&mut |typed| {
        if found.is_none() && matches!(typed.kind, Kind::Window(_)) {
            found = Some(typed);
        }
        found.is_none()
    });
    found
}
