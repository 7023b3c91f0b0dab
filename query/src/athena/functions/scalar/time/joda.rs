//! Joda-Time's patterns.
//!
//! Owns: what their letters mean.
//! Does not own: what the elements write and read (`pattern`).
//! Invariant: as `DateTimeFormat.forPattern`.

use std::iter::Peekable;
use std::str::Chars;

use super::calendar::Field;
use super::pattern::Element;
use crate::athena::error::AthenaError;

/// Years of two digits are these many before and after the pivot, which is so many before the present year.
const PIVOT_BEFORE: i64 = 30;
/// Most digits of a year.
const YEAR_DIGITS: usize = 9;

/// A run of one letter, or what stands between letters and in quotes.
enum Token {
    Letters(char, usize),
    Literal(String),
}

/// The elements of a pattern, in a year.
pub(super) fn elements(pattern: &str, year: i64) -> Result<Vec<Element>, AthenaError> {
    if pattern.is_empty() {
        return Err(AthenaError::invalid_argument("Invalid pattern specification: Pattern is null or empty"));
    }
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.peek().copied() {
        tokens.push(if c.is_ascii_alphabetic() { letters(&mut chars, c) } else { literal(&mut chars) });
    }
    let mut elements = Vec::with_capacity(tokens.len());
    for (i, token) in tokens.iter().enumerate() {
        elements.push(match token {
            Token::Literal(text) => Element::Literal(text.clone()),
            Token::Letters(letter, count) => element(*letter, *count, tokens.get(i + 1).is_some_and(is_number), year)?,
        });
    }
    Ok(elements)
}

fn letters(chars: &mut Peekable<Chars<'_>>, letter: char) -> Token {
    let mut count = 0;
    while chars.next_if_eq(&letter).is_some() {
        count += 1;
    }
    Token::Letters(letter, count)
}

fn literal(chars: &mut Peekable<Chars<'_>>) -> Token {
    let (mut text, mut quoted) = (String::new(), false);
    while let Some(c) = chars.next_if(|c| quoted || !c.is_ascii_alphabetic()) {
        if c != '\'' {
            text.push(c);
        } else if chars.next_if_eq(&'\'').is_some() {
            text.push('\'');
        } else {
            quoted = !quoted;
        }
    }
    Token::Literal(text)
}

/// Whether what follows a number begins with another.
fn is_number(token: &Token) -> bool {
    match token {
        Token::Letters('M', count) => *count <= 2,
        Token::Letters(letter, _) => "cCxyYdhHmsSeDFwWkK".contains(*letter),
        Token::Literal(_) => false,
    }
}

fn element(letter: char, count: usize, number_follows: bool, year: i64) -> Result<Element, AthenaError> {
    let number = |field, most: usize| Element::Number { field, least: count, most: most.max(count), signed: false };
    let name = |field| Element::Name { field, short: count < 4 };
    let of_year = |field, two_digits| match count {
        2 => Element::TwoDigits { field: two_digits, pivot: year - PIVOT_BEFORE, lenient: !number_follows },
        count => {
            let most = if number_follows { count } else { YEAR_DIGITS.max(count) };
            Element::Number { field, least: count, most, signed: field != Field::YearOfEra }
        }
    };
    Ok(match letter {
        'G' => name(Field::Era),
        'C' => Element::Number { field: Field::Century, least: count, most: count, signed: true },
        'x' => of_year(Field::Weekyear, Field::Weekyear),
        'y' => of_year(Field::Year, Field::Year),
        'Y' => of_year(Field::YearOfEra, Field::Year),
        'M' if count >= 3 => name(Field::Month),
        'M' => number(Field::Month, 2),
        'd' => number(Field::Day, 2),
        'a' => name(Field::HalfDay),
        'h' => number(Field::ClockHalfHour, 2),
        'H' => number(Field::Hour, 2),
        'k' => number(Field::ClockHour, 2),
        'K' => number(Field::HalfHour, 2),
        'm' => number(Field::Minute, 2),
        's' => number(Field::Second, 2),
        'S' => Element::Fraction { of: 1000, least: count, most: count },
        'e' => number(Field::Weekday, 1),
        'E' => name(Field::Weekday),
        'D' => number(Field::DayOfYear, 3),
        'w' => number(Field::Week, 2),
        'z' => Element::ZoneName { short: count < 4 },
        'Z' if count > 2 => Element::ZoneId,
        'Z' => Element::Offset { colon: count == 2 },
        other => {
            let token = other.to_string().repeat(count);
            return Err(AthenaError::invalid_argument(format!("Illegal pattern component: {token}")));
        }
    })
}
