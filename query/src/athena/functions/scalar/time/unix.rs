//! Seconds and nanoseconds since 1970.
//!
//! Owns: `from_unixtime`, `from_unixtime_nanos`, `to_unixtime`, the session's time.
//! Does not own: `current_timestamp` and its like, which are no calls (`eval`).
//! Invariant: a fraction of a millisecond or nanosecond is rounded half up, below zero half down with decimals.

use arrow::array::ArrayRef;

use super::{Call, Compute, Result, moments, zone_east, zone_supported};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Double, Int, Text, Wide};
use crate::athena::types::Type;
use crate::athena::values::moment::{Moment, PICOS_PER_MILLI};
use crate::athena::values::time::rounded;
use crate::athena::values::zone::Zone;

const PICOS_PER_NANO: i128 = 1000;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "from_unixtime" => from_seconds,
        "from_unixtime_nanos" => from_nanos,
        "to_unixtime" => to_seconds,
        "now" => |call| call.produce_all::<Moment>(|_| Ok(Some(Moment::plain(cut(call.session.start))))),
        "current_date" => |call| call.produce_all::<Moment>(|_| Ok(Some(Moment::plain(call.session.start)))),
        "current_timezone" => |call| call.produce_all::<&str>(|_| Ok(Some("UTC"))),
        _ => return None,
    })
}

/// To the millisecond.
fn cut(picos: i128) -> i128 {
    picos.div_euclid(PICOS_PER_MILLI) * PICOS_PER_MILLI
}

fn from_seconds(call: &Call<'_>) -> Result<ArrayRef> {
    match call.types {
        [_] => call.try1::<Double, Moment>(|seconds| at(seconds, Zone::UTC)),
        [_, _] => call.try2::<Double, Text, Moment>(|seconds, name| at(seconds, zone_supported(name)?)),
        // Trino's own hours wrap round.
        _ => call.try3::<Double, Int, Int, Moment>(|seconds, hours, minutes| {
            at(seconds, zone_east(hours.wrapping_mul(60).wrapping_add(minutes))?)
        }),
    }
}

/// Java's `Math.round` of the milliseconds.
fn at(seconds: f64, zone: Zone) -> Result<Option<Moment>> {
    let millis = round(seconds * 1000.0);
    let moment = Moment { utc: i128::from(millis) * PICOS_PER_MILLI, zone };
    if moment.has_zone_range() {
        Ok(Some(moment))
    } else {
        Err(AthenaError::invalid_argument(format!("Millis overflow: {millis}")))
    }
}

/// The nearest integer, of two the greater; NaN is 0, what is beyond the nearest there is.
pub(super) fn round(value: f64) -> i64 {
    let floor = value.floor();
    #[expect(clippy::cast_possible_truncation, reason = "as Java casts")]
    let rounded = if value - floor >= 0.5 { floor + 1.0 } else { floor } as i64;
    rounded
}

fn from_nanos(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(Type::Decimal { scale, .. }) = call.types.first() else {
        return call.map1::<Int, Moment>(|nanos| Moment::plain(i128::from(nanos) * PICOS_PER_NANO));
    };
    let unit = 10_i128.pow(u32::from(*scale).min(38));
    call.try1::<Wide, Moment>(|value| {
        let (whole, rest) = (value / unit, value % unit);
        let nanos = whole + if rest.abs() >= unit - rest.abs() { rest.signum() } else { 0 };
        // Trino counts the seconds in 64 bits.
        match i64::try_from(nanos.div_euclid(1_000_000)) {
            Ok(_) => Ok(Some(Moment::plain(nanos * PICOS_PER_NANO))),
            Err(_) => Err(call.invalid("long overflow")),
        }
    })
}

fn to_seconds(call: &Call<'_>) -> Result<ArrayRef> {
    let times = moments(call, 0)?;
    call.produce::<f64>(|row| {
        let picos = times.get(call.place(0, row)).utc;
        let (millis, rest) = (picos.div_euclid(PICOS_PER_MILLI), picos.rem_euclid(PICOS_PER_MILLI));
        #[expect(clippy::cast_precision_loss, reason = "a double is asked for")]
        let seconds = millis as f64 / 1000.0 + rest as f64 / 1e12;
        Ok(Some(seconds))
    })
}

/// To the millisecond, half up.
pub(super) fn millis(local: i128) -> i64 {
    i64::try_from(rounded(local, 3) / PICOS_PER_MILLI).unwrap_or(i64::MAX)
}
