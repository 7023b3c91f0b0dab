//! Which versions of the tables belong together, and which comes next.
//!
//! Owns: the version of `dead_letters` at a version of `stock_data`, the name of the commit that is not there yet.
//! Does not own: reading versions (`lake::snapshot`), who reads them (`engine`).
//! Invariant: no version is taken for another table's: they count apart.

use object_store::ObjectStoreExt;
use ticklake_lake::layout::Table;
use ticklake_lake::{AsOf, Lake, LakeError, Snapshot};

/// The commit that a table's next version will be.
pub(crate) fn next_commit(table: Table, read: Option<&Snapshot>) -> object_store::path::Path {
    commit(table, read.map_or(0, |snapshot| snapshot.version + 1))
}

fn commit(table: Table, version: u64) -> object_store::path::Path {
    table.log().join(format!("{version:020}.json"))
}

/// The version of `dead_letters` that belongs to a version of `stock_data`.
///
/// The tables count their versions apart, but a window's dead letters are committed before its ticks:
/// what was there when the tick commit was written is what belongs to it.
pub(crate) async fn same_moment(lake: &Lake, as_of: AsOf, stock: Option<&Snapshot>) -> Result<AsOf, LakeError> {
    let (AsOf::Version(version), Some(stock)) = (as_of, stock) else {
        return Ok(as_of);
    };
    match lake.store().head(&commit(Table::StockData, version)).await {
        Ok(found) => Ok(AsOf::TimeMs(found.last_modified.timestamp_millis())),
        // The log was cleaned up to a checkpoint; the newest file is the next best witness.
        Err(object_store::Error::NotFound { .. }) => {
            Ok(stock.files.iter().map(|f| f.modified_ms).max().map_or(AsOf::Latest, AsOf::TimeMs))
        }
        Err(e) => Err(lake.unavailable(&e)),
    }
}
