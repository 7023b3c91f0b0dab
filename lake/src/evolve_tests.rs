//! Tables of an older contract under this one's writers: alone, racing, and where it must stop.

use deltalake_core::logstore::CommitOrBytes;
use futures::TryStreamExt;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::commit::{AddFile, Commit, TableWriter};
use crate::layout::Table;
use crate::{Lake, LakeError, SourceId, Span, log};

const TABLE: Table = Table::DeadLetters;

/// The schema of `dead_letters` with one column changed or, for `None`, left out.
fn schema(change: impl Fn(&Value) -> Option<Value>) -> String {
    let mut schema = TABLE.contract().delta_schema();
    let fields: Vec<Value> = schema["fields"].as_array().unwrap().iter().filter_map(change).collect();
    schema["fields"] = json!(fields);
    schema.to_string()
}

fn without_headers(field: &Value) -> Option<Value> {
    (field["name"] != "headers").then(|| field.clone())
}

fn retyped(field: &Value) -> Option<Value> {
    let mut field = field.clone();
    if field["name"] == "kafka_offset" {
        field["type"] = json!("string");
    }
    Some(field)
}

fn metadata(schema: &str) -> Value {
    json!({"metaData": {
        "id": "8f6c1ae8-0000-4000-8000-000000000000", "format": {"provider": "parquet", "options": {}}, "schemaString": schema,
        "partitionColumns": ["dt"], "configuration": {"ticklake.contractVersion": "1", "owner.note": "keep"}, "createdTime": 0,
    }})
}

async fn write(lake: &Lake, version: u64, actions: &[Value]) {
    let text: String = actions.iter().map(|a| format!("{a}\n")).collect();
    let store = log::log_store(lake, TABLE);
    store.write_commit_entry(version, CommitOrBytes::LogBytes(text.into()), Uuid::nil()).await.unwrap();
}

fn protocol(writer_features: &[&str]) -> Value {
    json!({"protocol": {
        "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"], "writerFeatures": writer_features,
    }})
}

/// A lake in a directory whose `dead_letters` has this schema.
async fn lake_with(dir: &tempfile::TempDir, schema: &str) -> Lake {
    let lake = Lake::open_or_create(dir.path().to_str().unwrap()).await.unwrap();
    write(&lake, 0, &[protocol(&["timestampNtz"]), metadata(schema)]).await;
    lake
}

fn commit(from: i64, to: i64) -> Commit {
    let mut span = Span::default();
    span.extend(0, from, to).unwrap();
    let file = AddFile {
        name: format!("dt=2020-02-22/part-{from}.zstd.parquet"),
        size_bytes: 1,
        partition: vec![("dt".into(), "2020-02-22".into())],
        statistics: json!({"numRecords": to - from}),
    };
    Commit { window: Uuid::new_v4(), source: SourceId::new("t"), span, files: vec![file] }
}

/// The kinds of action in an entry.
async fn kinds(lake: &Lake, version: u64) -> Vec<String> {
    let bytes = log::log_store(lake, TABLE).read_commit_entry(version).await.unwrap().unwrap();
    let actions = crate::actions::parse(TABLE, version, &bytes).unwrap();
    actions.iter().map(|a| a.as_object().unwrap().keys().next().unwrap().clone()).collect()
}

async fn columns(lake: &Lake) -> Vec<String> {
    let delta = log::load(lake, TABLE).await.unwrap().unwrap();
    delta.snapshot().unwrap().schema().fields().map(|f| f.name().clone()).collect()
}

async fn objects(lake: &Lake) -> usize {
    lake.store().list(None).try_collect::<Vec<_>>().await.unwrap().len()
}

