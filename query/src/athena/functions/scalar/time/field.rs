//! Fields of dates, times and intervals.
//!
//! Owns: `year` to `millisecond`, weeks and days, what a zone's clock is ahead.
//! Does not own: units of time as arguments.
//! Invariant: fields are those the zone's own clock and calendar show; an interval's have its sign.

use arrow::array::ArrayRef;

use super::{Call, Compute, Result, moments, split};
use crate::athena::functions::scalar::Int;
use crate::athena::types::Type;
use crate::athena::values::date::{civil, days, week, weekday};
use crate::athena::values::moment::{Moment, PICOS_PER_MILLI};

const MILLIS_PER_HOUR: i64 = 3_600_000;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "year" | "quarter" | "month" | "week" | "week_of_year" | "day" | "day_of_month" | "day_of_week" | "dow"
        | "day_of_year" | "doy" | "year_of_week" | "yow" | "hour" | "minute" | "second" | "millisecond" => field,
        "timezone_hour" => |call| zone_offset(call, |seconds| seconds / 3600),
        "timezone_minute" => |call| zone_offset(call, |seconds| seconds / 60 % 60),
        _ => return None,
    })
}

fn field(call: &Call<'_>) -> Result<ArrayRef> {
    match call.types.first() {
        Some(Type::IntervalYear) => call.map1::<Int, i64>(|months| if call.name == "year" { months / 12 } else { months % 12 }),
        Some(Type::IntervalDay) => {
            let (unit, of) = match call.name {
                "hour" => (MILLIS_PER_HOUR, 24),
                "minute" => (60_000, 60),
                "second" => (1000, 60),
                "millisecond" => (1, 1000),
                _ => (24 * MILLIS_PER_HOUR, i64::MAX),
            };
            call.map1::<Int, i64>(|millis| millis / unit % of)
        }
        _ => {
            let read = reader(call.name);
            let times = moments(call, 0)?;
            call.produce::<i64>(|row| {
                let (day, of_day) = split(times.get(call.place(0, row)).local());
                Ok(Some(read(day, i64::try_from(of_day / PICOS_PER_MILLI).unwrap_or(0))))
            })
        }
    }
}

/// A field from the day and the milliseconds since its midnight.
fn reader(name: &str) -> fn(i64, i64) -> i64 {
    match name {
        "year" => |day, _| civil(day).0,
        "quarter" => |day, _| i64::from((civil(day).1 - 1) / 3 + 1),
        "month" => |day, _| civil(day).1.into(),
        "week" | "week_of_year" => |day, _| week(day).1,
        "year_of_week" | "yow" => |day, _| week(day).0,
        "day_of_week" | "dow" => |day, _| weekday(day),
        "day_of_year" | "doy" => |day, _| day - days(civil(day).0, 1, 1) + 1,
        "hour" => |_, millis| millis / MILLIS_PER_HOUR,
        "minute" => |_, millis| millis / 60_000 % 60,
        "second" => |_, millis| millis / 1000 % 60,
        "millisecond" => |_, millis| millis % 1000,
        _ => |day, _| civil(day).2.into(),
    }
}

fn zone_offset(call: &Call<'_>, part: fn(i64) -> i64) -> Result<ArrayRef> {
    let times = moments(call, 0)?;
    call.produce::<i64>(|row| {
        let Moment { utc, zone } = times.get(call.place(0, row));
        Ok(Some(part(zone.offset_at(utc))))
    })
}

#[cfg(test)]
mod tests {
    use crate::athena::eval::tests::value_of;

    #[test]
    fn a_field_is_never_another_clocks() {
        for (expression, expected) in [
            ("hour(TIMESTAMP '2024-07-01 12:00:00 Asia/Kolkata')", 12),
            ("second(TIMESTAMP '1969-12-31 23:59:59.999999999')", 59),
            ("year_of_week(DATE '2021-01-01')", 2020),
            ("week(DATE '2021-01-01')", 53),
            ("hour(INTERVAL '-30' HOUR)", -6),
            ("timezone_minute(TIMESTAMP '2024-07-01 12:00:00 -03:30')", -30),
        ] {
            assert_eq!(value_of(expression), Ok(expected.into()), "{expression}");
        }
    }
}
