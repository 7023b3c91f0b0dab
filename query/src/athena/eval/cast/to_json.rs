//! Casts to JSON.
//!
//! Owns: the JSON of a value of each type.
//! Does not own: JSON's own texts (`values::json`), reading it (`from_json`).
//! Invariant: a map's members are in the order of their names, a row's in that of its fields, under their names.

use arrow::array::{Array as _, ArrayRef, AsArray as _};

use super::Result;
use crate::athena::error::AthenaError;
use crate::athena::eval::compare::elements;
use crate::athena::functions::scalar::{Arg as _, Double, Produce as _, Real, Text};
use crate::athena::types::Type;
use crate::athena::values::float::{plain_double, plain_real};
use crate::athena::values::json::write_text;
use crate::athena::values::text::text;

/// Digits after the point beyond which Java writes a decimal number with an exponent.
const PLAIN_ZEROS: usize = 6;

pub(super) fn cast(values: &ArrayRef, from: &Type) -> Result<ArrayRef> {
    let one = |at: usize| {
        if values.is_null(at) {
            return Ok(None);
        }
        let mut out = String::new();
        write(values, from, at, &mut out)?;
        Ok(Some(out))
    };
    String::array((0..values.len()).map(one).collect::<Result<_>>()?, &Type::Json)
}

fn write(values: &ArrayRef, ty: &Type, at: usize, out: &mut String) -> Result<()> {
    if values.is_null(at) {
        out.push_str("null");
        return Ok(());
    }
    match ty {
        Type::Boolean | Type::Tinyint | Type::Smallint | Type::Integer | Type::Bigint => out.push_str(&text(ty, values, at)?),
        Type::Json => out.push_str(Text::get(&Text::reader(values)?, at)),
        Type::Real | Type::Double => {
            let (finite, written) = floating(values, ty, at)?;
            if finite { out.push_str(&written) } else { write_text(&written, out) }
        }
        Type::Decimal { .. } => out.push_str(&with_exponent(text(ty, values, at)?)),
        Type::Array(element) => {
            let elements = elements(values, at)?;
            out.push('[');
            for i in 0..elements.len() {
                out.push_str(if i == 0 { "" } else { "," });
                write(&elements, element, i, out)?;
            }
            out.push(']');
        }
        Type::Map(key, value) => members(&elements(values, at)?, key, value, out)?,
        Type::Row(fields) => {
            let rows = values.as_struct();
            out.push('{');
            for (i, (field, column)) in fields.iter().zip(rows.columns()).enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                write_text(field.name.as_deref().unwrap_or(""), out);
                out.push(':');
                write(column, &field.ty, at, out)?;
            }
            out.push('}');
        }
        other => write_text(&text(other, values, at)?, out),
    }
    Ok(())
}

fn members(entries: &ArrayRef, key: &Type, value: &Type, out: &mut String) -> Result<()> {
    let entries = entries.as_struct_opt().ok_or_else(|| AthenaError::internal(&"a map is laid out otherwise"))?;
    let name = |at: usize| match key {
        Type::Real | Type::Double => floating(entries.column(0), key, at).map(|(_, written)| written),
        key => text(key, entries.column(0), at),
    };
    let mut names = (0..entries.len()).map(|at| Ok((name(at)?, at))).collect::<Result<Vec<_>>>()?;
    names.sort();
    out.push('{');
    for (i, (name, at)) in names.into_iter().enumerate() {
        out.push_str(if i == 0 { "" } else { "," });
        write_text(&name, out);
        out.push(':');
        write(entries.column(1), value, at, out)?;
    }
    out.push('}');
    Ok(())
}

/// Whether it is finite, and its text.
fn floating(values: &ArrayRef, ty: &Type, at: usize) -> Result<(bool, String)> {
    Ok(if *ty == Type::Real {
        let value = Real::get(&Real::reader(values)?, at);
        (value.is_finite(), plain_real(value))
    } else {
        let value = Double::get(&Double::reader(values)?, at);
        (value.is_finite(), plain_double(value))
    })
}

/// As Java's `BigDecimal` writes itself: `0.0000001` is `1E-7`.
fn with_exponent(decimal: String) -> String {
    let unsigned = decimal.trim_start_matches('-');
    let Some(fraction) = unsigned.strip_prefix("0.") else { return decimal };
    let digits = fraction.trim_start_matches('0');
    // Of a zero the last digit counts.
    let zeros = (fraction.len() - digits.len()).min(fraction.len() - 1);
    if zeros < PLAIN_ZEROS {
        return decimal;
    }
    let sign = if decimal.starts_with('-') { "-" } else { "" };
    let (first, rest) = fraction[zeros..].split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}E-{}", zeros + 1)
}
