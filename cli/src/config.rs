//! `ticklake config`: the settings in force, and where each comes from.
//!
//! Owns: printing them.
//! Does not own: merging and checking them, hiding secrets (`settings`).

use std::io::Write as _;

use crate::args::ConfigArgs;
use crate::exit::Failure;
use crate::screen;
use crate::settings::Loaded;

pub(crate) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    // What is in force helps to mend what is wrong with it.
    let Loaded { settings, effective } = args.settings.load_all();
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::json!({ "settings": effective.shown() }))?;
        return settings.map(drop);
    }
    let rows = effective.shown().into_iter().map(|line| {
        let value = if line.value.is_empty() { "(not set)".to_owned() } else { line.value };
        vec![line.key, value, line.origin]
    });
    write!(out, "{}", screen::table_of(&["setting", "value", "from"], rows))?;
    settings.map(drop)
}
