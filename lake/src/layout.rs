//! Every key in a lake, built in one place.
//!
//! Owns: folder and file names, relative to the lake's root.
//! Does not own: where the root is (`store`), what is in a file (`encode`, `json_mirror`).
//! Invariant: a mirror file's name follows from its data file's name, and no name is ever used twice.

use object_store::path::Path;
use ticklake_schemas::{DEAD_LETTERS, STOCK_DATA, STOCK_DATA_JSON};
use uuid::Uuid;

/// The two Delta tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Every valid tick.
    StockData,
    /// Every message that is not.
    DeadLetters,
}

impl Table {
    /// Both.
    pub const ALL: [Self; 2] = [Self::StockData, Self::DeadLetters];

    /// The table's name and folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::StockData => STOCK_DATA,
            Self::DeadLetters => DEAD_LETTERS,
        }
    }

    /// The table's contract.
    pub fn contract(self) -> &'static ticklake_schemas::Contract {
        match self {
            Self::StockData => ticklake_schemas::stock_data(),
            Self::DeadLetters => ticklake_schemas::dead_letters(),
        }
    }

    /// The table's root, relative to the lake.
    pub fn root(self) -> Path {
        Path::from(self.name())
    }

    /// The folder of the table's log, relative to the lake.
    pub fn log(self) -> Path {
        self.root().join("_delta_log")
    }
}

/// Event hour of ticks: the partition of `stock_data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventHour(i32);

const HOUR_NS: i64 = 3_600_000_000_000;

impl EventHour {
    /// The hour that contains an instant, nanoseconds since the epoch.
    pub fn of(time_ns: i64) -> Self {
        Self(i32::try_from(time_ns.div_euclid(HOUR_NS)).expect("2^63 ns are fewer than 2^31 hours"))
    }

    /// Its place among all hours, from 0.
    pub(crate) fn ordinal(self) -> u64 {
        u64::from(self.0.abs_diff(i32::MIN))
    }

    /// `YYYY-MM-DD`, UTC.
    pub fn dt(self) -> String {
        date_text(i64::from(self.0.div_euclid(24)))
    }

    /// `00` to `23`, UTC.
    pub fn hour(self) -> String {
        format!("{:02}", self.0.rem_euclid(24))
    }

    /// `dt=YYYY-MM-DD/hour=HH`.
    pub fn folder(self) -> String {
        format!("dt={}/hour={}", self.dt(), self.hour())
    }
}

/// `YYYY-MM-DD` of a day counted from 1970-01-01.
pub fn date_text(days: i64) -> String {
    let date = i32::try_from(days)
        .ok()
        .and_then(|d| chrono::NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_signed(chrono::TimeDelta::days(i64::from(d))))
        .unwrap_or(chrono::NaiveDate::MAX);
    date.format("%Y-%m-%d").to_string()
}

/// A new data file, relative to its table's root (as the Delta log wants it).
pub fn data_file(folder: &str, window: Uuid, part: usize) -> String {
    format!("{folder}/part-{part:05}-{window}.zstd.parquet")
}

/// The mirror of a data file of `stock_data`, relative to the lake's root; `None` for a file that is not ours to mirror.
pub fn mirror_file(data_file: &str) -> Option<Path> {
    let stem = data_file.strip_suffix(".zstd.parquet")?;
    Some(Path::from(format!("{STOCK_DATA_JSON}/{stem}.json.gz")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_named_by_event_time_in_utc() {
        let hour = EventHour::of(1_582_329_602_111_000_000);
        assert_eq!(hour.folder(), "dt=2020-02-22/hour=00");
        assert_eq!(EventHour::of(-1).folder(), "dt=1969-12-31/hour=23");
        assert_eq!(EventHour::of(i64::MAX).folder(), "dt=2262-04-11/hour=23");
    }

    #[test]
    fn the_mirror_of_a_file_is_told_by_its_name() {
        let name = data_file("dt=2020-02-22/hour=00", Uuid::nil(), 3);
        assert_eq!(name, "dt=2020-02-22/hour=00/part-00003-00000000-0000-0000-0000-000000000000.zstd.parquet");
        assert_eq!(
            mirror_file(&name).map(|p| p.to_string()),
            Some("stock_data_json/dt=2020-02-22/hour=00/part-00003-00000000-0000-0000-0000-000000000000.json.gz".into())
        );
        assert_eq!(mirror_file("dt=2020-02-22/hour=00/part-foreign.snappy.parquet"), None);
    }
}
