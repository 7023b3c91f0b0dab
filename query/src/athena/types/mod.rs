//! Athena's types (Trino 449's).
//!
//! Owns: what types there are, how they are written (`typeof`), which can be compared, ordered, counted with.
//! Does not own: reading a type name (`name`), implicit casts (`coerce`).
//! Invariant: a type here is a type there, with the same parameters; two are equal where Trino says so.

mod cast;
mod coerce;
mod name;

use std::fmt;

pub(crate) use cast::{can_cast, has_json_keys};
pub(crate) use coerce::{can_coerce, common_supertype};
pub(crate) use name::resolve as resolve_name;

/// Most digits of a decimal.
pub(crate) const DECIMAL_PRECISION_MAX: u8 = 38;
/// Most fractional digits of seconds.
pub(crate) const TIME_PRECISION_MAX: u8 = 12;
/// Longest `char(n)`, code points.
pub(crate) const CHAR_LENGTH_MAX: u32 = 65_536;

/// A type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Type {
    /// That of a bare `NULL`.
    Unknown,
    Boolean,
    Tinyint,
    Smallint,
    Integer,
    Bigint,
    Real,
    Double,
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// `None`: unbounded. Length in code points.
    Varchar(Option<u32>),
    Char(u32),
    Varbinary,
    Json,
    Date,
    /// Fractional digits of seconds.
    Time(u8),
    TimeZoned(u8),
    Timestamp(u8),
    TimestampZoned(u8),
    IntervalDay,
    IntervalYear,
    Array(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Row(Vec<RowField>),
    Uuid,
    IpAddress,
    HyperLogLog,
    /// What a regular expression, a JSON path, a set of characters are to functions; only text becomes one.
    JoniRegExp,
    JsonPath,
    CodePoints,
    /// Of a lambda: its parameters and its result.
    Function(Vec<Type>, Box<Type>),
}

/// A field of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RowField {
    pub(crate) name: Option<String>,
    pub(crate) ty: Type,
}

impl Type {
    pub(crate) const VARCHAR: Self = Self::Varchar(None);

    pub(crate) fn array(element: Self) -> Self {
        Self::Array(Box::new(element))
    }

    pub(crate) fn map(key: Self, value: Self) -> Self {
        Self::Map(Box::new(key), Box::new(value))
    }

    /// A row without names.
    pub(crate) fn row(fields: impl IntoIterator<Item = Self>) -> Self {
        Self::Row(fields.into_iter().map(|ty| RowField { name: None, ty }).collect())
    }

    pub(crate) fn is_integer(&self) -> bool {
        matches!(self, Self::Tinyint | Self::Smallint | Self::Integer | Self::Bigint)
    }

    pub(crate) fn is_floating(&self) -> bool {
        matches!(self, Self::Real | Self::Double)
    }

    pub(crate) fn is_numeric(&self) -> bool {
        self.is_integer() || self.is_floating() || matches!(self, Self::Decimal { .. })
    }

    /// Whether values can be equal: `=`, `GROUP BY`, `DISTINCT`.
    pub(crate) fn is_comparable(&self) -> bool {
        match self {
            Self::HyperLogLog | Self::JoniRegExp | Self::JsonPath | Self::CodePoints | Self::Function(..) => false,
            Self::Array(element) => element.is_comparable(),
            Self::Map(key, value) => key.is_comparable() && value.is_comparable(),
            Self::Row(fields) => fields.iter().all(|field| field.ty.is_comparable()),
            _ => true,
        }
    }

    /// Whether one value can be less than another: `<`, `ORDER BY`, `max`.
    pub(crate) fn is_orderable(&self) -> bool {
        match self {
            Self::Json
            | Self::HyperLogLog
            | Self::JoniRegExp
            | Self::JsonPath
            | Self::CodePoints
            | Self::Function(..)
            | Self::Map(..) => false,
            Self::Array(element) => element.is_orderable(),
            Self::Row(fields) => fields.iter().all(|field| field.ty.is_orderable()),
            _ => true,
        }
    }

    /// The name without parameters, in lower case.
    pub(crate) fn base(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Boolean => "boolean",
            Self::Tinyint => "tinyint",
            Self::Smallint => "smallint",
            Self::Integer => "integer",
            Self::Bigint => "bigint",
            Self::Real => "real",
            Self::Double => "double",
            Self::Decimal { .. } => "decimal",
            Self::Varchar(_) => "varchar",
            Self::Char(_) => "char",
            Self::Varbinary => "varbinary",
            Self::Json => "json",
            Self::Date => "date",
            Self::Time(_) => "time",
            Self::TimeZoned(_) => "time with time zone",
            Self::Timestamp(_) => "timestamp",
            Self::TimestampZoned(_) => "timestamp with time zone",
            Self::IntervalDay => "interval day to second",
            Self::IntervalYear => "interval year to month",
            Self::Array(_) => "array",
            Self::Map(..) => "map",
            Self::Row(_) => "row",
            Self::Uuid => "uuid",
            Self::IpAddress => "ipaddress",
            Self::HyperLogLog => "HyperLogLog",
            Self::JoniRegExp => "JoniRegExp",
            Self::JsonPath => "JsonPath",
            Self::CodePoints => "CodePoints",
            Self::Function(..) => "function",
        }
    }
}

/// As `typeof` writes it.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Varchar(Some(length)) => write!(f, "varchar({length})"),
            Self::Char(length) => write!(f, "char({length})"),
            Self::Time(p) => write!(f, "time({p})"),
            Self::TimeZoned(p) => write!(f, "time({p}) with time zone"),
            Self::Timestamp(p) => write!(f, "timestamp({p})"),
            Self::TimestampZoned(p) => write!(f, "timestamp({p}) with time zone"),
            Self::Array(element) => write!(f, "array({element})"),
            Self::Map(key, value) => write!(f, "map({key}, {value})"),
            Self::Row(fields) => {
                f.write_str("row(")?;
                for (i, field) in fields.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    match &field.name {
                        Some(name) if is_plain(name) => write!(f, "{name} {}", field.ty)?,
                        Some(name) => write!(f, "\"{}\" {}", name.replace('"', "\"\""), field.ty)?,
                        None => write!(f, "{}", field.ty)?,
                    }
                }
                f.write_str(")")
            }
            Self::Function(parameters, result) => {
                f.write_str("function(")?;
                for parameter in parameters {
                    write!(f, "{parameter},")?;
                }
                write!(f, "{result})")
            }
            simple => f.write_str(simple.base()),
        }
    }
}

/// Whether a field's name needs no quotes.
fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
