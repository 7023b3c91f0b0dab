//! Why a message is not a valid tick.
//!
//! Owns: the fixed list of classes, as written in `dead_letters.class`.
//! Does not own: the sentence that goes with one (the decoder).

/// The class of a rejected message. The text form is stable: people filter on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectClass {
    /// A record with a null value.
    Tombstone,
    /// Zero bytes, or only white space.
    Empty,
    /// More bytes than a tick may have.
    TooLarge,
    /// The bytes are not UTF-8.
    NotUtf8,
    /// Not JSON.
    MalformedJson,
    /// JSON, but not one object.
    NotAnObject,
    /// A required field is absent or null.
    MissingField,
    /// Two fields fill the same column.
    DuplicateField,
    /// `symbol` is not a non-empty string of at most 64 bytes.
    InvalidSymbol,
    /// `price` is not a finite number greater than 0.
    InvalidPrice,
    /// `size` is not a finite number of 0 or more.
    InvalidSize,
    /// `time` cannot be read as a time.
    InvalidTime,
    /// `time` is before 1970 or too far in the future.
    TimeOutOfRange,
    /// Another known field has a value its column cannot hold.
    InvalidField,
}

impl RejectClass {
    /// Every class, in order.
    pub const ALL: [Self; 14] = [
        Self::Tombstone,
        Self::Empty,
        Self::TooLarge,
        Self::NotUtf8,
        Self::MalformedJson,
        Self::NotAnObject,
        Self::MissingField,
        Self::DuplicateField,
        Self::InvalidSymbol,
        Self::InvalidPrice,
        Self::InvalidSize,
        Self::InvalidTime,
        Self::TimeOutOfRange,
        Self::InvalidField,
    ];

    /// The text form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tombstone => "tombstone",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::NotUtf8 => "not_utf8",
            Self::MalformedJson => "malformed_json",
            Self::NotAnObject => "not_an_object",
            Self::MissingField => "missing_field",
            Self::DuplicateField => "duplicate_field",
            Self::InvalidSymbol => "invalid_symbol",
            Self::InvalidPrice => "invalid_price",
            Self::InvalidSize => "invalid_size",
            Self::InvalidTime => "invalid_time",
            Self::TimeOutOfRange => "time_out_of_range",
            Self::InvalidField => "invalid_field",
        }
    }
}

impl std::fmt::Display for RejectClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
