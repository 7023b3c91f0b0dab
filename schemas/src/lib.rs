//! The nouns of the lake: table contracts, the tick message, why a message is rejected, and the
//! Arrow, Delta and Glue shapes derived from the contracts.
//!
//! Owns: names, types, nullability, aliases, the reading of an event time.
//! Does not own: any I/O, any async, any bytes on storage.
//! Invariant: every shape is derived from `*.toml` beside this crate; nothing restates a column.

mod arrow_schema;
mod contract;
mod delta_schema;
mod event_time;
mod glue_schema;
mod reject;
mod tick;

pub use contract::{Column, ColumnSource, ColumnType, Contract, dead_letters, stock_data};
pub use delta_schema::{CONTRACT_VERSION_KEY, SINCE_KEY};
pub use event_time::{EventTime, EventTimeError, UNIX_1970_NS, epoch_to_ns, parse_event_time};
pub use glue_schema::GlueColumn;
pub use reject::RejectClass;
pub use tick::{Tick, write_json_string};

/// Name of the Delta table of ticks.
pub const STOCK_DATA: &str = "stock_data";
/// Name of the Hive table of gzip-compressed JSON lines that mirrors `stock_data`.
pub const STOCK_DATA_JSON: &str = "stock_data_json";
/// Name of the Delta table of rejected messages.
pub const DEAD_LETTERS: &str = "dead_letters";
/// Default Kafka topic.
pub const DEFAULT_TOPIC: &str = "stock_live_feed";
