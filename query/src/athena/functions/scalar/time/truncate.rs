//! Beginnings and ends of units.
//!
//! Owns: `date_trunc`, `last_day_of_month`, `date`.
//! Does not own: `CAST(… AS date)` of a text (`eval::cast`).
//! Invariant: a result has the type and the zone of what it is of; a unit begins when the zone's clock shows its beginning.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _};
use arrow::datatypes::TimestampMicrosecondType;

use super::{Call, Compute, Result, Unit, moments, split};
use crate::athena::error::AthenaError;
use crate::athena::eval::cast;
use crate::athena::functions::scalar::{Arg, Text};
use crate::athena::types::Type;
use crate::athena::values::date::{civil, days, length, weekday};
use crate::athena::values::layout::picos_per_unit;
use crate::athena::values::moment::{Moment, day};
use crate::athena::values::time::PICOS_PER_DAY;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "date_trunc" => truncated,
        "last_day_of_month" => last_day,
        "date" => |call| cast(&call.argument(0)?.clone().into_array()?, &call.types[0], &Type::Date, false),
        _ => return None,
    })
}

/// Of the commonest type and one unit of a fixed length.
fn truncated_at_once(call: &Call<'_>) -> Result<Option<ArrayRef>> {
    let is_one = call.argument(0)?.is_constant() && !call.argument(1)?.is_constant();
    let times = call.values(1)?.as_primitive_opt::<TimestampMicrosecondType>().filter(|_| is_one);
    let unit = call.first::<Text>(0)?.and_then(|name| Unit::of(name, call.returns).ok());
    let (Some(times), Some(unit)) = (times, unit.filter(|unit| *unit != Unit::Week).and_then(Unit::picos)) else {
        return Ok(None);
    };
    let micros = i64::try_from(unit / picos_per_unit(call.returns)).map_err(|error| AthenaError::internal(&error))?;
    let truncated = times.unary::<_, TimestampMicrosecondType>(|time| time.wrapping_sub(time.rem_euclid(micros)));
    Ok(Some(Arc::new(truncated)))
}

fn truncated(call: &Call<'_>) -> Result<ArrayRef> {
    if let Some(all) = truncated_at_once(call)? {
        return Ok(all);
    }
    let (units, times) = (Text::reader(call.values(0)?)?, moments(call, 1)?);
    call.produce::<Moment>(|row| {
        let unit = Unit::of(Text::get(&units, call.place(0, row)), call.returns)?;
        let moment = times.get(call.place(1, row));
        let local = moment.local();
        let (of, _) = split(local);
        let (year, month, _) = civil(of);
        let first = match unit {
            Unit::Week => of - weekday(of) + 1,
            Unit::Month => days(year, month, 1),
            Unit::Quarter => days(year, (month - 1) / 3 * 3 + 1, 1),
            Unit::Year => days(year, 1, 1),
            unit => {
                let start = unit.picos().map_or(local, |picos| local.div_euclid(picos) * picos);
                // What is shorter than a day begins with the offset of now.
                return Ok(Some(if unit.is_of_calendar() { moment.moved_to(start) } else { moment.plus(start - local) }));
            }
        };
        Ok(Some(moment.moved_to(i128::from(first) * PICOS_PER_DAY)))
    })
}

fn last_day(call: &Call<'_>) -> Result<ArrayRef> {
    let times = moments(call, 0)?;
    call.produce::<i64>(|row| {
        let (year, month, _) = civil(split(times.get(call.place(0, row)).local()).0);
        day(days(year, month, length(year, month)).into()).map(Some)
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, StringArray, TimestampMicrosecondArray};

    use super::*;
    use crate::athena::eval::tests::value_of;
    use crate::athena::eval::{Column, Session};

    #[test]
    fn many_rows_are_never_truncated_otherwise_than_one() {
        let (ty, session) = (Type::Timestamp(6), Session::default());
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), None, Some(1_715_940_672_123_456)]));
        let truncated = |unit: &str, times: Column| {
            let rows = times.rows();
            let arguments = [Column::constant(Arc::new(StringArray::from(vec![unit])), rows), times];
            let types = [Type::VARCHAR, ty.clone()];
            let call = Call {
                name: "date_trunc",
                arguments: &arguments,
                types: &types,
                lambdas: &[],
                returns: &ty,
                rows,
                session: &session,
            };
            super::truncated(&call).unwrap()
        };
        for unit in ["millisecond", "SECOND", "minute", "hour", "day", "week", "month"] {
            let all = truncated(unit, Column::new(times.clone()));
            for row in 0..times.len() {
                let one = truncated(unit, Column::constant(times.slice(row, 1), 1));
                assert_eq!(&all.slice(row, 1), &one, "{unit}");
            }
        }
    }

    #[test]
    fn a_unit_never_begins_on_another_clock() {
        for (expression, expected) in [
            ("date_trunc('day', TIMESTAMP '2018-11-04 12:30:00 America/Sao_Paulo')", "2018-11-04 01:00:00 America/Sao_Paulo"),
            ("date_trunc('hour', TIME '10:11:12+01:30')", "10:00:00+01:30"),
            ("date_trunc('QUARTER', DATE '2024-05-17')", "2024-04-01"),
            ("date_trunc('second', TIMESTAMP '1965-05-17 10:11:12.123456789')", "1965-05-17 10:11:12.000000000"),
        ] {
            assert_eq!(value_of(expression), Ok(expected.into()), "{expression}");
        }
    }
}
