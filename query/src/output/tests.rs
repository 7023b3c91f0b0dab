//! Tests of the formats: exact texts, limits, and files that are whole or not there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{ArrayRef, AsArray, DictionaryArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema};
use datafusion::arrow::ipc::reader::FileReader;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::Engine;
use crate::fixture::TestLake;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<_> = columns.iter().map(|(name, values)| Field::new(*name, values.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, values)| values).collect()).unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn written(format: Format, batch: &RecordBatch) -> String {
    let (mut writer, mut out) = (writer(format, batch.schema_ref()), String::new());
    writer.rows(batch, &mut out).unwrap();
    writer.end(true, &mut out).unwrap();
    out
}

/// What has a meaning to one format or another.
fn hostile() -> RecordBatch {
    batch(vec![
        ("a|b\tc", texts(&[Some("x\ty\\z\nw"), None, Some("\\N"), Some("<b>|\\|\r\n"), Some("\u{1b}[2J\u{8}")])),
        ("n", Arc::new(Int64Array::from(vec![Some(-1), Some(20), None, Some(3), Some(4)]))),
    ])
}

fn vertical(rows_max: Option<usize>) -> Format {
    Format::Vertical { width_max: None, rows_max }
}

#[test]
fn a_cell_of_tsv_never_ends_its_field_or_its_line() {
    assert_eq!(
        written(Format::Tsv, &hostile()),
        "a|b\\tc\tn\nx\\ty\\\\z\\nw\t-1\n\\N\t20\n\\\\N\t\\N\n<b>|\\\\|\\r\\n\t3\n\u{1b}[2J\\b\t4\n"
    );
}

#[test]
fn a_cell_of_markdown_never_ends_its_cell_or_its_row() {
    assert_eq!(
        written(Format::Markdown, &hostile()),
        "| a\\|b\tc | n |\n| --- | ---: |\n| x\ty\\\\z<br>w | -1 |\n| NULL | 20 |\n| \\\\N | NULL |\n\
         | \\<b>\\|\\\\\\|<br> | 3 |\n| \u{1b}[2J\u{8} | 4 |\n"
    );
}

#[test]
fn a_control_character_never_reaches_a_terminal() {
    assert_eq!(
        written(vertical(None), &hostile().slice(0, 2)),
        "-[ RECORD 1 ]-----\na|b\\tc | x\\ty\\z\\nw\nn      | -1\n-[ RECORD 2 ]-\na|b\\tc | NULL\nn      | 20\n(2 rows)\n"
    );
    let table = written(Format::ALL[0], &hostile());
    assert!(table.contains("\\u{1b}[2J\\u{8} ") && !table.contains(|c: char| c.is_control() && c != '\n'), "{table}");
}

#[test]
fn two_columns_of_one_name_never_give_an_object_a_key_twice() {
    let one = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let batch = batch(vec![("a", one()), ("a", one()), ("a_2", one()), ("a", one())]);
    assert_eq!(written(Format::Ndjson, &batch), "{\"a\":1,\"a_3\":1,\"a_2\":1,\"a_4\":1}\n");
    assert_eq!(written(Format::Json, &batch), "[\n{\"a\":1,\"a_3\":1,\"a_2\":1,\"a_4\":1}\n]\n");
    assert_eq!(written(Format::Csv, &batch), "a,a,a_2,a\n1,1,1,1\n", "where order tells them apart, names stay");
}

#[test]
fn a_huge_cell_is_never_cut_where_a_program_reads_it() {
    let huge = "é|".repeat(1 << 20);
    let rows = batch(vec![("a", texts(&[Some(&huge)])), ("b", texts(&[Some("x")]))]);
    for format in [Format::Csv, Format::Tsv, Format::Json, Format::Ndjson, vertical(None), Format::ALL[0]] {
        assert!(written(format, &rows).contains(&huge), "{format}");
    }
    assert!(written(Format::Markdown, &rows).len() > huge.len());
    for may_turn in [true, false] {
        let screen = written(Format::Table { width_max: Some(80), rows_max: None, may_turn }, &rows);
        assert!(screen.len() < 40_000 && screen.contains('…'), "{}", screen.len());
    }
    assert_eq!(slice_rows(&rows), 1.max(SLICE_BYTES / rows.get_array_memory_size()).min(SLICE_ROWS));
}

#[test]
fn ten_thousand_columns_never_stop_a_format() {
    let value = texts(&[Some("x"), None]);
    let names: Vec<_> = (0..10_000).map(|at| format!("c{}", at % 100)).collect();
    let rows = batch(names.iter().map(|name| (name.as_str(), Arc::clone(&value))).collect());
    for format in Format::ALL {
        assert!(written(format, &rows).contains("c99"), "{format}");
    }
}

