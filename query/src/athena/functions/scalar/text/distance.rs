//! How near texts are to each other, and to being right.
//!
//! Owns: levenshtein_distance, hamming_distance, soundex, luhn_check.
//! Does not own: LIKE and regular expressions.
//! Invariant: letters are compared as code points.

use arrow::array::ArrayRef;

use crate::athena::functions::scalar::{Call, Compute, Result, Text};

/// Most pairs of letters that are compared.
const LEVENSHTEIN_MAX: usize = 1_000_000;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "levenshtein_distance" => levenshtein,
        "hamming_distance" => hamming,
        "soundex" => |call| call.try1::<Text, _>(|text| soundex(call, text).map(Some)),
        "luhn_check" => luhn,
        _ => return None,
    })
}

fn levenshtein(call: &Call<'_>) -> Result<ArrayRef> {
    call.try2::<Text, Text, _>(|a, b| {
        // As Trino counts.
        if a.chars().count().saturating_mul(b.chars().count().saturating_sub(1)) > LEVENSHTEIN_MAX {
            return Err(call.invalid("The combined inputs for Levenshtein distance are too large"));
        }
        Ok(i64::try_from(strsim::levenshtein(a, b)).ok())
    })
}

fn hamming(call: &Call<'_>) -> Result<ArrayRef> {
    call.try2::<Text, Text, _>(|a, b| {
        let (mut a, mut b, mut differ) = (a.chars(), b.chars(), 0_i64);
        loop {
            match (a.next(), b.next()) {
                (Some(x), Some(y)) => differ += i64::from(x != y),
                (None, None) => return Ok(Some(differ)),
                _ => return Err(call.invalid("The input strings to hamming_distance function must have the same length")),
            }
        }
    })
}

/// American Soundex: H and W do not part two letters of one digit, vowels do.
fn soundex(call: &Call<'_>, text: &str) -> Result<String> {
    const DIGITS: &[u8; 26] = b"01230120022455012623010202";
    let digit = |c: char| {
        let index = i64::from(u32::from(c)) - i64::from(b'A');
        let digit = usize::try_from(index).ok().and_then(|index| DIGITS.get(index));
        digit.ok_or_else(|| call.invalid(format!("The character is not mapped: {c} (index={index})")))
    };
    let mut letters = text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_uppercase);
    let Some(first) = letters.next() else { return Ok(String::new()) };
    let (mut code, mut last) = (String::from(first), digit(first)?);
    for c in letters.filter(|c| !matches!(c, 'H' | 'W')) {
        if code.len() == 4 {
            break;
        }
        let own = digit(c)?;
        if *own != b'0' && own != last {
            code.push(char::from(*own));
        }
        last = own;
    }
    Ok(format!("{code:0<4}"))
}

/// Every second digit from the last but one on counts twice; of two digits, their sum.
fn luhn(call: &Call<'_>) -> Result<ArrayRef> {
    call.try1::<Text, _>(|text| {
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(call.invalid("Input contains non-digit character"));
        }
        let weighed = text.bytes().rev().enumerate().map(|(i, b)| match (u32::from(b - b'0'), i % 2) {
            (digit, 0) => digit,
            (digit, _) => digit * 2 / 10 + digit * 2 % 10,
        });
        Ok(Some(!text.is_empty() && weighed.sum::<u32>() % 10 == 0))
    })
}