#[tokio::test]
async fn a_column_and_the_first_file_that_has_it_appear_at_once_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_with(&dir, &schema(without_headers)).await;
    let mut first = TableWriter::open(&lake, TABLE, 0).await.unwrap();
    let mut second = TableWriter::open(&lake, TABLE, 0).await.unwrap();
    assert_eq!(objects(&lake).await, 1, "opening writes nothing");
    assert_eq!(first.commit(&commit(0, 5), 0).await.unwrap(), 1);
    assert_eq!(kinds(&lake, 1).await, ["commitInfo", "metaData", "txn", "add"]);
    assert_eq!(second.commit(&commit(5, 9), 0).await.unwrap(), 2, "it had meant to add the column, too");
    assert_eq!(kinds(&lake, 2).await, ["commitInfo", "txn", "add"]);
    first.refresh().await.unwrap();
    assert_eq!(first.commit(&commit(9, 10), 0).await.unwrap(), 3);
    assert_eq!(kinds(&lake, 3).await, ["commitInfo", "txn", "add"]);
    let columns = columns(&lake).await;
    assert_eq!(columns.iter().filter(|c| *c == "headers").count(), 1, "{columns:?}");
    let delta = log::load(&lake, TABLE).await.unwrap().unwrap();
    let kept = delta.snapshot().unwrap().metadata();
    assert_eq!(kept.configuration()["owner.note"], "keep");
    assert_eq!(kept.configuration()["ticklake.contractVersion"], "1", "an older binary may go on");
    assert_eq!(kept.id(), "8f6c1ae8-0000-4000-8000-000000000000");
}

#[tokio::test]
async fn a_writer_that_lost_the_answer_never_adds_the_column_twice() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_with(&dir, &schema(without_headers)).await;
    let mut writer = TableWriter::open(&lake, TABLE, 0).await.unwrap();
    let mut zombie = TableWriter::open(&lake, TABLE, 0).await.unwrap();
    let window = commit(0, 5);
    writer.commit(&window, 0).await.unwrap();
    assert_eq!(zombie.commit(&window, 0).await.unwrap(), 1, "the same window is recognised by its id");
    assert_eq!(zombie.commit(&commit(5, 6), 0).await.unwrap(), 2);
    assert_eq!(kinds(&lake, 2).await, ["commitInfo", "txn", "add"]);
}

#[tokio::test]
async fn a_table_of_another_type_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_with(&dir, &schema(retyped)).await;
    let error = TableWriter::open(&lake, TABLE, 0).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, LakeError::Invalid(_)), "{text}");
    for word in ["dead_letters", "column kafka_offset is string there and long in the contract", "--lake"] {
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(objects(&lake).await, 1);
}

#[tokio::test]
async fn a_type_changed_under_an_open_writer_stops_it_before_its_next_commit() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_with(&dir, &schema(|field| Some(field.clone()))).await;
    let mut writer = TableWriter::open(&lake, TABLE, 0).await.unwrap();
    writer.commit(&commit(0, 5), 0).await.unwrap();
    write(&lake, 2, &[metadata(&schema(retyped))]).await;
    let error = writer.commit(&commit(5, 6), 0).await.unwrap_err();
    assert!(matches!(&error, LakeError::Invalid(text) if text.contains("kafka_offset is string there")), "{error}");
    assert_eq!(objects(&lake).await, 3);
}

#[tokio::test]
async fn a_column_of_a_newer_binary_never_stops_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let newer = |field: &Value| {
        let mut field = field.clone();
        if field["name"] == "headers" {
            field["name"] = json!("invented_later");
            field["metadata"]["ticklake.since"] = json!(TABLE.contract().version + 1);
        }
        Some(field)
    };
    let lake = lake_with(&dir, &schema(newer)).await;
    let mut writer = TableWriter::open(&lake, TABLE, 0).await.unwrap();
    writer.commit(&commit(0, 5), 0).await.unwrap();
    let columns = columns(&lake).await;
    assert!(columns.ends_with(&["invented_later".to_owned(), "headers".to_owned()]), "{columns:?}");
}

#[tokio::test]
async fn a_feature_of_delta_that_we_do_not_write_stops_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_with(&dir, &schema(|field| Some(field.clone()))).await;
    let mut writer = TableWriter::open(&lake, TABLE, 0).await.unwrap();
    write(&lake, 1, &[protocol(&["timestampNtz", "appendOnly"])]).await;
    writer.commit(&commit(0, 5), 0).await.unwrap();
    write(&lake, 3, &[protocol(&["timestampNtz", "appendOnly", "changeDataFeed"])]).await;
    let error = writer.commit(&commit(5, 6), 0).await.unwrap_err();
    assert!(matches!(&error, LakeError::Invalid(text) if text.contains("changeDataFeed")), "{error}");
    assert!(TableWriter::open(&lake, TABLE, 0).await.is_err());
    assert_eq!(objects(&lake).await, 4);
}
