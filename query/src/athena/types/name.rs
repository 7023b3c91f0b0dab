//! Type names, as written in a cast or a literal.
//!
//! Owns: which names there are and what parameters they take.
//! Does not own: their syntax (`parse`).
//! Invariant: a name Trino does not know, or one with a parameter out of range, is TYPE_NOT_FOUND here too; only a decimal tells more.

use super::{CHAR_LENGTH_MAX, DECIMAL_PRECISION_MAX, RowField, TIME_PRECISION_MAX, Type};
use crate::athena::ast::{IntervalUnit, TypeName, TypeNameKind, TypeParameter};
use crate::athena::error::{AthenaError, ErrorName};

/// Longest bounded `varchar(n)`, code points.
const VARCHAR_LENGTH_MAX: u64 = 2_147_483_646;
const TIME_PRECISION_DEFAULT: u32 = 3;

/// The type of a name.
///
/// # Errors
/// `TYPE_NOT_FOUND`, or `INVALID_FUNCTION_ARGUMENT` for a decimal's digits out of range.
pub(crate) fn resolve(name: &TypeName) -> Result<Type, AthenaError> {
    match &name.kind {
        TypeNameKind::Row(fields) => {
            let field = |(name, ty): &(Option<crate::athena::ast::Ident>, TypeName)| {
                Ok(RowField { name: name.as_ref().map(|n| n.text.clone()), ty: resolve(ty)? })
            };
            Ok(Type::Row(fields.iter().map(field).collect::<Result<_, AthenaError>>()?))
        }
        TypeNameKind::Interval { from: IntervalUnit::Year | IntervalUnit::Month, .. } => Ok(Type::IntervalYear),
        TypeNameKind::Interval { .. } => Ok(Type::IntervalDay),
        TypeNameKind::Time { name: base, precision, zoned } => of_time(name, base, *precision, *zoned),
        TypeNameKind::Named { name: base, parameters } => named(name, base, parameters),
    }
}

fn of_time(at: &TypeName, base: &str, precision: Option<u32>, zoned: bool) -> Result<Type, AthenaError> {
    let precision = precision.unwrap_or(TIME_PRECISION_DEFAULT);
    let digits = u8::try_from(precision).ok().filter(|digits| *digits <= TIME_PRECISION_MAX).ok_or_else(|| {
        let zone = if zoned { " with time zone" } else { "" };
        unknown(at, &format!("{base}({precision}){zone}"))
    })?;
    Ok(match (base, zoned) {
        ("time", false) => Type::Time(digits),
        ("time", true) => Type::TimeZoned(digits),
        (_, false) => Type::Timestamp(digits),
        (_, true) => Type::TimestampZoned(digits),
    })
}

fn named(at: &TypeName, base: &str, parameters: &[TypeParameter]) -> Result<Type, AthenaError> {
    let unknown = || unknown(at, &written(base, parameters));
    Ok(match (base, parameters) {
        ("unknown", []) => Type::Unknown,
        ("boolean", []) => Type::Boolean,
        ("tinyint", []) => Type::Tinyint,
        ("smallint", []) => Type::Smallint,
        ("integer" | "int", []) => Type::Integer,
        ("bigint", []) => Type::Bigint,
        ("real", []) => Type::Real,
        ("double", []) => Type::Double,
        ("varchar", []) => Type::VARCHAR,
        ("char", []) => Type::Char(1),
        ("varbinary", []) => Type::Varbinary,
        ("json", []) => Type::Json,
        ("date", []) => Type::Date,
        ("uuid", []) => Type::Uuid,
        ("ipaddress", []) => Type::IpAddress,
        ("hyperloglog", []) => Type::HyperLogLog,
        ("time" | "timestamp", []) => of_time(at, base, None, false)?,
        ("varchar", [TypeParameter::Number(length)]) => match u32::try_from(*length) {
            Ok(length) if u64::from(length) <= VARCHAR_LENGTH_MAX => Type::Varchar(Some(length)),
            _ => return Err(unknown()),
        },
        ("char", [TypeParameter::Number(length)]) => match u32::try_from(*length) {
            Ok(length) if length <= CHAR_LENGTH_MAX => Type::Char(length),
            _ => return Err(unknown()),
        },
        ("decimal", []) => decimal(at, u64::from(DECIMAL_PRECISION_MAX), 0)?,
        ("decimal", [TypeParameter::Number(precision)]) => decimal(at, *precision, 0)?,
        ("decimal", [TypeParameter::Number(precision), TypeParameter::Number(scale)]) => decimal(at, *precision, *scale)?,
        ("array", [TypeParameter::Type(element)]) => Type::array(resolve(element)?),
        ("map", [TypeParameter::Type(key), TypeParameter::Type(value)]) => Type::map(resolve(key)?, resolve(value)?),
        _ => return Err(unknown()),
    })
}

fn unknown(at: &TypeName, written: &str) -> AthenaError {
    AthenaError::at(ErrorName::TypeNotFound, at.span, format!("Unknown type: {written}"))
}

fn decimal(at: &TypeName, precision: u64, scale: u64) -> Result<Type, AthenaError> {
    let wrong = |message: String| AthenaError::at(ErrorName::InvalidFunctionArgument, at.span, message);
    let max = u64::from(DECIMAL_PRECISION_MAX);
    if precision == 0 || precision > max {
        return Err(wrong(format!("DECIMAL precision must be in range [1, {max}]: {precision}")));
    }
    if scale > precision {
        return Err(wrong(format!("DECIMAL scale must be in range [0, precision ({precision})]: {scale}")));
    }
    let digits = |n: u64| u8::try_from(n).unwrap_or(DECIMAL_PRECISION_MAX);
    Ok(Type::Decimal { precision: digits(precision), scale: digits(scale) })
}

/// The name as Trino repeats it in its message.
fn written(base: &str, parameters: &[TypeParameter]) -> String {
    let parameter = |p: &TypeParameter| match p {
        TypeParameter::Number(n) => n.to_string(),
        TypeParameter::Type(TypeName { kind: TypeNameKind::Named { name, parameters }, .. }) => written(name, parameters),
        TypeParameter::Type(_) => "…".to_owned(),
    };
    if parameters.is_empty() {
        return base.to_owned();
    }
    format!("{base}({})", parameters.iter().map(parameter).collect::<Vec<_>>().join(", "))
}
