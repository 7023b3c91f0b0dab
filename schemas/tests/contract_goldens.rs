//! The shapes other systems see, held against committed texts: Arrow, Delta, Glue and the message.
//!
//! Owns: `goldens/*.txt`. A change of shape must show in a diff and raise the contract's version.
//! To accept one: `TICKLAKE_ACCEPT_GOLDENS=1 cargo test --release --workspace --test contract_goldens`, then read the diff.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write as _;
use std::path::Path;

use ticklake_schemas::{Contract, SINCE_KEY, Tick, dead_letters, stock_data};

fn assert_golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    if std::env::var_os("TICKLAKE_ACCEPT_GOLDENS").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{name} changed: old readers and tables are affected; see the head of this file");
}

fn shapes(contract: &Contract) -> String {
    let mut text = format!(
        "contract {} version {} compatible from {} partitioned by {}\n",
        contract.name,
        contract.version,
        contract.compatible_from,
        contract.partition_by.join(", ")
    );
    text.push_str("\nArrow, file columns\n");
    for field in contract.arrow_file_schema().fields() {
        writeln!(text, "  {} {} {}", field.name(), field.data_type(), if field.is_nullable() { "nullable" } else { "required" })
            .unwrap();
    }
    text.push_str("\nDelta\n");
    for field in contract.delta_schema()["fields"].as_array().unwrap() {
        let since = field["metadata"].get(SINCE_KEY).map(|n| format!(" since {n}")).unwrap_or_default();
        writeln!(text, "  {} {} nullable={}{since}", field["name"], field["type"], field["nullable"]).unwrap();
    }
    text.push_str("\nGlue\n");
    for column in contract.glue_columns() {
        writeln!(text, "  {} {}", column.name, column.kind).unwrap();
        assert!(column.comment.len() <= 255, "Glue refuses the comment of {}", column.name);
    }
    writeln!(text, "  partition keys {:?}", contract.glue_partition_keys().iter().map(|c| c.name.as_str()).collect::<Vec<_>>())
        .unwrap();
    text.push_str("\nMessage fields\n");
    for column in &contract.columns {
        if contract.message_column(&column.name).is_some() {
            writeln!(text, "  {} {}", column.name, column.aliases.join(" ")).unwrap();
        }
    }
    text
}

#[test]
fn stock_data_never_changes_silently() {
    assert_golden("stock_data.txt", &shapes(stock_data()));
}

#[test]
fn dead_letters_never_change_silently() {
    assert_golden("dead_letters.txt", &shapes(dead_letters()));
}

#[test]
fn the_message_never_changes_silently() {
    let tick = Tick {
        symbol: "AAPL".into(),
        time_ns: 1_582_329_602_111_000_000,
        price: 101.37,
        size: Some(100.0),
        bid: Some(101.36),
        ask: Some(101.38),
        exchange: Some("XNAS".into()),
        sequence: Some(7),
        extra_members: "\"side\":\"buy\"".into(),
    };
    let mut text = String::new();
    tick.write_json(&mut text);
    text.push('\n');
    assert_golden("message.txt", &text);
}
