//! The specifiers of a format: `%[index$][flags][width][.precision]conversion`.
//!
//! Owns: reading them; which of their parts go together; filling up to a width.
//! Does not own: what they write (`format`).
//! Invariant: all are read before any is written, as in Java.

use super::Fault;

/// In the order in which Java names them.
const FLAGS: &str = "-#+ 0,(<";

pub(super) enum Piece<'f> {
    Text(&'f str),
    Spec(Spec<'f>),
}

pub(super) struct Spec<'f> {
    /// With its `%`.
    pub(super) written: &'f str,
    /// From 1 on.
    pub(super) index: Option<usize>,
    flags: String,
    width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) conversion: char,
}

type Read<T> = Result<T, Fault>;

fn java(why: impl Into<String>) -> Fault {
    Fault::Java(why.into())
}

/// Reads a format.
pub(super) fn parse(format: &str) -> Read<Vec<Piece<'_>>> {
    let (mut pieces, mut rest) = (Vec::new(), format);
    while let Some((before, after)) = rest.split_once('%') {
        pieces.push(Piece::Text(before));
        let spec;
        (spec, rest) = one(&rest[before.len()..], after)?;
        pieces.push(Piece::Spec(spec));
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

fn number(text: &str) -> (Option<usize>, &str) {
    let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (text[..text.len() - after.len()].parse().ok(), after)
}

/// The specifier that `from` begins with, whose `%` is not in `after`, and what follows.
fn one<'f>(from: &'f str, after: &'f str) -> Read<(Spec<'f>, &'f str)> {
    let unknown = |c: char| java(format!("UnknownFormatConversion: Conversion = '{c}'"));
    let first = after.chars().next().unwrap_or('%');
    let (index, rest) = match number(after) {
        (Some(index), rest) if rest.starts_with('$') => (Some(index), &rest[1..]),
        _ => (None, after),
    };
    let unflagged = rest.trim_start_matches(|c| FLAGS.contains(c));
    let flags = &rest[..rest.len() - unflagged.len()];
    let (width, rest) = number(unflagged);
    let (precision, rest) = match rest.strip_prefix('.').map(number) {
        Some((None, _)) => return Err(unknown('.')),
        Some((precision, rest)) => (precision, rest),
        None => (None, rest),
    };
    let conversion = rest.chars().next().ok_or_else(|| unknown(first))?;
    let rest = &rest[conversion.len_utf8()..];
    if index == Some(0) {
        return Err(java("IllegalFormatArgumentIndex: Illegal format argument index = 0"));
    }
    let written = &from[..from.len() - rest.len()];
    let spec = Spec { written, index, flags: in_order(flags)?, width, precision, conversion };
    spec.check(unknown)?;
    Ok((spec, rest))
}

fn in_order(flags: &str) -> Read<String> {
    if let Some(twice) = flags.chars().find(|flag| flags.matches(*flag).count() > 1) {
        return Err(java(format!("DuplicateFormatFlags: Flags = '{twice}'")));
    }
    Ok(FLAGS.chars().filter(|flag| flags.contains(*flag)).collect())
}

impl Spec<'_> {
    pub(super) fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    fn check(&self, unknown: impl Fn(char) -> Fault) -> Read<()> {
        // Flags it takes, and whether it takes a precision.
        let (flags, takes_precision) = match self.conversion {
            'b' | 'B' | 's' | 'S' => ("-<", true),
            'c' | 'C' => ("-<", false),
            'd' => ("-+ 0,(<", false),
            'o' | 'x' | 'X' => ("-#0<", false),
            'e' | 'E' => ("-#+ 0(<", true),
            'f' => ("-#+ 0,(<", true),
            'g' | 'G' => ("-+ 0,(<", true),
            '%' | 'n' => ("-<", false),
            'h' | 'H' => ("-<", true),
            c @ ('a' | 'A' | 't') => return Err(Fault::Unknown(c)),
            c => return Err(unknown(c)),
        };
        let is_number = flags.contains('0');
        if self.width.is_none() && (self.has('-') || self.has('0') && is_number) {
            let precision = self.precision.map_or(String::new(), |precision| format!(".{precision}"));
            return Err(java(format!("MissingFormatWidth: %{}{precision}{}", self.flags, self.conversion)));
        }
        if is_number && (self.has('+') && self.has(' ') || self.has('-') && self.has('0')) {
            return Err(java(format!("IllegalFormatFlags: Flags = '{}'", self.flags)));
        }
        if let Some(precision) = self.precision.filter(|_| !takes_precision) {
            return Err(java(format!("IllegalFormatPrecision: {precision}")));
        }
        let others: String = self.flags.chars().filter(|flag| !flags.contains(*flag)).collect();
        if !others.is_empty() {
            let conversion = self.conversion.to_ascii_lowercase();
            return Err(java(format!("FormatFlagsConversionMismatch: Conversion = {conversion}, Flags = {others}")));
        }
        Ok(())
    }

    /// No longer than the precision; lengths are Java's, of UTF-16.
    pub(super) fn cut(&self, text: &str) -> String {
        match self.precision {
            Some(most) if text.encode_utf16().count() > most => {
                char::decode_utf16(text.encode_utf16().take(most)).map(|c| c.unwrap_or('?')).collect()
            }
            _ => text.to_owned(),
        }
    }

    /// No shorter than the width.
    pub(super) fn padded(&self, text: &str) -> String {
        let blanks = " ".repeat(self.width.unwrap_or(0).saturating_sub(text.encode_utf16().count()));
        if self.has('-') { format!("{text}{blanks}") } else { format!("{blanks}{text}") }
    }

    /// Of a number: zeros up to the width, if asked for, after what stands before the digits.
    pub(super) fn zeroed(&self, before: &str, digits: &str, after: &str) -> String {
        let own = before.len() + digits.len() + after.len();
        let zeros = if self.has('0') { self.width.unwrap_or(0).saturating_sub(own) } else { 0 };
        self.padded(&format!("{before}{}{digits}{after}", "0".repeat(zeros)))
    }
}
