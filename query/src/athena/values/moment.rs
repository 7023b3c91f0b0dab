//! Dates, times of the day and timestamps of every type as one: an instant and a zone.
//!
//! Owns: reading them from arrays and writing arrays of them.
//! Does not own: how they lie in memory (`layout`), what is computed with them.
//! Invariant: what lies beyond a type is a fault; a time of the day is taken round midnight.

use arrow::array::{ArrayRef, Decimal128Array};

use super::layout::{picos_per_unit, with_zone, zoned};
use super::time::PICOS_PER_DAY;
use super::zone::Zone;
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg as _, Int, Integers, Produce, Result, Wide};
use crate::athena::types::Type;

/// Picoseconds of a millisecond.
pub(crate) const PICOS_PER_MILLI: i128 = 1_000_000_000;
/// Milliseconds that a timestamp with a zone may be away from 1970.
const ZONED_MILLIS: i128 = 1 << 51;

/// A date at midnight, a time of 1970-01-01, a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Picoseconds since 1970 in UTC.
    pub(crate) utc: i128,
    /// UTC where the type has none.
    pub(crate) zone: Zone,
}

impl Moment {
    /// Of a type without a zone.
    pub(crate) fn plain(picos: i128) -> Self {
        Self { utc: picos, zone: Zone::UTC }
    }

    /// What a clock of its zone shows: picoseconds since 1970.
    pub(crate) fn local(self) -> i128 {
        self.zone.local_of(self.utc)
    }

    /// When the zone's clock shows another time: with the same offset, if it has it then.
    pub(crate) fn moved_to(self, local: i128) -> Self {
        let same = self.utc + (local - self.local());
        let utc = if self.zone.local_of(same) == local { same } else { self.zone.utc_of(local) };
        Self { utc, zone: self.zone }
    }

    /// Whether a timestamp with a zone may be it.
    pub(crate) fn has_zone_range(self) -> bool {
        (-ZONED_MILLIS..ZONED_MILLIS).contains(&self.utc.div_euclid(PICOS_PER_MILLI))
    }

    /// So much later.
    pub(crate) fn plus(self, picos: i128) -> Self {
        Self { utc: self.utc + picos, zone: self.zone }
    }
}

/// An array of them.
pub(crate) enum Moments<'a> {
    /// And picoseconds of each.
    Narrow(Integers<'a>, i128),
    Wide(&'a Decimal128Array),
    Zoned(&'a Decimal128Array),
}

impl<'a> Moments<'a> {
    pub(crate) fn of(values: &'a ArrayRef, ty: &Type) -> Result<Self> {
        Ok(match ty {
            Type::Date => Self::Narrow(Int::reader(values)?, PICOS_PER_DAY),
            Type::Time(_) => Self::Narrow(Int::reader(values)?, 1),
            Type::Timestamp(_) if picos_per_unit(ty) == 1 => Self::Wide(Wide::reader(values)?),
            Type::Timestamp(_) => Self::Narrow(Int::reader(values)?, picos_per_unit(ty)),
            Type::TimestampZoned(_) | Type::TimeZoned(_) => Self::Zoned(Wide::reader(values)?),
            other => return Err(AthenaError::internal(&format!("a {other} is no time"))),
        })
    }

    /// The value at a place that is not NULL.
    pub(crate) fn get(&self, at: usize) -> Moment {
        match self {
            Self::Narrow(values, unit) => Moment::plain(i128::from(Int::get(values, at)) * unit),
            Self::Wide(values) => Moment::plain(Wide::get(values, at)),
            Self::Zoned(values) => {
                let (utc, zone) = zoned(Wide::get(values, at));
                Moment { utc, zone }
            }
        }
    }
}

impl Produce for Moment {
    fn array(values: Vec<Option<Self>>, ty: &Type) -> Result<ArrayRef> {
        fn written<T: Produce>(values: Vec<Option<Moment>>, ty: &Type, one: impl Fn(Moment) -> Result<T>) -> Result<ArrayRef> {
            T::array(values.into_iter().map(|value| value.map(&one).transpose()).collect::<Result<_>>()?, ty)
        }
        match ty {
            Type::Date => written(values, ty, |moment| day(moment.utc.div_euclid(PICOS_PER_DAY))),
            Type::Time(_) => written(values, ty, |moment| narrow(moment.utc.rem_euclid(PICOS_PER_DAY))),
            Type::TimeZoned(_) => written(values, ty, |moment| Ok(with_zone(moment.utc.rem_euclid(PICOS_PER_DAY), moment.zone))),
            Type::TimestampZoned(_) => written(values, ty, |moment| {
                if moment.has_zone_range() {
                    Ok(with_zone(moment.utc, moment.zone))
                } else {
                    Err(AthenaError::internal(&format!("Millis overflow: {}", moment.utc.div_euclid(PICOS_PER_MILLI))))
                }
            }),
            Type::Timestamp(_) if picos_per_unit(ty) > 1 => {
                written(values, ty, |moment| narrow(moment.utc.div_euclid(picos_per_unit(ty))))
            }
            _ => written(values, ty, |moment| moment.checked().map(|moment| moment.utc)),
        }
    }
}

impl Moment {
    /// The same, if 64 bits of microseconds hold it.
    pub(crate) fn checked(self) -> Result<Self> {
        narrow(self.utc.div_euclid(1_000_000)).map(|_| self)
    }
}

fn narrow(value: i128) -> Result<i64> {
    i64::try_from(value).map_err(|_| AthenaError::internal(&"long overflow"))
}

/// As Trino checks what becomes a date or an interval of months.
pub(crate) fn day(value: i128) -> Result<i64> {
    match i32::try_from(value) {
        Ok(value) => Ok(value.into()),
        Err(_) if value < 0 => Err(AthenaError::internal(&format!("Value {value} is less than MIN_INT"))),
        Err(_) => Err(AthenaError::internal(&format!("Value {value} exceeds MAX_INT"))),
    }
}
