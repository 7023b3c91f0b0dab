//! `ticklake vacuum`: removes files that no reader needs any more.
//!
//! Owns: printing what was removed.
//! Does not own: which files those are (`lake::vacuum`).

use std::io::Write as _;

use ticklake_lake::Lake;
use ticklake_lake::clock::{Clock as _, SystemClock};
use ticklake_lake::vacuum::vacuum;
use ticklake_query::told::counted;

use crate::args::VacuumArgs;
use crate::exit::Failure;

pub(crate) async fn run(args: VacuumArgs) -> Result<(), Failure> {
    let lake = Lake::open(&args.settings.load()?.lake_location).await?;
    let done = vacuum(&lake, args.retain, SystemClock.now_ms(), args.dry_run).await?;
    let bytes: u64 = done.orphans.iter().map(|orphan| orphan.bytes).sum();
    let mut out = std::io::stdout().lock();
    if args.json {
        let report = serde_json::json!({
            "lake": lake.display(), "dry_run": args.dry_run, "files": done.orphans.len(), "bytes": bytes, "left": done.left,
            "removed": done.orphans,
        });
        writeln!(out, "{report}")?;
        return Ok(());
    }
    for orphan in &done.orphans {
        writeln!(out, "{}", orphan.key)?;
    }
    let verb = if args.dry_run { "would be removed" } else { "removed" };
    let (files, left) = (counted(done.orphans.len() as u64, "file"), counted(done.left as u64, "object"));
    writeln!(out, "{files} of {} {verb}; {left} needed, or too young to tell", counted(bytes, "byte"))?;
    Ok(())
}
