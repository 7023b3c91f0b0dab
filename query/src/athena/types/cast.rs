//! Which casts there are.
//!
//! Owns: Trino's table of explicit casts.
//! Does not own: what a cast computes, implicit ones (`coerce`).
//! Invariant: as Trino 449 answered for every pair of types.

use super::Type;

/// Whether `CAST(from AS to)` is a cast.
pub(crate) fn can_cast(from: &Type, to: &Type) -> bool {
    use Type::*;
    match (from, to) {
        (Array(a), Array(b)) => can_cast(a, b),
        (Map(k1, v1), Map(k2, v2)) => can_cast(k1, k2) && can_cast(v1, v2),
        (Row(a), Row(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| can_cast(&a.ty, &b.ty)),
        (Json, Array(element)) => can_cast(&Json, element),
        // Of keys that are no names of JSON's it is a fault of values.
        (Json, Map(key, value)) => can_cast(&Varchar(None), key) && can_cast(&Json, value),
        (Json, Row(fields)) => fields.iter().all(|field| can_cast(&Json, &field.ty)),
        (Array(element), Json) => can_cast(element, &Json),
        (Map(key, value), Json) => can_cast(key, &Varchar(None)) && can_cast(value, &Json),
        (Row(fields), Json) => fields.iter().all(|field| can_cast(&field.ty, &Json)),
        (_, Unknown) => false,
        (Unknown, _) => true,
        (from, to) if from.base() == to.base() => true,
        (from, to) if is_plain(from) => is_plain(to) || matches!(to, Varchar(_) | Json),
        (Varchar(_), to) => {
            is_plain(to)
                || matches!(
                    to,
                    Char(_)
                        | Varbinary
                        | Json
                        | Date
                        | Time(_)
                        | TimeZoned(_)
                        | Timestamp(_)
                        | TimestampZoned(_)
                        | Uuid
                        | IpAddress
                        | JoniRegExp
                        | JsonPath
                        | CodePoints
                )
        }
        (Char(_), to) => matches!(to, Varchar(_) | JoniRegExp | JsonPath | CodePoints),
        (Varbinary, to) => matches!(to, Uuid | IpAddress | HyperLogLog),
        (Json, to) => is_plain(to) || matches!(to, Varchar(_)),
        (Date, to) => matches!(to, Varchar(_) | Json | Timestamp(_) | TimestampZoned(_)),
        (Time(_) | TimeZoned(_), to) => {
            matches!(to, Varchar(_) | Time(_) | TimeZoned(_) | Timestamp(_) | TimestampZoned(_))
        }
        (Timestamp(_), to) => {
            matches!(to, Varchar(_) | Json | Date | Time(_) | TimeZoned(_) | TimestampZoned(_))
        }
        (TimestampZoned(_), to) => matches!(to, Varchar(_) | Date | Time(_) | TimeZoned(_) | Timestamp(_)),
        (IntervalDay | IntervalYear, to) => matches!(to, Varchar(_)),
        (Uuid | IpAddress, to) => matches!(to, Varchar(None) | Varbinary),
        (HyperLogLog, to) => matches!(to, Varbinary),
        _ => false,
    }
}

/// Booleans and numbers, each of which becomes every other.
fn is_plain(ty: &Type) -> bool {
    *ty == Type::Boolean || ty.is_numeric()
}

/// Whether the maps of a type have keys that are names of JSON's; a cast of others is one, and a fault whatever the value.
pub(crate) fn has_json_keys(ty: &Type) -> bool {
    match ty {
        Type::Array(element) => has_json_keys(element),
        Type::Map(key, value) => is_json_key(key) && has_json_keys(value),
        Type::Row(fields) => fields.iter().all(|field| has_json_keys(&field.ty)),
        _ => true,
    }
}

/// What a JSON object's member may be named by.
fn is_json_key(ty: &Type) -> bool {
    is_plain(ty) || matches!(ty, Type::Varchar(_) | Type::Unknown)
}
