//! ISO 8601.
//!
//! Owns: `from_iso8601_date`, `from_iso8601_timestamp`, `from_iso8601_timestamp_nanos`, `to_iso8601`.
//! Does not own: casts, which take no `T` (`eval::cast`).
//! Invariant: dates and milliseconds are read as Joda-Time's parsers do, weeks and days of the year too; nanoseconds as Java's
//! `ISO_DATE_TIME`.

use arrow::array::ArrayRef;

use super::calendar::Field;
use super::format::{date_of, zoned};
use super::pattern::Element;
use super::{Call, Compute, Result, moments, nanos, split};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::functions::scalar::Text;
use crate::athena::types::Type;
use crate::athena::values::moment::{Moment, day};
use crate::athena::values::text::{clock, date, iso_date};

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "from_iso8601_date" => |call| {
            let elements = dates();
            call.try1::<Text, i64>(|text| day(date_of(text, &elements)?.into()).map(Some))
        },
        "from_iso8601_timestamp" => |call| {
            let elements = timestamps();
            call.try1::<Text, Moment>(|text| zoned(text, &elements).map(Some))
        },
        "from_iso8601_timestamp_nanos" => |call| call.try1::<Text, Moment>(|text| nanos::parsed(text).map(Some)),
        "to_iso8601" => written,
        _ => return None,
    })
}

fn number(field: Field, most: usize) -> Element {
    Element::Number { field, least: 1, most, signed: matches!(field, Field::Year | Field::Weekyear) }
}

fn literal(text: &str) -> Element {
    Element::Literal(text.to_owned())
}

/// Something that may be left out.
fn maybe(elements: Vec<Element>) -> Element {
    Element::Either(vec![elements, Vec::new()])
}

/// `2024-05-17`, `2024-W20-5`, `2024-138`; what is smaller than the year may be left out.
fn dates() -> Vec<Element> {
    let day = maybe(vec![literal("-"), number(Field::Day, 2)]);
    let weekday = maybe(vec![literal("-"), number(Field::Weekday, 1)]);
    vec![Element::Either(vec![
        vec![number(Field::Year, 9), maybe(vec![literal("-"), number(Field::Month, 2), day])],
        vec![number(Field::Weekyear, 9), literal("-W"), number(Field::Week, 2), weekday],
        vec![number(Field::Year, 9), literal("-"), number(Field::DayOfYear, 3)],
    ])]
}

/// `10:30:15.5`; the last part may have a fraction.
fn times() -> Vec<Element> {
    let fraction = |of: i64| {
        vec![Element::Either(vec![vec![literal(".")], vec![literal(",")]]), Element::Fraction { of, least: 1, most: 9 }]
    };
    let second = vec![literal(":"), number(Field::Second, 2), maybe(fraction(1000))];
    let minute = vec![literal(":"), number(Field::Minute, 2), Element::Either(vec![second, fraction(60_000), Vec::new()])];
    vec![number(Field::Hour, 2), Element::Either(vec![minute, fraction(3_600_000), Vec::new()])]
}

/// `2024-05-17T10:30:15+01:00`, a date alone, a time alone.
fn timestamps() -> Vec<Element> {
    let offset = || maybe(vec![Element::Offset { colon: true }]);
    let time = [vec![literal("T")], times(), vec![offset()]].concat();
    let after_date = maybe(vec![literal("T"), maybe(times()), offset()]);
    vec![Element::Either(vec![time, [dates(), vec![after_date]].concat()])]
}

fn written(call: &Call<'_>) -> Result<ArrayRef> {
    let times = moments(call, 0)?;
    let ty = call.types.first().ok_or_else(|| call.wrong_layout())?;
    call.produce::<String>(|row| {
        let moment = times.get(call.place(0, row));
        let (day, of_day) = split(moment.local());
        Ok(Some(match ty {
            Type::Timestamp(digits) => format!("{}T{}", iso_date(day), clock(of_day, *digits)),
            Type::TimestampZoned(digits) => format!("{}T{}{}", iso_date(day), clock(of_day, *digits), offset(moment)?),
            _ => date(day),
        }))
    })
}

/// `Z`, `+01:00`.
fn offset(moment: Moment) -> Result<String> {
    let seconds = moment.zone.offset_at(moment.utc);
    let (sign, ahead) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let (hours, minutes, rest) = (ahead / 3600, ahead / 60 % 60, ahead % 60);
    match (seconds, rest) {
        (0, _) => Ok("Z".to_owned()),
        (_, 0) => Ok(format!("{sign}{hours:02}:{minutes:02}")),
        _ => {
            let offset = format!("{sign}{hours:02}:{minutes:02}:{rest:02}");
            let message = format!("Timezone with non-zero seconds offset cannot be rendered as ISO8601: {offset}");
            Err(AthenaError::of_values(ErrorName::InvalidArguments, message))
        }
    }
}
