//! Dates.
//!
//! Owns: days since 1970 and the calendar (proleptic Gregorian, as Trino's), reading them.
//! Does not own: times of the day (`time`).
//! Invariant: a day that the calendar does not have is none.

/// Days since 1970 of a calendar day; `None` when there is no such day.
pub(crate) fn from_civil(year: i64, month: u32, day: u32) -> Option<i32> {
    if !(1..=12).contains(&month) || day == 0 || day > length(year, month) {
        return None;
    }
    i32::try_from(days(year, month, day)).ok()
}

/// Days since 1970 of a day that there is.
pub(crate) fn days(year: i64, month: u32, day: u32) -> i64 {
    // Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, eras have 400 years.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month = i64::from((month + 9) % 12);
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The day so many months later; of a shorter month its last.
pub(crate) fn plus_months(day: i64, months: i64) -> i64 {
    let (year, month, of_month) = civil(day);
    let month = i64::from(month) - 1 + months;
    let (year, month) = (year + month.div_euclid(12), u32::try_from(month.rem_euclid(12)).unwrap_or(0) + 1);
    days(year, month, of_month.min(length(year, month)))
}

/// How many days a month has.
pub(crate) fn length(year: i64, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

pub(crate) fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

/// Monday is 1.
pub(crate) fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7) + 1
}

/// The ISO week that a day is in: its year and number.
pub(crate) fn week(day: i64) -> (i64, i64) {
    // That of its Thursday.
    let thursday = day - weekday(day) + 4;
    let (year, _, _) = civil(thursday);
    (year, (thursday - days(year, 1, 1)) / 7 + 1)
}

/// The Monday of the first ISO week of a year.
pub(crate) fn first_monday(year: i64) -> i64 {
    let fourth = days(year, 1, 4);
    fourth - weekday(fourth) + 1
}

/// Year, month and day of a day, by days since 1970.
pub(crate) fn civil(days: i64) -> (i64, u32, u32) {
    // Hinnant's inverse of `from_civil`.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

/// Reads `[+-]y-m-d`, where month and day may have one digit, blanks around it.
pub(crate) fn parse(text: &str) -> Option<i32> {
    let (days, rest) = prefix(text.trim())?;
    rest.is_empty().then_some(days)
}

/// Reads a date at the beginning of a text, and what follows it.
pub(crate) fn prefix(text: &str) -> Option<(i32, &str)> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (year, rest) = digits(unsigned, 9)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let year = i64::from(year);
    Some((from_civil(if negative { -year } else { year }, month, day)?, rest))
}

/// One to `most` digits at the beginning of a text, and what follows.
pub(super) fn digits(text: &str, most: usize) -> Option<(u32, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(count);
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_day_is_none() {
        for wrong in [
            "2024-02-30",
            "2023-02-29",
            "1900-02-29",
            "2024-01",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "x",
            "",
            "2024-01-02 10:00",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        for (right, days) in
            [("1970-01-01", 0), ("2024-1-2", 19_724), (" +2024-01-02 ", 19_724), ("2000-02-29", 11_016), ("1969-12-31", -1)]
        {
            assert_eq!(parse(right), Some(days), "{right}");
        }
    }
}