/// More rows than anybody waits for, in DataFusion's dialect.
const ENDLESS: &str = "SELECT x AS n FROM generate_series(1, 3000000) a(x) CROSS JOIN generate_series(1, 3000000) b(y)";

async fn engine(lake: &TestLake) -> Engine {
    lake.engine(ticklake_lake::AsOf::Latest).await
}

async fn answered(engine: &Engine, sql: &str, format: Format) -> (u64, String) {
    let mut out = Vec::new();
    let rows = write_result(engine.sql(sql).await.unwrap(), format, &mut out).await.unwrap();
    (rows, String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn rows_beyond_the_most_are_never_computed() {
    let lake = TestLake::new();
    let (engine, lenient) = (engine(&lake).await, lake.lenient().await);
    let table = |rows_max| Format::Table { width_max: None, rows_max: Some(rows_max), may_turn: true };
    for format in [table(1000), vertical(Some(1000))] {
        let written = tokio::time::timeout(Duration::from_secs(60), answered(&lenient, ENDLESS, format));
        let (rows, text) = written.await.expect("the statement went on");
        assert!(text.ends_with("\n(first 1000 rows shown; \\pset rows 0 shows all)\n"), "{text}");
        assert_eq!(rows, 1000);
    }
    let three = "SELECT n FROM UNNEST(sequence(1, 3)) t(n) ORDER BY n";
    assert_eq!(answered(&engine, three, table(3)).await, (3, "n\n-\n1\n2\n3\n(3 rows)\n".to_owned()));
    assert_eq!(
        answered(&engine, three, table(1)).await,
        (1, "n\n-\n1\n(first 1 row shown; \\pset rows 0 shows all)\n".to_owned())
    );
    assert_eq!(
        answered(&engine, three, vertical(Some(2))).await.1,
        "-[ RECORD 1 ]-\nn | 1\n-[ RECORD 2 ]-\nn | 2\n(first 2 rows shown; \\pset rows 0 shows all)\n"
    );
    assert_eq!(answered(&engine, "SELECT 1 AS n WHERE false", vertical(Some(2))).await, (0, "(0 rows)\n".to_owned()));
}

#[tokio::test]
async fn a_nested_value_is_never_a_text_in_json() {
    let lake = TestLake::new();
    let engine = engine(&lake).await;
    let sql = "SELECT MAP(ARRAY['k', 'l'], ARRAY[1, 2]) AS m, ROW(1, 'x') AS r, ARRAY[DECIMAL '1.5'] AS a, \
               CAST(NULL AS map(varchar, bigint)) AS z, '{}' AS t";
    assert_eq!(
        answered(&engine, sql, Format::Ndjson).await.1,
        "{\"m\":{\"k\":1,\"l\":2},\"r\":[1,\"x\"],\"a\":[\"1.5\"],\"z\":null,\"t\":\"{}\"}\n"
    );
    let csv = answered(&engine, sql, Format::Csv).await.1;
    assert_eq!(csv, "m,r,a,z,t\n\"{\"\"k\"\":1,\"\"l\"\":2}\",\"[1,\"\"x\"\"]\",\"[\"\"1.5\"\"]\",,{}\n");
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn file(engine: &Engine, sql: &str, path: &Path) -> Result<u64, QueryError> {
    write_file(engine.sql(sql).await.unwrap(), path).await
}

#[tokio::test]
async fn a_file_never_differs_from_the_answer() {
    let (lake, folder) = (TestLake::new(), tempfile::tempdir().unwrap());
    let engine = engine(&lake).await;
    let sql = "SELECT n AS a, 'x' AS a FROM UNNEST(sequence(1, 2)) t(n) ORDER BY n";
    for (name, text) in [
        ("a.csv", "a,a\n1,x\n2,x\n"),
        ("a.TSV", "a\ta\n1\tx\n2\tx\n"),
        ("a.json", "[\n{\"a\":1,\"a_2\":\"x\"},\n{\"a\":2,\"a_2\":\"x\"}\n]\n"),
        ("a.ndjson", "{\"a\":1,\"a_2\":\"x\"}\n{\"a\":2,\"a_2\":\"x\"}\n"),
        ("a.b.md", "| a | a |\n| ---: | --- |\n| 1 | x |\n| 2 | x |\n"),
    ] {
        assert_eq!(file(&engine, sql, &folder.path().join(name)).await.unwrap(), 2, "{name}");
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), text, "{name}");
    }
    let (parquet, arrow) = (folder.path().join("a.parquet"), folder.path().join("a.arrow"));
    for path in [&parquet, &arrow] {
        assert_eq!(file(&engine, sql, path).await.unwrap(), 2);
    }
    let open = |path| std::fs::File::open(path).unwrap();
    let parquet: Vec<_> =
        ParquetRecordBatchReaderBuilder::try_new(open(parquet)).unwrap().build().unwrap().map(Result::unwrap).collect();
    let arrow: Vec<_> = FileReader::try_new(open(arrow), None).unwrap().map(Result::unwrap).collect();
    for batches in [parquet, arrow] {
        let text: String = batches.iter().map(|batch| written(Format::Ndjson, batch)).collect();
        assert_eq!(text, "{\"a\":1,\"a_2\":\"x\"}\n{\"a\":2,\"a_2\":\"x\"}\n");
    }
    assert_eq!(names_in(folder.path()), ["a.TSV", "a.arrow", "a.b.md", "a.csv", "a.json", "a.ndjson", "a.parquet"]);
    for name in ["b.parquet", "b.arrow", "b.csv"] {
        assert_eq!(file(&engine, "SELECT 1 AS a WHERE false", &folder.path().join(name)).await.unwrap(), 0, "{name}");
        assert!(folder.path().join(name).metadata().unwrap().len() > 0, "{name} has its columns");
    }
}

#[test]
fn a_file_of_columns_never_has_a_dictionary_of_which_it_can_have_but_one() {
    let values: DictionaryArray<Int32Type> = ["x", "y", "x"].into_iter().collect();
    let rows = batch(vec![("a", Arc::new(values) as ArrayRef), ("a", texts(&[None, Some("1"), Some("2")]))]);
    let schema = file::plain(rows.schema_ref());
    assert_eq!(schema.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["a", "a_2"]);
    assert!(schema.fields().iter().all(|field| *field.data_type() == DataType::Utf8));
    let plain = file::with_schema(&rows, &schema).unwrap();
    assert_eq!(plain.column(0).as_string::<i32>().value(2), "x");
}

#[tokio::test]
async fn a_file_is_never_left_half_written() {
    let (lake, folder) = (TestLake::new(), tempfile::tempdir().unwrap());
    let (engine, lenient) = (engine(&lake).await, lake.lenient().await);
    let fails = "SELECT 10 / (n - 30000) AS q FROM UNNEST(sequence(1, 9000)) t(n) UNION ALL \
                 SELECT 10 / (n - 5) FROM UNNEST(sequence(1, 9)) t(n)";
    for name in ["a.csv", "a.parquet", "a.arrow"] {
        let path = folder.path().join(name);
        std::fs::write(&path, "before").unwrap();
        let error = file(&engine, fails, &path).await.unwrap_err();
        assert!(matches!(&error, QueryError::Sql(why) if why.contains("Division")), "{error:?}");
        let dropped = tokio::time::timeout(Duration::from_millis(200), file(&lenient, ENDLESS, &path)).await;
        assert!(dropped.is_err(), "{dropped:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
    }
    assert_eq!(names_in(folder.path()), ["a.arrow", "a.csv", "a.parquet"]);
}

#[tokio::test]
async fn a_file_is_never_refused_without_the_way_out() {
    let (lake, folder) = (TestLake::new(), tempfile::tempdir().unwrap());
    let engine = engine(&lake).await;
    for name in ["a.xls", "csv", "", "a.", ".csv"] {
        let error = file(&engine, "SELECT 1 AS a", Path::new(name)).await.unwrap_err().to_string();
        let said = "cannot be written: its name must end in .csv, .tsv, .json, .ndjson, .md, .parquet or .arrow";
        assert!(error.contains(said), "{error}");
    }
    std::fs::create_dir(folder.path().join("d.csv")).unwrap();
    let error = file(&engine, "SELECT 1 AS a", &folder.path().join("d.csv")).await.unwrap_err().to_string();
    assert!(error.ends_with("d.csv cannot be written: it is a directory"), "{error}");
    let error = file(&engine, "SELECT 1 AS a", &folder.path().join("nowhere/a.csv")).await.unwrap_err();
    assert!(matches!(&error, QueryError::File(why) if why.contains("nowhere/a.csv cannot be written")), "{error:?}");
    assert_eq!(file(&engine, "PREPARE p FROM SELECT 1", &folder.path().join("p.csv")).await.unwrap(), 0);
    assert_eq!(names_in(folder.path()), ["d.csv"]);
}
