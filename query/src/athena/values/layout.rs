//! How values of a type lie in memory.
//!
//! Owns: the Arrow type of each type.
//! Does not own: computing with them (`functions`), writing them (`values::text`).
//! Invariant: Arrow's own order and equality are Trino's, but for floating numbers (NaN, -0) and `timestamp with time zone`
//! (one instant, two zones), whose comparisons `eval::compare` makes.
//!
//! | type | Arrow |
//! |---|---|
//! | `unknown` | Boolean, all null |
//! | `json` | Utf8, canonical text |
//! | `char(n)` | Utf8 without its padding |
//! | `time(p)` | Int64, picoseconds of the day |
//! | `timestamp(p)` up to 6 digits | Timestamp of microseconds |
//! | `timestamp(p)` beyond | Decimal128, picoseconds since 1970 |
//! | `timestamp(p) with time zone` | Decimal128, picoseconds since 1970 × 4096 + number of the zone (`zone`) |
//! | `time(p) with time zone` | Decimal128, picoseconds of the UTC day × 4096 + number of the offset |
//! | `interval day to second` | Int64, milliseconds |
//! | `interval year to month` | Int32, months |
//! | `map(k, v)` | List of Struct(`key`, `value`) |
//! | `row(…)` | Struct(`f0`, `f1`, …), whatever the fields' names: they may repeat |

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use super::zone::Zone;
use crate::athena::types::Type;

/// Digits up to which a timestamp lies as microseconds.
pub(crate) const MICROSECOND_DIGITS: u8 = 6;
/// What a time zone's number is multiplied out of.
const ZONES: i128 = 4096;
const WIDE: DataType = DataType::Decimal128(38, 0);

/// The Arrow type of values of a type.
pub(crate) fn arrow_type(ty: &Type) -> DataType {
    match ty {
        Type::Unknown | Type::Boolean => DataType::Boolean,
        Type::Tinyint => DataType::Int8,
        Type::Smallint => DataType::Int16,
        Type::Integer | Type::IntervalYear => DataType::Int32,
        Type::Bigint | Type::Time(_) | Type::IntervalDay => DataType::Int64,
        Type::Real => DataType::Float32,
        Type::Double => DataType::Float64,
        Type::Decimal { precision, scale } => DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(i8::MAX)),
        Type::Varchar(_) | Type::Char(_) | Type::Json | Type::JoniRegExp | Type::JsonPath | Type::CodePoints => DataType::Utf8,
        Type::Varbinary | Type::Uuid | Type::IpAddress | Type::HyperLogLog => DataType::Binary,
        Type::Date => DataType::Date32,
        Type::Timestamp(digits) if *digits <= MICROSECOND_DIGITS => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::Timestamp(_) | Type::TimestampZoned(_) | Type::TimeZoned(_) => WIDE,
        Type::Array(element) => list(arrow_type(element)),
        Type::Map(key, value) => list(DataType::Struct(Fields::from(vec![
            Field::new("key", arrow_type(key), true),
            Field::new("value", arrow_type(value), true),
        ]))),
        Type::Row(fields) => {
            let fields = fields.iter().enumerate().map(|(i, field)| Field::new(format!("f{i}"), arrow_type(&field.ty), true));
            DataType::Struct(fields.collect())
        }
        Type::Function(..) => DataType::Null,
    }
}

/// Picoseconds of what a timestamp of a type is counted in.
pub(crate) fn picos_per_unit(ty: &Type) -> i128 {
    match ty {
        Type::Timestamp(digits) if *digits <= MICROSECOND_DIGITS => 1_000_000,
        _ => 1,
    }
}

/// A time in UTC and its zone, as one number.
pub(crate) fn with_zone(picos: i128, zone: Zone) -> i128 {
    picos * ZONES + i128::from(zone.number())
}

/// The time in UTC and the zone that a number is.
pub(crate) fn zoned(number: i128) -> (i128, Zone) {
    (number.div_euclid(ZONES), Zone::of_number(u16::try_from(number.rem_euclid(ZONES)).unwrap_or(0)))
}

fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}
