//! Casts to dates, times and timestamps.
//!
//! Owns: them as one another and from text.
//! Does not own: the forms of texts (`values`), their own texts (`text`).
//! Invariant: a smaller precision is rounded half up; what gets a zone gets the session's, UTC, and keeps what its clock shows.

use arrow::array::{Array as _, ArrayRef};

use super::Result;
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg as _, Produce as _, Text};
use crate::athena::types::Type;
use crate::athena::values::date;
use crate::athena::values::layout::arrow_type;
use crate::athena::values::moment::{Moment, Moments};
use crate::athena::values::time::{self, PICOS_PER_DAY, PICOS_PER_SECOND, rounded};
use crate::athena::values::zone::{self, NoZone, Zone};

pub(super) fn cast(values: &ArrayRef, from: &Type, to: &Type, tries: bool) -> Result<ArrayRef> {
    if is_of_today(from, to) {
        let message =
            format!("a cast of {from} to {to} within an array, a map or a row is not computed here yet; cast each value");
        return Err(AthenaError::not_supported(message));
    }
    let is_widened = match (from, to) {
        (Type::Time(less), Type::Time(more))
        | (Type::TimeZoned(less), Type::TimeZoned(more))
        | (Type::Timestamp(less), Type::Timestamp(more))
        | (Type::TimestampZoned(less), Type::TimestampZoned(more)) => less <= more && arrow_type(from) == arrow_type(to),
        _ => false,
    };
    if is_widened {
        return Ok(values.clone());
    }
    if !matches!(from, Type::Varchar(_)) {
        let moments = Moments::of(values, from)?;
        return each(values, to, tries, |at| Ok(converted(moments.get(at), from, to)));
    }
    let texts = Text::reader(values)?;
    each(values, to, tries, |at| {
        let text = Text::get(&texts, at);
        read(text, to)?.ok_or_else(|| AthenaError::invalid_cast(format!("Value cannot be cast to {}: {text}", named(to))))
    })
}

/// Whether a cast puts a time on the day of the statement.
pub(in crate::athena::eval) fn is_of_today(from: &Type, to: &Type) -> bool {
    matches!(from, Type::Time(_) | Type::TimeZoned(_)) && matches!(to, Type::Timestamp(_) | Type::TimestampZoned(_))
}

/// Times on the day that the statement began on, in UTC.
pub(in crate::athena::eval) fn of_today(values: &ArrayRef, from: &Type, to: &Type, start: i128) -> Result<ArrayRef> {
    let midnight = start.div_euclid(PICOS_PER_DAY) * PICOS_PER_DAY;
    let moments = Moments::of(values, from)?;
    each(values, to, false, |at| {
        let moment = moments.get(at);
        let local = midnight + moment.local().rem_euclid(PICOS_PER_DAY);
        Ok(converted(Moment { utc: moment.zone.utc_of(local), ..moment }, &Type::TimestampZoned(12), to))
    })
}

/// A value for each that is not NULL; NULL for a fault when `tries`.
fn each(values: &ArrayRef, to: &Type, tries: bool, f: impl Fn(usize) -> Result<Moment>) -> Result<ArrayRef> {
    let one = |at: usize| match f(at) {
        _ if values.is_null(at) => Ok(None),
        Err(_) if tries => Ok(None),
        value => value.map(Some),
    };
    Moment::array((0..values.len()).map(one).collect::<Result<_>>()?, to)
}

/// What Trino calls a type that a text is none of.
fn named(ty: &Type) -> &'static str {
    match ty {
        Type::TimestampZoned(_) => "timestamp",
        other => other.base(),
    }
}

