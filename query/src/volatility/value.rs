//! Values of parameters: from what is typed on a command line to what stands in SQL.
//!
//! Owns: the types, their limits, their literals.
//! Does not own: which parameter has which (`head`).
//! Invariant: whatever is given, a literal is one literal, or one name: no value can become more of the statement than that.

use std::fmt;

use ticklake_schemas::parse_event_time;

/// What values a parameter takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A table's name, with schema and catalog where they are given.
    Identifier,
    /// A text.
    Varchar,
    /// A moment, UTC: a date or RFC 3339. In SQL a timestamp of milliseconds.
    Timestamp,
    /// A length of time, such as 500ms, 1s, 5m, 1h, 1d. In SQL a number of nanoseconds.
    Duration,
    /// true or false.
    Boolean,
    /// A whole number.
    Bigint(Limits),
    /// A number.
    Double(Limits),
}

/// What a number must be: `>=1`, `>0<1`, each as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits(Vec<(&'static str, String)>);

/// The longer first: `>` begins `>=`.
const OPERATORS: [&str; 4] = [">=", "<=", ">", "<"];

impl Kind {
    /// The type written so; `None` if none is.
    pub(super) fn named(text: &str) -> Option<Self> {
        let (name, limits) = text.split_at(text.find(['<', '>']).unwrap_or(text.len()));
        let limits = Limits::read(limits)?;
        Some(match (name, limits.0.is_empty()) {
            ("bigint", _) => Self::Bigint(limits),
            ("double", _) => Self::Double(limits),
            ("identifier", true) => Self::Identifier,
            ("varchar", true) => Self::Varchar,
            ("timestamp", true) => Self::Timestamp,
            ("duration", true) => Self::Duration,
            ("boolean", true) => Self::Boolean,
            _ => return None,
        })
    }

    /// A value as SQL writes it.
    ///
    /// # Errors
    /// What should have been given.
    pub(super) fn literal(&self, text: &str) -> Result<String, String> {
        // A line break would end the comment that says the value in a head.
        let printable = Some(text).filter(|text| !text.chars().any(char::is_control));
        let literal = printable.and_then(|text| match self {
            Self::Identifier => identifier(text),
            Self::Varchar => Some(quoted(text)),
            Self::Timestamp => timestamp(text),
            Self::Duration => duration_ns(text).map(|ns| ns.to_string()),
            Self::Boolean => text.parse::<bool>().ok().map(|value| value.to_string()),
            // What is beyond 2^53 is compared with its nearest double, which is near enough for a limit.
            #[expect(clippy::cast_precision_loss, reason = "limits are small")]
            Self::Bigint(limits) => {
                text.parse::<i64>().ok().filter(|value| limits.allow(*value as f64)).map(|value| signed(value.to_string()))
            }
            Self::Double(limits) => {
                let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && limits.allow(*value));
                value.map(|value| signed(format!("{value:e}")))
            }
        });
        literal.ok_or_else(|| self.wanted())
    }

    fn wanted(&self) -> String {
        match self {
            Self::Identifier => "a table's name, such as stock_data or market.stock_data".to_owned(),
            Self::Varchar => "a text without control characters".to_owned(),
            Self::Timestamp => "a date or time in UTC to the millisecond, such as 2026-01-31 or 2026-01-31T14:30:00Z".to_owned(),
            Self::Duration => "a length of time, such as 500ms, 1s, 5m, 1h or 1d".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Bigint(limits) => format!("a whole number{limits:#}"),
            Self::Double(limits) => format!("a number{limits:#}"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identifier => f.write_str("identifier"),
            Self::Varchar => f.write_str("varchar"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::Boolean => f.write_str("boolean"),
            Self::Bigint(limits) => write!(f, "bigint{limits}"),
            Self::Double(limits) => write!(f, "double{limits}"),
        }
    }
}

impl Limits {
    fn read(text: &str) -> Option<Self> {
        let (mut limits, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator))?;
            rest = &rest[operator.len()..];
            let (number, after) = rest.split_at(rest.find(['<', '>']).unwrap_or(rest.len()));
            number.parse::<f64>().ok()?;
            limits.push((operator, number.to_owned()));
            rest = after;
        }
        Some(Self(limits))
    }

    fn allow(&self, value: f64) -> bool {
        self.0.iter().all(|(operator, limit)| {
            let limit = limit.parse::<f64>().unwrap_or(f64::NAN);
            match *operator {
                ">=" => value >= limit,
                "<=" => value <= limit,
                ">" => value > limit,
                _ => value < limit,
            }
        })
    }
}

