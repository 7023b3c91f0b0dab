//! `ticklake dlq`: dead letters listed and shown.
//!
//! Owns: wiring, and how a letter is printed.
//! Does not own: reading letters (`query::dead_letters`), sending them back (`dlq_replay`).
//! Invariant: no byte of a message reaches a terminal but as printable text.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use serde_json::{Value, json};
use ticklake_lake::Lake;
use ticklake_lake::clock::{Clock as _, SystemClock};
use ticklake_query::dead_letters::{LETTERS_AT_A_TIME, Letter, Letters, Selection};
use ticklake_query::told;
use ticklake_query::{Engine, EngineOptions, Format, QueryError, write_result};

use crate::args::{DlqArgs, DlqCommand, DlqListArgs, DlqShowArgs, LettersArgs, Since};
use crate::exit::Failure;
use crate::{dlq_replay, screen};

/// Bytes of a payload that are shown.
const SHOWN_BYTES_MAX: usize = 4096;
const HEX_LINE_BYTES: usize = 16;

pub(crate) async fn run(args: DlqArgs) -> Result<(), Failure> {
    match args.command {
        DlqCommand::List(args) => list(args).await,
        DlqCommand::Show(args) => show(args).await,
        DlqCommand::Replay(args) => dlq_replay::run(args).await,
    }
}

/// An engine that reads whole letters, a few at a time.
pub(crate) async fn engine_of_letters(lake: Lake) -> Result<Engine, QueryError> {
    Engine::open(lake, EngineOptions { batch_rows: LETTERS_AT_A_TIME, ..EngineOptions::for_programs() }).await
}

/// What the flags select.
pub(crate) fn selection(letters: LettersArgs, source: Option<String>) -> Selection {
    let since_ms = letters.since.map(|since| match since {
        Since::AtMs(ms) => ms,
        Since::Ago(ago) => SystemClock.now_ms().saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)),
    });
    Selection { source, classes: letters.class, since_ms, place: None }
}

async fn list(args: DlqListArgs) -> Result<(), Failure> {
    let engine = Engine::open(Lake::open(&args.settings.load()?.lake_location).await?, EngineOptions::for_programs()).await?;
    let selection = selection(args.letters, args.source);
    let classes = objects(&engine, &selection.counts()).await?;
    let count = |row: &Value| row["letters"].as_u64().unwrap_or_default();
    let total: u64 = classes.iter().map(count).sum();
    let mut out = std::io::BufWriter::new(std::io::stdout());
    if args.json {
        let by_class: serde_json::Map<String, Value> =
            classes.iter().map(|row| (row["class"].as_str().unwrap_or_default().to_owned(), json!(count(row)))).collect();
        let letters = objects(&engine, &selection.newest(args.limit)).await?;
        writeln!(out, "{}", json!({"total": total, "by_class": by_class, "dead_letters": letters}))?;
    } else if total > 0 {
        let shown = write_result(engine.sql(&selection.newest(args.limit)).await?, screen::table(), &mut out).await?;
        let class = |row: &Value| format!("{} {}", row["class"].as_str().unwrap_or_default(), told::grouped(count(row)));
        let by_class = classes.iter().map(class).collect::<Vec<_>>().join(", ");
        let newest = if shown < total { format!(", the newest {} are shown", told::grouped(shown)) } else { String::new() };
        writeln!(out, "{}: {by_class}{newest}", told::counted(total, "dead letter"))?;
    } else {
        writeln!(out, "no dead letters")?;
    }
    Ok(out.flush()?)
}

/// A small answer's rows as JSON objects.
async fn objects(engine: &Engine, sql: &str) -> Result<Vec<Value>, Failure> {
    let mut text = Vec::new();
    write_result(engine.sql(sql).await?, Format::Json, &mut text).await?;
    serde_json::from_slice(&text).map_err(|e| Failure::failed(format!("an answer of the engine is not JSON: {e}")))
}

async fn show(args: DlqShowArgs) -> Result<(), Failure> {
    let lake = Lake::open(&args.settings.load()?.lake_location).await?;
    let (place, (partition, offset)) = (lake.display(), args.letter);
    let engine = engine_of_letters(lake).await?;
    let wanted = Selection { source: args.source, place: Some(args.letter), ..Selection::default() };
    let mut reading = Letters::read(&engine, &wanted).await?;
    let mut found = Vec::new();
    while let Some(letters) = reading.next().await? {
        found.extend(letters);
    }
    let letter = match found.as_slice() {
        [one] => one,
        [] => {
            return Err(Failure::failed(format!(
                "{place} has no dead letter {partition}:{offset}; `ticklake dlq list` names those there are"
            )));
        }
        several => {
            let sources: Vec<&str> = several.iter().map(|l| l.source.as_str()).collect();
            return Err(Failure::usage(format!(
                "{place} has a dead letter {partition}:{offset} of each of {}; say which with --source",
                sources.join(", ")
            )));
        }
    };
    if args.raw { write_raw(letter) } else { Ok(std::io::stdout().write_all(describe(letter).as_bytes())?) }
}

fn write_raw(letter: &Letter) -> Result<(), Failure> {
    let Some(payload) = &letter.payload else {
        eprintln!("the message is a tombstone: it has no payload");
        return Ok(());
    };
    let mut out = std::io::stdout();
    let plain = std::str::from_utf8(payload).is_ok_and(|text| text.chars().all(is_plain));
    if out.is_terminal() && !plain {
        return Err(Failure::usage("the payload has bytes a terminal would obey; send --raw to a file or a pipe"));
    }
    out.write_all(payload)?;
    Ok(out.flush()?)
}

