//! `ticklake config`: the settings in force, and where each comes from.
//!
//! Owns: printing them.
//! Does not own: merging them and hiding secrets (`settings`).

use std::io::Write as _;

use crate::args::ConfigArgs;
use crate::exit::Failure;

pub(crate) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let (_, effective) = args.settings.load_with_origins()?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::json!({ "settings": effective.shown() }))?;
        return Ok(());
    }
    for line in effective.shown() {
        let value = if line.value.is_empty() { "(not set)" } else { &line.value };
        writeln!(out, "{:<32} {value:<32} {}", line.key, line.origin)?;
    }
    Ok(())
}
