//! Zones.
//!
//! Owns: `AT TIME ZONE`, `at_timezone`, `with_timezone`.
//! Does not own: names and rules of zones (`values::zone`).
//! Invariant: an instant stays what it is; only `with_timezone` takes what a clock shows for another's.

use arrow::array::ArrayRef;

use super::{Call, Compute, Result, moments, zone_east, zone_named};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg, Int, Text};
use crate::athena::types::Type;
use crate::athena::values::moment::Moment;
use crate::athena::values::zone::Zone;

const MILLIS_PER_MINUTE: i64 = 60_000;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "$at_timezone" | "at_timezone" => shown,
        "with_timezone" => |call| {
            let (times, names) = (moments(call, 0)?, Text::reader(call.values(1)?)?);
            call.produce::<Moment>(|row| {
                let zone = zone_named(Text::get(&names, call.place(1, row)))?;
                let local = times.get(call.place(0, row)).utc;
                // Of two times the one with the offset that the zone has when UTC shows it.
                Ok(Some(Moment { utc: local, zone }.moved_to(local)))
            })
        },
        _ => return None,
    })
}

fn shown(call: &Call<'_>) -> Result<ArrayRef> {
    let times = moments(call, 0)?;
    let is_time = matches!(call.returns, Type::TimeZoned(_));
    let in_zone = |row: usize, zone: Zone| {
        let utc = times.get(call.place(0, row)).utc;
        // A time of the day has an offset, that of the zone when the statement began.
        let zone = if is_time { Zone::Offset(i32::try_from(zone.offset_at(call.session.start) / 60).unwrap_or(0)) } else { zone };
        Ok(Some(Moment { utc, zone }))
    };
    if call.types.get(1) != Some(&Type::IntervalDay) {
        let names = Text::reader(call.values(1)?)?;
        return call.produce::<Moment>(|row| in_zone(row, zone_named(Text::get(&names, call.place(1, row)))?));
    }
    let offsets = Int::reader(call.values(1)?)?;
    call.produce::<Moment>(|row| {
        let millis = Int::get(&offsets, call.place(1, row));
        if millis % MILLIS_PER_MINUTE != 0 {
            return Err(call.invalid("Invalid time zone offset interval: interval contains seconds"));
        }
        let minutes = millis / MILLIS_PER_MINUTE;
        let zone = zone_east(minutes);
        in_zone(row, if is_time { zone.map_err(|_| out_of_range(minutes))? } else { zone? })
    })
}

fn out_of_range(minutes: i64) -> AthenaError {
    AthenaError::internal(&format!("offsetMinutes is out of range: {minutes}"))
}

#[cfg(test)]
mod tests {
    use crate::athena::eval::tests::value_of;

    #[test]
    fn an_instant_never_becomes_another_by_its_zone() {
        for (expression, expected) in [
            ("TIMESTAMP '2024-03-31 02:30:00' AT TIME ZONE 'America/New_York'", "2024-03-30 22:30:00 America/New_York"),
            ("TIME '09:30:00+02:00' AT TIME ZONE INTERVAL '-5' HOUR", "02:30:00-05:00"),
            ("with_timezone(TIMESTAMP '2024-03-10 02:30:00', 'America/New_York')", "2024-03-10 03:30:00 America/New_York"),
            ("with_timezone(TIMESTAMP '2024-03-31 02:30:00', 'Etc/GMT+5')", "2024-03-31 02:30:00 -05:00"),
        ] {
            assert_eq!(value_of(expression), Ok(expected.into()), "{expression}");
        }
        let fault = "INVALID_FUNCTION_ARGUMENT: 'EST' is not a valid time zone";
        assert_eq!(value_of("at_timezone(TIMESTAMP '2024-03-31 02:30:00 UTC', 'EST')"), Err(fault.to_owned()));
    }
}