/// As it is written in a head; in its other form (`#`) for a sentence.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (operator, limit)) in self.0.iter().enumerate() {
            match (f.alternate(), n) {
                (false, _) => write!(f, "{operator}{limit}")?,
                (true, 0) => write!(f, " {operator} {limit}")?,
                (true, _) => write!(f, " and {operator} {limit}")?,
            }
        }
        Ok(())
    }
}

/// A text in SQL's quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A negative number in parentheses, or a minus before it would begin a comment.
fn signed(number: String) -> String {
    if number.starts_with('-') { format!("({number})") } else { number }
}

fn identifier(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('.').collect();
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let name = |part: &&str| if plain(part) { (*part).to_owned() } else { format!("\"{}\"", part.replace('"', "\"\"")) };
    let whole = parts.len() <= 3 && parts.iter().all(|part| !part.is_empty());
    whole.then(|| parts.iter().map(name).collect::<Vec<_>>().join("."))
}

fn timestamp(text: &str) -> Option<String> {
    let is_date = text.len() == "2026-01-31".len() && text.as_bytes().get(4) == Some(&b'-');
    let ns = parse_event_time(&if is_date { format!("{text}T00:00:00Z") } else { text.to_owned() }).ok()?;
    let moment = chrono::DateTime::from_timestamp_millis(ns / 1_000_000).filter(|_| ns % 1_000_000 == 0)?;
    Some(format!("TIMESTAMP '{}'", moment.format("%Y-%m-%d %H:%M:%S%.3f")))
}

fn duration_ns(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let unit_ns = match unit {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit_ns).filter(|ns| *ns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(kind: &str, text: &str) -> Option<String> {
        Kind::named(kind).unwrap().literal(text).ok()
    }

    #[test]
    fn no_value_ever_becomes_more_than_one_literal_or_name() {
        for (kind, text, expected) in [
            ("varchar", "O'Neil", Some("'O''Neil'")),
            ("varchar", "'; DROP TABLE x --", Some("'''; DROP TABLE x --'")),
            ("varchar", "a\nb", None),
            ("identifier", "stock_data", Some("stock_data")),
            ("identifier", "market.stock_data", Some("market.stock_data")),
            ("identifier", "x; DROP TABLE \"y\"", Some("\"x; DROP TABLE \"\"y\"\"\"")),
            ("identifier", "a-b.c", Some("\"a-b\".c")),
            ("identifier", "", None),
            ("identifier", "a..b", None),
            ("identifier", "a.b.c.d", None),
            ("bigint", "-3", Some("(-3)")),
            ("bigint>=1", "0", None),
            ("bigint>=1<10", "10", None),
            ("bigint", "1e3", None),
            ("bigint", "1 OR 1", None),
            ("double", "252", Some("2.52e2")),
            ("double", "-0.5", Some("(-5e-1)")),
            ("double>0<1", "1", None),
            ("double", "NaN", None),
            ("double", "inf", None),
            ("boolean", "TRUE", None),
            ("boolean", "true", Some("true")),
            ("duration", "5m", Some("300000000000")),
            ("duration", "500ms", Some("500000000")),
            ("duration", "0s", None),
            ("duration", "5", None),
            ("duration", "300000d", None),
            ("timestamp", "2026-01-31", Some("TIMESTAMP '2026-01-31 00:00:00.000'")),
            ("timestamp", "2026-01-31T16:30:00.5+02:00", Some("TIMESTAMP '2026-01-31 14:30:00.500'")),
            ("timestamp", "2026-01-31T14:30:00.0001Z", None),
            ("timestamp", "yesterday", None),
        ] {
            assert_eq!(literal(kind, text).as_deref(), expected, "{kind} {text:?}");
        }
    }

    #[test]
    fn a_type_is_never_written_otherwise_than_it_is_read() {
        for text in ["bigint>=1<10000", "double>=0.001<1", "double>0", "varchar", "duration"] {
            assert_eq!(Kind::named(text).unwrap().to_string(), text);
        }
        for wrong in ["int", "bigint>", "bigint=1", "varchar>0", "bigint>=x", ""] {
            assert_eq!(Kind::named(wrong), None, "{wrong}");
        }
        assert_eq!(Kind::named("double>0<1").unwrap().wanted(), "a number > 0 and < 1");
    }
}
