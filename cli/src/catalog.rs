//! `ticklake catalog sync`: makes Glue say what the log says.
//!
//! Owns: wiring and printing.

use std::io::Write as _;

use ticklake_lake::Lake;
use ticklake_lake::catalog::{Elsewhere, GlueCatalog, sync};

use crate::args::{CatalogArgs, CatalogCommand};
use crate::exit::Failure;

pub(crate) async fn run(args: CatalogArgs) -> Result<(), Failure> {
    let CatalogCommand::Sync(args) = args.command;
    let settings = args.settings.load()?;
    let database = settings.glue_database.unwrap_or_default();
    let lake = Lake::open(&settings.lake_location).await?;
    let elsewhere = if args.move_tables { Elsewhere::Repoint } else { Elsewhere::Refuse };
    let report = sync(&GlueCatalog::connect().await, &database, &lake, elsewhere).await?;
    if args.json {
        let report = serde_json::json!({
            "created_tables": report.created_tables,
            "updated_tables": report.updated_tables,
            "created_partitions": report.created_partitions,
            "unchanged": report.unchanged,
        });
        writeln!(std::io::stdout(), "{report}")?;
    } else {
        let (created, updated) = (report.created_tables.join(", "), report.updated_tables.join(", "));
        let none = |names: String| if names.is_empty() { "none".to_owned() } else { names };
        let text = format!(
            "{}: tables created: {}; updated: {}; partitions registered: {}; already right: {}",
            database,
            none(created),
            none(updated),
            report.created_partitions,
            report.unchanged
        );
        writeln!(std::io::stdout(), "{text}")?;
    }
    Ok(())
}
