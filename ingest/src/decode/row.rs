//! From the members of one message to one row, or to the reason why not.
//!
//! Owns: what each column accepts, and the sentences that refuse.
//! Does not own: JSON (`scan`), which member fills which column (`fields`).
//! Invariant: a `Row` satisfies the contract of `stock_data`; of several faults the first in contract order is named.

use std::borrow::Cow;
use std::time::Duration;

use ticklake_schemas::{EventTime, EventTimeError, RejectClass, UNIX_1970_NS, parse_event_time};

use super::fields::Field;
use super::number::{self, Decimal};
use super::scan::Value;
use super::{FUTURE_MAX, SYMBOL_BYTES_MAX};

/// Values by column, `None` where the message has none (or null).
pub(super) type Slots<'a> = [Option<Value<'a>>; Field::COUNT];

/// Most bytes of a value shown in a reason.
const SHOWN_BYTES_MAX: usize = 80;

/// A valid tick.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) symbol: Cow<'a, str>,
    pub(super) time_ns: EventTime,
    pub(super) price: f64,
    pub(super) size: Option<f64>,
    pub(super) bid: Option<f64>,
    pub(super) ask: Option<f64>,
    pub(super) exchange: Option<Cow<'a, str>>,
    pub(super) sequence: Option<i64>,
}

/// Why a message is not a tick.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) class: RejectClass,
    pub(super) reason: String,
}

impl Refusal {
    #[cold]
    pub(super) fn new(class: RejectClass, reason: impl Into<String>) -> Self {
        Self { class, reason: reason.into() }
    }

    /// "price is "abc", …": the column, its value as written, what is wrong with it.
    #[cold]
    fn value(class: RejectClass, field: Field, value: &Value<'_>, wrong: &str) -> Self {
        Self { class, reason: format!("{} is {}, {wrong}", field.column(), shown(value)) }
    }
}

/// Checks the values against the contract.
#[inline]
pub(super) fn row<'a>(slots: &Slots<'a>, produced_ns: EventTime) -> Result<Row<'a>, Refusal> {
    use RejectClass::{InvalidField, InvalidPrice, InvalidSize};
    let required = |field: Field| slots[field as usize].as_ref().ok_or_else(|| missing(field));
    let (symbol, time, price) = (required(Field::Symbol)?, required(Field::Time)?, required(Field::Price)?);
    let optional = |field, class, accepts: fn(f64) -> bool, wrong| {
        slots[field as usize].as_ref().map(|value| double(field, value, class, accepts, wrong)).transpose()
    };
    Ok(Row {
        symbol: to_symbol(symbol)?,
        time_ns: to_time(time, produced_ns)?,
        price: double(Field::Price, price, InvalidPrice, |v| v > 0.0, "not a finite number greater than 0")?,
        size: optional(Field::Size, InvalidSize, |v| v >= 0.0, "not a finite number of 0 or more")?,
        bid: optional(Field::Bid, InvalidField, |_| true, "not a finite number")?,
        ask: optional(Field::Ask, InvalidField, |_| true, "not a finite number")?,
        exchange: slots[Field::Exchange as usize].as_ref().map(to_exchange).transpose()?,
        sequence: slots[Field::Sequence as usize].as_ref().map(to_sequence).transpose()?,
    })
}

#[cold]
fn missing(field: Field) -> Refusal {
    Refusal::new(RejectClass::MissingField, format!("{} is absent or null", field.column()))
}

/// A double that is finite and accepted. Negative zero becomes zero: it equals zero, yet files and engines order it apart.
#[inline]
fn double(
    field: Field,
    value: &Value<'_>,
    class: RejectClass,
    accepts: fn(f64) -> bool,
    wrong: &'static str,
) -> Result<f64, Refusal> {
    let double = match value {
        Value::Number(number) => Some(number.to_f64()),
        other => text_number(other, |n| n.to_f64()),
    };
    match double {
        Some(double) if double.is_finite() && accepts(double) => Ok(double + 0.0),
        _ => Err(Refusal::value(class, field, value, wrong)),
    }
}

/// The number a string holds.
fn text_number<T>(value: &Value<'_>, read: impl FnOnce(Decimal<'_>) -> T) -> Option<T> {
    match value {
        Value::Text(text) => number::from_text(&text.unescaped()).map(read),
        _ => None,
    }
}

