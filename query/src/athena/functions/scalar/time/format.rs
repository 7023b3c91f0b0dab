//! Times by a pattern.
//!
//! Owns: `date_format` and `date_parse` with MySQL's codes, `format_datetime` and `parse_datetime` with Joda-Time's letters.
//! Does not own: what the patterns' elements write and read (`pattern`).
//! Invariant: milliseconds and no more; a pattern is read once for all rows that have the same.

use std::cell::RefCell;

use arrow::array::ArrayRef;

use super::calendar::Field;
use super::pattern::{Element, day_of, read, written};
use super::unix::millis;
use super::{Call, Compute, Result, joda, moments};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg, Text};
use crate::athena::types::Type;
use crate::athena::values::date;
use crate::athena::values::moment::{Moment, PICOS_PER_MILLI};
use crate::athena::values::zone::{OFFSET_MINUTES_MAX, Zone};

const PICOS_PER_MICRO: i128 = 1_000_000;
/// Of two digits: MySQL's are 1970 to 2069.
const MYSQL_PIVOT: i64 = 2020;
/// The commonest pattern, which Trino reads otherwise, with other messages.
const ISO_DATE: &str = "%Y-%m-%d";

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "date_format" => |call| formatted(call, mysql),
        "format_datetime" => |call| formatted(call, |pattern| of_joda(call, pattern)),
        "date_parse" => |call| {
            // Of the commonest pattern a year may have more digits.
            let compile =
                |pattern: &str| if pattern == ISO_DATE { joda::elements("yyyy-MM-dd", MYSQL_PIVOT) } else { mysql(pattern) };
            parsed(call, compile, plain)
        },
        "parse_datetime" => |call| parsed(call, |pattern| of_joda(call, pattern), |text, _, elements| zoned(text, elements)),
        _ => return None,
    })
}

/// The pattern of the row before, most often that of this one too.
struct Patterns<F> {
    compile: F,
    last: RefCell<(String, Vec<Element>)>,
}

impl<F: Fn(&str) -> Result<Vec<Element>>> Patterns<F> {
    fn new(compile: F) -> Self {
        Self { compile, last: RefCell::default() }
    }

    fn with<T>(&self, pattern: &str, f: impl FnOnce(&[Element]) -> Result<T>) -> Result<T> {
        let is_last = self.last.borrow().0 == pattern && !pattern.is_empty();
        if !is_last {
            let elements = (self.compile)(pattern)?;
            self.last.replace((pattern.to_owned(), elements));
        }
        f(&self.last.borrow().1)
    }
}

fn formatted(call: &Call<'_>, compile: impl Fn(&str) -> Result<Vec<Element>>) -> Result<ArrayRef> {
    let (times, texts, patterns) = (moments(call, 0)?, Text::reader(call.values(1)?)?, Patterns::new(compile));
    call.produce::<String>(|row| {
        let moment = times.get(call.place(0, row));
        patterns
            .with(Text::get(&texts, call.place(1, row)), |elements| written(elements, moment, millis(moment.local())).map(Some))
    })
}

fn parsed(
    call: &Call<'_>,
    compile: impl Fn(&str) -> Result<Vec<Element>>,
    one: impl Fn(&str, &str, &[Element]) -> Result<Moment>,
) -> Result<ArrayRef> {
    let patterns = Patterns::new(compile);
    call.try2::<Text, Text, Moment>(|text, pattern| patterns.with(pattern, |elements| one(text, pattern, elements)).map(Some))
}

/// Joda-Time's pattern; of a time without a zone one without zones.
fn of_joda(call: &Call<'_>, pattern: &str) -> Result<Vec<Element>> {
    let elements = joda::elements(pattern, Field::Year.get(millis(call.session.start)))?;
    let is_of_zone = |element: &Element| matches!(element, Element::Offset { .. } | Element::ZoneName { .. } | Element::ZoneId);
    if matches!(call.types, [Type::Timestamp(_), _]) && elements.iter().any(is_of_zone) {
        return Err(call.invalid(
            "format_datetime for TIMESTAMP type, cannot use 'Z' nor 'z' in format, as this type does not contain TZ information",
        ));
    }
    Ok(elements)
}

/// A text without a zone.
fn plain(text: &str, pattern: &str, elements: &[Element]) -> Result<Moment> {
    let moment = match fast(text, pattern) {
        Some(moment) => moment?,
        None => Moment::plain(i128::from(read(elements, text)?.local(text)?) * PICOS_PER_MILLI),
    };
    match i64::try_from(moment.utc.div_euclid(PICOS_PER_MICRO)) {
        Ok(_) => Ok(moment),
        Err(_) => Err(AthenaError::invalid_argument("long overflow")),
    }
}

/// A text with its zone or offset, else in UTC.
pub(super) fn zoned(text: &str, elements: &[Element]) -> Result<Moment> {
    let is_name = |element: &Element| matches!(element, Element::ZoneName { short: false });
    // Joda-Time reads a long name only where it is the whole pattern, and as a short one.
    if elements.len() > 1 && elements.iter().any(is_name) {
        return Err(AthenaError::internal(&"Parsing not supported"));
    }
    let moment = with_zone(text, elements)?;
    if moment.has_zone_range() {
        return Ok(moment);
    }
    Err(AthenaError::invalid_argument(format!("Millis overflow: {}", moment.utc.div_euclid(PICOS_PER_MILLI))))
}

