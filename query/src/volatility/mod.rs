//! Ready-made statements over the lake's tables.
//!
//! Owns: the texts, their names and what they are for.
//! Does not own: running them (`run`).
//! Invariant: every text is portable: it runs unchanged here, on Athena and on Trino 449, with the same rows.

/// A ready-made statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyStatement {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it answers, one line.
    pub description: &'static str,
    /// The text, without a semicolon.
    pub sql: &'static str,
}

/// Average price per symbol and day, newest day first. Lines of one day come in no promised order.
pub const DAILY_AVERAGE: ReadyStatement = ReadyStatement {
    name: "daily-average",
    description: "average price per symbol and day (UTC), newest day first",
    sql: include_str!("daily_average.sql"),
};

/// Realised volatility per symbol and hour.
pub const HOURLY_REALIZED_VOLATILITY: ReadyStatement = ReadyStatement {
    name: "hourly-realized-volatility",
    description: "square root of the summed squared log returns, per symbol and hour (UTC), every tick a sample",
    sql: include_str!("hourly_realized_volatility.sql"),
};

/// The exactly-once audit.
pub const AUDIT: ReadyStatement = ReadyStatement {
    name: "audit",
    description: "exactly-once audit per Kafka partition: duplicates and missing offsets, which must be 0",
    sql: include_str!("audit.sql"),
};

/// All of them.
pub const ALL: [ReadyStatement; 3] = [DAILY_AVERAGE, HOURLY_REALIZED_VOLATILITY, AUDIT];

/// The statement of that name.
pub fn by_name(name: &str) -> Option<ReadyStatement> {
    ALL.into_iter().find(|s| s.name == name)
}