#[inline]
fn to_symbol<'a>(value: &Value<'a>) -> Result<Cow<'a, str>, Refusal> {
    let refused = |wrong| Err(Refusal::value(RejectClass::InvalidSymbol, Field::Symbol, value, wrong));
    let Value::Text(text) = value else { return refused("not a string") };
    let symbol = text.unescaped();
    match symbol.len() {
        0 => refused("an empty string"),
        1..=SYMBOL_BYTES_MAX if !symbol.chars().any(char::is_control) => Ok(symbol),
        1..=SYMBOL_BYTES_MAX => refused("which holds a control character"),
        _ => refused("longer than 64 bytes"),
    }
}

#[inline]
fn to_exchange<'a>(value: &Value<'a>) -> Result<Cow<'a, str>, Refusal> {
    match value {
        Value::Text(text) => Ok(text.unescaped()),
        Value::Number(number) => Ok(Cow::Borrowed(number.text())),
        _ => Err(Refusal::value(RejectClass::InvalidField, Field::Exchange, value, "neither a string nor a number")),
    }
}

#[inline]
fn to_sequence(value: &Value<'_>) -> Result<i64, Refusal> {
    let sequence = match value {
        Value::Number(number) => number.to_i64(),
        other => text_number(other, |n| n.to_i64()).flatten(),
    };
    sequence.ok_or_else(|| Refusal::value(RejectClass::InvalidField, Field::Sequence, value, "not a 64-bit integer"))
}

#[inline]
fn to_time(value: &Value<'_>, produced_ns: EventTime) -> Result<EventTime, Refusal> {
    let refused = |class, wrong: &str| Err(Refusal::value(class, Field::Time, value, wrong));
    let time = match value {
        Value::Number(number) => number.to_event_time(),
        Value::Text(text) => text_time(&text.unescaped()),
        _ => return refused(RejectClass::InvalidTime, "neither a string nor a number"),
    };
    match time {
        Ok(ns) if ns < UNIX_1970_NS => refused(RejectClass::TimeOutOfRange, "before 1970"),
        Ok(ns) if ns.saturating_sub(produced_ns) > FUTURE_MAX_NS => refused(RejectClass::TimeOutOfRange, &ahead(ns, produced_ns)),
        Ok(ns) => Ok(ns),
        Err(e @ EventTimeError::Beyond) => refused(RejectClass::TimeOutOfRange, &format!("which {e}")),
        Err(e @ EventTimeError::Unreadable) => refused(RejectClass::InvalidTime, &format!("which {e}")),
    }
}

const FUTURE_MAX_NS: i64 = FUTURE_MAX.as_nanos() as i64;

#[cold]
fn ahead(ns: EventTime, produced_ns: EventTime) -> String {
    let ahead = Duration::from_nanos(ns.abs_diff(produced_ns));
    format!("{} s after the message was produced and so more than {} s", ahead.as_secs(), FUTURE_MAX.as_secs())
}

/// RFC 3339 or a number; a number in scientific notation, which `parse_event_time` does not know, too.
fn text_time(text: &str) -> Result<EventTime, EventTimeError> {
    match parse_event_time(text) {
        Err(EventTimeError::Unreadable) => {
            number::from_text(text).map_or(Err(EventTimeError::Unreadable), Decimal::to_event_time)
        }
        read => read,
    }
}

/// A value as written, on one line, cut to what a person reads.
fn shown(value: &Value<'_>) -> String {
    let (text, quote) = match value {
        Value::Null => ("null", ""),
        Value::Bool(true) => ("true", ""),
        Value::Bool(false) => ("false", ""),
        Value::Number(number) => (number.text(), ""),
        Value::Text(text) => (text.raw, "\""),
        Value::Array(text) | Value::Object(text) => (*text, ""),
    };
    format!("{quote}{}{quote}", cut(text))
}

/// At most `SHOWN_BYTES_MAX` bytes of a text, on one line.
pub(super) fn cut(text: &str) -> String {
    let (kept, more) = match text.len() {
        0..=SHOWN_BYTES_MAX => (text, ""),
        _ => (&text[..text.floor_char_boundary(SHOWN_BYTES_MAX)], "…"),
    };
    kept.replace(char::is_control, " ") + more
}
