//! Fields of a calendar as patterns read and write them.
//!
//! Owns: a field's value at a time, and the time when it is set to another.
//! Does not own: patterns (`pattern`), fields as functions (`field`).
//! Invariant: as Joda-Time's ISO chronology: setting a field keeps the others as far as it can, and names what it cannot be.

use crate::athena::values::date::{civil, days, first_monday, is_leap, length, week, weekday};

pub(super) const MILLIS_PER_DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;
/// What Joda-Time takes for a year and a month on average.
const YEAR: i64 = 31_556_952_000;
const MONTH: i64 = YEAR / 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// 1: AD.
    Era,
    Century,
    YearOfEra,
    Year,
    Weekyear,
    Month,
    DayOfYear,
    Day,
    Week,
    Weekday,
    /// 1: after noon.
    HalfDay,
    Hour,
    /// 1 to 24.
    ClockHour,
    /// 0 to 11.
    HalfHour,
    /// 1 to 12.
    ClockHalfHour,
    Minute,
    Second,
    /// Milliseconds of so many.
    Fraction(i64),
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::Era => "era",
            Self::Century => "centuryOfEra",
            Self::YearOfEra => "yearOfEra",
            Self::Year => "year",
            Self::Weekyear => "weekyear",
            Self::Month => "monthOfYear",
            Self::DayOfYear => "dayOfYear",
            Self::Day => "dayOfMonth",
            Self::Week => "weekOfWeekyear",
            Self::Weekday => "dayOfWeek",
            Self::HalfDay => "halfdayOfDay",
            Self::Hour => "hourOfDay",
            Self::ClockHour => "clockhourOfDay",
            Self::HalfHour => "hourOfHalfday",
            Self::ClockHalfHour => "clockhourOfHalfday",
            Self::Minute => "minuteOfHour",
            Self::Second => "secondOfMinute",
            Self::Fraction(_) => "millisOfSecond",
        }
    }

    /// Milliseconds of what it is a field of, and its own.
    pub(super) fn size(self) -> (i64, i64) {
        match self {
            Self::Era => (i64::MAX, i64::MAX),
            Self::Century => (i64::MAX, 100 * YEAR),
            Self::YearOfEra | Self::Year | Self::Weekyear => (i64::MAX, YEAR),
            Self::Month => (YEAR, MONTH),
            Self::DayOfYear => (YEAR, MILLIS_PER_DAY),
            Self::Day => (MONTH, MILLIS_PER_DAY),
            Self::Week => (YEAR, 7 * MILLIS_PER_DAY),
            Self::Weekday => (7 * MILLIS_PER_DAY, MILLIS_PER_DAY),
            Self::HalfDay => (MILLIS_PER_DAY, 12 * HOUR),
            Self::Hour | Self::ClockHour => (MILLIS_PER_DAY, HOUR),
            Self::HalfHour | Self::ClockHalfHour => (12 * HOUR, HOUR),
            Self::Minute => (HOUR, MINUTE),
            Self::Second => (MINUTE, 1000),
            Self::Fraction(of) => (of, 1),
        }
    }

    /// Whether a text that begins with it, of those it names, is of the year 2000.
    pub(super) fn is_without_year(self) -> bool {
        (MILLIS_PER_DAY..=MONTH).contains(&self.size().1)
    }

    /// Its value at a time, milliseconds since 1970.
    pub(super) fn get(self, at: i64) -> i64 {
        let (day, of_day) = (at.div_euclid(MILLIS_PER_DAY), at.rem_euclid(MILLIS_PER_DAY));
        let (year, month, of_month) = civil(day);
        let year_of_era = if year > 0 { year } else { 1 - year };
        let hour = of_day / HOUR;
        match self {
            Self::Era => i64::from(year > 0),
            Self::Century => year_of_era / 100,
            Self::YearOfEra => year_of_era,
            Self::Year => year,
            Self::Weekyear => week(day).0,
            Self::Month => month.into(),
            Self::DayOfYear => day - days(year, 1, 1) + 1,
            Self::Day => of_month.into(),
            Self::Week => week(day).1,
            Self::Weekday => weekday(day),
            Self::HalfDay => hour / 12,
            Self::Hour => hour,
            Self::ClockHour => (hour + 23) % 24 + 1,
            Self::HalfHour => hour % 12,
            Self::ClockHalfHour => (hour + 11) % 12 + 1,
            Self::Minute => of_day / MINUTE % 60,
            Self::Second => of_day / 1000 % 60,
            Self::Fraction(of) => of_day % of,
        }
    }

    /// Least and greatest value that it is set to at a time.
    fn bounds(self, at: i64) -> (i64, i64) {
        let (year, month, _) = civil(at.div_euclid(MILLIS_PER_DAY));
        match self {
            Self::Era | Self::HalfDay => (0, 1),
            Self::Century => (0, 2_922_789),
            Self::YearOfEra => (1, 292_278_993),
            Self::Year | Self::Weekyear => (-292_275_055, 292_278_994),
            Self::Month => (1, 12),
            Self::DayOfYear => (1, 365 + i64::from(is_leap(year))),
            Self::Day => (1, length(year, month).into()),
            Self::Week => (1, weeks(Self::Weekyear.get(at))),
            Self::Weekday => (1, 7),
            Self::Hour => (0, 23),
            Self::ClockHour => (1, 24),
            Self::HalfHour => (0, 11),
            Self::ClockHalfHour => (1, 12),
            Self::Minute | Self::Second => (0, 59),
            Self::Fraction(of) => (0, of - 1),
        }
    }

    /// The time when it has a value; what is wrong with that value.
    pub(super) fn set(self, at: i64, value: i64) -> Result<i64, String> {
        let (least, greatest) = self.bounds(at);
        if !(least..=greatest).contains(&value) {
            return Err(format!("Value {value} for {} must be in the range [{least},{greatest}]", self.name()));
        }
        let (day, of_day) = (at.div_euclid(MILLIS_PER_DAY), at.rem_euclid(MILLIS_PER_DAY));
        let day_moved = |day: i64| Ok(day * MILLIS_PER_DAY + of_day);
        let (year, month, of_month) = civil(day);
        match self {
            Self::Era if value == i64::from(year > 0) => Ok(at),
            Self::Era => Self::Year.set(at, -year),
            Self::Century => Self::YearOfEra.set(at, value * 100 + Self::YearOfEra.get(at) % 100),
            Self::YearOfEra => Self::Year.set(at, if year > 0 { value } else { 1 - value }),
            // The day and month stay, 29 February becomes 1 March or none.
            Self::Year => {
                let after_february = month > 2 || of_month > 28;
                let shift = i64::from(after_february) * (i64::from(is_leap(value)) - i64::from(is_leap(year)));
                day_moved(days(value, 1, 1) + Self::DayOfYear.get(at) - 1 + shift)
            }
            Self::Weekyear if value == week(day).0 => Ok(at),
            Self::Weekyear => {
                let number = week(day).1.min(weeks(value));
                day_moved(first_monday(value) + (number - 1) * 7 + weekday(day) - 1)
            }
            Self::Month => {
                let month = u32::try_from(value).unwrap_or(1);
                day_moved(days(year, month, of_month.min(length(year, month))))
            }
            Self::ClockHour => Ok(at + (value % 24 - Self::Hour.get(at)) * HOUR),
            Self::ClockHalfHour => Ok(at + (value % 12 - Self::HalfHour.get(at)) * HOUR),
            _ => Ok(at + (value - self.get(at)) * self.size().1),
        }
    }

    /// When the unit of it began that a time is in.
    pub(super) fn floor(self, at: i64) -> i64 {
        let day = at.div_euclid(MILLIS_PER_DAY);
        let (year, month, _) = civil(day);
        match self {
            Self::Era if year <= 0 => at,
            Self::Era => days(1, 1, 1) * MILLIS_PER_DAY,
            Self::Century => days(year.div_euclid(100) * 100, 1, 1) * MILLIS_PER_DAY,
            Self::YearOfEra | Self::Year => days(year, 1, 1) * MILLIS_PER_DAY,
            Self::Weekyear => first_monday(week(day).0) * MILLIS_PER_DAY,
            Self::Month => days(year, month, 1) * MILLIS_PER_DAY,
            Self::Week => (day - weekday(day) + 1) * MILLIS_PER_DAY,
            _ => {
                let unit = self.size().1;
                at.div_euclid(unit) * unit
            }
        }
    }
}

/// How many ISO weeks a year has.
fn weeks(year: i64) -> i64 {
    (first_monday(year + 1) - first_monday(year)) / 7
}
