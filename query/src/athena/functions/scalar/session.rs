//! Functions of a value's type and of no value.
//!
//! Owns: typeof, uuid, current_groups, render of booleans, the fault of a recursion that is too deep.
//! Does not own: the names of types (`types`).
//! Invariant: a NULL has a type too.

use std::hash::{BuildHasher as _, RandomState};

use arrow::array::ArrayRef;

use super::build::lists;
use super::{Bool, Call, Compute, Result};
use crate::athena::analyze::ROUNDS_MAX;
use crate::athena::error::AthenaError;
use crate::athena::types::{RowField, Type};

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "typeof" => |call| {
            let name = shown(call.types.first().ok_or_else(|| call.wrong_layout())?);
            call.produce_all(|_| Ok(Some(name.clone())))
        },
        "uuid" => uuid,
        "$too_deep" => |call| call.produce_all(|_| -> Result<Option<bool>> { Err(too_deep()) }),
        // Of a user in no group.
        "current_groups" => |call| lists::<&str>(call, |_| Ok(Vec::new())),
        // In a terminal's green and red.
        "render" => {
            |call| call.map1::<Bool, _>(|value| if value { "\u{1b}[38;5;2m✓\u{1b}[0m" } else { "\u{1b}[38;5;1m✗\u{1b}[0m" })
        }
        _ => return None,
    })
}

/// The fault of a recursion that has more rows after the last of its rounds.
fn too_deep() -> AthenaError {
    let limit = format!("Recursion depth limit exceeded ({ROUNDS_MAX}).");
    AthenaError::not_supported(format!("{limit} Use 'max_recursion_depth' session property to modify the limit."))
}

/// A type's name, its fields' names never in quotes.
fn shown(ty: &Type) -> String {
    match ty {
        Type::Array(element) => format!("array({})", shown(element)),
        Type::Map(key, value) => format!("map({}, {})", shown(key), shown(value)),
        Type::Row(fields) => {
            let field = |field: &RowField| match &field.name {
                Some(name) => format!("{name} {}", shown(&field.ty)),
                None => shown(&field.ty),
            };
            format!("row({})", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        simple => simple.to_string(),
    }
}

/// Random ones (version 4): the library's hasher is seeded by the operating system.
fn uuid(call: &Call<'_>) -> Result<ArrayRef> {
    call.produce_all(|row| {
        let half = || RandomState::new().hash_one(row);
        let mut bytes = (u128::from(half()) << 64 | u128::from(half())).to_be_bytes();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Ok(Some(bytes.to_vec()))
    })
}
