//! Flags of `ticklake dlq`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use ticklake_schemas::RejectClass;

use crate::settings::{Flags, LakeKeys, ReplayKeys, duration};

#[derive(Debug, Args)]
pub(crate) struct DlqArgs {
    #[command(subcommand)]
    pub(crate) command: DlqCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// Lists dead letters, the newest first.
    List(DlqListArgs),
    /// Shows one dead letter: why it was rejected, and the message as it came.
    Show(DlqShowArgs),
    /// Sends dead letters back to their topic, each message once, whatever becomes of it.
    Replay(DlqReplayArgs),
}

/// Which letters.
#[derive(Debug, Args)]
pub(crate) struct LettersArgs {
    /// Only these classes, such as invalid_price; repeatable.
    #[arg(long, value_name = "CLASS", value_delimiter = ',', value_parser = parse_class)]
    pub(crate) class: Vec<RejectClass>,
    /// Only messages from this time on (RFC 3339), or of the last so long, such as 2h.
    #[arg(long, value_name = "TIME|AGO", value_parser = parse_since)]
    pub(crate) since: Option<Since>,
}

/// Since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// Milliseconds since the epoch.
    AtMs(i64),
    /// So long before now.
    Ago(Duration),
}

#[derive(Debug, Args)]
pub(crate) struct DlqListArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<LakeKeys>,
    #[command(flatten)]
    pub(crate) letters: LettersArgs,
    /// Only messages of this source: the topic, unless it was ingested under another name.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) source: Option<String>,
    /// List so many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) limit: u32,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DlqShowArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<LakeKeys>,
    /// The letter, as `dlq list` names it.
    #[arg(value_name = "PARTITION:OFFSET", value_parser = parse_place)]
    pub(crate) letter: (i32, i64),
    /// The source it came from, where the lake has several.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) source: Option<String>,
    /// Write the payload alone, its very bytes.
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DlqReplayArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<ReplayKeys>,
    #[command(flatten)]
    pub(crate) letters: LettersArgs,
    /// Send also what was sent back before and rejected again; never what is a tick already or on its way to the lake.
    #[arg(long)]
    pub(crate) again: bool,
    /// Say what would be sent, and send nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object on stdout at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_class(text: &str) -> Result<RejectClass, String> {
    let names = || RejectClass::ALL.map(RejectClass::as_str).join(", ");
    RejectClass::ALL
        .into_iter()
        .find(|c| c.as_str() == text)
        .ok_or_else(|| format!("there is no such class; there are {}", names()))
}

fn parse_since(text: &str) -> Result<Since, String> {
    if let Ok(ago) = duration(text) {
        return Ok(Since::Ago(ago));
    }
    match ticklake_schemas::parse_event_time(text) {
        Ok(ns) => Ok(Since::AtMs(ns / 1_000_000)),
        Err(_) => Err("give a time such as 2026-01-31T12:00:00Z, or how long ago: 30m, 2h".into()),
    }
}

fn parse_place(text: &str) -> Result<(i32, i64), String> {
    let place = text.split_once(':').and_then(|(p, o)| Some((p.parse().ok()?, o.parse().ok()?)));
    place.filter(|(p, o)| *p >= 0 && *o >= 0).ok_or_else(|| "give PARTITION:OFFSET, such as 3:1042".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_letters_is_read_or_refused_never_guessed() {
        assert_eq!(parse_place("3:1042"), Ok((3, 1042)));
        for bad in ["", "3", "3:", ":3", "-1:2", "1:-2", "1:2:3", "a:b", "99999999999:1"] {
            assert!(parse_place(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_since("2h"), Ok(Since::Ago(Duration::from_secs(7200))));
        assert_eq!(parse_since("1970-01-01T00:00:01Z"), Ok(Since::AtMs(1000)));
        assert!(parse_since("yesterday").is_err());
        assert_eq!(parse_class("invalid_price"), Ok(RejectClass::InvalidPrice));
        assert!(parse_class("bad").is_err_and(|text| text.contains("malformed_json")));
    }
}
