//! Casts to texts and to what is read from a text.
//!
//! Owns: `varchar` and `char` with their lengths, `varbinary`, `uuid`, `ipaddress`.
//! Does not own: how a value is written (`values::text`), numbers from texts (`number`), JSON.
//! Invariant: a text is cut off to the length asked for; what is no text and does not fit is a fault.

use arrow::array::{Array as _, ArrayRef};
use arrow::datatypes::DataType;

use super::{Result, each};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg as _, Bytes, Double, Produce as _, Real, Text};
use crate::athena::types::Type;
use crate::athena::values::address;
use crate::athena::values::float::{plain_double, plain_real};
use crate::athena::values::text::text;

pub(super) fn cast(values: &ArrayRef, from: &Type, to: &Type, tries: bool) -> Result<ArrayRef> {
    use Type::*;
    let none = |what: &str, text: &str| AthenaError::invalid_cast(format!("Cannot cast value to {what}: {text}"));
    match (from, to) {
        (Varchar(_), Varbinary) => each::<Text, Vec<u8>>(values, to, tries, |text| Ok(text.as_bytes().to_vec())),
        (Varchar(_), Uuid) => {
            each::<Text, Vec<u8>>(values, to, tries, |text| address::uuid(text).map_err(AthenaError::invalid_cast))
        }
        (Varchar(_), IpAddress) => {
            each::<Text, Vec<u8>>(values, to, tries, |text| address::ip(text).ok_or_else(|| none("IPADDRESS", text)))
        }
        (Varbinary, Uuid) => each::<Bytes, Vec<u8>>(values, to, tries, |bytes| match bytes.len() {
            16 => Ok(bytes.to_vec()),
            length => Err(AthenaError::invalid_cast(format!("Invalid UUID binary length: {length}"))),
        }),
        (Varbinary, IpAddress) => each::<Bytes, Vec<u8>>(values, to, tries, |bytes| {
            let wrong = || AthenaError::invalid_cast(format!("Invalid IP address binary length: {}", bytes.len()));
            address::ip_of_bytes(bytes).ok_or_else(wrong)
        }),
        (Varbinary | HyperLogLog | Uuid | IpAddress, Varbinary | HyperLogLog) => Ok(values.clone()),
        (Varchar(_) | Char(_), Char(length)) => {
            each::<Text, &str>(values, to, tries, |text| Ok(cut(text, *length).trim_end_matches(' ')))
        }
        (Varchar(from), Varchar(to_length)) => match (from, to_length) {
            (_, Some(most)) if from.is_none_or(|length| length > *most) => {
                each::<Text, &str>(values, to, tries, |text| Ok(cut(text, *most)))
            }
            _ => Ok(values.clone()),
        },
        (Char(length), Varchar(most)) => {
            let width = *length as usize;
            each::<Text, String>(values, to, tries, |text| {
                let padded = format!("{text:<width$}");
                Ok(most.map_or(padded.clone(), |most| cut(&padded, most).to_owned()))
            })
        }
        (Varchar(_), JoniRegExp | JsonPath | CodePoints) => Ok(values.clone()),
        (Char(length), JoniRegExp | JsonPath | CodePoints) => {
            let width = *length as usize;
            each::<Text, String>(values, to, tries, |text| Ok(format!("{text:<width$}")))
        }
        (from, Varchar(most)) => written(values, from, to, *most, tries),
        (from, to) => Err(AthenaError::internal(&format!("there is no cast of {from} to {to}"))),
    }
}

/// The first code points.
fn cut(text: &str, most: u32) -> &str {
    text.char_indices().nth(most as usize).map_or(text, |(at, _)| &text[..at])
}

/// The texts of what is none.
fn written(values: &ArrayRef, from: &Type, to: &Type, most: Option<u32>, tries: bool) -> Result<ArrayRef> {
    if most.is_none() && from.is_integer() {
        return arrow::compute::cast(values, &DataType::Utf8).map_err(|error| AthenaError::internal(&error));
    }
    let one = |at: usize| {
        if values.is_null(at) {
            return Ok(None);
        }
        let written = text(from, values, at)?;
        if most.is_none_or(|most| written.chars().count() <= most as usize) {
            return Ok(Some(written));
        }
        match too_long(values, at, from, &written, most.unwrap_or(0)) {
            Ok(error) if tries && error.is_tried() => Ok(None),
            error => Err(error?),
        }
    };
    String::array((0..values.len()).map(one).collect::<Result<_>>()?, to)
}

/// The fault of a text that is longer than its type says.
fn too_long(values: &ArrayRef, at: usize, from: &Type, written: &str, most: u32) -> Result<AthenaError> {
    let shown = match from {
        Type::Double => format!("{} ({written})", plain_double(Double::get(&Double::reader(values)?, at))),
        Type::Real => format!("{} ({written})", plain_real(Real::get(&Real::reader(values)?, at))),
        from if from.is_numeric() || *from == Type::Date => written.to_owned(),
        _ => return Ok(beyond(written, most)),
    };
    Ok(AthenaError::invalid_cast(format!("Value {shown} cannot be represented as varchar({most})")))
}

/// As Trino says it of texts that no cast of its own measures.
pub(super) fn beyond(written: &str, most: u32) -> AthenaError {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.encode(written);
    AthenaError::internal(&format!("Character count exceeds length limit {most}: base64:{bytes}"))
}
