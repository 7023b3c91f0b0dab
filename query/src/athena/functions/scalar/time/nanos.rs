//! ISO 8601 to the nanosecond.
//!
//! Owns: the text of `from_iso8601_timestamp_nanos`.
//! Does not own: ISO 8601 to the millisecond (`iso`).
//! Invariant: as Java's `DateTimeFormatter.ISO_DATE_TIME`, which names the place where a text is wrong.

use super::format::no_day;
use crate::athena::error::AthenaError;
use crate::athena::values::date::from_civil;
use crate::athena::values::moment::Moment;
use crate::athena::values::time::{PICOS_PER_DAY, PICOS_PER_SECOND};
use crate::athena::values::zone::{OFFSET_MINUTES_MAX, Zone, parse};

const DIGITS_MAX: usize = 9;

/// A place in a text.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

/// What a text says.
pub(super) fn parsed(text: &str) -> Result<Moment, AthenaError> {
    let wrong = |how: String| AthenaError::invalid_argument(format!("Text '{text}' could not be parsed{how}"));
    let mut cursor = Cursor { text, at: 0 };
    let read = moment(&mut cursor).ok_or_else(|| wrong(format!(" at index {}", cursor.at)))?;
    if cursor.at < text.len() {
        return Err(wrong(format!(", unparsed text found at index {}", cursor.at)));
    }
    let (date, clock, rest) = read;
    let [hour, minute, second] = clock.map(u32::from);
    let days = from_civil(date.0, date.1, date.2).ok_or_else(|| wrong(format!(": {}", no_day(date.0, date.1, date.2))))?;
    for (value, most, name) in [(hour, 23, "HourOfDay"), (minute, 59, "MinuteOfHour"), (second, 59, "SecondOfMinute")] {
        if value > most {
            return Err(wrong(format!(": Invalid value for {name} (valid values 0 - {most}): {value}")));
        }
    }
    let seconds = i128::from(hour * 3600 + minute * 60 + second) * i128::from(PICOS_PER_SECOND);
    let local = i128::from(days) * PICOS_PER_DAY + seconds + rest.fraction;
    let minutes = rest.minutes.unwrap_or(0);
    if minutes.abs() >= 24 * 60 {
        return Err(wrong(": Value out of range: Hour[0-23], Minute[0-59], Second[0-59]".to_owned()));
    }
    let offset = Zone::Offset(minutes);
    if rest.id.is_none() && minutes.abs() > OFFSET_MINUTES_MAX {
        return Err(AthenaError::not_supported(format!("Time zone not supported: {}", offset.name())));
    }
    Ok(Moment { utc: offset.utc_of(local), zone: rest.id.unwrap_or(offset) })
}

/// What follows the seconds.
struct Rest {
    /// Picoseconds.
    fraction: i128,
    minutes: Option<i32>,
    id: Option<Zone>,
}

type Day = (i64, u32, u32);

/// Reads it all; where it cannot, the cursor stays.
fn moment(cursor: &mut Cursor<'_>) -> Option<(Day, [u8; 3], Rest)> {
    let year = cursor.year()?;
    cursor.take('-')?;
    let month = cursor.two()?;
    cursor.take('-')?;
    let day = cursor.two()?;
    cursor.take('T').or_else(|| cursor.take('t'))?;
    let hour = cursor.two()?;
    cursor.take(':')?;
    let minute = cursor.two()?;
    let second = cursor.maybe(|cursor| cursor.take(':').and_then(|()| cursor.two()));
    let fraction = if second.is_some() { cursor.maybe(Cursor::fraction) } else { None };
    let minutes = cursor.maybe(Cursor::offset);
    let id = if minutes.is_some() { cursor.maybe(Cursor::id) } else { None };
    let rest = Rest { fraction: fraction.unwrap_or(0), minutes, id };
    Some(((year, month.into(), day.into()), [hour, minute, second.unwrap_or(0)], rest))
}

impl<'t> Cursor<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// What may be left out.
    fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.at;
        let found = read(self);
        if found.is_none() {
            self.at = before;
        }
        found
    }

    fn take(&mut self, c: char) -> Option<()> {
        self.rest().starts_with(c).then(|| self.at += c.len_utf8())
    }

    fn digits(&self) -> usize {
        self.rest().bytes().take_while(u8::is_ascii_digit).count()
    }

    fn two(&mut self) -> Option<u8> {
        let value = self.rest().get(..2).filter(|_| self.digits() >= 2)?.parse().ok()?;
        self.at += 2;
        Some(value)
    }

    /// Four digits, more of them after a sign.
    fn year(&mut self) -> Option<i64> {
        let sign = usize::from(self.rest().starts_with(['+', '-']));
        let digits = self.rest()[sign..].bytes().take_while(u8::is_ascii_digit).count();
        let is_written = if sign == 0 { digits == 4 } else { (4..=10).contains(&digits) };
        let year = self.rest().get(..sign + digits).filter(|_| is_written)?.parse().ok()?;
        self.at += sign + digits;
        Some(year)
    }

    fn fraction(&mut self) -> Option<i128> {
        self.take('.')?;
        let count = self.digits().min(DIGITS_MAX);
        let padded = format!("{:0<12}", self.rest().get(..count)?);
        self.at += count;
        padded.parse().ok()
    }

    /// `Z` or `+01:00`, in minutes.
    fn offset(&mut self) -> Option<i32> {
        if self.take('Z').or_else(|| self.take('z')).is_some() {
            return Some(0);
        }
        let east = self.rest().starts_with('+');
        self.take('+').or_else(|| self.take('-'))?;
        let hours = self.two()?;
        self.take(':')?;
        let minutes = i32::from(hours) * 60 + i32::from(self.two()?);
        Some(if east { minutes } else { -minutes })
    }

    /// `[Europe/Berlin]`
    fn id(&mut self) -> Option<Zone> {
        self.take('[')?;
        let id = self.rest().get(..self.rest().find(']')?)?;
        self.at += id.len() + 1;
        parse(id).ok()
    }
}