/// A letter for people.
fn describe(letter: &Letter) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "{name:<12} {text}");
    };
    line("message", &printable(&format!("{}/{}/{}", letter.source, letter.partition, letter.offset)));
    line("rejected as", &printable(&letter.class));
    line("reason", &printable(&letter.reason));
    line("record time", &letter.time.as_ref().map_or_else(|| "none".to_owned(), |time| format!("{time} UTC")));
    line("key", &letter.key.as_deref().map_or_else(|| "none".to_owned(), on_a_line));
    for header in &letter.headers {
        let value = header.value.as_deref().map_or_else(|| "null".to_owned(), on_a_line);
        line("header", &format!("{}: {value}", printable(&header.name)));
    }
    match &letter.payload {
        None => line("payload", "none: a tombstone"),
        Some(payload) => {
            let shown = &payload[..payload.len().min(SHOWN_BYTES_MAX)];
            let (kind, text) = match utf8_of_cut(shown, payload.len()) {
                Some(text) => ("text", format!("{}\n", printable(text))),
                None => ("not UTF-8", hex(shown)),
            };
            line("payload", &format!("{}, {kind}", told::counted(payload.len() as u64, "byte")));
            out.push_str(&text);
            if shown.len() < payload.len() {
                let rest = told::grouped((payload.len() - shown.len()) as u64);
                let _ = writeln!(out, "… and {rest} bytes more; --raw gives them all");
            }
        }
    }
    out
}

/// The text of the first bytes of a payload, a character cut in half at their end left out.
fn utf8_of_cut(shown: &[u8], whole_len: usize) -> Option<&str> {
    match std::str::from_utf8(shown) {
        Ok(text) => Some(text),
        Err(e) if e.error_len().is_none() && shown.len() < whole_len => std::str::from_utf8(&shown[..e.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

/// Bytes as text when they are, else as hex, on one line.
fn on_a_line(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => printable(text).replace('\n', "\\n"),
        Err(_) => bytes.iter().fold("hex".to_owned(), |mut text, byte| {
            let _ = write!(text, " {byte:02x}");
            text
        }),
    }
}

/// Whether a terminal shows a character and does nothing else: no control characters, and none that turn or hide text.
fn is_plain(c: char) -> bool {
    let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    matches!(c, '\n' | '\t') || !(c.is_control() || hides)
}

fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_plain(c) { out.push(c) } else { out.extend(c.escape_default()) }
    }
    out
}

/// Offset, sixteen bytes, and the same as ASCII.
fn hex(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (line, row) in bytes.chunks(HEX_LINE_BYTES).enumerate() {
        let _ = write!(out, "{:08x} ", line * HEX_LINE_BYTES);
        for at in 0..HEX_LINE_BYTES {
            out.push_str(&row.get(at).map_or_else(|| "   ".to_owned(), |byte| format!(" {byte:02x}")));
        }
        let ascii: String = row.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' }).collect();
        let _ = writeln!(out, "  {ascii}");
    }
    out
}

#[cfg(test)]
mod tests {
    use ticklake_lake::dead_letters::Header;

    use super::*;

    fn letter(payload: Option<&[u8]>) -> Letter {
        Letter {
            source: "feed".into(),
            partition: 3,
            offset: 1042,
            time: None,
            class: "invalid_price".into(),
            reason: "price is \u{1b}[31m".into(),
            key: Some(b"\xff\x00".to_vec()),
            payload: payload.map(<[u8]>::to_vec),
            headers: vec![
                Header { name: "trace\u{7}".into(), value: Some(b"a\nb".to_vec()) },
                Header { name: "n".into(), value: None },
            ],
        }
    }

    #[test]
    fn no_message_makes_a_terminal_do_anything() {
        let hostile = "{\"symbol\":\"\u{1b}]0;title\u{7}\u{9b}2J\u{202e}\r\"}";
        for payload in [Some(hostile.as_bytes()), Some(b"\x1b[2J\xff".as_slice()), None] {
            let text = describe(&letter(payload));
            assert!(text.chars().all(is_plain), "{text:?}");
        }
        let text = describe(&letter(Some(hostile.as_bytes())));
        assert!(text.contains("\\u{1b}]0;title\\u{7}"), "{text}");
    }

    #[test]
    fn a_letter_is_shown_whole_or_says_how_much_is_left() {
        let text = describe(&letter(Some(b"{}")));
        assert_eq!(
            text,
            "message      feed/3/1042\nrejected as  invalid_price\nreason       price is \\u{1b}[31m\nrecord time  none\n\
             key          hex ff 00\nheader       trace\\u{7}: a\\nb\nheader       n: null\npayload      2 bytes, text\n{}\n"
        );
        assert!(describe(&letter(None)).ends_with("none: a tombstone\n"));
        let long = "é".repeat(SHOWN_BYTES_MAX);
        let text = describe(&letter(Some(format!("x{long}").as_bytes())));
        assert!(text.contains("8,193 bytes, text\nxé"), "a character cut in half does not make it binary");
        assert!(text.ends_with("… and 4,097 bytes more; --raw gives them all\n"), "{}", &text[text.len() - 80..]);
        let line = "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n";
        assert_eq!(hex(b"0123456789abcdef\xff"), format!("{line}00000010  ff{}.\n", " ".repeat(47)));
    }
}
