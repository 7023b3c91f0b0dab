//! Patterns of dates and times, written and read.
//!
//! Owns: their elements, what a time is by them and what a text is.
//! Does not own: how patterns are spelled (`format`), fields (`calendar`).
//! Invariant: as Joda-Time's formatters, their messages and what they overlook too.

use std::fmt::Write as _;

use super::calendar::{Field, MILLIS_PER_DAY};
use super::zone_name;
use crate::athena::error::AthenaError;
use crate::athena::values::moment::Moment;
use crate::athena::values::zone::Zone;

/// A part of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Element {
    /// At least so many digits written, at most so many read.
    Number {
        field: Field,
        least: usize,
        most: usize,
        signed: bool,
    },
    /// The last two digits of a year within 50 of the pivot; `lenient`: one of more or fewer digits is meant as it stands.
    TwoDigits {
        field: Field,
        pivot: i64,
        lenient: bool,
    },
    /// Of a unit of so many milliseconds.
    Fraction {
        of: i64,
        least: usize,
        most: usize,
    },
    Name {
        field: Field,
        short: bool,
    },
    Literal(String),
    /// `+01:00`, or without the colon.
    Offset {
        colon: bool,
    },
    ZoneName {
        short: bool,
    },
    ZoneId,
    /// What reads most; an empty one that nothing need be read.
    Either(Vec<Vec<Element>>),
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub(super) struct Read {
    fields: Vec<(Field, i64)>,
    /// Milliseconds east of UTC.
    pub(super) offset: Option<i64>,
    pub(super) zone: Option<Zone>,
}

/// Most digits of a fraction that are written.
const FRACTION_DIGITS: usize = 15;
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The names of a field's values, and the value of the first.
fn names(field: Field) -> (&'static [&'static str], i64) {
    match field {
        Field::Month => (&MONTHS, 1),
        Field::Weekday => (&WEEKDAYS, 1),
        Field::HalfDay => (&["AM", "PM"], 0),
        _ => (&["BC", "AD"], 0),
    }
}

