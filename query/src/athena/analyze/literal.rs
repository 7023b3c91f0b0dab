//! What literals mean.
//!
//! Owns: their types and values.
//! Does not own: the texts' forms (`values`).
//! Invariant: a literal that Trino refuses is refused where it stands, before anything is computed.

use super::typed::{Kind, Literal, Typed};
use crate::athena::ast::{Expr, ExprKind, Interval, Span, TypeName};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::types::{Type, resolve_name};
use crate::athena::values::moment::Moment;
use crate::athena::values::time::NoTime;
use crate::athena::values::zone::NoZone;
use crate::athena::values::{address, date, interval, json, number, time, zone};

/// The literal an expression is; `None` when it is none.
///
/// # Errors
/// `INVALID_LITERAL`, `NUMERIC_VALUE_OUT_OF_RANGE`, `SYNTAX_ERROR` for an integer beyond 64 bits, `TYPE_NOT_FOUND`.
pub(super) fn literal(expr: &Expr) -> Result<Option<Typed>, AthenaError> {
    let span = expr.span;
    let (value, ty) = match &expr.kind {
        ExprKind::Null => (Literal::Null, Type::Unknown),
        ExprKind::Boolean(value) => (Literal::Boolean(*value), Type::Boolean),
        ExprKind::String(text) => (Literal::String(text.clone()), Type::Varchar(Some(length(text)))),
        ExprKind::Binary(bytes) => (Literal::Binary(bytes.clone()), Type::Varbinary),
        ExprKind::Integer(digits) => integer(digits, span)?,
        ExprKind::Decimal(text) => {
            let (value, ty) = number::decimal(text).ok_or_else(|| invalid(text, "DECIMAL", span))?;
            (Literal::Decimal(value), ty)
        }
        ExprKind::Double(text) => (Literal::Double(text.parse().map_err(|_| invalid(text, "DOUBLE", span))?), Type::Double),
        ExprKind::Typed { ty, text } => typed(ty, text, span)?,
        ExprKind::Interval(written) => of_interval(written, span)?,
        _ => return Ok(None),
    };
    Ok(Some(Typed::new(Kind::Literal(value), ty, span)))
}

fn length(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

fn invalid(text: &str, kind: &str, span: Span) -> AthenaError {
    AthenaError::at(ErrorName::InvalidLiteral, span, format!("'{text}' is not a valid {kind} literal"))
}

/// An integer of 32 bits where it fits, else of 64.
fn integer(digits: &str, span: Span) -> Result<(Literal, Type), AthenaError> {
    let value: i64 = digits
        .parse()
        .map_err(|_| AthenaError::at(ErrorName::SyntaxError, span, format!("Invalid numeric literal: {digits}")))?;
    let ty = if i32::try_from(value).is_ok() { Type::Integer } else { Type::Bigint };
    Ok((Literal::Integer(value), ty))
}

fn typed(name: &TypeName, text: &str, span: Span) -> Result<(Literal, Type), AthenaError> {
    let ty = resolve_name(name)?;
    let wrong = || invalid(text, &ty.base().to_ascii_uppercase(), span);
    let integer = |least: i64, most: i64| {
        let value: i64 = text.parse().map_err(|_| wrong())?;
        if (least..=most).contains(&value) { Ok(Literal::Integer(value)) } else { Err(wrong()) }
    };
    let value = match &ty {
        Type::Date => Literal::Date(date::parse(text).ok_or_else(wrong)?),
        Type::Timestamp(_) | Type::TimestampZoned(_) => return timestamp(text, span),
        Type::Time(_) | Type::TimeZoned(_) => return time_of_day(text, span),
        Type::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Literal::Boolean(true),
            "false" | "f" | "0" => Literal::Boolean(false),
            _ => return Err(wrong()),
        },
        Type::Tinyint => integer(i64::from(i8::MIN), i64::from(i8::MAX))?,
        Type::Smallint => integer(i64::from(i16::MIN), i64::from(i16::MAX))?,
        Type::Integer => integer(i64::from(i32::MIN), i64::from(i32::MAX))?,
        Type::Bigint => integer(i64::MIN, i64::MAX)?,
        Type::Decimal { .. } => {
            let (value, ty) = number::decimal(text).ok_or_else(wrong)?;
            return Ok((Literal::Decimal(value), ty));
        }
        Type::Double => Literal::Double(number::double(text).ok_or_else(wrong)?),
        Type::Varchar(_) => Literal::String(text.to_owned()),
        Type::Char(_) => return Ok((Literal::String(text.trim_end_matches(' ').to_owned()), Type::Char(length(text)))),
        Type::Varbinary => Literal::Binary(text.as_bytes().to_vec()),
        Type::Real if number::real(text).is_none() => return Err(wrong()),
        Type::Uuid if address::uuid(text).is_err() => return Err(wrong()),
        Type::IpAddress if address::ip(text).is_none() => return Err(wrong()),
        Type::Json => Literal::String(json::canonical(text).map_err(|_| wrong())?),
        _ => Literal::Text(text.to_owned()),
    };
    Ok((value, ty))
}

