//! `format(…)`: Java's `String.format`.
//!
//! Owns: what each specifier writes of its argument.
//! Does not own: reading specifiers (`spec`), digits (`number`).
//! Invariant: a format that Java refuses is a fault, told as Java tells it; what is not computed here is refused by name.

mod number;
mod spec;

use std::fmt::Write as _;

use arrow::array::ArrayRef;
use number::Number;
use spec::{Piece, Spec};

use super::{Arg as _, Bool, Call, Compute, Double, Int, Real, Result, Text, Wide};
use crate::athena::error::AthenaError;
use crate::athena::types::Type;
use crate::athena::values::float::{plain_double, plain_real};
use crate::athena::values::layout::{picos_per_unit, zoned};
use crate::athena::values::text;

pub(super) fn find(name: &str) -> Option<Compute> {
    (name == "format").then_some(format as Compute)
}

/// What Java's formatter is given.
enum Value {
    Null,
    Bool(bool),
    Long(i64),
    /// Of a floating number or a decimal: its class, its text, itself.
    Number(&'static str, String, Number),
    /// Of anything else: its class and its text.
    Other(&'static str, String),
}

/// A format is NULL only where its text is.
fn format(call: &Call<'_>) -> Result<ArrayRef> {
    let formats = Text::reader(call.values(0)?)?;
    call.produce_all(|row| {
        if call.argument(0)?.is_null(row) {
            return Ok(None);
        }
        let format = Text::get(&formats, call.place(0, row));
        let arguments = (1..call.arguments.len()).map(|i| value(call, i, row)).collect::<Result<Vec<_>>>()?;
        formatted(format, &arguments).map(Some).map_err(|fault| match fault {
            Fault::Java(why) => call.invalid(format!("Invalid format string: {format} ({why})")),
            Fault::Unknown(conversion) => {
                let message = format!("%{conversion} in format(…) is not computed here yet; write the value as text and %s");
                AthenaError::not_supported(message)
            }
        })
    })
}

/// Why a format is refused.
enum Fault {
    /// The exception's name and message.
    Java(String),
    /// A conversion that Java has.
    Unknown(char),
}

fn value(call: &Call<'_>, argument: usize, row: usize) -> Result<Value> {
    let (values, at, ty) = (call.values(argument)?, call.place(argument, row), &call.types[argument]);
    if call.argument(argument)?.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match ty {
        Type::Boolean => Value::Bool(Bool::get(&Bool::reader(values)?, at)),
        ty if ty.is_integer() => Value::Long(Int::get(&Int::reader(values)?, at)),
        Type::Real => {
            let value = Real::get(&Real::reader(values)?, at);
            Value::Number("java.lang.Float", plain_real(value), Number::of_double(value.into()))
        }
        Type::Double => {
            let value = Double::get(&Double::reader(values)?, at);
            Value::Number("java.lang.Double", plain_double(value), Number::of_double(value))
        }
        Type::Decimal { scale, .. } => {
            let value = Wide::get(&Wide::reader(values)?, at);
            Value::Number("java.math.BigDecimal", text::decimal(value, *scale), Number::of_decimal(value, *scale))
        }
        Type::Date => Value::Other("java.time.LocalDate", text::text(ty, values, at)?),
        Type::Time(_) => Value::Other("java.time.LocalTime", short(&text::clock(Int::get(&Int::reader(values)?, at).into(), 9))),
        Type::Timestamp(_) => {
            let picos = match picos_per_unit(ty) {
                1 => Wide::get(&Wide::reader(values)?, at),
                unit => i128::from(Int::get(&Int::reader(values)?, at)) * unit,
            };
            Value::Other("java.time.LocalDateTime", local(picos))
        }
        Type::TimestampZoned(_) => {
            let (picos, zone) = zoned(Wide::get(&Wide::reader(values)?, at));
            let (offset, name) = (zone.offset_at(picos), zone.name());
            let sign = if offset < 0 { '-' } else { '+' };
            let minutes = offset.abs() / 60;
            let offset = if offset == 0 { "Z".to_owned() } else { format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60) };
            let region = if name.starts_with(['+', '-']) { String::new() } else { format!("[{name}]") };
            Value::Other("java.time.ZonedDateTime", format!("{}{offset}{region}", local(zone.local_of(picos))))
        }
        ty => Value::Other("java.lang.String", text::text(ty, values, at)?),
    })
}

fn local(picos: i128) -> String {
    let written = text::timestamp(picos, 9);
    let (date, clock) = written.split_once(' ').unwrap_or((&written, ""));
    format!("{date}T{}", short(clock))
}

/// A time of the day as `java.time` writes it: no seconds when there are none, their fraction three digits at a time.
fn short(clock: &str) -> String {
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut fraction = fraction;
    while let Some(less) = fraction.strip_suffix("000") {
        fraction = less;
    }
    match (whole.strip_suffix(":00"), fraction) {
        (Some(minutes), "") => minutes.to_owned(),
        (None, "") => whole.to_owned(),
        _ => format!("{whole}.{fraction}"),
    }
}

