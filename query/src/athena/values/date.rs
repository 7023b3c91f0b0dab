//! Dates.
//!
//! Owns: days since 1970 and the calendar (proleptic Gregorian, as Trino's), reading them.
//! Does not own: times of the day (`time`).
//! Invariant: a day that the calendar does not have is none.

/// Days since 1970 of a calendar day; `None` when there is no such day.
pub(crate) fn from_civil(year: i64, month: u32, day: u32) -> Option<i32> {
    const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    let length = LENGTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)? + u32::from(month == 2 && leap);
    if day == 0 || day > length {
        return None;
    }
    // Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, eras have 400 years.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month = i64::from((month + 9) % 12);
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    i32::try_from(era.checked_mul(146_097)?.checked_add(day_of_era)?.checked_sub(719_468)?).ok()
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