fn read(text: &str, to: &Type) -> Result<Option<Moment>> {
    Ok(match to {
        Type::Date => date::parse(text).map(|days| Moment::plain(i128::from(days) * PICOS_PER_DAY)),
        Type::Time(digits) => time::clock(text)
            .ok()
            .filter(|clock| clock.rest.trim_start().is_empty())
            .map(|clock| Moment::plain(rounded(clock.picos.into(), *digits))),
        Type::TimeZoned(digits) => time::zoned_clock(text).map(|(clock, offset)| {
            let zone = Zone::Offset(offset.unwrap_or(0));
            Moment { utc: zone.utc_of(rounded(clock.picos.into(), *digits)), zone }
        }),
        Type::Timestamp(digits) => {
            let Some(written) = time::any_timestamp(text.trim()) else { return Ok(None) };
            let has_zone = written.zone.is_none_or(|name| zone::parse(name) != Err(NoZone::Unknown));
            has_zone.then(|| Moment::plain(rounded(written.picos, *digits)))
        }
        Type::TimestampZoned(digits) => {
            let Some(written) = time::any_timestamp(text.trim()) else { return Ok(None) };
            let zone = match written.zone.map_or(Ok(Zone::UTC), zone::parse) {
                Ok(zone) => zone,
                Err(NoZone::Unknown) => return Ok(None),
                Err(NoZone::Unsupported) => {
                    let name = written.zone.unwrap_or_default();
                    return Err(AthenaError::not_supported(format!("Time zone not supported: {name}")));
                }
            };
            let moment = Moment { utc: zone.utc_of(rounded(written.picos, *digits)), zone };
            moment.has_zone_range().then_some(moment)
        }
        _ => None,
    })
}

fn converted(moment: Moment, from: &Type, to: &Type) -> Moment {
    let local = moment.local();
    match to {
        Type::Date => Moment::plain(local),
        Type::Time(digits) => {
            // Trino takes a second too few of a timestamp before 1970 that has a fraction.
            let is_early =
                local < 0 && matches!(from, Type::Timestamp(_)) && local.rem_euclid(PICOS_PER_SECOND.into()) >= 1_000_000;
            let local = local - if is_early { i128::from(PICOS_PER_SECOND) } else { 0 };
            Moment::plain(rounded(local, *digits))
        }
        Type::TimeZoned(digits) => {
            // Of a zone its offset at that time, without seconds.
            let zone = Zone::Offset(i32::try_from(moment.zone.offset_at(moment.utc) / 60).unwrap_or(0));
            Moment { utc: zone.utc_of(rounded(local, *digits)), zone }
        }
        Type::Timestamp(digits) => Moment::plain(rounded(local, *digits)),
        Type::TimestampZoned(digits) if matches!(from, Type::TimestampZoned(_)) => {
            Moment { utc: rounded(moment.utc, *digits), ..moment }
        }
        Type::TimestampZoned(digits) => Moment::plain(rounded(local, *digits)),
        _ => moment,
    }
}

#[cfg(test)]
mod tests {
    use crate::athena::eval::tests::value_of;

    #[test]
    fn a_digit_that_does_not_fit_is_never_cut_off() {
        for (expression, expected) in [
            ("CAST('2024-12-31 23:59:59.9999' AS timestamp(0))", "2025-01-01 00:00:00"),
            ("CAST(TIME '23:59:59.9999+05:30' AS time(3) with time zone)", "00:00:00.000+05:30"),
            ("CAST(TIMESTAMP '1960-01-02 23:59:59.1234565' AS timestamp(6))", "1960-01-02 23:59:59.123457"),
            (
                "CAST('2024-03-10 02:30:00 America/New_York' AS timestamp with time zone)",
                "2024-03-10 03:30:00.000 America/New_York",
            ),
            ("CAST(TIMESTAMP '2024-07-02 22:00:00 America/New_York' AS time with time zone)", "22:00:00.000-04:00"),
        ] {
            assert_eq!(value_of(expression), Ok(expected.into()), "{expression}");
        }
        assert_eq!(value_of("TRY_CAST('x' AS date)"), Ok(serde_json::Value::Null));
    }
}