fn timestamp(text: &str, span: Span) -> Result<(Literal, Type), AthenaError> {
    let read = time::timestamp(text).map_err(|why| not_a_time(why, text, "TIMESTAMP", span))?;
    let digits = u8::try_from(read.digits).map_err(|_| invalid(text, "TIMESTAMP", span))?;
    Ok(match read.zone {
        None if i64::try_from(read.picos.div_euclid(1_000_000)).is_err() => return Err(invalid(text, "TIMESTAMP", span)),
        None => (Literal::Timestamp(read.picos), Type::Timestamp(digits)),
        Some(name) => {
            let zone = zone::parse(name).map_err(|why| match why {
                NoZone::Unknown => invalid(text, "TIMESTAMP", span),
                NoZone::Unsupported => AthenaError::at(ErrorName::NotSupported, span, format!("Time zone not supported: {name}")),
            })?;
            let moment = Moment { utc: zone.utc_of(read.picos), zone };
            if !zone.has(read.picos) || !moment.has_zone_range() {
                return Err(invalid(text, "TIMESTAMP", span));
            }
            (Literal::TimestampZoned(read.picos, name.to_owned()), Type::TimestampZoned(digits))
        }
    })
}

fn time_of_day(text: &str, span: Span) -> Result<(Literal, Type), AthenaError> {
    let read = time::clock(text).map_err(|why| not_a_time(why, text, "TIME", span))?;
    let digits = u8::try_from(read.digits).map_err(|_| invalid(text, "TIME", span))?;
    match time::zoned_clock(text) {
        _ if read.rest.is_empty() => Ok((Literal::Time(read.picos), Type::Time(digits))),
        Some((_, Some(_))) => Ok((Literal::Text(text.to_owned()), Type::TimeZoned(digits))),
        _ => Err(invalid(text, "TIME", span)),
    }
}

fn not_a_time(why: NoTime, text: &str, kind: &str, span: Span) -> AthenaError {
    match why {
        NoTime::Malformed => invalid(text, kind, span),
        NoTime::TooPrecise(digits) => AthenaError::at(
            ErrorName::NumericValueOutOfRange,
            span,
            format!("{kind} precision must be in range [0, 12]: {digits}"),
        ),
    }
}

fn of_interval(written: &Interval, span: Span) -> Result<(Literal, Type), AthenaError> {
    let wrong = || invalid(&written.text, "INTERVAL", span);
    match interval::parse(&written.text, written.from, written.to).ok_or_else(wrong)? {
        interval::Interval::Milliseconds(ms) => {
            let ms = if written.negative { ms.checked_neg().ok_or_else(wrong)? } else { ms };
            Ok((Literal::IntervalDay(ms), Type::IntervalDay))
        }
        interval::Interval::Months(months) => {
            let months = if written.negative { months.checked_neg().ok_or_else(wrong)? } else { months };
            Ok((Literal::IntervalYear(months), Type::IntervalYear))
        }
    }
}