fn short(name: &'static str) -> &'static str {
    name.get(..3).unwrap_or(name)
}

/// A moment by a pattern.
pub(super) fn written(elements: &[Element], moment: Moment, millis: i64) -> Result<String, AthenaError> {
    let mut text = String::new();
    for element in elements {
        write_one(element, moment, millis, &mut text)?;
    }
    Ok(text)
}

fn write_one(element: &Element, moment: Moment, at: i64, text: &mut String) -> Result<(), AthenaError> {
    let mut number = |value: i64, least: usize| {
        let sign = if value < 0 { "-" } else { "" };
        let _ = write!(text, "{sign}{:0least$}", value.unsigned_abs());
    };
    match element {
        Element::Number { field, least, .. } => number(field.get(at), *least),
        Element::TwoDigits { field, .. } => number(field.get(at).abs() % 100, 2),
        Element::Fraction { of, least, most } => {
            let most = (*most).min(FRACTION_DIGITS);
            let scale = 10_i128.pow(u32::try_from(most).unwrap_or(0));
            let mut digits = match i128::from(Field::Fraction(*of).get(at)) {
                0 => "0".repeat(*least),
                fraction => format!("{:0most$}", fraction * scale / i128::from(*of)),
            };
            while digits.len() > *least && digits.ends_with('0') {
                digits.pop();
            }
            text.push_str(&digits);
        }
        Element::Name { field, short: is_short } => {
            let (names, first) = names(*field);
            let name = usize::try_from(field.get(at) - first).ok().and_then(|i| names.get(i)).copied().unwrap_or_default();
            text.push_str(if *is_short { short(name) } else { name });
        }
        Element::Literal(literal) => text.push_str(literal),
        Element::Offset { colon } => {
            let minutes = moment.zone.offset_at(moment.utc) / 60;
            let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
            let _ = write!(text, "{sign}{:02}{}{:02}", minutes / 60, if *colon { ":" } else { "" }, minutes % 60);
        }
        Element::ZoneName { short } => text.push_str(&zone_name::written(moment, *short)?),
        Element::ZoneId => text.push_str(&moment.zone.name()),
        Element::Either(all) => {
            for element in all.first().into_iter().flatten() {
                write_one(element, moment, at, text)?;
            }
        }
    }
    Ok(())
}

/// What a text is by a pattern, the whole of it.
pub(super) fn read(elements: &[Element], text: &str) -> Result<Read, AthenaError> {
    let mut read = Read::default();
    let wrong = match read_all(elements, text, 0, &mut read) {
        Ok(end) if end == text.len() => return Ok(read),
        Ok(end) | Err(end) => end,
    };
    let sample = match text.get(wrong..).and_then(|rest| rest.char_indices().nth(32)) {
        Some((end, _)) if text[wrong + end..].chars().count() > 3 => format!("{}...", &text[..wrong + end]),
        _ => text.to_owned(),
    };
    let how = match text.get(wrong..) {
        _ if wrong == 0 => String::new(),
        None | Some("") => " is too short".to_owned(),
        Some(_) => format!(" is malformed at \"{}\"", &sample[wrong..]),
    };
    Err(AthenaError::invalid_argument(format!("Invalid format: \"{sample}\"{how}")))
}

/// Reads elements from a place on; the place after them, or where the text is wrong.
fn read_all(elements: &[Element], text: &str, from: usize, read: &mut Read) -> Result<usize, usize> {
    elements.iter().try_fold(from, |at, element| read_one(element, text, at, read))
}

fn read_one(element: &Element, text: &str, at: usize, read: &mut Read) -> Result<usize, usize> {
    let rest = text.get(at..).ok_or(at)?;
    let starts = |start: &str| {
        let head = rest.get(..start.len());
        head.is_some_and(|head| head == start || head.to_lowercase() == start.to_lowercase())
    };
    match element {
        Element::Number { field, most, signed, .. } => {
            let (value, length) = number(rest, *most, *signed).ok_or(at)?;
            read.fields.push((*field, value));
            Ok(at + length)
        }
        Element::TwoDigits { field, pivot, lenient } => {
            let (value, length) = number(rest, if *lenient { 9 } else { 2 }, *lenient).ok_or(at)?;
            let is_short = length == 2 && rest.bytes().take(2).all(|b| b.is_ascii_digit());
            if !is_short && !lenient {
                return Err(at);
            }
            let low = pivot - 50;
            read.fields.push((*field, if is_short { low + (value - low).rem_euclid(100) } else { value }));
            Ok(at + length)
        }
        Element::Fraction { of, most, .. } => {
            let count = rest.bytes().take(*most).take_while(u8::is_ascii_digit).count();
            let mut unit = of * 10;
            let value: i64 = rest[..count]
                .bytes()
                .map(|digit| {
                    unit /= 10;
                    i64::from(digit - b'0') * unit
                })
                .sum();
            read.fields.push((Field::Fraction(*of), value / 10));
            if count == 0 { Err(at) } else { Ok(at + count) }
        }
        Element::Name { field, .. } => {
            let (value, length) = named(rest, *field).ok_or(at)?;
            read.fields.push((*field, value));
            Ok(at + length)
        }
        Element::Literal(literal) => {
            if starts(literal) {
                Ok(at + literal.len())
            } else {
                Err(at)
            }
        }
        Element::Offset { .. } if starts("Z") => {
            read.offset = Some(0);
            Ok(at + 1)
        }
        Element::Offset { .. } => {
            let (offset, length) = offset(rest).map_err(|wrong| at + wrong)?;
            read.offset = Some(offset);
            Ok(at + length)
        }
        Element::ZoneName { .. } | Element::ZoneId => {
            let is_id = matches!(element, Element::ZoneId);
            let (zone, length) = if is_id { zone_name::id(rest) } else { zone_name::short(rest) }.ok_or(at)?;
            read.zone = Some(zone);
            Ok(at + length)
        }
        Element::Either(all) => either(all, text, at, read),
    }
}

fn either(all: &[Vec<Element>], text: &str, at: usize, read: &mut Read) -> Result<usize, usize> {
    let before = read.clone();
    let (mut best, mut wrong): (Option<(usize, Read)>, usize) = (None, at);
    for elements in all {
        let mut tried = before.clone();
        match read_all(elements, text, at, &mut tried) {
            Ok(end) if best.as_ref().is_none_or(|(furthest, _)| end > *furthest) => best = Some((end, tried)),
            Ok(_) => {}
            Err(end) => wrong = wrong.max(end),
        }
    }
    let (end, found) = best.ok_or(wrong)?;
    *read = found;
    Ok(end)
}

/// A number at the beginning of a text, and how many bytes it has.
fn number(text: &str, most: usize, signed: bool) -> Option<(i64, usize)> {
    let sign = usize::from(signed && text.starts_with(['+', '-']));
    let digits = text[sign..].bytes().take(most).take_while(u8::is_ascii_digit).count();
    let value: i64 = text[sign..sign + digits].parse().ok()?;
    Some((if text.starts_with('-') && sign > 0 { -value } else { value }, sign + digits))
}

/// The value that a name at the beginning of a text has, the longest: as it is written, in small letters or in capitals.
fn named(text: &str, field: Field) -> Option<(i64, usize)> {
    let (names, first) = names(field);
    let is_it = |name: &str| {
        let head = text.get(..name.len()).filter(|head| head.eq_ignore_ascii_case(name));
        head.is_some_and(|head| head == name || head == name.to_lowercase() || head == name.to_uppercase())
    };
    let values = (first..).zip(names).flat_map(|(value, name)| [(value, *name), (value, short(name))]);
    values.filter(|(_, name)| is_it(name)).map(|(value, name)| (value, name.len())).max_by_key(|(_, length)| *length)
}

/// `+01`, `+0100`, `+01:00`, `+01:00:00` in milliseconds; where it is wrong.
fn offset(text: &str) -> Result<(i64, usize), usize> {
    let two = |at: usize, most: i64| {
        let value: i64 = text.get(at..at + 2).filter(|two| two.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
        (value <= most).then_some(value)
    };
    if !text.starts_with(['+', '-']) || text.len() < 2 {
        return Err(0);
    }
    let mut seconds = two(1, 23).ok_or(1_usize)? * 3600;
    let mut at = 3;
    let colon = usize::from(text[at..].starts_with(':'));
    for unit in [60, 1] {
        let next = text.as_bytes().get(at);
        let goes_on = if colon == 1 { next == Some(&b':') } else { next.is_some_and(u8::is_ascii_digit) };
        if !goes_on {
            break;
        }
        seconds += two(at + colon, 59).ok_or(at + colon)? * unit;
        at += colon + 2;
    }
    Ok((if text.starts_with('-') { -seconds } else { seconds } * 1000, at))
}

impl Read {
    /// The time that the fields say, on the clock they are of: milliseconds since 1970.
    pub(super) fn local(mut self, text: &str) -> Result<i64, AthenaError> {
        // The largest first; what is set later wins.
        let size = |field: Field| std::cmp::Reverse(field.size());
        self.fields.sort_by_key(|(field, _)| size(*field));
        if self.fields.first().is_some_and(|(field, _)| field.is_without_year()) {
            self.fields.insert(0, (Field::Year, 2000));
        }
        let set = |at: i64, field: Field, value: i64| {
            field.set(at, value).map_err(|why| AthenaError::invalid_argument(format!("Cannot parse \"{text}\": {why}")))
        };
        let begun = self.fields.iter().try_fold(0, |at, (field, value)| Ok(field.floor(set(at, *field, *value)?)))?;
        let at = self.fields.iter().try_fold(begun, |at, (field, value)| set(at, *field, *value))?;
        Ok(self.fields.last().map_or(at, |(field, _)| field.floor(at)))
    }
}

/// The day of a time, and milliseconds since its midnight.
pub(super) fn day_of(at: i64) -> i64 {
    at.div_euclid(MILLIS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use crate::athena::eval::tests::value_of;

    #[test]
    fn a_text_is_never_read_otherwise_than_by_joda_time() {
        for (expression, expected) in [
            ("date_parse('Wed Jan 2 2024', '%a %b %e %Y')", "2024-01-03 00:00:00.000"),
            ("date_parse('Tuesday', '%W')", "2000-12-26 00:00:00.000"),
            ("date_parse('15:04:05.123456', '%T.%f')", "1970-01-01 15:04:05.123"),
            ("parse_datetime('BC 0005', 'G YYYY')", "-0004-01-01 00:00:00.000 UTC"),
            ("parse_datetime('24-01-02', 'yy-MM-dd')", "2024-01-02 00:00:00.000 UTC"),
            ("date_format(TIMESTAMP '2024-01-02 15:04:05.1239', '%f %r')", "124000 03:04:05 PM"),
            ("from_iso8601_timestamp('2024-W10-3T10.5Z')", "2024-03-06 10:30:00.000 UTC"),
        ] {
            assert_eq!(value_of(expression), Ok(expected.into()), "{expression}");
        }
        for (expression, fault) in [
            ("date_parse('2024-02-30', '%Y-%m-%d')", "Invalid date 'FEBRUARY 30'"),
            ("date_parse('2024-01-02 15', '%Y-%m-%d')", "Invalid format: \"2024-01-02 15\" is malformed at \" 15\""),
            ("date_parse('2024', '%Y-%m')", "Invalid format: \"2024\" is too short"),
            (
                "parse_datetime('2024-13-02', 'yyyy-MM-dd')",
                "Cannot parse \"2024-13-02\": Value 13 for monthOfYear must be in the range [1,12]",
            ),
        ] {
            assert_eq!(value_of(expression), Err(format!("INVALID_FUNCTION_ARGUMENT: {fault}")), "{expression}");
        }
    }
}