fn with_zone(text: &str, elements: &[Element]) -> Result<Moment> {
    let found = read(elements, text)?;
    let (zone, offset) = (found.zone, found.offset);
    let local = i128::from(found.local(text)?) * PICOS_PER_MILLI;
    if let Some(zone) = zone {
        if !zone.has(local) {
            let why = format!("Illegal instant due to time zone offset transition ({})", zone.name());
            return Err(AthenaError::invalid_argument(format!("Cannot parse \"{text}\": {why}")));
        }
        return Ok(Moment { utc: zone.utc_of(local), zone });
    }
    let seconds = offset.unwrap_or(0) / 1000;
    let minutes = i32::try_from(seconds / 60).unwrap_or(i32::MAX);
    if seconds % 60 != 0 || minutes.abs() > OFFSET_MINUTES_MAX {
        let rest = if seconds % 60 == 0 { String::new() } else { format!(":{:02}", seconds.abs() % 60) };
        let sign = if seconds < 0 { '-' } else { '+' };
        let name = format!("{sign}{:02}:{:02}{rest}", seconds.abs() / 3600, seconds.abs() / 60 % 60);
        return Err(AthenaError::not_supported(format!("Time zone not supported: {name}")));
    }
    let zone = Zone::Offset(minutes);
    Ok(Moment { utc: zone.utc_of(local), zone })
}

/// Ten digits and dashes by the commonest pattern.
fn fast(text: &str, pattern: &str) -> Option<Result<Moment>> {
    let bytes = text.as_bytes();
    let is_date = bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
    if pattern != ISO_DATE || !is_date {
        return None;
    }
    let (year, month, day) = (text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?);
    Some(match date::from_civil(year, month, day) {
        Some(days) => Ok(Moment::plain(i128::from(days) * crate::athena::values::time::PICOS_PER_DAY)),
        None => Err(AthenaError::invalid_argument(no_day(year, month, day))),
    })
}

/// What Java says of a day that there is not.
pub(super) fn no_day(year: i64, month: u32, day: u32) -> String {
    const NAMES: [&str; 12] = [
        "JANUARY",
        "FEBRUARY",
        "MARCH",
        "APRIL",
        "MAY",
        "JUNE",
        "JULY",
        "AUGUST",
        "SEPTEMBER",
        "OCTOBER",
        "NOVEMBER",
        "DECEMBER",
    ];
    match usize::try_from(month).ok().and_then(|month| NAMES.get(month.checked_sub(1)?)) {
        None => format!("Invalid value for MonthOfYear (valid values 1 - 12): {month}"),
        _ if !(1..=31).contains(&day) => format!("Invalid value for DayOfMonth (valid values 1 - 28/31): {day}"),
        Some(_) if (month, day) == (2, 29) => format!("Invalid date 'February 29' as '{year}' is not a leap year"),
        Some(name) => format!("Invalid date '{name} {day}'"),
    }
}

/// MySQL's codes.
fn mysql(format: &str) -> Result<Vec<Element>> {
    let mut elements = Vec::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        let Some(code) = (if c == '%' { chars.next() } else { Some('\0') }) else { break };
        if code == '\0' {
            elements.push(Element::Literal(c.to_string()));
        } else {
            elements.push(mysql_code(code)?);
        }
    }
    if elements.is_empty() {
        return Err(AthenaError::invalid_argument("Both printing and parsing not supported"));
    }
    Ok(elements)
}

fn mysql_code(code: char) -> Result<Element> {
    use Field::{ClockHalfHour, Day, DayOfYear, HalfDay, Hour, Minute, Month, Second, Week, Weekday, Weekyear, Year};
    let number = |field, least, most| Element::Number { field, least, most, signed: matches!(field, Year | Weekyear) };
    let name = |field, short| Element::Name { field, short };
    let clock = |hour| {
        let colon = || Element::Literal(":".to_owned());
        vec![number(hour, 2, 2), colon(), number(Minute, 2, 2), colon(), number(Second, 2, 2)]
    };
    Ok(match code {
        'a' => name(Weekday, true),
        'b' => name(Month, true),
        'c' => number(Month, 1, 2),
        'd' => number(Day, 2, 2),
        'e' => number(Day, 1, 2),
        'f' => Element::Fraction { of: 1000, least: 6, most: 9 },
        'H' => number(Hour, 2, 2),
        'h' | 'I' => number(ClockHalfHour, 2, 2),
        'i' => number(Minute, 2, 2),
        'j' => number(DayOfYear, 3, 3),
        'k' => number(Hour, 1, 2),
        'l' => number(ClockHalfHour, 1, 2),
        'M' => name(Month, false),
        'm' => number(Month, 2, 2),
        'p' => name(HalfDay, false),
        'r' => {
            Element::Either(vec![[clock(ClockHalfHour), vec![Element::Literal(" ".to_owned()), name(HalfDay, false)]].concat()])
        }
        'S' | 's' => number(Second, 2, 2),
        'T' => Element::Either(vec![clock(Hour)]),
        'v' => number(Week, 2, 2),
        'W' => name(Weekday, false),
        'x' => number(Weekyear, 4, 4),
        'Y' => number(Year, 4, 4),
        'y' => Element::TwoDigits { field: Year, pivot: MYSQL_PIVOT, lenient: false },
        'D' | 'U' | 'u' | 'V' | 'w' | 'X' => {
            return Err(AthenaError::invalid_argument(format!("%{code} not supported in date format string")));
        }
        other => Element::Literal(other.to_string()),
    })
}

/// The day that a text is by a pattern.
pub(super) fn date_of(text: &str, elements: &[Element]) -> Result<i64> {
    Ok(day_of(read(elements, text)?.local(text)?))
}