fn formatted(format: &str, arguments: &[Value]) -> std::result::Result<String, Fault> {
    let (mut out, mut ordinary, mut last) = (String::new(), 0, None);
    for piece in spec::parse(format)? {
        let spec = match piece {
            Piece::Text(text) => {
                out.push_str(text);
                continue;
            }
            Piece::Spec(spec) => spec,
        };
        match spec.conversion {
            '%' => out.push_str(&spec.padded("%")),
            'n' => out.push('\n'),
            _ => {
                let index = match spec.index {
                    Some(index) => Some(index - 1),
                    None if spec.has('<') => last,
                    None => {
                        ordinary += 1;
                        Some(ordinary - 1)
                    }
                };
                let argument = index.and_then(|index| arguments.get(index));
                let argument =
                    argument.ok_or_else(|| Fault::Java(format!("MissingFormatArgument: Format specifier '{}'", spec.written)))?;
                last = index;
                let text = written(&spec, argument)?;
                out.push_str(&if spec.conversion.is_ascii_uppercase() { text.to_uppercase() } else { text });
            }
        }
    }
    Ok(out)
}

/// What a specifier writes of an argument.
fn written(spec: &Spec<'_>, value: &Value) -> std::result::Result<String, Fault> {
    let conversion = spec.conversion.to_ascii_lowercase();
    let text = |text: &str| Ok(spec.padded(&spec.cut(text)));
    match (conversion, value) {
        ('b', Value::Null) => text("false"),
        ('b', Value::Bool(value)) => text(&value.to_string()),
        ('b', _) => text("true"),
        (_, Value::Null) => text("null"),
        ('h', value) => text(&format!("{:x}", hash(value).ok_or(Fault::Unknown(spec.conversion))?)),
        ('s', Value::Bool(value)) => text(&value.to_string()),
        ('s', Value::Long(value)) => text(&value.to_string()),
        ('s', Value::Number(_, own, _) | Value::Other(_, own)) => text(own),
        ('d', Value::Long(value)) => Ok(number::signed(spec, *value < 0, value.unsigned_abs().to_string(), true)),
        ('x' | 'o', Value::Long(value)) => Ok(bits(spec, *value)),
        ('e' | 'f' | 'g', Value::Number(_, _, number)) => Ok(number.written(spec)),
        (_, Value::Bool(_)) => Err(mismatch(spec, "java.lang.Boolean")),
        (_, Value::Long(_)) => Err(mismatch(spec, "java.lang.Long")),
        (_, Value::Number(class, ..) | Value::Other(class, _)) => Err(mismatch(spec, class)),
    }
}

/// Java's `hashCode`; `None` of what has one of its own class.
fn hash(value: &Value) -> Option<u32> {
    let folded = |bits: u64| (bits ^ bits >> 32) as u32;
    Some(match value {
        Value::Bool(value) => {
            if *value {
                1231
            } else {
                1237
            }
        }
        Value::Long(value) => folded(value.cast_unsigned()),
        Value::Number("java.lang.Double", text, _) => folded(text.parse::<f64>().ok()?.to_bits()),
        Value::Number("java.lang.Float", text, _) => text.parse::<f32>().ok()?.to_bits(),
        Value::Other("java.lang.String", text) => {
            text.encode_utf16().fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
        }
        Value::Null | Value::Number(..) | Value::Other(..) => return None,
    })
}

fn mismatch(spec: &Spec<'_>, class: &str) -> Fault {
    Fault::Java(format!("IllegalFormatConversion: {} != {class}", spec.conversion))
}

/// The bits of a number in base 8 or 16.
fn bits(spec: &Spec<'_>, value: i64) -> String {
    let mut digits = String::new();
    let prefix = match (spec.conversion, spec.has('#')) {
        ('o', true) => "0",
        (_, true) => "0x",
        _ => "",
    };
    let _ = if spec.conversion == 'o' { write!(digits, "{value:o}") } else { write!(digits, "{value:x}") };
    spec.zeroed(prefix, &digits, "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::athena::eval::tests::value_of;

    #[test]
    fn a_format_never_gives_what_java_does_not() {
        for (expression, expected) in [
            ("format('%,d|%05d|%(d|%x', -1234567, -5, -5, -255)", "-1,234,567|-0005|(5)|ffffffffffffff01"),
            ("format('%.2f|%8.1f|%.0f', 1.005e0, -2.25, 9.5e0)", "1.01|    -2.3|10"),
            ("format('%e|%g|%g', 12345.678e0, 0.0001e0, 1e10)", "1.234568e+04|0.000100000|1.00000e+10"),
            ("format('%2$s %1$-4s|%3$b', 'a', NULL, NULL)", "null a   |false"),
            ("format('%s', TIMESTAMP '2024-01-02 03:04:00 UTC')", "2024-01-02T03:04Z[UTC]"),
        ] {
            assert_eq!(value_of(expression), Ok(json!(expected)), "{expression}");
        }
        for (expression, why) in [
            ("format('%d', 'a')", "%d (IllegalFormatConversion: d != java.lang.String)"),
            ("format('%s %s', 'a')", "%s %s (MissingFormatArgument: Format specifier '%s')"),
            ("format('%q', 1)", "%q (UnknownFormatConversion: Conversion = 'q')"),
            ("format('%0d', 1)", "%0d (MissingFormatWidth: %0d)"),
        ] {
            assert_eq!(value_of(expression), Err(format!("INVALID_FUNCTION_ARGUMENT: Invalid format string: {why}")));
        }
        assert!(value_of("format('%tY', DATE '2024-01-02')").is_err_and(|error| error.starts_with("NOT_SUPPORTED")));
    }
}
